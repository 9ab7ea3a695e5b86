"""Langfuse observations: the UI's batch export (CSV, JSON, JSONL), blob storage exports, single traces as JSON.

Source: langfuse/langfuse `observation-stream.ts`, `observations_converters.ts`, `fern/apis/server/commons.yml`.
`usageDetails` holds priced buckets, see `langfuse_usage`. Costs are USD, times UTC. `latency` is milliseconds in the
UI's export and seconds in the API: it is not used.
"""

from __future__ import annotations

import json
from typing import Any

from data.formats import Format, has, langfuse_usage, span_trees, usage_words
from data.formats.langfuse_usage import BARE, COST, MODEL, STRUCTURE

OBSERVATION = {
    "id": "VARCHAR",
    "type": "VARCHAR",
    "projectId": "VARCHAR",
    "traceId": "VARCHAR",
    "parentObservationId": "VARCHAR",
    "name": "VARCHAR",
    "startTime": "VARCHAR",
    "endTime": "VARCHAR",
    "completionStartTime": "VARCHAR",
    "level": "VARCHAR",
    "statusMessage": "VARCHAR",
    "environment": "VARCHAR",
    "model": "VARCHAR",
    "providedModelName": "VARCHAR",  # so the second API of version 3 calls it
    "modelParameters": "JSON",
    "metadata": "JSON",
    "usageDetails": "JSON",
    "providedUsageDetails": "JSON",
    "usage": "JSON",
    "costDetails": "JSON",
    "providedCostDetails": "JSON",
    "inputUsage": "VARCHAR",
    "outputUsage": "VARCHAR",
    "totalUsage": "VARCHAR",
    "totalCost": "VARCHAR",
    "calculatedTotalCost": "VARCHAR",
    "promptName": "VARCHAR",
    "traceName": "VARCHAR",
    "traceTags": "JSON",
    "tags": "JSON",  # the trace's, as the second API calls them
    "userId": "VARCHAR",
    "sessionId": "VARCHAR",
    "updatedAt": "VARCHAR",
}
# Blob storage names them in snake case, and the model after who named it.
BLOB_NAMES = {
    "projectId": "project_id",
    "traceId": "trace_id",
    "parentObservationId": "parent_observation_id",
    "startTime": "start_time",
    "endTime": "end_time",
    "completionStartTime": "completion_start_time",
    "statusMessage": "status_message",
    "model": "provided_model_name",
    "modelParameters": "model_parameters",
    "usageDetails": "usage_details",
    "providedUsageDetails": "provided_usage_details",
    "costDetails": "cost_details",
    "providedCostDetails": "provided_cost_details",
    "totalCost": "total_cost",
    "promptName": "prompt_name",
    "traceName": "trace_name",
    "traceTags": "trace_tags",
    "userId": "user_id",
    "sessionId": "session_id",
    "updatedAt": "updated_at",
}
TRACE = {
    "name": "VARCHAR",
    "userId": "VARCHAR",
    "sessionId": "VARCHAR",
    "tags": "JSON",
    "scores": [{"name": "VARCHAR", "value": "DOUBLE", "observationId": "VARCHAR"}],
}
TIER_NAMES = (
    "gen_ai.openai.response.service_tier",
    "openai.response.service_tier",
    "gen_ai.response.service_tier",
    "gen_ai.openai.request.service_tier",
    "gen_ai.request.service_tier",
)
METADATA = {
    "ls_provider": "VARCHAR",
    "attributes": dict.fromkeys(("gen_ai.provider.name", "gen_ai.system", "llm.provider", *TIER_NAMES), "VARCHAR"),
    **dict.fromkeys(("service_tier", "traffic_type", "trafficType", "speed"), "VARCHAR"),
}


# An observation as a node of its tree, see `span_trees`: its counts as texts, by the names used there.
NODE = {
    "trace_id": "coalesce(text_of(o.traceId), text_of(o.id))",
    "span_id": "text_of(o.id)",
    "parent_id": "coalesce(text_of(o.parentObservationId), '')",
    "operation": "CASE o.type WHEN 'GENERATION' THEN 'chat' ELSE lower(o.type) END",
    "failed": "coalesce(upper(o.level) = 'ERROR', FALSE)",
    "model": MODEL,
    **langfuse_usage.NODE,
}


