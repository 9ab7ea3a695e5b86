"""Langfuse's usage keys, which anybody may choose, as buckets.

Over an observation `o` with its usage details as the struct `u`.

By convention buckets are disjoint; some SDKs leave the cache inside `input` (langfuse #10592, #12306), and a key with a
dot (`prompt_details.cache_read`) is a part of the total it names.
"""

from __future__ import annotations

# Usage keys by what they count, as Langfuse's own price table, its SDKs and the providers spell them.
FRESH = (
    "input",
    "input_tokens",
    "prompt_tokens",
    "promptTokens",
    "inputTokens",
    "promptTokenCount",
    "prompt_token_count",
)
READ = (
    "input_cached_tokens",
    "cache_read_input_tokens",
    "input_cache_read",
    "input_cache_read_tokens",
    "cache_read_tokens",
    "cached_tokens",
    "cached_input_tokens",
    "cachedInputTokens",
    "cacheReadInputTokens",
    "cachedContentTokenCount",
    "cached_content_token_count",
    "prompt_cache_hit_tokens",
    *(
        READ_PARTS := (
            "prompt_details.cache_read",
            "input_token_details.cache_read",
            "prompt_tokens_details.cached_tokens",
        )
    ),
)
WRITE = (
    "input_cache_creation",
    "cache_creation_input_tokens",
    "input_cache_creation_tokens",
    "input_cache_write",
    "input_cache_write_tokens",
    "cache_write_tokens",
    "cacheWriteInputTokens",
    *(WRITE_PARTS := ("prompt_details.cache_write", "input_token_details.cache_creation")),
)
WRITE_5M = ("input_cache_creation_5m", "cache_creation_5m_input_tokens", "ephemeral_5m_input_tokens")
WRITE_1H = ("input_cache_creation_1h", "cache_creation_1h_input_tokens", "ephemeral_1h_input_tokens")
OUT = (
    "output",
    "output_tokens",
    "completion_tokens",
    "completionTokens",
    "outputTokens",
    "candidatesTokenCount",
    "candidates_token_count",
)
REASONING = (
    "output_reasoning_tokens",
    "output_reasoning",
    "reasoning_tokens",
    "reasoningTokens",
    "thoughtsTokenCount",
    "thoughts_token_count",
    *(
        REASONING_PARTS := (
            "completion_details.reasoning",
            "output_token_details.reasoning",
            "completion_tokens_details.reasoning_tokens",
        )
    ),
)
# Prompts of tools that Google runs come on top of the prompt.
TOOL_PROMPT = ("toolUsePromptTokenCount", "tool_use_prompt_token_count")
SPOKEN, SPEECH = ("input_audio_tokens", "input_audio"), ("output_audio_tokens", "output_audio")
GROUPS = (FRESH, READ, WRITE, WRITE_5M, WRITE_1H, OUT, REASONING, TOOL_PROMPT, SPOKEN, SPEECH)
KEYS = (*(key for group in GROUPS for key in group), "total", "totalTokens", "total_tokens", "totalTokenCount")


def first(*keys: str) -> str:
    """The first of these usage keys that the observation carries, as text."""
    return "coalesce(NULL, " + ", ".join(f'u."{key}"' for key in keys) + ")"


def tokens(keys: tuple[str, ...], beside: tuple[tuple[str, ...], ...], flat: str) -> str:
    """A text bucket with what stands beside it; the older flat column where the observation has no usage details.

    The UI's export fills the flat columns with 0 where nothing is known.
    """
    text = f"coalesce({first(*keys)}, CASE WHEN {BARE} AND number(o.totalUsage) <> 0 THEN {flat} END)"
    return f"CASE WHEN {total(*beside)} > 0 THEN (number({text}) + {total(*beside)})::VARCHAR ELSE {text} END"


def total(*groups: tuple[str, ...]) -> str:
    """Sum of several buckets, absent ones as zero."""
    return "(" + " + ".join(f"coalesce(number({first(*keys)}), 0)" for keys in groups) + ")"


TOTAL = first("total", "totalTokens", "total_tokens", "totalTokenCount")
BARE = f"coalesce({TOTAL}, {first(*FRESH)}, {first(*OUT)}) IS NULL"
COST = (
    "coalesce(jtext(json_of(o.costDetails), '$.total'), CASE WHEN number(o.totalCost) > 0 THEN o.totalCost END,"
    " o.calculatedTotalCost)"
)
CARRIES = f"""({total(FRESH, READ, WRITE, OUT)} > 0 OR coalesce(number({TOTAL}),
0) > 0 OR coalesce(number(o.totalUsage), 0) > 0
    OR coalesce(number({COST}), 0) > 0)"""

CACHE = total(READ, WRITE, WRITE_5M, WRITE_1H)
SUM_IS_PLAIN = f"number({TOTAL}) = {total(FRESH, OUT)}"
# Langfuse adds up a missing total itself, so only one that the SDK provided says anything about disjoint buckets.
SUM_IS_DISJOINT = (
    "number(jtext(json_of(o.providedUsageDetails), '$.total')) ="
    f" {total(FRESH, OUT, READ, WRITE, WRITE_5M, WRITE_1H, REASONING)}"
)
# A total that is only the sum of all keys, parts of others among them, says nothing of its own.
OWN_TOTAL = f"""CASE WHEN number(coalesce({TOTAL}, nullif(o.totalUsage, '0'))) <> {total(*GROUPS)}
    THEN coalesce({TOTAL}, nullif(o.totalUsage, '0')) END"""

COLUMNS = {
    "input_tokens": tokens(FRESH, (TOOL_PROMPT, SPOKEN), "o.inputUsage"),
    "cache_read_tokens": first(*READ),
    "cache_write_tokens": first(*WRITE),
    "cache_write_5m_tokens": first(*WRITE_5M),
    "cache_write_1h_tokens": first(*WRITE_1H),
    "output_tokens": tokens(OUT, (SPEECH,), "o.outputUsage"),
    "reasoning_tokens": first(*REASONING),
    "total_tokens": OWN_TOTAL,
    "input_has_cache": (
        f"CASE WHEN {first(*READ_PARTS, *WRITE_PARTS)} IS NOT NULL OR ({CACHE} > 0 AND {SUM_IS_PLAIN}) THEN TRUE "
        f"WHEN {CACHE} > {total(FRESH)} OR ({CACHE} > 0 AND {SUM_IS_DISJOINT}) THEN FALSE END"
    ),
    "output_has_reasoning": (
        f"CASE WHEN {first(*REASONING_PARTS)} IS NOT NULL OR ({total(REASONING)} > 0 AND {SUM_IS_PLAIN}) THEN TRUE "
        f"WHEN {total(REASONING)} > {total(OUT)} OR ({total(REASONING)} > 0 AND {SUM_IS_DISJOINT}) THEN FALSE END"
    ),
    "reported_cost_usd": COST,
}
