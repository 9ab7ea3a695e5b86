"""Anthropic Console exports: the CSV of tokens and the CSV of costs, two views of one bill by UTC day.

The headers grew over the years and are matched by name; readers of both files agree on them (facts/formats2.md 2).
Token columns are disjoint. Costs are dollars rounded to cents, after discounts; the API's cost report has them in full.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, report_page

DIMENSIONS = ("usage_date_utc", "workspace", "api_key", "usage_type", "context_window", "inference_geo", "speed")
# A file of 2024 has one column of cache writes, later ones split it by lifetime.
COUNTS = {
    "uncached_input_tokens": ("usage_input_tokens_no_cache", "usage_input_tokens"),
    "cache_read_input_tokens": ("usage_input_tokens_cache_read",),
    "cache_creation_5m_input_tokens": ("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write"),
    "cache_creation_1h_input_tokens": ("usage_input_tokens_cache_write_1h",),
    "output_tokens": ("usage_output_tokens",),
    "web_search_requests": ("web_search_count",),
}
USAGE_NAMES = (*DIMENSIONS, "model_version", "model", *(name for names in COUNTS.values() for name in names))
COST_NAMES = (
    *DIMENSIONS,
    "model_version",
    "model",
    "token_type",
    "cost_usd",
    "list_price_usd",
    "cost_type",
    "api_key_id",
)


def _count(names: tuple[str, ...]) -> str:
    return "coalesce(" + ", ".join(f"number(d.{name})" for name in names) + ", NULL)"


REPORT_DAY = "CAST(utc(d.usage_date_utc) AS DATE)"
MODEL = "coalesce(text_of(d.model_version), text_of(d.model))"
# What tells the lines of one day apart; speed is `standard` where an older file has no column for it.
SAME = f"""{REPORT_DAY}, text_of(d.workspace), text_of(d.api_key), {MODEL}, text_of(d.usage_type),
    text_of(d.context_window),
    nullif(text_of(d.inference_geo), 'not_available'), nullif(text_of(d.speed), 'standard')"""
# The console names the plain window with a sign that its API does not use.
ABOUT = """CASE WHEN text_of(d.context_window) IS NOT NULL THEN 'context ' || text_of(d.context_window) END,
    CASE WHEN d.usage_type NOT IN ('standard', 'message') THEN text_of(d.usage_type) END,
    CASE WHEN d.speed = 'fast' THEN 'fast' END"""

USAGE_COLUMNS = {
    "event_key": "concat_ws(':', day, line.item, md5(same), namesake)",
    "provider": "'anthropic'",
    "day": "day",
    "line_item": "line.item",
    "model": MODEL,
    "project": "coalesce(text_of(d.workspace), 'default')",
    "kind": "'usage'",
    "quantity": "line.count",
    "unit": "CASE WHEN line.item = 'web_search_requests' THEN 'requests' ELSE 'tokens' END",
    "note": f"nullif(concat_ws(', ', {ABOUT}), '')",
    "skip": "CASE WHEN coalesce(line.count, 0) = 0 THEN 'a count of zero' END",
}
COST_COLUMNS = {
    "event_key": "concat_ws(':', day, md5(same), namesake)",
    "provider": "'anthropic'",
    "day": "day",
    "line_item": "coalesce(text_of(d.token_type), text_of(d.cost_type), text_of(d.usage_type), 'cost')",
    "model": "text_of(d.model)",
    "project": "coalesce(text_of(d.workspace), 'default')",
    "kind": "'cost'",
    "amount": "text_of(d.cost_usd)",
    "currency": "'USD'",
    "note": (
        f"""nullif(concat_ws(', ', {ABOUT}, CASE WHEN number(d.list_price_usd) > number(d.cost_usd)
        THEN 'list price ' || text_of(d.list_price_usd) END), '')"""
    ),
}


def _identified(more: str = "") -> str:
    """SQL: the records with their day, what tells them apart, and a number for those that nothing does."""
    return f"""SELECT *, nullif(row_number() OVER (PARTITION BY file_no, same ORDER BY record_no), 1) AS namesake
        FROM (SELECT *, {REPORT_DAY} AS day, concat_ws('|', {SAME}{more}) AS same FROM records)"""


USAGE_ROWS = report_page.lines({item: _count(names) for item, names in COUNTS.items()}, _identified())
COST_ROWS = _identified(", text_of(d.token_type), text_of(d.cost_type)")

FORMATS = (
    Format(
        name="anthropic_console_usage",
        label="Anthropic Console, export of tokens (CSV)",
        recognise=lambda sample: has(sample, "usage_date_utc", "usage_output_tokens"),
        fields=dict.fromkeys(USAGE_NAMES, "VARCHAR"),
        rows=report_page.with_record_numbers(USAGE_ROWS, "line.n"),
        columns=USAGE_COLUMNS,
        usage=flat_usage(dict.fromkeys(USAGE_NAMES, "VARCHAR"), json="CASE WHEN line.n = 1 THEN raw END"),
        table="billed",
        supersedes=True,
        days=True,
        order=40,
        note="UTC days. The export of costs and the usage report of the API tell the same traffic.",
    ),
    Format(
        name="anthropic_console_cost",
        label="Anthropic Console, export of costs (CSV)",
        recognise=lambda sample: has(sample, "usage_date_utc", "cost_usd"),
        fields=dict.fromkeys(COST_NAMES, "VARCHAR"),
        rows=COST_ROWS,
        columns=COST_COLUMNS,
        no_usage="amounts of money alone, each of which is a line of the bill",
        table="billed",
        supersedes=True,
        days=True,
        order=40,
        note=(
            "Dollars rounded to cents by line. The API's cost report tells the same bill: load one of the two for a"
            " day, or it is compared twice."
        ),
    ),
)