def rows(observations: str) -> str:
    """SQL: `observations` (the observation as `o`, its trace as `t`) with usage `u`, metadata `m` and what its tree
    says of it (`span_trees.mark_calls`)."""
    nodes = ", ".join(f"{sql} AS {name}" for name, sql in NODE.items())
    return f"""SELECT * FROM (
        WITH RECURSIVE seen AS (
            SELECT *, json_transform(details, '{json.dumps(STRUCTURE)}') AS u
            FROM (SELECT *, {usage_words.snake(langfuse_usage.DETAILS_OR_USAGE)} AS details,
                json_transform(json_of(o.metadata), '{json.dumps(METADATA)}') AS m FROM ({observations}))
        ),
        observed AS (SELECT *, {nodes} FROM seen),
        {span_trees.mark_calls("observed")})"""


NO_TRACE = f"json_transform('{{}}', '{json.dumps(TRACE)}') AS t"
BLOB = ", ".join(f"'{name}': d.{BLOB_NAMES.get(name, name)}" for name in OBSERVATION)
IN_TRACE = f"""
    SELECT file_no, row_number() OVER (PARTITION BY file_no ORDER BY record_no) AS record_no, path,
        coalesce(observation::VARCHAR, raw) AS raw,
        json_transform(observation, '{json.dumps(OBSERVATION)}') AS o, json_transform(trace, '{json.dumps(TRACE)}') AS t
    FROM (SELECT *, unnest(coalesce(nullif(d.observations, []), [NULL])) AS observation, coalesce(d.trace,
        raw::JSON) AS trace FROM records)"""

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
FAILED = "upper(o.level) = 'ERROR'"
GRADES = (
    "('quality', 'correctness', 'accuracy', 'success', 'helpfulness', 'relevance', 'user-feedback', 'user_feedback')"
)
GRADE = (
    f"list_filter(t.scores, lambda s: lower(s.name) IN {GRADES} AND s.value BETWEEN 0 AND 1 "
    "AND (s.observationId IS NULL OR s.observationId = o.id))[1]"
)

# What metadata says that is worth filtering by: short scalars, and nothing that may be a prompt or an answer.
SHORT_VALUES = """CASE WHEN json_type(json_of(o.metadata)) = 'OBJECT' THEN to_json(map_from_entries(list_filter(
    map_entries(json_of(o.metadata)::MAP(VARCHAR, JSON)), lambda e: json_type(e.value) NOT IN ('OBJECT', 'ARRAY',
    'NULL')
    AND length(e.value::VARCHAR) <= 200 AND NOT regexp_matches(lower(e.key),
    'input|output|prompt|message|content|completion|query')
))) ELSE '{}'::JSON END"""

# How it was served is said by the answer, which integrations put into the metadata; what was asked for comes last.
SERVED = ", ".join(f'text_of(m.attributes."{name}")' for name in TIER_NAMES)
TRAFFIC = "lower(coalesce(m.traffic_type, m.trafficType))"
ASKED = "json_of(o.modelParameters)"
SPEED = usage_words.uncommon_speed(f"coalesce(m.speed, jtext({ASKED}, '$.speed'))")
TIER = f"""CASE WHEN ({SPEED}) IS NOT NULL THEN {SPEED}
    WHEN {TRAFFIC} NOT IN ('on_demand', 'traffic_type_unspecified') THEN {TRAFFIC}
    ELSE coalesce(text_of(m.service_tier), {SERVED}, jtext({ASKED}, '$.service_tier'), jtext({ASKED}, '$.serviceTier'))
    END"""

# A number under a key that nobody knows may be a bill of its own (a reranker's searches): such an observation is no
# wrapper, unless others below it are metered.
COUNTS_SOMETHING = """(carried_below IS NOT TRUE AND carried_above IS NOT TRUE
    AND coalesce(regexp_matches(details::VARCHAR, ':[ "]*[0-9.]*[1-9]'), FALSE))"""
