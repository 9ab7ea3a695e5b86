"""Results of Claude Code runs: `claude -p --output-format json` and `stream-json`, and the Agent SDK's result message.

A result sums a whole run up by model (`modelUsage`, with the client's own dollars); the messages streamed before it are
parts of it, their outputs placeholders, so the result alone counts. `usage` is the run's own main line, without
background models and subagents. What `modelUsage` sums differs: of older clients one run, of one process with several
turns all of them, and since Agent SDK 0.3.277 a resumed session's earlier runs too. So of several results of a session
each counts what came on top of the one before where its own `usage` says that it holds that one; where the numbers
leave it open, the row is marked. A result carries no time: a stream's own lines do, or the logger writes one beside it.
Sources: code.claude.com/docs/en/agent-sdk/cost-tracking (2026-09), anthropics/claude-agent-sdk-typescript#469,
anthropics/claude-code#39733, recorded results of clients 2.0 and 2.1 in public repositories.
"""

from __future__ import annotations

import json

from data.formats import Format, UsageObject, claude_usage, envelope

# Our word, the model's own key, and the run's; the four that every model has.
COUNTS = {
    "input": ("inputTokens", "input_tokens"),
    "output": ("outputTokens", "output_tokens"),
    "cache_read": ("cacheReadInputTokens", "cache_read_input_tokens"),
    "cache_write": ("cacheCreationInputTokens", "cache_creation_input_tokens"),
}
EXTRA = {"thinking": "thinkingTokens", "searches": "webSearchRequests", "usd": "costUSD"}
KEYS = {name: key for name, (key, _) in COUNTS.items()} | EXTRA
BY_MODEL = dict.fromkeys(KEYS.values(), "VARCHAR") | {"canonicalModel": "VARCHAR", "provider": "VARCHAR"}
RESULT = {
    "type": "VARCHAR",
    "subtype": "VARCHAR",
    "session_id": "VARCHAR",
    "uuid": "VARCHAR",
    "is_error": "VARCHAR",
    "num_turns": "VARCHAR",
    "total_cost_usd": "VARCHAR",
    "fast_mode_state": "VARCHAR",
    "usage": claude_usage.USAGE,
    "modelUsage": "JSON",
    "model_usage": "JSON",
}
FIELDS = envelope.FIELDS | {
    "type": "VARCHAR",
    "uuid": "VARCHAR",
    "output": "JSON",
    "message": {"usage": "JSON"},
    "total_cost_usd": "VARCHAR",
}
HELD = [f"d.{name}" for name in ("response", "body", "result", "output")]  # where a logger puts a result beside a time
IS_RESULT = "(jtext({0}, '$.type') = 'result' OR json_extract({0}, '$.total_cost_usd') IS NOT NULL)"
FOUND = " ".join(f"WHEN json_type({held}) = 'OBJECT' AND {IS_RESULT.format(held)} THEN {held}" for held in HELD)
OWN = f"CASE WHEN d.type = 'result' OR d.total_cost_usd IS NOT NULL THEN raw::JSON {FOUND} END"
TIME = "coalesce({})".format(", ".join(f'utc(d."{name}")' for name in envelope.TIMES))

MODELS = f"""map_from_entries(list_transform(map_entries(coalesce(
    json_transform(coalesce(r."modelUsage", r.model_usage), '"MAP(VARCHAR, JSON)"'), MAP {{}})),
    lambda m: struct_pack(key := m.key, value := json_transform(m.value, '{json.dumps(BY_MODEL)}'))))"""


def _sum(models: str, key: str) -> str:
    return f'coalesce(list_sum(list_transform(map_values({models}), lambda m: number(m."{key}"))), 0)'


def _own(key: str) -> str:
    return f"coalesce(number(r.usage.{key}), 0)"


def _all(condition: str) -> str:
    """SQL: what holds for each of the four counts, `{sum}` being the models', `{before}` those of the session's result
    before and `{own}` the run's own."""
    return " AND ".join(
        condition.format(sum=_sum("models", key), before=_sum("before", key), own=_own(own))
        for key, own in COUNTS.values()
    )


GROWN = f"{_all('{sum} >= {before}')} AND {_sum('models', 'costUSD')} >= {_sum('before', 'costUSD')}"
IS_RUN = _all("{sum} = {own}")
MAIN = " AND ".join(f'coalesce(number(m."{key}"), 0) = {_own(own)}' for key, own in COUNTS.values())
HAS_MAIN = f"len(list_filter(map_values(models), lambda m: {MAIN})) > 0"

