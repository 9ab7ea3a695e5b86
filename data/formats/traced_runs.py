"""Runs of a tracing product as usage: one shape for LangSmith, MLflow, Opik, Braintrust and PostHog.

Such products give a parent the sums of what is below it. Which runs are calls and which repeat them is decided by
`span_trees`, from the numbers, as for OpenTelemetry's spans. A product brings a query that names its runs' fields.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.formats import span_trees

# What a product's query may name; what it leaves out is NULL. Texts, but for started_at, failed and the two durations.
NAMES = (
    "trace_id",
    "span_id",
    "parent_id",
    "operation",
    "failed",
    "cached",  # a gateway on the way answered from its own cache
    "started_at",
    "duration_ms",
    "ttft_ms",
    "model",
    "provider",
    "tier",
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
    "total",
    "cost",
    "searches",
    "cache_inside",
    "error",
    "http_status",
    "project",
    "feature",
    "environment",
    "person",
    "session",
    "tags",
    "used",  # JSON: the run's counts, for what nobody reads
)
TYPES = dict.fromkeys(("failed", "cached"), "BOOLEAN") | dict.fromkeys(("duration_ms", "ttft_ms"), "DOUBLE")
TYPES |= {"started_at": "TIMESTAMP", "used": "JSON"}


def rows(runs: str, names: Mapping[str, str]) -> str:
    """SQL: one row per run, with what its tree says of it (`span_trees.mark_calls`).

    `runs`: SQL of runs with `file_no, record_no, path, raw`; `names`: SQL over it by name of `NAMES`. A run without an
    id is a tree of its own.
    """
    given = {name: names.get(name, f"NULL::{TYPES.get(name, 'VARCHAR')}") for name in NAMES}
    given["span_id"] = f"coalesce({given['span_id']}, md5(raw))"
    given["trace_id"] = f"coalesce({given['trace_id']}, {given['span_id']})"
    given["parent_id"] = f"coalesce({given['parent_id']}, '')"
    given["failed"] = f"coalesce({given['failed']}, FALSE)"
    given["operation"] = f"lower({given['operation']})"
    return f"""
SELECT * FROM (
WITH RECURSIVE spans_named AS (
    SELECT file_no, row_number() OVER (PARTITION BY file_no ORDER BY record_no) AS record_no, path, raw,
        {", ".join(f"{sql} AS {name}" for name, sql in given.items())} FROM ({runs})
),
{span_trees.mark_calls("spans_named")}
)
"""


# A part that is more than its whole is an odd field, or a whole that leaves it out: the numbers of all runs decide.
FITS = """coalesce(number(cache_read), 0) + coalesce(number(cache_write), number(cache_write_5m)
    + number(cache_write_1h), 0) <= number(input)"""
EMBEDS = "operation LIKE 'embedding%'"

COLUMNS = {
    "event_key": "trace_id || ':' || span_id",
    "requested_at": "started_at",
    "provider": "lower(text_of(provider))",
    "service_tier": "tier",
    "model_raw": "text_of(model)",
    "operation": f"CASE WHEN {EMBEDS} THEN 'embedding' ELSE 'chat' END",
    "project": "text_of(project)",
    "feature": "text_of(feature)",
    "environment": "text_of(environment)",
    "user_id": "text_of(person)",
    "session_id": "coalesce(text_of(session), trace_id)",
    "tags": "tags",
    "input_tokens": "input",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "cache_write_5m_tokens": "cache_write_5m",
    "cache_write_1h_tokens": "cache_write_1h",
    "output_tokens": f"CASE WHEN {EMBEDS} AND input IS NOT NULL THEN coalesce(output, '0') ELSE output END",
    "reasoning_tokens": "reasoning",
    "total_tokens": "total",
    "server_tools": "CASE WHEN number(searches) > 0 THEN json_object('web_search', number(searches)::BIGINT) END",
    "input_has_cache": (
        f"CASE WHEN cache_inside = 'false' THEN FALSE WHEN cache_inside = 'true' AND {FITS} THEN TRUE END"
    ),
    "output_has_reasoning": "CASE WHEN number(reasoning) <= number(output) THEN TRUE END",
    "latency_ms": "duration_ms",
    "ttft_ms": "ttft_ms",
    "status": "CASE WHEN failed OR error IS NOT NULL THEN 'error' WHEN cached THEN 'cached' END",
    "error_class": "error",
    "http_status": "TRY_CAST(http_status AS INTEGER)",
    "reported_cost_usd": "cost",
    "caveats": "[CASE WHEN exceeds THEN 'total_above_parts' END]",
    "unmetered": "metered IS NOT TRUE AND failed IS NOT TRUE AND error IS NULL",
    "skip": (
        f"""CASE
        WHEN is_call IS NOT TRUE AND metered IS NOT TRUE THEN 'a run without token usage'
        WHEN carried_below THEN '{span_trees.SPAN_ABOVE}'
        WHEN carried_above AND (metered OR NOT failed AND error IS NULL) THEN '{span_trees.CARRIED_ABOVE}'
    END"""
    ),
}
