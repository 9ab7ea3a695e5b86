"""The usage object of Anthropic's messages, wherever it is logged: bodies, streams, Claude Code sessions.

Input is disjoint from cache reads and writes; thinking is inside `output_tokens`. Where one answer took several model
runs, `iterations` lists them, and the object's own counts are those of the answering model's `message` runs alone: a
compaction or an advisor (its own `model`) comes on top and is a row of its own, at the price of the model that ran.
Source: anthropic SDK 2.14.0, `beta_usage.py`, and recorded bodies of both kinds (facts/formats3.md U1).
"""

from __future__ import annotations

from data.formats import UsageObject

RUNS = ("message", "fallback_message", "compaction", "advisor_message")
TOOLS = ("web_search", "web_fetch", "code_execution")
COUNTS = {
    "input_tokens": "VARCHAR",
    "output_tokens": "VARCHAR",
    "cache_read_input_tokens": "VARCHAR",
    "cache_creation_input_tokens": "VARCHAR",
    "cache_creation": {"ephemeral_5m_input_tokens": "VARCHAR", "ephemeral_1h_input_tokens": "VARCHAR"},
}
USAGE = COUNTS | {
    "output_tokens_details": {"thinking_tokens": "VARCHAR"},
    "server_tool_use": {f"{tool}_requests": "VARCHAR" for tool in TOOLS},
    "speed": "VARCHAR",
    "service_tier": "VARCHAR",
    "inference_geo": "VARCHAR",
    "iterations": [COUNTS | {"type": "VARCHAR", "model": "VARCHAR"}],
}
FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "read": "cache_read_input_tokens",
    "write": "cache_creation_input_tokens",
    "write_5m": "cache_creation.ephemeral_5m_input_tokens",
    "write_1h": "cache_creation.ephemeral_1h_input_tokens",
}


def seller(message: str) -> str:
    """SQL: who answered. Bedrock and Vertex mark the ids of the messages they host."""
    return (
        f"CASE WHEN {message}.id LIKE 'msg_bdrk_%' THEN 'aws' WHEN {message}.id LIKE 'msg_vrtx_%' THEN 'google'"
        " ELSE 'anthropic' END"
    )


def region(usage: str) -> str:
    """SQL: where the work had to stay, which has a price of its own; NULL where it could go anywhere."""
    return f"CASE WHEN {usage}.inference_geo NOT IN ('not_available', 'global') THEN text_of({usage}.inference_geo) END"


_ANSWERS = "coalesce(i.type, 'message') IN ('message', 'fallback_message')"
_SIZE = " + ".join(f"coalesce(count_of(i.{FIELDS[name]}), 0)" for name in ("input", "output", "read", "write"))


def _sum(runs: str, field: str) -> str:
    return f"list_sum(list_transform({runs}, lambda i: count_of(i.{field})))"


def rows(relation: str, usage: str, model: str) -> str:
    """SQL: `relation` with a row per model run to bill: `run` (0 for the answer), `ran` (its model) and the counts `n`.

    `usage` is a struct of `USAGE`, `model` the answer's model.
    """
    runs = f"coalesce({usage}.iterations, [])"

    def counted(name: str, field: str) -> str:
        whole = f"{usage}.{field}"
        # Runs of another model are in the whole; what is listed can also be less than it.
        own = f"greatest({_sum('answers', field)}, count_of({whole}) - coalesce({_sum('relayed', field)}, 0))"
        return f"{name} := CASE WHEN len({runs}) > 0 THEN coalesce({own}::BIGINT::VARCHAR, {whole}) ELSE {whole} END"

    answer = ", ".join(counted(name, field) for name, field in FIELDS.items())
    other = ", ".join(f"{name} := extra.{field}" for name, field in FIELDS.items())
    return f"""
    SELECT * EXCLUDE (extra, answers, relayed), coalesce(extra.model, {model}) AS ran,
        CASE WHEN run = 0 THEN struct_pack({answer}) ELSE struct_pack({other}) END AS n
    FROM (
        SELECT *, unnest(list_concat([NULL], extras)) AS extra, generate_subscripts(list_concat([NULL], extras),
            1) - 1 AS run
        FROM (SELECT *,
            list_filter({runs}, lambda i: {_ANSWERS} AND coalesce(i.model, {model}, '') = coalesce({model},
                '')) AS answers,
            list_filter({runs}, lambda i: {_ANSWERS} AND i.model <> {model}) AS relayed,
            list_filter({runs}, lambda i: NOT ({_ANSWERS} AND coalesce(i.model, {model}, '') = coalesce({model}, ''))
                AND {_SIZE} > 0) AS extras
        FROM ({relation})))"""


RUN = "CASE WHEN run > 0 THEN '/' || run ELSE '' END"  # what tells a further run's id from its answer's

# Columns of what `rows` returns.
COLUMNS = {
    "input_tokens": "n.input",
    "cache_read_tokens": "n.read",
    "cache_write_tokens": "n.write",
    "cache_write_5m_tokens": "n.write_5m",
    "cache_write_1h_tokens": "n.write_1h",
    "output_tokens": "n.output",
    "input_has_cache": "FALSE",
    "output_has_reasoning": "TRUE",
}


def server_tools(usage: str, content: str) -> str:
    """SQL: calls of the provider's tools, by tool, of a usage object `usage`; where it does not count them, those that
    the answer's `content` lists."""
    blocks = f"""from_json(CASE WHEN {usage}.server_tool_use IS NULL AND contains({content}::VARCHAR, 'server_tool_use')
        AND json_type({content}) = 'ARRAY' THEN {content} ELSE '[]' END, '["JSON"]')"""
    named = f"list_filter({blocks}, lambda c: (c ->> 'type') = 'server_tool_use' AND (c ->> 'name') = '{{}}')"
    calls = (
        f"'{tool}', coalesce(TRY_CAST({usage}.server_tool_use.{tool}_requests AS BIGINT), len({named.format(tool)}))"
        for tool in TOOLS
    )
    return f"json_object({', '.join(calls)})"


def odd_runs(usage: str) -> str:
    """SQL: does it list model runs of a kind whose place in the counts is not known?"""
    return f"len(list_filter({usage}.iterations, lambda i: i.type NOT IN ({', '.join(map(repr, RUNS))}))) > 0"


def columns(usage: str, content: str) -> dict[str, str]:
    """The columns of a usage object `usage`, on the rows of `rows`; what belongs to the answer stands on its row
    alone."""
    return COLUMNS | {
        "server_tools": f"CASE WHEN run = 0 THEN {server_tools(usage, content)} END",
        "reasoning_tokens": f"CASE WHEN run = 0 THEN {usage}.output_tokens_details.thinking_tokens END",
    }


def objects(json: str) -> tuple[UsageObject, ...]:
    """The usage object under the SQL `json`, on the row of the answer."""
    harmless = {"server_tool_use.tool_search_requests": "no fee: the tokens it takes are in the counts"}
    return (UsageObject(f"CASE WHEN run = 0 THEN {json} END", USAGE, harmless),)


def incomplete(stop_reason: str, content: str, output: str) -> str:
    """SQL: was this written before the answer ended? Its count of one or two, or far below what was said,
    is a placeholder."""
    return f"""({stop_reason} IS NULL AND json_type({content}) = 'ARRAY' AND json_array_length({content}) > 0
        AND (number({output}) <= 2 OR 20 * number({output}) + 200 < length({content}::VARCHAR)))"""
