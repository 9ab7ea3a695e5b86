"""Vercel AI Gateway: the custom report (`GET /v1/report`) and single generations (`GET /v1/generation`).

Source: vercel.com/docs/ai-gateway, custom reporting and REST API. Costs are USD, days UTC. The report is an aggregate
and goes to the bills. Generations have
OpenRouter's shape; whether their prompt count contains the cache is not documented.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, report_page
from data.formats.openrouter import GENERATION_COLUMNS, GENERATION_ROWS, GENERATION_USAGE

REPORT_SAME = "left(d.day, 10), d.tag, d.user, d.model, d.provider, d.credential_type"
IN_SAME = ("day", "tag", "user", "model", "provider", "credential_type")
TOLD_APART = report_page.told_apart("FROM records", REPORT_SAME, IN_SAME, "raw")
# One report row becomes a bill line per amount and per count.
REPORT_ROWS = f"""
    SELECT * EXCLUDE line, line.* FROM (SELECT *, unnest([
        {{'item': 'total_cost', 'amount': d.total_cost, 'quantity': NULL, 'unit': NULL}},
        {{'item': 'requests', 'amount': NULL, 'quantity': d.request_count, 'unit': 'requests'}},
        {{'item': 'input_tokens', 'amount': NULL, 'quantity': d.input_tokens, 'unit': 'tokens'}},
        {{'item': 'cached_input_tokens', 'amount': NULL, 'quantity': d.cached_input_tokens, 'unit': 'tokens'}},
        {{'item': 'cache_creation_input_tokens', 'amount': NULL,
            'quantity': d.cache_creation_input_tokens, 'unit': 'tokens'}},
        {{'item': 'output_tokens', 'amount': NULL, 'quantity': d.output_tokens, 'unit': 'tokens'}},
        {{'item': 'reasoning_tokens', 'amount': NULL, 'quantity': d.reasoning_tokens, 'unit': 'tokens'}}
    ]) AS line FROM ({TOLD_APART}))
    WHERE line.item = 'total_cost' OR (d.day IS NOT NULL AND number(line.quantity) <> 0)"""
REPORT_COLUMNS = {
    "event_key": f"concat_ws(':', {REPORT_SAME}, item, namesake)",
    "provider": "'vercel'",
    "day": "left(d.day, 10)",
    "line_item": "item",
    "model": "text_of(d.model)",
    "project": "text_of(d.tag)",
    "kind": "CASE WHEN unit IS NULL THEN 'cost' ELSE 'usage' END",
    "amount": "amount",
    "currency": "CASE WHEN unit IS NULL THEN 'USD' END",
    "quantity": "quantity",
    "unit": "unit",
    "note": (
        "CASE WHEN item = 'total_cost' AND number(d.market_cost) <> number(d.total_cost) THEN 'market price ' ||"
        " d.market_cost || ' USD' END"
    ),
    "reject": "CASE WHEN text_of(d.day) IS NULL THEN 'it names no day; ask for the report with date_part=day' END",
}

REPORT = {
    "day": "VARCHAR",
    "tag": "VARCHAR",
    "user": "VARCHAR",
    "model": "VARCHAR",
    "provider": "VARCHAR",
    "credential_type": "VARCHAR",
    "total_cost": "VARCHAR",
    "market_cost": "VARCHAR",
    "request_count": "VARCHAR",
    "input_tokens": "VARCHAR",
    "cached_input_tokens": "VARCHAR",
    "cache_creation_input_tokens": "VARCHAR",
    "output_tokens": "VARCHAR",
    "reasoning_tokens": "VARCHAR",
}


def _is_generation(record: dict) -> bool:
    """OpenRouter answers in the same words, with ids that begin with `gen-`, and counts no cache writes."""
    held = record.get("data")
    found = held if isinstance(held, dict) else record
    own = "native_tokens_cache_creation" in found or str(found.get("id", "")).startswith("gen_")
    return own and "id" in found and "native_tokens_prompt" in found


FORMATS = (
    Format(
        name="vercel",
        label="Vercel AI Gateway report",
        table="billed",
        supersedes=True,  # the day that is not over has grown in the next report
        days=True,
        order=45,
        recognise=lambda sample: has(sample, "total_cost", "market_cost", "input_tokens", "output_tokens"),
        fields=REPORT,
        rows=REPORT_ROWS,
        columns=REPORT_COLUMNS,
        usage=flat_usage(REPORT, json="CASE WHEN item = 'total_cost' THEN raw END"),
        note="A report by UTC day: it is compared with the ledger and never becomes usage rows.",
    ),
    Format(
        name="vercel_generation",
        label="Vercel AI Gateway generation",
        order=45,
        recognise=lambda sample: bool(sample) and all(map(_is_generation, sample)),
        fields={"data": "JSON"},
        rows=GENERATION_ROWS,
        usage=GENERATION_USAGE,
        columns=GENERATION_COLUMNS
        | {
            "provider": "lower(text_of(g.provider_name))",
            "host": "'vercel'",
            "input_has_cache": "NULL",
        },
    ),
)
