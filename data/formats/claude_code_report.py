"""Anthropic's Claude Code analytics (Admin API): tokens and estimated cost by UTC day, person or key, and model.

The calls it counts are in the organization's usage and cost reports too, where a key paid for them, and in the events
and session files of the machines; so it never becomes usage rows, and its dollars, an estimate at list price, are no
bill. `amount` is in cents. Source: platform.claude.com, usage_report/retrieve_claude_code, and four public readers of
it; no recorded answer was to be had.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, has, report_page

TOKENS = dict.fromkeys(("input", "output", "cache_read", "cache_creation"), "VARCHAR")
BREAKDOWN = {
    "model": "VARCHAR",
    "tokens": TOKENS,
    "estimated_cost": {"amount": "VARCHAR", "currency": "VARCHAR"},
}
FIELDS = {
    "date": "VARCHAR",
    "organization_id": "VARCHAR",
    "customer_type": "VARCHAR",
    "subscription_type": "VARCHAR",
    "terminal_type": "VARCHAR",
    "actor": {"type": "VARCHAR", "email_address": "VARCHAR", "api_key_name": "VARCHAR"},
    "model_breakdown": [BREAKDOWN],
}
COUNTS = {
    "estimated_cost": "NULL",
    "input_tokens": "number(m.tokens.input)",
    "cache_read_tokens": "number(m.tokens.cache_read)",
    "cache_write_tokens": "number(m.tokens.cache_creation)",
    "output_tokens": "number(m.tokens.output)",
}
MODELS = """SELECT *, unnest(coalesce(d.model_breakdown, [])) AS m, generate_subscripts(coalesce(d.model_breakdown, []),
    1) AS place FROM records"""
WHO = "coalesce(text_of(d.actor.email_address), text_of(d.actor.api_key_name))"
IS_COST = "line.item = 'estimated_cost'"
# One actor has a record per terminal and kind of plan; whatever tells two records apart must be in the id.
SAME = "left(d.date, 10), d.organization_id, d.actor.type, " + WHO
SAME += ", d.customer_type, d.subscription_type, d.terminal_type, m.model"
KNOWN = ("date", "organization_id", "type", "email_address", "api_key_name", "customer_type", "subscription_type")
ITS_MODEL = "json_extract(raw, '/model_breakdown/' || (place - 1))"
ROWS = report_page.told_apart(
    MODELS, SAME, (*KNOWN, "terminal_type", "model"), "raw", "raw::JSON -> 'actor'", ITS_MODEL
)

COLUMNS = {
    "event_key": f"concat_ws(':', {SAME}, line.item, namesake)",
    "provider": "'anthropic'",
    "day": "CAST(utc(d.date) AS DATE)",
    "line_item": "line.item",
    "model": "text_of(m.model)",
    "project": WHO,
    "kind": f"CASE WHEN {IS_COST} THEN 'estimate' ELSE 'usage' END",
    "amount": f"CASE WHEN {IS_COST} THEN (number(m.estimated_cost.amount) / 100)::VARCHAR END",
    "currency": f"CASE WHEN {IS_COST} THEN coalesce(text_of(m.estimated_cost.currency), 'USD') END",
    "quantity": "line.count",
    "unit": f"CASE WHEN NOT {IS_COST} THEN 'tokens' END",
    "note": f"""nullif(concat_ws(', ', CASE WHEN {IS_COST} THEN 'an estimate at list price' END,
        CASE WHEN d.customer_type = 'subscription' THEN 'of a subscription' END, text_of(d.terminal_type)), '')""",
    "skip": f"""CASE WHEN {IS_COST} AND number(m.estimated_cost.amount) IS NULL THEN 'no estimate'
        WHEN NOT {IS_COST} AND coalesce(line.count, 0) = 0 THEN 'a count of zero' END""",
}

FORMATS = (
    Format(
        name="claude_code_report",
        label="Anthropic Claude Code analytics report",
        recognise=lambda sample: has(sample, "date", "actor", "terminal_type", "model_breakdown"),
        fields=FIELDS,
        rows=report_page.with_record_numbers(report_page.lines(COUNTS, ROWS), "place, line.n"),
        columns=COLUMNS,
        table="billed",
        usage=(
            UsageObject(
                f"CASE WHEN line.n = 1 THEN {ITS_MODEL} END",
                BREAKDOWN,
                name="model_breakdown",
            ),
        ),
        supersedes=True,
        days=True,
        order=40,
        note="UTC days for comparison: an organization's bill has the same calls, and the dollars are an estimate.",
    ),
)
