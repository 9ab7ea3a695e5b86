"""Portkey log exports (JSONL by signed URL; the same export is published as "Prisma AIRS AI Gateway").

Source: portkey.ai/docs/product/observability/logs-export. `response_time` is ms. The unit of `cost` is not stated for
the export; Portkey's filters and screens count in cents, so cents are read. A hundredfold difference to the list price
on the Data page means dollars: load the file again with `--format portkey_usd`.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, server_tools, usage_words

CENTS = "(TRY_CAST(d.cost AS DECIMAL(18,12)) * 0.01)::DECIMAL(18,12)::VARCHAR"
IN_USD = "coalesce(upper(text_of(d.cost_currency)), 'USD') = 'USD'"
FAILED = "(NOT d.is_success OR d.response_status_code >= 400)"

COLUMNS = {
    "event_key": "d.id",
    "call_id": "d.id",
    "requested_at": "utc(d.created_at)",
    "provider": "lower(text_of(d.ai_org))",
    "model_raw": "text_of(d.ai_model)",
    "operation": (
        "CASE WHEN d.request_url LIKE '%/embeddings%' THEN 'embedding' WHEN d.request_url LIKE '%/images%' THEN 'image'"
        " WHEN d.request_url LIKE '%/audio%' THEN 'audio' END"
    ),
    "user_id": "jtext(json_of(d.metadata), '$._user')",
    "session_id": "text_of(d.trace_id)",
    "tags": (
        "json_merge_patch(coalesce(json_of(d.metadata), '{}'), json_object('config', d.config, 'prompt',"
        f" d.prompt_slug, 'mode', d.mode, 'cost_currency', CASE WHEN NOT {IN_USD} THEN d.cost_currency END))"
    ),
    "input_tokens": "d.req_units",
    **usage_words.details("u"),
    "server_tools": server_tools.answer_tools("u", "d.ai_model"),
    "service_tier": usage_words.tier("u", otherwise="jtext(answer, '$.service_tier')"),
    "region": usage_words.region("u"),
    "output_tokens": "d.res_units",
    "total_tokens": usage_words.total("d.total_units", "u"),
    "latency_ms": "d.response_time",
    # A semantic miss is none.
    "status": f"""CASE WHEN {FAILED} THEN 'error'
        WHEN regexp_matches(lower(d.cache_status), '\\bhit$') THEN 'cached' ELSE 'success' END""",
    "http_status": "d.response_status_code",
    "reported_cost_usd": usage_words.cost(
        f"""CASE WHEN {IN_USD} THEN CASE WHEN TRY_CAST(d.cost AS DECIMAL(18,12)) IS NULL THEN d.cost ELSE {CENTS} END
            ELSE d.cost || ' ' || d.cost_currency END""",
        "u",
    ),
    "unmetered": f"NOT coalesce({FAILED}, FALSE) AND coalesce(text_of(d.req_units), text_of(d.res_units)) IS NULL",
}
FIELDS = {
    "id": "VARCHAR",
    "trace_id": "VARCHAR",
    "created_at": "VARCHAR",
    "response": "JSON",
    "is_success": "BOOLEAN",
    "ai_org": "VARCHAR",
    "ai_model": "VARCHAR",
    "req_units": "VARCHAR",
    "res_units": "VARCHAR",
    "total_units": "VARCHAR",
    "request_url": "VARCHAR",
    "cost": "VARCHAR",
    "cost_currency": "VARCHAR",
    "response_time": "DOUBLE",
    "response_status_code": "INTEGER",
    "mode": "VARCHAR",
    "config": "VARCHAR",
    "prompt_slug": "VARCHAR",
    "metadata": "JSON",
    "cache_status": "VARCHAR",
}
ROWS = usage_words.answer_usage("json_of(d.response)")
HARMLESS = {"request": "the question"}
USAGE = (*flat_usage(FIELDS, HARMLESS), usage_words.usage_object("used", "response.usage"))
TEXTS = {"prompt": "jtext(raw, '$.request')", "completion": "jtext(raw, '$.response')"}

FORMATS = (
    Format(
        name="portkey",
        label="Portkey log export",
        recognise=lambda sample: has(sample, "id", "created_at", "ai_org", "ai_model", "req_units"),
        fields=FIELDS,
        rows=ROWS,
        per_record=True,
        usage=USAGE,
        columns=COLUMNS,
        text_columns=TEXTS,
        note=(
            "Costs are read as cents; if they are a hundredth of the list price, load the file with --format"
            " portkey_usd."
        ),
    ),
    Format(
        name="portkey_usd",
        label="Portkey log export, costs in USD",
        family="portkey",
        recognise=lambda sample: False,  # chosen by the operator: nothing in the file tells the unit
        fields=FIELDS,
        rows=ROWS,
        per_record=True,
        usage=USAGE,
        columns=COLUMNS | {"reported_cost_usd": usage_words.cost(f"CASE WHEN {IN_USD} THEN d.cost END", "u")},
        text_columns=TEXTS,
    ),
)
