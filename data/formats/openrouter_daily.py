"""OpenRouter's daily activity CSV: credits, requests and tokens by UTC day and model.

A third shape beside the activity report of the API and the CSV of generations (facts/formats2.md 4). `Usage` is what
was charged in credits; `BYOK Usage` was paid to the provider with one's own key and may be in that provider's bill.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, report_page

NAMES = (
    "Date",
    "Slug",
    "Usage",
    "BYOK Usage",
    "Requests",
    "Prompt Tokens",
    "Completion Tokens",
    "Reasoning Tokens",
    "Cached Tokens",
)
COUNTS = {
    "credits": "NULL",
    "own key": "NULL",
    **{
        name.lower().replace(" ", "_"): f"""number(d."{name}")"""
        for name in ("Requests", "Prompt Tokens", "Cached Tokens", "Completion Tokens", "Reasoning Tokens")
    },
}
MONEY = """CASE line.item WHEN 'credits' THEN text_of(d.Usage)
    WHEN 'own key' THEN text_of(d."BYOK Usage") END"""
IS_MONEY = "line.item IN ('credits', 'own key')"

SAME = "left(d.Date, 10), d.Slug"

COLUMNS = {
    "event_key": f"concat_ws(':', {SAME}, line.item, namesake)",
    "provider": "'openrouter'",
    "day": "CAST(utc(d.Date) AS DATE)",
    "line_item": "line.item",
    "model": "text_of(d.Slug)",
    "kind": f"CASE WHEN {IS_MONEY} THEN 'cost' ELSE 'usage' END",
    "amount": MONEY,
    "currency": f"CASE WHEN {IS_MONEY} THEN 'USD' END",
    "quantity": "line.count",
    "unit": f"CASE WHEN line.item = 'requests' THEN 'requests' WHEN NOT {IS_MONEY} THEN 'tokens' END",
    "note": """CASE line.item WHEN 'own key' THEN 'paid to the provider with a key of your own'
        WHEN 'prompt_tokens' THEN 'cached tokens are in it' WHEN 'cached_tokens' THEN 'part of the prompt tokens'
        WHEN 'completion_tokens' THEN 'reasoning is in it' WHEN 'reasoning_tokens' THEN 'part of the completion tokens'
        END""",
    "skip": f"""CASE WHEN line.item = 'own key' AND coalesce(number({MONEY}), 0) = 0 THEN 'nothing was paid elsewhere'
        WHEN NOT {IS_MONEY} AND coalesce(line.count, 0) = 0 THEN 'a count of zero' END""",
}

FORMATS = (
    Format(
        name="openrouter_daily",
        label="OpenRouter daily activity (CSV)",
        recognise=lambda sample: has(sample, "Date", "Slug", "Usage", "Requests"),
        fields=dict.fromkeys(NAMES, "VARCHAR"),
        rows=report_page.with_record_numbers(
            report_page.lines(COUNTS, report_page.told_apart("FROM records", SAME, NAMES, "raw")), "line.n"
        ),
        columns=COLUMNS,
        usage=flat_usage(dict.fromkeys(NAMES, "VARCHAR"), json="CASE WHEN line.n = 1 THEN raw END"),
        table="billed",
        supersedes=True,
        days=True,
        order=40,
        note="A report by UTC day: it is compared with the ledger and never becomes usage rows.",
    ),
)
