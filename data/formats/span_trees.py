"""Which spans of a trace are calls to bill, which repeat the calls below them, and which alone know what was used.

Agents, workflows and wrapping libraries repeat the usage of the calls below. A parent is left out only by evidence:
metered spans below it carry its tokens, or its cost. Where none do, the parent is the only witness and counts.
"""

from __future__ import annotations

CALLS = "('chat', 'text_completion', 'generate_content', 'embeddings', 'completion', 'llm', 'embedding', 'llm_call')"
TOOLS = "('execute_tool', 'tool', 'tool_call')"

SPAN_ABOVE = "it repeats the tokens of the spans below it"
CARRIED_ABOVE = "its usage is in the span above it"

# Counts of a node; what is inside what differs between instrumentations, so a count is a range from low to high.
COUNTS = """
    coalesce(number(input), 0) AS low_in, low_in + coalesce(number(cache_read), 0) + coalesce(number(cache_write),
        0) AS high_in,
    coalesce(number(output), 0) AS low_out, low_out + coalesce(number(reasoning), 0) AS high_out,
    coalesce(number(cost), 0) AS money, lower(text_of(model)) AS name"""

_MEETS = """(a.low_in BETWEEN {low_in} AND {high_in} OR {low_in} BETWEEN a.low_in AND a.high_in)
    AND (a.low_out BETWEEN {low_out} AND {high_out} OR {low_out} BETWEEN a.low_out AND a.high_out)"""
MEETS_ONE = _MEETS.format(**{name: f"l.{name}" for name in ("low_in", "high_in", "low_out", "high_out")})
MEETS_ALL = _MEETS.format(**{name: f"b.{name}" for name in ("low_in", "high_in", "low_out", "high_out")})
# A wrapper may name a model with its provider, or without its date.
SAME_MODEL = "coalesce(contains(a.name, l.name) OR contains(l.name, a.name), TRUE)"


def mark_calls(spans: str) -> str:
    """SQL over `spans` that adds `metered`, `is_call`, `carried_below`, `carried_above` and `exceeds`.

    `spans` is a CTE with `trace_id`, `span_id`, `parent_id` ('' at a root), `operation`,
    `failed` and the texts `input`,
    `output`, `cache_read`, `cache_write`, `reasoning`, `cost`, `model`; the query must stand in a WITH RECURSIVE.

    A metered parent that is no call (`carried_below`) gives way to metered spans below it,
    unless it alone has a cost and
    more tokens than they add up to: then they are its parts (`carried_above`). A call gives way when its counts are
    those of a
    metered span below, or of all of them together; or, where no tool stands between and none of another model alone,
    when they are within its own.
    `exceeds`: a span gave way although its counts, or its cost where all below it have one, are above what is below
    it; the topmost spans below it say so.
    """
    return f"""
nodes AS (
    SELECT DISTINCT ON (trace_id, span_id) trace_id, span_id, parent_id, lower(operation) IN {CALLS} AS is_call,
        lower(operation) IN {TOOLS} AS is_tool, {COUNTS},
        low_in + low_out > 0 OR money > 0 OR coalesce(is_call, FALSE) AND coalesce(input, output) IS NOT NULL AS metered
    FROM {spans}
),
climb AS (  -- from a metered span up to the nearest metered one, and whether a tool stands between
    SELECT trace_id, span_id AS leaf, parent_id AS at, FALSE AS by_tool FROM nodes WHERE metered AND parent_id <> ''
    UNION
    SELECT c.trace_id, c.leaf, n.parent_id, c.by_tool OR coalesce(n.is_tool, FALSE)
    FROM climb AS c JOIN nodes AS n ON n.trace_id = c.trace_id AND n.span_id = c.at WHERE NOT n.metered AND
        n.parent_id <> ''
),
below AS (
    SELECT c.trace_id, c.at AS span_id, sum(l.low_in) AS low_in, sum(l.high_in) AS high_in, sum(l.low_out) AS low_out,
        sum(l.high_out) AS high_out, sum(l.money) AS money, bool_and(l.money > 0) AS all_paid,
        bool_or({MEETS_ONE}) AS one_equals, bool_or(c.by_tool) AS by_tool, bool_or({SAME_MODEL}) AS same_model
    FROM climb AS c JOIN nodes AS l ON l.trace_id = c.trace_id AND l.span_id = c.leaf
        JOIN nodes AS a ON a.trace_id = c.trace_id AND a.span_id = c.at
    WHERE c.leaf <> c.at GROUP BY ALL
),
weighed AS (
    SELECT a.*, b.span_id IS NOT NULL AS has_below, a.low_in > b.high_in OR a.low_out > b.high_out AS says_more,
        coalesce(says_more AND a.money > b.money, FALSE) AS alone,
        b.all_paid AND a.money > 1.001 * b.money AS costs_more,
        coalesce(b.one_equals OR {MEETS_ALL} OR NOT b.by_tool AND b.same_model AND a.high_in >= b.low_in
            AND a.high_out >= b.low_out, FALSE) AS equals
    FROM nodes AS a LEFT JOIN below AS b USING (trace_id, span_id)
),
verdicts AS (
    SELECT *, has_below AND CASE WHEN NOT metered THEN TRUE WHEN is_call THEN equals ELSE NOT alone END AS gives_way,
        metered AND is_call IS NOT TRUE AND NOT gives_way AS stands_for_calls
    FROM weighed
),
parts AS (
    SELECT n.trace_id, n.span_id FROM nodes AS n JOIN verdicts AS v ON n.trace_id = v.trace_id AND n.parent_id =
        v.span_id
    WHERE v.stands_for_calls
    UNION
    SELECT n.trace_id, n.span_id FROM nodes AS n JOIN parts AS p ON n.trace_id = p.trace_id AND n.parent_id = p.span_id
),
marks AS (
    SELECT DISTINCT c.trace_id, c.leaf AS span_id FROM climb AS c JOIN verdicts AS v ON v.trace_id = c.trace_id AND
        v.span_id = c.at
    WHERE v.metered AND v.gives_way AND (v.says_more OR v.costs_more)
)
SELECT s.*, v.metered, v.is_call, v.gives_way AS carried_below, p.span_id IS NOT NULL AS carried_above,
    m.span_id IS NOT NULL OR v.alone AND NOT v.gives_way AS exceeds
FROM {spans} AS s LEFT JOIN verdicts AS v USING (trace_id, span_id) LEFT JOIN parts AS p USING (trace_id, span_id)
    LEFT JOIN marks AS m USING (trace_id, span_id)"""