COLUMNS = langfuse_usage.COLUMNS | {
    "event_key": "o.id",
    "call_id": "o.id",
    "requested_at": "utc(o.startTime)",
    "recorded_at": "utc(o.updatedAt)",
    "provider": (
        'lower(coalesce(text_of(m.ls_provider), text_of(m.attributes."gen_ai.system"), '
        'text_of(m.attributes."gen_ai.provider.name"), text_of(m.attributes."llm.provider")))'
    ),
    "service_tier": TIER,
    "model_raw": MODEL,
    "operation": "CASE o.type WHEN 'EMBEDDING' THEN 'embedding' ELSE 'chat' END",
    "project": "text_of(o.projectId)",
    # Agent frameworks put a run's id into the name of its trace; it is no feature.
    "feature": f"text_of(regexp_replace(coalesce(text_of(o.traceName), t.name), '{UUID}', '', 'g'))",
    "environment": "nullif(text_of(o.environment), 'default')",
    "user_id": "coalesce(text_of(o.userId), text_of(t.userId))",
    "session_id": "coalesce(text_of(o.sessionId), text_of(t.sessionId), text_of(o.traceId))",
    "tags": (
        f"json_merge_patch({SHORT_VALUES}, json_object('name', o.name, 'prompt_name', o.promptName, 'trace_tags',"
        " coalesce(json_of(o.traceTags), json_of(o.tags), t.tags), 'provided_cost_usd',"
        " jtext(json_of(o.providedCostDetails), '$.total')))"
    ),
    "latency_ms": "date_diff('millisecond', utc(o.startTime), utc(o.endTime))",
    "ttft_ms": "date_diff('millisecond', utc(o.startTime), utc(o.completionStartTime))",
    "status": f"CASE WHEN {FAILED} THEN 'error' ELSE 'success' END",
    "error_class": f"CASE WHEN {FAILED} THEN text_of(o.statusMessage) END",
    "quality_score": f"{GRADE}.value",
    "quality_source": f"'langfuse ' || {GRADE}.name",
    "caveats": "[CASE WHEN exceeds THEN 'total_above_parts' END]",
    "unmetered": f"NOT failed AND metered IS NOT TRUE AND {BARE} AND {COST} IS NULL",
    "skip": (
        f"""CASE WHEN o IS NULL THEN 'a trace without observations'
        WHEN is_call IS NOT TRUE AND metered IS NOT TRUE AND NOT {COUNTS_SOMETHING}
            THEN 'a span without usage of its own'
        WHEN carried_below THEN '{span_trees.SPAN_ABOVE}'
        WHEN carried_above AND (metered OR NOT failed) THEN '{span_trees.CARRIED_ABOVE}' END"""
    ),
}

NOTE = "An observation (an agent, a wrapping library) whose usage is that of others below it repeats them: not counted."


def is_observation(sample: list[dict]) -> bool:
    """The export of observations as one row each, with the API's spelling."""
    return has(sample, "id", "traceId", "type", "startTime") and not has(sample, "observations")


def is_blob(sample: list[dict]) -> bool:
    """The same in snake case; other products have such ids and times too."""
    own = {name for name in BLOB_NAMES.values() if name not in ("trace_id", "start_time", "end_time", "user_id")}
    return has(sample, "id", "trace_id", "type", "start_time") and any(own & record.keys() for record in sample)


def is_trace(sample: list[dict]) -> bool:
    """A trace with its observations in full; the API's list of traces has only their ids."""
    lists = [held for record in sample if isinstance(held := record.get("observations"), list)]
    inner = [o for held in lists for o in held if isinstance(o, dict)]
    return has(sample, "observations") and has(inner, "id", "type", "startTime")


SHAPE: dict[str, Any] = {
    "family": "langfuse",
    "columns": COLUMNS,
    "usage": langfuse_usage.OBJECTS,
    "assume_input_has_cache": False,
    "assume_output_has_reasoning": False,
    "note": NOTE,
    "text_columns": {"prompt": "jtext(raw, '$.input')", "completion": "jtext(raw, '$.output')"},
}
FORMATS = (
    Format(
        name="langfuse",
        label="Langfuse observations export",
        recognise=is_observation,
        fields=OBSERVATION,
        rows=rows(f"SELECT *, d AS o, {NO_TRACE} FROM records"),
        **SHAPE,
    ),
    Format(
        name="langfuse_blob",
        label="Langfuse blob storage export",
        recognise=is_blob,
        fields={BLOB_NAMES.get(name, name): kind for name, kind in OBSERVATION.items()},
        rows=rows(f"SELECT *, {{{BLOB}}} AS o, {NO_TRACE} FROM records"),
        **SHAPE,
    ),
    Format(
        name="langfuse_trace",
        label="Langfuse trace",
        documents=True,
        order=40,
        recognise=is_trace,
        fields={"trace": "JSON", "observations": ["JSON"]},
        rows=rows(IN_TRACE),
        **SHAPE,
    ),
)
