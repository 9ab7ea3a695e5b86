"""Langfuse's usage keys, which anybody may choose, as buckets.

Over an observation `o` with its usage details as the struct `u`.

By convention buckets are disjoint; some SDKs leave the cache inside `input` (langfuse #10592, #12306), and a key with a
dot (`prompt_details.cache_read`) is a part of the total it names.
"""

from __future__ import annotations

from data.formats import UsageObject, usage_words

# Usage keys by what they count, in snake case, as Langfuse's own price table, its SDKs and the providers spell them.
# A key with a dot is a part of what it names; the others stand beside one another.
FRESH = ("input", "input_tokens", "prompt_tokens", "prompt_token_count", "prompt")
DETAILS = ("prompt_details", "input_token_details", "input_tokens_details", "prompt_tokens_details")
READ_PARTS = tuple(f"{side}.{name}" for side in DETAILS for name in ("cache_read", "cached_tokens"))
READ = (
    *("input_cached_tokens", "cache_read_input_tokens", "input_cache_read", "input_cache_read_tokens"),
    *("cache_read_tokens", "cached_tokens", "cached_input_tokens", "cached_content_token_count", "cache_read"),
    *("prompt_cache_hit_tokens", "input_cached", "num_cached_tokens", "cached_input", "cached_content_tokens"),
    *READ_PARTS,
)
WRITE_PARTS = tuple(
    f"{side}.{name}" for side in DETAILS for name in ("cache_write", "cache_creation", "cache_creation_tokens")
)
WRITE = (
    *("input_cache_creation", "cache_creation_input_tokens", "input_cache_creation_tokens", "input_cache_write"),
    *("input_cache_write_tokens", "cache_write_tokens", "cache_write_input_tokens", "cache_creation_tokens"),
    *("cache_creation", "cache_write"),
    *WRITE_PARTS,
)
WRITE_5M, WRITE_1H = (
    tuple(
        form.format(life)
        for form in (
            "input_cache_creation_{}",
            "input_cache_creation_{}_tokens",
            "cache_creation_{}_input_tokens",
            "ephemeral_{}_input_tokens",
            "cache_creation.ephemeral_{}_input_tokens",
            "cache_creation_ephemeral_{}_input_tokens",
            "cache_write_{}_tokens",
        )
    )
    for life in ("5m", "1h")
)
OUT = ("output", "output_tokens", "completion_tokens", "candidates_token_count", "completion")
ANSWER = ("completion_details", "output_token_details", "output_tokens_details", "completion_tokens_details")
REASONING_PARTS = tuple(
    f"{side}.{name}" for side in ANSWER for name in ("reasoning", "reasoning_tokens", "thinking_tokens")
)
REASONING = (
    *("output_reasoning_tokens", "output_reasoning", "reasoning_tokens", "thoughts_token_count", "reasoning"),
    *("thinking_tokens", "output_thinking_tokens", "reasoning_output_tokens", "thoughts_tokens"),
    *REASONING_PARTS,
)
# Prompts of tools that Google runs come on top of the prompt.
TOOL_PROMPT = ("tool_use_prompt_token_count", "tool_use_prompt_tokens", "input_tool_use_prompt_tokens")
KINDS = ("image", "audio", "video")
# Media beside the text, and as a part of it.
MEDIA = {
    f"{kind}_{side}": tuple(f.format(kind, side) for f in ("{1}_{0}_tokens", "{1}_{0}", "{0}_{1}_tokens"))
    for kind in KINDS
    for side in ("input", "output")
}
MEDIA_PARTS = {
    f"{kind}_{side}": tuple(f"{within}.{name}" for within in sides for name in (kind, f"{kind}_tokens"))
    for kind in KINDS
    for side, sides in (("input", DETAILS), ("output", ANSWER))
}
HEARD, SAID = ([MEDIA[f"{kind}_{side}"] for kind in KINDS] for side in ("input", "output"))
WEB_SEARCH = ("web_search_requests", "server_tool_use.web_search_requests", "server_tool_use_web_search_requests")
GROUPS = (FRESH, READ, WRITE, WRITE_5M, WRITE_1H, OUT, REASONING, TOOL_PROMPT, *HEARD, *SAID)
TOTALS = ("total", "total_tokens", "total_token_count")
KEYS = tuple(dict.fromkeys(key for group in (*GROUPS, *MEDIA_PARTS.values(), WEB_SEARCH, TOTALS) for key in group))
# The same words as objects, as some SDKs send them.
NESTED = (usage_words.PROMPT, usage_words.ANSWER, "server_tool_use")
STRUCTURE: dict[str, object] = dict.fromkeys(KEYS, "VARCHAR") | {
    side: {key.partition(".")[2]: "VARCHAR" for key in KEYS if key.startswith(f"{side}.")} for side in NESTED
}
TEXT = {f"{side}.{name}": usage_words.PART for side in (*DETAILS, *ANSWER) for name in ("text", "text_tokens")}

