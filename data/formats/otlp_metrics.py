"""Token and cost counters of coding agents and of GenAI instrumentations (OTLP metrics), as lines of the day.

They tell the same calls again that events, spans and session files tell one by one, so they never become usage rows and
their dollars, an estimate at list price, are no bill. Points of a delta counter are added; a cumulative counter counts
what was added since the series began, or since the file's first point where it began on an earlier day.
Names: Claude Code's monitoring page (copy of 2026-05), gemini-cli `docs/cli/telemetry.md` 5411f113, codex
`TURN_TOKEN_USAGE_METRIC`, semantic-conventions-genai 2f4c6b1c. A histogram's `sum` is its tokens.
"""

from __future__ import annotations

from data.formats import Format, agent_events, has
from data.formats.spellings import both, either

TOKENS = ("claude_code.token.usage", "gemini_cli.token.usage", "qwen-code.token.usage", "codex.turn.token_usage")
COST = "claude_code.cost.usage"
# The convention's own names; the first was renamed.
GENERAL = (
    "gen_ai.client.token.usage",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
)
READ = (*TOKENS, COST, *GENERAL)

# What a count is called in each agent, and the line it becomes; what is a part of another count is said in its note.
KINDS = {
    "input": ("input_tokens", ""),
    "output": ("output_tokens", ""),
    "cacheRead": ("cache_read_tokens", ""),
    "cacheCreation": ("cache_write_tokens", ""),
    "cache": ("cache_read_tokens", "part of the input"),
    "cached_input": ("cache_read_tokens", "part of the input"),
    "cache_write_input": ("cache_write_tokens", "part of the input"),
    "thought": ("reasoning_tokens", ""),
    "reasoning_output": ("reasoning_tokens", "part of the output"),
    "tool": ("tool_prompt_tokens", ""),
    "total": ("total_tokens", "the sum of the other counts"),
}


def _by_kind(part: int) -> str:
    cases = " ".join(f"WHEN '{kind}' THEN '{found[part]}'" for kind, found in KINDS.items() if found[part])
    return f"CASE kind {cases} END"


POINT = both(
    {
        "attributes": agent_events.EVENT_ATTRIBUTES,
        "startTimeUnixNano": "VARCHAR",
        "timeUnixNano": "VARCHAR",
        "asInt": "VARCHAR",
        "asDouble": "VARCHAR",
        "sum": "VARCHAR",
        "count": "VARCHAR",
    }
)
DATA = both({"aggregationTemporality": "VARCHAR", "dataPoints": [POINT]})
SCOPE = {"scope": {"name": "VARCHAR"}, "metrics": [{"name": "VARCHAR", "sum": DATA, "histogram": DATA, "gauge": DATA}]}
FIELDS = both(
    {
        "resourceMetrics": [
            {
                "resource": {"attributes": agent_events.EVENT_ATTRIBUTES},
                "scopeMetrics": [SCOPE],
                "instrumentationLibraryMetrics": [SCOPE],
            }
        ]
    }
)


def _label(*keys: str) -> str:
    return "coalesce(" + ", ".join(f"""jtext(a, '$."{key}"')""" for key in keys) + ", NULL)"