ROWS = f"""
    SELECT *, CASE WHEN running THEN before[ran] END AS held, models[ran] AS n,
        cardinality(models) <= 1 OR coalesce({MAIN.replace("m.", "models[ran].")}, FALSE) AS is_main
    FROM (
        SELECT *, unnest(CASE WHEN cardinality(models) > 0 THEN map_keys(models) ELSE [NULL] END) AS ran,
            generate_subscripts(CASE WHEN cardinality(models) > 0 THEN map_keys(models) ELSE [NULL] END, 1) AS place
        FROM (
            SELECT *, before IS NOT NULL AND ({GROWN}) AS grown, grown AND NOT ({IS_RUN})
                    AND {_all("{sum} >= {before} + {own}")} AS running,
                running AND {_all("{sum} = {before} + {own}")} AS surely
            FROM (
                SELECT *, CASE WHEN r IS NOT NULL THEN lag(models) OVER (PARTITION BY r IS NULL, coalesce(r.session_id,
                        raw) ORDER BY moment, file_no, record_no) END AS before,
                    bool_or(r IS NOT NULL) OVER (PARTITION BY file_no, session) AS has_result
                FROM (
                    SELECT *, {MODELS} AS models, last_value({TIME} IGNORE NULLS) OVER (PARTITION BY file_no, session
                        ORDER BY record_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS moment
                    FROM (
                        SELECT *, coalesce(text_of(r.session_id), text_of(d.session_id), '') AS session
                        FROM (
                            SELECT *, json_transform(result, '{json.dumps(RESULT)}') AS r
                            FROM (SELECT *, {OWN} AS result FROM records)))))))"""

IS_FAILED = "(lower(r.is_error) = 'true' OR r.subtype LIKE 'error%')"
NO_TIME = (
    'this result carries no time: write one beside it (claude -p ... | jq -c ". + {timestamp: (now | todate)}"),'
    " or load the session files of ~/.claude/projects instead"
)
NO_RESULT = "its run has no result in this file, and a streamed message says too little: load the session file instead"
LISTED = 'coalesce(list_sum(list_transform(map_values(models), lambda m: number(m."costUSD"))), 0)'
# The client writes 0 for a model whose price it does not know.
PRICED = 'number(n."costUSD") > 0'


def _count(name: str) -> str:
    key = KEYS[name]
    own = COUNTS.get(name, ("", ""))[1]
    whole = f'CASE WHEN ran IS NULL THEN r.usage.{own} ELSE n."{key}" END' if own else f'n."{key}"'
    rest = f'greatest(number(n."{key}") - coalesce(number(held."{key}"), 0), 0)::BIGINT::VARCHAR'
    return f"CASE WHEN held IS NULL THEN {whole} ELSE {rest} END"


def _split(life: str) -> str:
    """SQL: the run's cache writes of a lifetime, where they are this model's."""
    same = " AND ".join(f"number({_count(name)}) = {_own(COUNTS[name][1])}" for name in ("output", "cache_write"))
    return f"CASE WHEN {same} THEN r.usage.cache_creation.ephemeral_{life}_input_tokens END"


