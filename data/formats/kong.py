"""Kong AI Gateway audit log: entries of its log plugins (file-log, http-log) with an `ai` section.

Source: developer.konghq.com AI audit log reference. Every plugin that called a model (`ai-proxy`,
`ai-request-transformer`)
has its own usage under `ai.<plugin>`; one client request may hold several. Before 3.11 counts were named in the
singular.
`started_at` is epoch ms, latencies are ms; `cost` follows the prices configured in Kong, taken as USD.
"""

from __future__ import annotations

import json

from data.formats import Format, server_tools, usage_words

CALL = {
    "meta": {
        "provider_name": "VARCHAR",
        "request_model": "VARCHAR",
        "response_model": "VARCHAR",
        "llm_latency": "DOUBLE",
    },
    "usage": {
        **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), "VARCHAR"),
        **dict.fromkeys(("prompt_token", "completion_token", "total_token", "cost"), "VARCHAR"),
        "time_to_first_token": "DOUBLE",
    },
    "cache": {"cache_status": "VARCHAR"},
}
ROWS = f"""
    SELECT *, {usage_words.usage_struct("used")} AS u, json_transform(call, '{json.dumps(CALL)}') AS p
    FROM (SELECT *, {usage_words.snake("call -> 'usage'")} AS used FROM (
        SELECT *, json_extract(d.ai, concat('$."', plugin, '"')) AS call
        FROM (SELECT *, unnest(coalesce(nullif(json_keys(d.ai), []), [''])) AS plugin FROM records)))"""
INPUT = "coalesce(p.usage.prompt_tokens, p.usage.prompt_token)"
OUTPUT = "coalesce(p.usage.completion_tokens, p.usage.completion_token)"
FAILED = "d.response.status >= 400"
CACHED = "lower(p.cache.cache_status) = 'hit'"

COLUMNS = {
    "event_key": "concat_ws(':', coalesce(text_of(d.request.id), md5(raw)), plugin)",
    "call_id": "text_of(d.request.id)",
    "requested_at": "utc(d.started_at)",
    "provider": "lower(text_of(p.meta.provider_name))",
    "model_raw": "coalesce(text_of(p.meta.response_model), text_of(p.meta.request_model))",
    "feature": "coalesce(text_of(d.route.name), text_of(d.service.name))",
    "project": "text_of(d.workspace_name)",
    "user_id": "text_of(d.consumer.username)",
    "tags": "json_merge_patch('{}', json_object('plugin', plugin, 'service', d.service.name, 'route', d.route.name))",
    "input_tokens": INPUT,
    **usage_words.details("u"),
    "server_tools": server_tools.tools("u", model="coalesce(p.meta.response_model, p.meta.request_model, '')"),
    "service_tier": usage_words.tier("u"),
    "region": usage_words.region("u"),
    "output_tokens": OUTPUT,
    "total_tokens": usage_words.total("coalesce(p.usage.total_tokens, p.usage.total_token)", "u"),
    "latency_ms": "coalesce(p.meta.llm_latency, d.latencies.request)",
    "ttft_ms": "p.usage.time_to_first_token",
    "status": f"CASE WHEN {CACHED} THEN 'cached' WHEN {FAILED} THEN 'error' ELSE 'success' END",
    "http_status": "d.response.status",
    "reported_cost_usd": usage_words.cost("p.usage.cost", "u"),
    "unmetered": (
        f"NOT coalesce({FAILED}, FALSE) AND NOT coalesce({CACHED}, FALSE) AND coalesce({INPUT}, {OUTPUT}) IS NULL"
    ),
    "skip": (
        f"CASE WHEN p.meta.provider_name IS NULL AND coalesce({INPUT}, {OUTPUT}) IS NULL THEN 'a plugin that called no"
        " model' END"
    ),
}

HARMLESS = {
    **dict.fromkeys(CALL["usage"], "read above"),
    "time_per_token": "milliseconds, not tokens",
}


def is_kong(sample: list[dict]) -> bool:
    """Entries of a Kong log plugin, some of which called a model."""
    calls = [r["ai"] for r in sample if "started_at" in r and isinstance(r.get("ai"), dict)]
    return any(isinstance(p, dict) and ("usage" in p or "meta" in p) for ai in calls for p in ai.values())


FORMATS = (
    Format(
        name="kong",
        label="Kong AI Gateway log",
        recognise=is_kong,
        fields={
            "ai": "JSON",
            "started_at": "VARCHAR",
            "request": {"id": "VARCHAR"},
            "response": {"status": "INTEGER"},
            "latencies": {"request": "DOUBLE"},
            "consumer": {"username": "VARCHAR"},
            "service": {"name": "VARCHAR"},
            "route": {"name": "VARCHAR"},
            "workspace_name": "VARCHAR",
        },
        rows=ROWS,
        columns=COLUMNS,
        usage=(usage_words.usage_object("used", "usage", HARMLESS),),
        note="Costs follow the prices configured in Kong; where none are, the list price is used.",
    ),
)
