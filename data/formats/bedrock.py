"""AWS Bedrock's model invocation logs (S3 or CloudWatch, also wrapped in `message` or as Insights fields).

Input counts leave the cache out. There is no cost here: AWS bills in the cost and usage report. The model
may be a regional inference profile (`us.`, `eu.`, `global.`), whose price differs, or the ARN of one's own
profile, which needs an alias.
"""

from __future__ import annotations

import json
from typing import Any

from data.formats import LIKE_USAGE, Format, UsageObject, flat_usage, has, server_tools, usage_words

NAMES = {
    name: "VARCHAR"
    for name in (
        "timestamp",
        "region",
        "inferenceRegion",
        "accountId",
        "requestId",
        "operation",
        "modelId",
        "errorCode",
        "schemaType",
    )
}
LOG: dict[str, Any] = NAMES | {
    "identity": {"arn": "VARCHAR"},
    "requestMetadata": "JSON",
    "serviceTier": "JSON",
    "input": {
        "inputBodyJson": {"serviceTier": "JSON", "performanceConfig": {"latency": "VARCHAR"}},
        "inputTokenCount": "VARCHAR",
        "cacheReadInputTokenCount": "VARCHAR",
        "cacheWriteInputTokenCount": "VARCHAR",
    },
    "output": {"outputTokenCount": "VARCHAR", "outputBodyJson": "JSON"},
}


def _fields(side: str, *names: str) -> str:
    return ", ".join(f"""'{name}', f ->> '$."{side}.{name}"'""" for name in names)


# CloudWatch hands the record over as a string inside its own event.
WRAPPED = 'coalesce(json_of(d.message), json_of(d."@message"), raw::JSON)'
ROWS = f"SELECT file_no, record_no, path, raw, {WRAPPED} AS body FROM records"

# A Logs Insights query gives the whole message, or the fields that it named, under their paths.
PROJECTED = f"""coalesce(json_of(f ->> '@message'), json_object(
        'timestamp', coalesce(f ->> 'timestamp', f ->> '@timestamp'), 'requestId', coalesce(f ->> 'requestId',
        f ->> '@ptr'),
        'region', f ->> 'region', 'inferenceRegion', f ->> 'inferenceRegion', 'accountId', f ->> 'accountId',
        'operation', f ->> 'operation', 'modelId', coalesce(f ->> 'modelId', f ->> 'model'), 'errorCode',
        f ->> 'errorCode',
        'identity', json_object('arn', f ->> '$."identity.arn"'),
        'input', json_object(
            {_fields("input", "inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")}),
        'output', json_object({_fields("output", "outputTokenCount")})))"""
# The API answers with a list of fields per record, all of them text; the console exports an object per record.
INSIGHTS_ROWS = f"""
SELECT file_no, row_number() OVER (PARTITION BY file_no ORDER BY record_no, place) AS record_no, path, raw,
    {PROJECTED} AS body, f
FROM (
    SELECT file_no, record_no, path, place, fields::VARCHAR AS raw, to_json(map_from_entries(list_transform(
        json_transform(fields, '[{{"field": "VARCHAR", "value": "VARCHAR"}}]'), lambda e: struct_pack(k := e.field,
            v := e.value)))) AS f
    FROM (SELECT file_no, record_no, path, unnest(d.results) AS fields, generate_subscripts(d.results,
        1) AS place FROM records))"""
EXPORTED_ROWS = f"SELECT *, {PROJECTED} AS body FROM (SELECT *, raw::JSON AS f FROM records)"


def _logged(bodies: str) -> str:
    """SQL: invocation records as `b`, with the usage of a logged answer as `used` and as the struct `u`.

    A stream's answer is the list of its events: what a later one says of usage counts.
    """
    answer = "b.output.outputBodyJson"
    last = f"json_extract({answer}, '$[*].usage')"
    found = f"coalesce({answer} -> 'usage', {last}[-1], json_extract({answer}, '$[*].metadata.usage')[-1])"
    return f"""SELECT *, {usage_words.usage_struct("used")} AS u FROM (
        SELECT *, {usage_words.snake(found)} AS used FROM (
        SELECT *, json_transform(body, '{json.dumps(LOG)}') AS b FROM ({bodies})))"""


def _written(life: str) -> str:
    """Cache writes of one lifetime, from the logged answer: an object, or a stream's list of events."""
    field = f"cache_creation.ephemeral_{life}_input_tokens"
    return (
        f"coalesce(b.output.outputBodyJson ->> '$.usage.{field}', b.output.outputBodyJson ->>"
        f" '$[0].message.usage.{field}')"
    )


def tier(stated: str, model: str, speed: str) -> str:
    """SQL for the tier: an object with its `type`, or text; a provisioned model is capacity bought ahead. `speed` is
    the `latency` of a performance configuration, which has prices of its own."""
    return f"""CASE WHEN {model} LIKE '%:provisioned-model/%' THEN 'provisioned'
        WHEN lower({speed}) = 'optimized' THEN 'latency_optimized'
        ELSE coalesce({stated} ->> 'type', {stated} ->> '$') END"""


