"""Opik spans: what `opik export` and the REST API give (`/v1/private/spans`, pages with `content`).

Traces and parents repeat the usage of their spans. `usage` is flat: OpenAI's three names, and the provider's own under
`original_usage.`; whether the prompt holds the cache depends on the provider. Source: opik 2.2.122 `SpanPublic`.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, has, traced_runs

KINDS = ("general", "llm", "tool", "guardrail")  # Langfuse has such records too, and says them in capitals
USAGE = ("prompt_tokens", "completion_tokens", "total_tokens")
# The same numbers in the provider's words, of which these say more.
CACHE_READ = (
    "original_usage.prompt_tokens_details.cached_tokens",
    "original_usage.input_tokens_details.cached_tokens",
    "original_usage.cache_read_input_tokens",
    "original_usage.cached_content_token_count",
)
CACHE_WRITE = ("original_usage.cache_creation_input_tokens",)
REASONING = (
    "original_usage.completion_tokens_details.reasoning_tokens",
    "original_usage.output_tokens_details.reasoning_tokens",
    "original_usage.thoughts_token_count",
)
REPEATED = {
    side: tuple(f"original_usage.{name}" for name in names)
    for side, names in {
        "input": ("prompt_tokens", "input_tokens", "prompt_token_count"),
        "output": ("completion_tokens", "output_tokens", "candidates_token_count"),
        "total": ("total_tokens", "total_token_count"),
    }.items()
}
TEXTS = (
    "id",
    "trace_id",
    "parent_span_id",
    "project_name",
    "name",
    "type",
    "start_time",
    "end_time",
    "duration",
    "ttft",
    "model",
    "provider",
    "total_estimated_cost",
    "environment",
)
FIELDS = dict.fromkeys(TEXTS, "VARCHAR") | dict.fromkeys(("usage", "error_info", "metadata", "tags"), "JSON")
SPANS = "SELECT *, json_of(d.usage) AS usage, json_of(d.error_info) AS error_info FROM records"


def _first(names: tuple[str, ...]) -> str:
    return "coalesce(" + ", ".join(f"""usage ->> '$."{name}"'""" for name in names) + ", NULL)"


NAMED = {
    "trace_id": "text_of(d.trace_id)",
    "span_id": "text_of(d.id)",
    "parent_id": "text_of(d.parent_span_id)",
    "operation": "d.type",
    "failed": "json_type(error_info) = 'OBJECT'",
    "started_at": "utc(d.start_time)",
    "duration_ms": """coalesce(number(d.duration), date_diff('microsecond', utc(d.start_time), utc(d.end_time))
        / 1000.0)""",
    "ttft_ms": "number(d.ttft)",
    "model": "d.model",
    "provider": "d.provider",
    "input": _first(("prompt_tokens", *REPEATED["input"])),
    "output": _first(("completion_tokens", *REPEATED["output"])),
    "total": _first(("total_tokens", *REPEATED["total"])),
    "cache_read": _first(CACHE_READ),
    "cache_write": _first(CACHE_WRITE),
    "reasoning": _first(REASONING),
    "cost": "text_of(d.total_estimated_cost)",
    "error": "error_info ->> 'exception_type'",
    "project": "d.project_name",
    "environment": "d.environment",
    "session": "jtext(json_of(d.metadata), '$.thread_id')",
    "used": "usage",
}
KNOWN = dict.fromkeys(
    (*USAGE, *CACHE_READ, *CACHE_WRITE, *REASONING, *(name for names in REPEATED.values() for name in names)), "VARCHAR"
)

FORMATS = (
    Format(
        name="opik",
        label="Opik spans",
        recognise=lambda sample: has(sample, "trace_id", "start_time", "type", "usage")
        and has(sample, "id")
        and any(record.get("type") in KINDS for record in sample),
        fields=FIELDS,
        rows=traced_runs.rows(SPANS, NAMED),
        columns=traced_runs.COLUMNS,
        usage=(UsageObject("used", KNOWN),),
        order=40,
        note="Costs are Opik's own estimate.",
    ),
)
