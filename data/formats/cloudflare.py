"""Cloudflare AI Gateway logs, as the API lists them (`GET .../ai-gateway/gateways/{id}/logs`).

Source: the API's `AIGatewayLog`. `cost` is USD, an estimate unless `custom_cost`; `duration` is ms;
`metadata` is JSON text.
There is no count of cached prompt tokens.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, server_tools, usage_words

FAILED = "(NOT d.success OR d.status_code >= 400)"

COLUMNS = {
    "event_key": "d.id",
    "call_id": "d.id",
    # A fallback of the universal endpoint is a later step of the same request.
    "attempt": "CASE WHEN d.step > 0 THEN d.step + 1 END",
    "requested_at": "utc(d.created_at)",
    "provider": "lower(text_of(d.provider))",
    "model_raw": "text_of(d.model)",
    "operation": (
        "CASE WHEN d.path LIKE '%embeddings%' THEN 'embedding' WHEN d.path LIKE '%images%' THEN 'image' WHEN d.path"
        " LIKE '%audio%' THEN 'audio' END"
    ),
    "tags": "json_merge_patch(coalesce(json_of(d.metadata), '{}'), json_object('custom_cost', d.custom_cost))",
    "input_tokens": "d.tokens_in",
    "output_tokens": "d.tokens_out",
    # Where the answer is kept, its usage tells what the log has no column for.
    **usage_words.details("u"),
    "server_tools": server_tools.answer_tools("u", "d.model"),
    "service_tier": usage_words.tier("u", otherwise="jtext(answer, '$.service_tier')"),
    "total_tokens": usage_words.total("NULL", "u"),
    "region": usage_words.region("u"),
    "latency_ms": "d.duration",
    "status": f"CASE WHEN d.cached THEN 'cached' WHEN {FAILED} THEN 'error' ELSE 'success' END",
    "http_status": "d.status_code",
    "reported_cost_usd": usage_words.cost("d.cost", "u"),
    "unmetered": (
        f"NOT coalesce({FAILED}, FALSE) AND NOT coalesce(d.cached, FALSE) AND coalesce(text_of(d.tokens_in),"
        " text_of(d.tokens_out)) IS NULL"
    ),
}

FIELDS = {
    "id": "VARCHAR",
    "created_at": "VARCHAR",
    "provider": "VARCHAR",
    "model": "VARCHAR",
    "path": "VARCHAR",
    "step": "INTEGER",
    "tokens_in": "VARCHAR",
    "tokens_out": "VARCHAR",
    "cost": "VARCHAR",
    "custom_cost": "BOOLEAN",
    "cached": "BOOLEAN",
    "success": "BOOLEAN",
    "status_code": "INTEGER",
    "duration": "DOUBLE",
    "metadata": "JSON",
    "response": "JSON",
}
FORMATS = (
    Format(
        name="cloudflare",
        label="Cloudflare AI Gateway log",
        recognise=lambda sample: has(sample, "id", "created_at", "provider", "tokens_in", "tokens_out", "cached"),
        fields=FIELDS,
        rows=usage_words.answer_usage("json_of(d.response)"),
        per_record=True,
        columns=COLUMNS,
        usage=(
            *flat_usage(FIELDS, {"request": "the question"}),
            usage_words.usage_object("used", "response.usage"),
        ),
        text_columns={"prompt": "jtext(raw, '$.request')", "completion": "jtext(raw, '$.response')"},
        note="The log does not say which input came from a prompt cache, so its list price is an upper bound.",
    ),
)