LOG_COLUMNS = {
    "event_key": "text_of(b.requestId)",
    "requested_at": "utc(b.timestamp)",
    "provider": "'aws'",
    "region": "coalesce(text_of(b.inferenceRegion), text_of(b.region))",
    "service_tier": tier(
        f"""coalesce(b.output.outputBodyJson -> 'serviceTier', b.serviceTier, b.input.inputBodyJson.serviceTier,
            to_json({usage_words.tier("u")}))""",
        "b.modelId",
        """coalesce(jtext(b.output.outputBodyJson, '$.performanceConfig.latency'),
            b.input.inputBodyJson.performanceConfig.latency)""",
    ),
    "model_raw": "b.modelId",
    "operation": "CASE WHEN regexp_matches(b.modelId, '(?i)embed') THEN 'embedding' ELSE 'chat' END",
    "project": "text_of(b.accountId)",
    "user_id": "text_of(b.identity.arn)",
    "tags": "b.requestMetadata",
    "input_tokens": "b.input.inputTokenCount",
    "total_tokens": usage_words.count("total_tokens", "u"),
    **usage_words.details("u"),
    "cache_read_tokens": (
        "coalesce(b.input.cacheReadInputTokenCount, u.cache_read_input_tokens, u.cache_read_input_token_count)"
    ),
    "cache_write_tokens": (
        """coalesce(b.input.cacheWriteInputTokenCount, u.cache_creation_input_tokens, u.cache_write_input_tokens,
            u.cache_write_input_token_count)"""
    ),
    "reported_cost_usd": usage_words.cost("NULL", "u"),
    "server_tools": server_tools.tools("u", model="b.modelId"),
    **{
        f"cache_write_{life}_tokens": (
            f"coalesce({_written(life)}, {usage_words.count(f'cache_write_{life}_tokens', 'u')})"
        )
        for life in ("5m", "1h")
    },
    "output_tokens": (
        "CASE WHEN b.errorCode IS NULL AND b.input.inputTokenCount IS NOT NULL THEN coalesce(b.output.outputTokenCount,"
        " '0') END"
    ),
    "input_has_cache": "FALSE",
    "output_has_reasoning": "TRUE",
    "status": "CASE WHEN text_of(b.errorCode) IS NOT NULL THEN 'error' END",
    "error_class": "text_of(b.errorCode)",
    "unmetered": "b.input.inputTokenCount IS NULL AND text_of(b.errorCode) IS NULL",
    "skip": "CASE WHEN b.modelId IS NULL AND b.requestId IS NULL THEN 'not an invocation record' END",
}

# The counts of a record stand beside the whole question and the whole answer.
LOG_USAGE = (
    *(
        UsageObject(f"json_merge_patch(body -> '{side}', '{{\"{text}\": null}}')", LOG[side], {}, side, LIKE_USAGE)
        for side, text in (("input", "inputBodyJson"), ("output", "outputBodyJson"))
    ),
    usage_words.usage_object("used", "output.outputBodyJson.usage"),
)
COUNTED = tuple(f"{side}.{name}" for side in ("input", "output") for name in LOG[side] if name.endswith("Count"))
INSIGHTS_HARMLESS = {
    "@message": "read as a record",
    **dict.fromkeys(("usageInputTokens", "usageOutputTokens"), "a query's own names for the counts"),
}
FIELD_USAGE = (*LOG_USAGE, *flat_usage(dict.fromkeys(COUNTED, "VARCHAR"), INSIGHTS_HARMLESS, "f", "fields"))


def _is_log(sample: list[dict]) -> bool:
    texts = [r.get("message") or r.get("@message") for r in sample]
    wrapped = [text for text in texts if isinstance(text, str | dict) and "ModelInvocationLog" in str(text)]
    plain = has(sample, "modelId", "requestId") and has(sample, "schemaType", share=0.01)
    return plain or (bool(sample) and 2 * len(wrapped) >= len(sample))


def _is_insights(sample: list[dict]) -> bool:
    results = sample[0].get("results") if sample else None
    rows = [r for r in results if isinstance(r, list)] if isinstance(results, list) else []
    fields = [e for row in rows for e in row if isinstance(e, dict) and {"field", "value"} <= e.keys()]
    return any("TokenCount" in str(e["field"]) or "ModelInvocationLog" in str(e["value"]) for e in fields)


INSIGHTS_NOTE = "Logs Insights answers with at most 10,000 records: a query that gives exactly so many was cut."

FORMATS = (
    Format(
        name="bedrock_insights",
        label="AWS Bedrock invocation logs, as Logs Insights answers",
        family="bedrock",
        recognise=_is_insights,
        fields={"results": ["JSON"]},
        rows=_logged(INSIGHTS_ROWS),
        columns=LOG_COLUMNS,
        usage=FIELD_USAGE,
        assume_input_has_cache=False,
        order=40,
        documents=True,
        note=INSIGHTS_NOTE,
    ),
    Format(
        name="bedrock_fields",
        label="AWS Bedrock invocation logs, as fields of a Logs Insights query (CSV, JSON)",
        family="bedrock",
        recognise=lambda sample: has(sample, "modelId") and any("input.inputTokenCount" in r for r in sample),
        fields={"modelId": "VARCHAR"},
        rows=_logged(EXPORTED_ROWS),
        columns=LOG_COLUMNS,
        usage=FIELD_USAGE,
        assume_input_has_cache=False,
        order=40,
        note=INSIGHTS_NOTE,
    ),
    Format(
        name="bedrock",
        label="AWS Bedrock model invocation logs",
        recognise=_is_log,
        fields={"message": "JSON", "@message": "JSON"},
        rows=_logged(ROWS),
        columns=LOG_COLUMNS,
        usage=LOG_USAGE,
        assume_input_has_cache=False,
        order=40,
        note=(
            "Bedrock's log has no cost: rows are priced from the catalogue. Answers logged apart under data/ are not"
            " needed."
        ),
    ),
)
