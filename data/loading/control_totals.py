"""A record's own total against its parts: nothing between the two goes unseen.

Google and xAI bill thinking as output and count it in the total, often in no part: there the difference is reasoning
(ai.google.dev/gemini-api/docs/thinking; docs.x.ai/docs/models,
"total = prompt + completion + reasoning"). Anywhere else
nobody knows what the difference is made of: no bucket is filled,
and the row says so. So does one with a cost of its own, which
was hardly made from more than the parts. A total below its parts
that is not just without the cache or the reasoning says that one
of the parts was counted within another.
"""

from __future__ import annotations

from data.schema import TOKENS

PARTS = " + ".join(f"coalesce({name}, 0)" for name in TOKENS)
GAP = f"total_tokens - ({PARTS})"
THINKS_APART = """(coalesce(provider IN ('google', 'x-ai'), FALSE)
    OR regexp_matches(lower(coalesce(model_raw, '')), '(^|[/.])(gemini|grok)-'))"""
IS_REASONING = (
    f"{THINKS_APART} AND coalesce(reasoning_tokens, 0) = 0 AND fresh_input_tokens + output_tokens IS NOT NULL"
)
# What a total may leave out by the provider's rule.
CACHE = "coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)"
LEFT_OUT = f"""(coalesce(reasoning_tokens, 0), {CACHE}, {CACHE} + coalesce(reasoning_tokens, 0),
    coalesce(cache_read_tokens, 0), coalesce(cache_read_tokens, 0) + coalesce(reasoning_tokens, 0))"""
IS_SHORT = f"{GAP} < 0 AND total_tokens > 0 AND -({GAP}) NOT IN {LEFT_OUT}"
# A call of which one side was not counted is priced by the other alone, unless the log says what it cost or that all is
# on one side. What gives out no tokens has an operation or a model of its own.
HALF_COUNTED = f"""operation = 'chat' AND status = 'success' AND unmetered IS NOT TRUE AND reported_cost_usd IS NULL
    AND NOT coalesce({GAP} = 0, FALSE)
    AND NOT regexp_matches(lower(coalesce(model_raw, '')), 'embed|rerank|moderat|bge-|voyage-|whisper|transcri|tts')"""
NO_OUTPUT = "coalesce(output_tokens, reasoning_tokens) IS NULL AND fresh_input_tokens > 0"
NO_INPUT = "coalesce(fresh_input_tokens, cache_read_tokens) IS NULL AND output_tokens > 0"


def compare_totals(rows: str) -> str:
    """SQL over usage rows in disjoint buckets beside their `total_tokens`: reasoning completed,
    `total_above_parts` or, for one below them, `split_assumed` set."""
    return f"""SELECT * REPLACE (
            CASE WHEN {GAP} > 0 AND {IS_REASONING} THEN {GAP} ELSE reasoning_tokens END AS reasoning_tokens,
            CASE WHEN {GAP} > 0 AND (NOT coalesce({IS_REASONING}, FALSE) OR reported_cost_usd IS NOT NULL)
                 THEN list_append(caveats, 'total_above_parts')
                 WHEN {IS_SHORT} THEN list_append(caveats, 'split_assumed') ELSE caveats END AS caveats)
        FROM ({rows})"""


def mark_half_counted(rows: str) -> str:
    """SQL over the same rows: `incomplete_output` where a call was counted but for its output, `split_assumed` where it
    was but for its input."""
    return f"""SELECT * REPLACE (
            CASE WHEN NOT coalesce({HALF_COUNTED}, FALSE) THEN caveats
                 WHEN {NO_OUTPUT} THEN list_append(caveats, 'incomplete_output')
                 WHEN {NO_INPUT} THEN list_append(caveats, 'split_assumed') ELSE caveats END AS caveats)
        FROM ({rows})"""
