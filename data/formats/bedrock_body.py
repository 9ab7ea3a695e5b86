"""Answers of AWS Bedrock's Converse, one by one or as the events of a stream, as programs log them.

Input counts leave the cache out; there is no cost. What a prompt router chose is what ran.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, envelope
from data.formats.bedrock import tier

CONVERSE_USAGE = {
    "inputTokens": "VARCHAR",
    "outputTokens": "VARCHAR",
    "totalTokens": "VARCHAR",
    "cacheReadInputTokens": "VARCHAR",
    "cacheReadInputTokenCount": "VARCHAR",
    "cacheWriteInputTokens": "VARCHAR",
    "cacheWriteInputTokenCount": "VARCHAR",
    "cacheDetails": [{"ttl": "VARCHAR", "inputTokens": "BIGINT"}],
}
CONVERSE = {
    "modelId": "VARCHAR",
    "metrics": {"latencyMs": "DOUBLE"},
    "ResponseMetadata": {"RequestId": "VARCHAR"},
    "serviceTier": "JSON",
    "performanceConfig": {"latency": "VARCHAR"},
    "trace": {"promptRouter": {"invokedModelId": "VARCHAR"}},
    "usage": CONVERSE_USAGE,
}
MODEL = """coalesce(text_of(b.trace.promptRouter.invokedModelId), text_of(b.modelId), text_of(d.model),
    text_of(d."modelId"), jtext(json_of(d.request), '$.modelId'))"""
DETAILS = "len(b.usage.cacheDetails) > 0"
# A stream's counts are in its last event, which holds what else an answer says.
STREAMED = f"""CASE WHEN json_type({envelope.BODY}) = 'ARRAY'
    THEN json_extract({envelope.BODY}, '$[*].metadata')[-1] ELSE {envelope.BODY} END"""
# What guardrails looked at is billed by its own units.
GUARDRAIL = "invocationMetrics.usage"
GUARDED = f"""nullif(json_object(
        'input', json_extract(body, '$.trace.guardrail.inputAssessment.*.{GUARDRAIL}'),
        'output', json_extract(body, '$.trace.guardrail.outputAssessments.*[*].{GUARDRAIL}'))::VARCHAR,
    '{{"input":[],"output":[]}}')"""


def _detailed(life: str) -> str:
    return (
        f"CASE WHEN {DETAILS} THEN coalesce(list_sum(list_transform(list_filter(b.usage.cacheDetails, lambda w: w.ttl ="
        f" '{life}'), lambda w: w.inputTokens)), 0) END"
    )


BODY_COLUMNS = envelope.COLUMNS | {
    "event_key": "coalesce(text_of(b.ResponseMetadata.RequestId), text_of(d.request_id))",
    "provider": "'aws'",
    "service_tier": f"""CASE WHEN {envelope.IN_BATCH} THEN 'batch'
        ELSE {tier("b.serviceTier", MODEL, "b.performanceConfig.latency")} END""",
    "model_raw": MODEL,
    "input_tokens": "b.usage.inputTokens",
    "cache_read_tokens": "coalesce(b.usage.cacheReadInputTokens, b.usage.cacheReadInputTokenCount)",
    "cache_write_tokens": "coalesce(b.usage.cacheWriteInputTokens, b.usage.cacheWriteInputTokenCount)",
    "cache_write_5m_tokens": _detailed("5m"),
    "cache_write_1h_tokens": _detailed("1h"),
    "output_tokens": "b.usage.outputTokens",
    "total_tokens": "b.usage.totalTokens",
    "input_has_cache": "FALSE",
    "output_has_reasoning": "TRUE",
    "latency_ms": "coalesce(number(d.latency_ms), b.metrics.latencyMs)",
    "unmetered": f"b.usage.inputTokens IS NULL AND NOT {envelope.FAILED}",
}


FREE_GUARDS = {
    f"{place}[].{unit}Units": "filters by words, and patterns, are free"
    for place in ("input", "output")
    for unit in ("wordPolicy", "sensitiveInformationPolicyFree")
}


def _is_converse(body: dict) -> bool:
    metadata = body.get("metadata")
    last = metadata if isinstance(metadata, dict) and "messageStop" in body else body
    return "inputTokens" in envelope.usage_of(last)


FORMATS = (
    Format(
        name="bedrock_body",
        label="AWS Bedrock Converse response bodies",
        recognise=envelope.recogniser(_is_converse),
        fields=envelope.FIELDS,
        rows=envelope.rows(CONVERSE, STREAMED),
        columns=BODY_COLUMNS,
        usage=(
            UsageObject("body -> 'usage'", CONVERSE_USAGE),
            UsageObject(GUARDED, {}, FREE_GUARDS, "trace.guardrail"),
        ),
        text_columns=envelope.texts("$.output.message.content"),
        assume_input_has_cache=False,
        order=70,
    ),
)