USD = 'TRY_CAST(n."costUSD" AS DECIMAL(28, 12))'
BEFORE_USD = 'coalesce(TRY_CAST(held."costUSD" AS DECIMAL(28, 12)), 0)'
COLUMNS = {
    "event_key": "coalesce(text_of(r.uuid), concat_ws(':', session, md5(result::VARCHAR))) || coalesce(':' || ran, '')",
    "requested_at": "moment",
    "provider": """CASE WHEN lower(n.provider) = 'bedrock' THEN 'aws' WHEN lower(n.provider) = 'vertex' THEN 'google'
        WHEN lower(n.provider) = 'foundry' THEN 'azure' WHEN ran IS NULL OR ran LIKE '%claude%' THEN 'anthropic' END""",
    "region": f"CASE WHEN is_main THEN {claude_usage.region('r.usage')} END",
    "service_tier": """CASE WHEN is_main AND (r.usage.speed = 'fast' OR r.fast_mode_state = 'on') THEN 'fast'
        WHEN is_main THEN r.usage.service_tier END""",
    "model_raw": "coalesce(CASE WHEN ran LIKE '%[%' THEN n.canonicalModel END, regexp_replace(ran, '\\[.*\\]$', ''))",
    "operation": "'chat'",
    **{name: envelope.COLUMNS[name] for name in ("team", "project", "feature", "environment", "customer_id")},
    "user_id": "coalesce(text_of(d.user_id), text_of(d.user))",
    "session_id": "nullif(session, '')",
    "tags": """nullif(json_merge_patch('{}', json_object('num_turns', r.num_turns, 'subtype',
        CASE WHEN r.subtype <> 'success' THEN r.subtype END))::VARCHAR, '{}')""",
    "task_type": "'coding'",
    **{f"{name}_tokens": _count(name) for name in COUNTS},
    **{f"cache_write_{life}_tokens": _split(life) for life in ("5m", "1h")},
    "reasoning_tokens": f"coalesce({_count('thinking')}, CASE WHEN is_main AND held IS NULL"
    " THEN r.usage.output_tokens_details.thinking_tokens END)",
    "server_tools": f"""json_object('web_search', TRY_CAST({_count("searches")} AS BIGINT), 'code_execution',
        CASE WHEN is_main THEN TRY_CAST(r.usage.server_tool_use.code_execution_requests AS BIGINT) END)""",
    "input_has_cache": "FALSE",
    "output_has_reasoning": "TRUE",
    "status": f"CASE WHEN {IS_FAILED} THEN 'error' END",
    "reported_cost_usd": f"""CASE WHEN {PRICED} THEN greatest({USD} - {BEFORE_USD}, 0)::VARCHAR
        WHEN cardinality(models) <= 1 AND number(r.total_cost_usd) > 0 AND held IS NULL THEN r.total_cost_usd END""",
    "caveats": f"""[
        CASE WHEN NOT running AND {LISTED} > 0 AND number(r.total_cost_usd) > {LISTED} + 0.000001
            THEN 'total_above_parts' END,
        CASE WHEN running AND NOT surely OR NOT running AND (grown OR cardinality(models) > 0
                AND {_own("output_tokens")} > 0 AND NOT ({IS_RUN}) AND NOT {HAS_MAIN})
            OR {LISTED} > number(r.total_cost_usd) + 0.000001 THEN 'split_assumed' END]""",
    "skip": f"""CASE WHEN r IS NULL AND (d.message.usage IS NULL OR has_result)
            THEN 'no result: what a run used is summed up in its result'
        WHEN r IS NOT NULL AND {" AND ".join(f"coalesce(number({_count(name)}), 0) = 0" for name in COUNTS)}
            AND coalesce(number(n."costUSD"), number(r.total_cost_usd), 0) <= {BEFORE_USD}
            THEN 'a result without usage of its own' END""",
    "reject": f"CASE WHEN r IS NULL THEN '{NO_RESULT}' WHEN moment IS NULL THEN '{NO_TIME}' END",
}


def _is_result(record: dict) -> bool:
    held = [record, *(record.get(name) for name in ("response", "body", "result", "output"))]
    return any(
        isinstance(r, dict)
        and (
            r.get("type") == "result"
            and ("modelUsage" in r or "total_cost_usd" in r)
            or "total_cost_usd" in r
            and "session_id" in r
            and "num_turns" in r
        )
        for r in held
    )


def _is_streamed(record: dict) -> bool:
    opens = record.get("type") == "system" and record.get("subtype") == "init"
    return "session_id" in record and "sessionId" not in record and (opens or "parent_tool_use_id" in record)


FORMATS = (
    Format(
        name="claude_code_result",
        label="Claude Code results (`claude -p --output-format json` or `stream-json`, Agent SDK)",
        family="claude_run",
        recognise=lambda sample: any(_is_result(r) or _is_streamed(r) for r in sample),
        fields=FIELDS,
        rows=ROWS,
        columns=COLUMNS,
        usage=(
            UsageObject(
                "json_extract(coalesce(r.\"modelUsage\", r.model_usage), '$.\"' || ran || '\"')",
                BY_MODEL,
                {"contextWindow": "a limit of the model", "maxOutputTokens": "a limit of the model"},
                "modelUsage",
            ),
            UsageObject(
                "CASE WHEN coalesce(place, 1) = 1 THEN json_extract(result, '$.usage') END",
                claude_usage.USAGE,
                {"server_tool_use.tool_search_requests": "no fee: the tokens it takes are in the counts"},
            ),
        ),
        assume_input_has_cache=False,
        order=36,
        note="One row a run and model; dollars are the client's estimate. The same calls stand in the session files of"
        " ~/.claude/projects and in the agent's telemetry: load one of them.",
    ),
)