# A series is its name and all of its labels; its points in the order of time.
ROWS = f"""
WITH scopes AS (
    SELECT file_no, record_no, path, {agent_events.as_object("r.resource.attributes")} AS resource,
        unnest(coalesce({either("r", "scopeMetrics")}, {either("r", "instrumentationLibraryMetrics")})) AS s
    FROM (SELECT file_no, record_no, path, unnest({either("d", "resourceMetrics")}) AS r FROM records)
),
metrics AS (SELECT * EXCLUDE s, s.scope.name AS scope, unnest(s.metrics) AS m FROM scopes),
points AS (
    SELECT file_no, record_no, path, resource, m.name AS metric,
        upper({either("held", "aggregationTemporality")}) IN ('2', 'AGGREGATION_TEMPORALITY_CUMULATIVE') AS cumulative,
        unnest(coalesce({either("held", "dataPoints")}, [NULL])) AS p
    FROM (SELECT *, coalesce(m.sum, m.histogram, m.gauge) AS held FROM metrics)
),
labelled AS (
    SELECT * EXCLUDE (p, resource), {agent_events.as_object("p.attributes")} AS labels,
        json_merge_patch(coalesce(resource, '{{}}'), coalesce(labels, '{{}}')) AS a,
        nullif({either("p", "startTimeUnixNano")}, '0') AS started_ns, {either("p", "timeUnixNano")} AS ns,
        coalesce({either("p", "asInt")}, {either("p", "asDouble")}, p.sum) AS value, p.count AS requests
    FROM points
),
series AS (
    SELECT *, md5(concat_ws('|', metric, a::VARCHAR)) AS series, utc(ns) AS measured_at, utc(started_ns) AS started_at,
        coalesce({_label("type", "gen_ai.token.type", "token_type")},
            CASE WHEN metric LIKE '%.input_tokens' THEN 'input' WHEN metric LIKE '%.output_tokens' THEN 'output' END)
            AS kind,
        bool_or(metric IN {TOKENS}) OVER (PARTITION BY file_no, {_label("service.name")}) AS agent_counts
    FROM labelled
),
added AS (
    SELECT *, CAST(measured_at AS DATE) AS day, TRY_CAST(value AS DECIMAL(38,12)) AS number_now,
        lag(number_now) OVER before AS number_before, max(ns) OVER (PARTITION BY file_no, series, started_ns, day)
            AS last_of_day,
        first_value(number_now) OVER before AS number_first
    FROM series
    WINDOW before AS (PARTITION BY file_no, series, started_ns ORDER BY TRY_CAST(ns AS HUGEINT), record_no)
),
counted AS (
    SELECT *, NOT cumulative OR ns = last_of_day AS is_line,
        cumulative AND CAST(started_at AS DATE) < day AND number_before IS NOT NULL AS is_rest,
        CASE WHEN NOT cumulative THEN number_now
             ELSE number_now - coalesce(max(number_now) OVER earlier,
                CASE WHEN CAST(started_at AS DATE) < day AND number_before IS NOT NULL THEN number_first END, 0)
        END AS added
    FROM added
    WINDOW earlier AS (PARTITION BY file_no, series, started_ns ORDER BY day
        RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 DAY PRECEDING)
)
SELECT * EXCLUDE record_no, row_number() OVER (PARTITION BY file_no ORDER BY record_no, metric, kind, ns) AS record_no,
    json_object('metric', metric, 'labels', labels, 'start', started_ns, 'time', ns, 'value', value)::VARCHAR AS raw
FROM counted WHERE metric IS NOT NULL"""

COLUMNS = {
    "event_key": "concat_ws(':', series, started_ns, CASE WHEN cumulative THEN day::VARCHAR ELSE ns END)",
    "provider": f"""CASE WHEN starts_with(metric, 'claude_code.') THEN 'anthropic'
        WHEN starts_with(metric, 'codex.') THEN 'openai' WHEN starts_with(metric, 'gemini_cli.') THEN 'google'
        ELSE provider_of(lower({_label("gen_ai.provider.name", "gen_ai.system")})) END""",
    "day": "day",
    "line_item": f"CASE WHEN metric = '{COST}' THEN 'estimated_cost' ELSE coalesce({_by_kind(0)}, kind, metric) END",
    "model": _label("model", "gen_ai.response.model", "gen_ai.request.model"),
    "project": _label("team", "team.id", "team.name", "department", "user.email", "service.name"),
    "kind": f"CASE WHEN metric = '{COST}' THEN 'estimate' ELSE 'usage' END",
    "amount": f"CASE WHEN metric = '{COST}' THEN added::VARCHAR END",
    "currency": f"CASE WHEN metric = '{COST}' THEN 'USD' END",
    "quantity": f"CASE WHEN metric <> '{COST}' THEN added END",
    "unit": f"CASE WHEN metric <> '{COST}' THEN 'tokens' END",
    "note": f"""nullif(concat_ws(', ', CASE WHEN metric = '{COST}' THEN 'the agent''s own estimate at list price' END,
        {_by_kind(1)}, CASE WHEN is_rest THEN 'counted from the first point of the file' END), '')""",
    "skip": f"""CASE WHEN metric NOT IN {READ} THEN 'a metric without tokens or cost'
        WHEN metric IN {GENERAL} AND agent_counts THEN 'the agent''s own counter has its tokens'
        WHEN NOT is_line THEN 'a point of a counter that a later one of the day includes'
        WHEN added = 0 THEN 'a count of zero' END""",
    "reject": "CASE WHEN ns IS NULL THEN 'a point without a time' END",
}

FORMATS = (
    Format(
        name="otlp_metrics",
        label="OpenTelemetry metrics of coding agents (OTLP: token and cost counters)",
        recognise=lambda sample: has(sample, "resourceMetrics") or has(sample, "resource_metrics"),
        fields=FIELDS,
        rows=ROWS,
        columns=COLUMNS,
        no_usage="a point is one number, which becomes a line; other metrics are counted as skipped",
        table="billed",
        supersedes=True,
        order=40,
        documents=True,
        note=(
            "Counters by UTC day for comparison: the calls themselves come from events, traces or session files, and"
            " the dollars are the agent's own estimate, not a bill."
        ),
    ),
)
