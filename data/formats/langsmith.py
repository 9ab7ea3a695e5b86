"""LangSmith runs: exports of the API, the SDK and the bulk export, whose JSON columns may be text.

A chain has the sums of the runs below it under the same names. LangChain's input is the sum of all kinds of input, its
output of all kinds of output; the details need not add up. Times without a zone are UTC. Source: langsmith 0.15.1
`schemas.py`.
"""

from __future__ import annotations

import json

from data.formats import Format, UsageObject, has, traced_runs, usage_words

DETAILS = {
    "input": ("prompt_token_details", "input_token_details"),
    "output": ("completion_token_details", "output_token_details"),
}
META = {
    "input_tokens": "VARCHAR",
    "output_tokens": "VARCHAR",
    "total_tokens": "VARCHAR",
    "input_token_details": {
        "cache_read": "VARCHAR",
        "cache_creation": "VARCHAR",
        "ephemeral_5m_input_tokens": "VARCHAR",
        "ephemeral_1h_input_tokens": "VARCHAR",
    },
    "output_token_details": {"reasoning": "VARCHAR"},
    "total_cost": "VARCHAR",
    "input_cost": "VARCHAR",
    "output_cost": "VARCHAR",
}
TEXTS = (
    "id",
    "trace_id",
    "parent_run_id",
    "session_id",
    "session_name",
    "name",
    "run_type",
    "start_time",
    "end_time",
    "first_token_time",
    "status",
    "error",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "total_cost",
    "prompt_cost",
    "completion_cost",
)
OBJECTS = ("extra", "outputs", "prompt_token_details", "completion_token_details")
FIELDS = dict.fromkeys(TEXTS, "VARCHAR") | dict.fromkeys((*OBJECTS, "tags"), "JSON")
# A provider's own usage object, where its client hands that on alone.
MESSAGE = "outputs -> 'generations' -> 0 -> 0 -> 'message' -> 'kwargs'"
ITS_OWN = f"""coalesce(outputs -> 'llm_output' -> 'token_usage', outputs -> 'llm_output' -> 'usage',
    {MESSAGE} -> 'response_metadata' -> 'token_usage', {MESSAGE} -> 'response_metadata' -> 'usage')"""
OWN_WORDS = {  # what a provider's object calls the details that LangSmith's names so
    "cache_creation": "cache_write",
    "ephemeral_5m_input_tokens": "cache_write_5m",
    "ephemeral_1h_input_tokens": "cache_write_1h",
}
RUNS = f"""
    SELECT *, json_transform(stated, '{json.dumps(META)}') AS u, {usage_words.usage_struct("own")} AS o
    FROM (SELECT *, {usage_words.snake(ITS_OWN)} AS own,
        coalesce(outputs -> 'usage_metadata', extra -> 'metadata' -> 'usage_metadata',
        outputs -> 'message' -> 'kwargs' -> 'usage_metadata', {MESSAGE} -> 'usage_metadata') AS stated
    FROM (SELECT *, {", ".join(f"json_of(d.{name}) AS {name}" for name in OBJECTS)} FROM records))"""


def _detail(side: str, name: str) -> str:
    run, meta = DETAILS[side]
    own = usage_words.count(f"{OWN_WORDS.get(name, name)}_tokens", "o")
    return f"coalesce({run} ->> '{name}', u.{meta}.{name}, {own})"


def _count(run: str, side: str) -> str:
    """A run that has not ended counts nothing yet, which is not nothing; nor is a zero beside an answer's counts."""
    own = f"text_of(d.{run}_tokens)"
    said = f"coalesce(u.{side}_tokens, {usage_words.count(f'{side}_tokens', 'o')})"
    tokens = f"coalesce(CASE WHEN number({own}) <> 0 OR number({own}) IS NULL THEN {own} END, {said}, {own})"
    return f"CASE WHEN d.status = 'pending' THEN nullif({tokens}, '0') ELSE {tokens} END"


NAMED = {
    "trace_id": "text_of(d.trace_id)",
    "span_id": "text_of(d.id)",
    "parent_id": "text_of(d.parent_run_id)",
    "operation": "d.run_type",
    "failed": "text_of(d.error) IS NOT NULL OR d.status = 'error'",
    "started_at": "utc(d.start_time)",
    "duration_ms": "date_diff('microsecond', utc(d.start_time), utc(d.end_time)) / 1000.0",
    "ttft_ms": "date_diff('microsecond', utc(d.start_time), utc(d.first_token_time)) / 1000.0",
    "model": """coalesce(jtext(extra, '$.metadata.ls_model_name'), jtext(extra, '$.invocation_params.model'),
        jtext(extra, '$.invocation_params.model_name'))""",
    "provider": "jtext(extra, '$.metadata.ls_provider')",
    "input": _count("prompt", "input"),
    "output": _count("completion", "output"),
    "total": "coalesce(CASE WHEN number(d.total_tokens) > 0 THEN d.total_tokens END, u.total_tokens, d.total_tokens)",
    "cache_read": _detail("input", "cache_read"),
    "cache_write": _detail("input", "cache_creation"),
    "cache_write_5m": _detail("input", "ephemeral_5m_input_tokens"),
    "cache_write_1h": _detail("input", "ephemeral_1h_input_tokens"),
    "reasoning": _detail("output", "reasoning"),
    "cost": """coalesce(text_of(d.total_cost), u.total_cost,
        (TRY_CAST(d.prompt_cost AS DECIMAL(18,12)) + TRY_CAST(d.completion_cost AS DECIMAL(18,12)))::VARCHAR,
        (TRY_CAST(u.input_cost AS DECIMAL(18,12)) + TRY_CAST(u.output_cost AS DECIMAL(18,12)))::VARCHAR)""",
    "cache_inside": "'true'",
    "error": "left(text_of(d.error), 200)",
    "project": "coalesce(text_of(d.session_name), text_of(d.session_id))",
    "feature": "coalesce(jtext(extra, '$.metadata.feature'), jtext(extra, '$.metadata.langgraph_node'))",
    "environment": "jtext(extra, '$.metadata.environment')",
    "person": "coalesce(jtext(extra, '$.metadata.user_id'), jtext(extra, '$.metadata.user'))",
    "session": """coalesce(jtext(extra, '$.metadata.session_id'), jtext(extra, '$.metadata.thread_id'),
        jtext(extra, '$.metadata.conversation_id'))""",
    "used": """json_object('input', prompt_token_details, 'output', completion_token_details,
        'usage_metadata', stated)""",
}
KNOWN = {
    "input": META["input_token_details"],
    "output": META["output_token_details"],
    "usage_metadata": META,
}
HARMLESS = {
    "input.cache_read_over_200k": "a part of the cache reads",
    "usage_metadata.input_token_details.cache_read_over_200k": "a part of the cache reads",
    **dict.fromkeys(("usage_metadata.input_cost_details", "usage_metadata.output_cost_details"), "parts of the cost"),
}

FORMATS = (
    Format(
        name="langsmith",
        label="LangSmith runs",
        recognise=lambda sample: has(sample, "run_type", "start_time") and has(sample, "id"),
        fields=FIELDS,
        rows=traced_runs.rows(RUNS, NAMED),
        columns=traced_runs.COLUMNS,
        usage=(UsageObject("used", KNOWN, HARMLESS, name="token_details"),),
        order=40,
        note="Costs are LangSmith's own, from its price table.",
    ),
)