COSTS = dict.fromkeys(("input_cost", "output_cost", "total_cost"), "the observation's own cost counts")

# Versions before the third have one object `usage`, which later ones repeat; it may count in other units than tokens.
_USAGE = "json_of(o.usage)"
_IN_TOKENS = f"coalesce(upper(jtext({_USAGE}, '$.unit')), 'TOKENS') = 'TOKENS'"
DETAILS_OR_USAGE = f"""CASE WHEN length(json_of(o.usageDetails)::VARCHAR) > 2 THEN json_of(o.usageDetails)
    WHEN {_IN_TOKENS} THEN {_USAGE} END"""

OBJECTS = (
    UsageObject("details", STRUCTURE, TEXT | COSTS, "usageDetails"),
    UsageObject(f"CASE WHEN NOT {_IN_TOKENS} AND details IS NULL THEN {_USAGE} END", {}, {}, "usage"),
)


def first(*keys: str) -> str:
    """The first of these usage keys that the observation carries, as text."""
    nested = (".".join(f'"{part}"' for part in key.split(".")) for key in keys if key.partition(".")[0] in NESTED)
    plain = (f'"{key}"' for key in keys)
    return f"coalesce(NULL, {', '.join(f'u.{path}' for path in (*plain, *nested))})"


def tokens(keys: tuple[str, ...], beside: tuple[tuple[str, ...], ...], flat: str) -> str:
    """A text bucket with what stands beside it; the older flat column where the observation has no usage details.

    The UI's export fills the flat columns with 0 where nothing is known.
    """
    text = f"coalesce({first(*keys)}, CASE WHEN {BARE} AND number(o.totalUsage) <> 0 THEN {flat} END)"
    return f"CASE WHEN {total(*beside)} > 0 THEN (number({text}) + {total(*beside)})::VARCHAR ELSE {text} END"


def total(*groups: tuple[str, ...]) -> str:
    """Sum of several buckets, absent ones as zero."""
    return "(" + " + ".join(f"coalesce(number({first(*keys)}), 0)" for keys in groups) + ")"


TOTAL = first(*TOTALS)
BARE = f"coalesce({TOTAL}, {first(*FRESH)}, {first(*OUT)}) IS NULL"
MODEL = "coalesce(text_of(o.model), text_of(o.providedModelName))"
_COSTS = "TRY_CAST(json_of(o.costDetails) AS MAP(VARCHAR, DECIMAL(18,12)))"
COST = f"""coalesce(jtext(json_of(o.costDetails), '$.total'), CASE WHEN number(o.totalCost) > 0 THEN o.totalCost END,
    o.calculatedTotalCost, jtext(json_of(o.usage), '$.totalCost'),
    nullif(list_sum(map_values({_COSTS})), 0)::VARCHAR)"""
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
    "input_tokens": tokens(FRESH, (TOOL_PROMPT, *HEARD), "o.inputUsage"),
    "cache_read_tokens": first(*READ),
    "cache_write_tokens": first(*WRITE),
    "cache_write_5m_tokens": first(*WRITE_5M),
    "cache_write_1h_tokens": first(*WRITE_1H),
    "output_tokens": tokens(OUT, tuple(SAID), "o.outputUsage"),
    "reasoning_tokens": first(*REASONING),
    **{f"{name}_tokens": first(*MEDIA[name], *MEDIA_PARTS[name]) for name in MEDIA},
    "server_tools": f"""json_object(CASE WHEN regexp_matches(lower({MODEL}), 'gemini') THEN 'grounding'
        ELSE 'web_search' END, TRY_CAST({first(*WEB_SEARCH)} AS BIGINT))""",
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

# What an observation counts, by the names of `span_trees`; a lone total stands for the input.
_PLAIN = f"""coalesce({COLUMNS["input_tokens"]}, CASE WHEN {COLUMNS["output_tokens"]} IS NULL
    THEN coalesce({TOTAL}, nullif(o.totalUsage, '0')) END)"""
NODE = {
    "input": _PLAIN,
    "output": COLUMNS["output_tokens"],
    "cache_read": f"{total(READ)}::VARCHAR",
    "cache_write": f"greatest({total(WRITE)}, {total(WRITE_5M, WRITE_1H)})::VARCHAR",
    "reasoning": COLUMNS["reasoning_tokens"],
    "cost": COST,
}
