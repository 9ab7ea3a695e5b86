"""A usage object in whatever provider's words: what gateways and tracing products hand on as they got it.

Such a record has counts of its own; the object beside them tells what they are made of: cache, reasoning, media, tools,
tier. Names are compared in snake case, so that `cachedContentTokenCount` and `cached_content_token_count` are one word.
Sources: openai 3.57.0, anthropic 2.14.0, google-genai 3.6.1, xai-sdk 1.21.0, groq 1.7.0, litellm 1.110.2 (`Usage`),
langchain-core `UsageMetadata`, botocore 1.44.8 (Converse).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from data.formats import UsageObject

PROMPT, ANSWER = "prompt_tokens_details", "completion_tokens_details"
OTHER_NAMES = {
    PROMPT: "input_tokens_details|input_token_details|prompt_details",
    ANSWER: "output_tokens_details|output_token_details|completion_details|candidates_tokens_details",
}


def _within(side: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{side}.{name}" for name in names)


# Dotted paths of every count we know, by our column; of several that are there the first counts.
COUNTS: dict[str, tuple[str, ...]] = {
    "input_tokens": ("prompt_tokens", "input_tokens", "prompt_token_count", "input_token_count", "total_input_tokens"),
    "cache_read_tokens": (
        *_within(PROMPT, "cached_tokens", "cache_read", "cache_read_tokens", "cache_read_input_tokens"),
        "cache_read_input_tokens",
        "cache_read_input_token_count",
        "cached_content_token_count",
        "cached_input_tokens",
        "cached_prompt_tokens",
        "prompt_cache_hit_tokens",
        "cache_read_tokens",
        "cached_tokens",
        "num_cached_tokens",
        "total_cached_tokens",
    ),
    "cache_write_tokens": (
        *_within(PROMPT, "cache_creation_tokens", "cache_write_tokens", "cache_creation_input_tokens"),
        *_within(PROMPT, "cache_creation", "cache_write"),
        "cache_creation_input_tokens",
        "cache_write_input_tokens",
        "cache_write_input_token_count",
        "cache_creation_tokens",
        "cache_write_tokens",
    ),
    **{
        f"cache_write_{life}_tokens": (
            f"{PROMPT}.cache_creation_token_details.ephemeral_{life}_input_tokens",
            f"{PROMPT}.ephemeral_{life}_input_tokens",
            f"cache_creation.ephemeral_{life}_input_tokens",
            f"claude_cache_creation_{life[0]}_{life[1]}_tokens",
        )
        for life in ("5m", "1h")
    },
    "output_tokens": (
        *("completion_tokens", "output_tokens", "candidates_token_count", "output_token_count"),
        *("response_token_count", "total_output_tokens"),
    ),
    "reasoning_tokens": (
        *_within(ANSWER, "reasoning_tokens", "thinking_tokens", "reasoning"),
        "thoughts_token_count",
        "reasoning_output_tokens",
        "reasoning_tokens",
        "total_thought_tokens",
    ),
    "total_tokens": ("total_tokens", "total_token_count"),
    **{f"{kind}_input_tokens": _within(PROMPT, f"{kind}_tokens", kind) for kind in ("image", "audio", "video")},
    **{
        f"{kind}_cache_read_tokens": _within(PROMPT, f"cached_tokens_details.{kind}_tokens")
        for kind in ("image", "audio")
    },
    **{f"{kind}_output_tokens": _within(ANSWER, f"{kind}_tokens", kind) for kind in ("image", "audio", "video")},
}
DETAILS = tuple(name for name in COUNTS if name not in ("input_tokens", "output_tokens", "total_tokens"))
# Google's counts again, as a list by modality.
MODALITIES = {"input": PROMPT, "cache_read": "cache_tokens_details", "output": ANSWER}
TOOLS = {
    "web_search": ("server_tool_use.web_search_requests", f"{PROMPT}.web_search_requests"),
    "web_fetch": ("server_tool_use.web_fetch_requests",),
    "code_execution": ("server_tool_use.code_execution_requests",),
    "live_search_source": ("num_sources_used",),
    "search_query": ("num_search_queries",),
}
WORDS = ("service_tier", "traffic_type", "speed", "cost_in_usd_ticks", "total_cost_usd_ticks", "inference_geo", "cost")
OWN_KEY = ("is_byok", "cost_details.upstream_inference_cost")  # OpenRouter, with a key at the provider of one's own


def _structure() -> dict[str, Any]:
    found: dict[str, Any] = {"server_side_tool_usage_details": "JSON", "total_tool_use_tokens": "VARCHAR"}
    for path in (*(path for names in (*COUNTS.values(), *TOOLS.values()) for path in names), *WORDS, *OWN_KEY):
        *parents, leaf = path.split(".")
        node = found
        for parent in parents:
            node = node.setdefault(parent, {})
        node.setdefault(leaf, "VARCHAR")
    return found


STRUCTURE = _structure()
# Amazon's cache writes again, as a list by lifetime.
LIFETIMES = {"cache_write_5m_tokens": "5m", "cache_write_1h_tokens": "1h"}
LISTS: dict[str, Any] = {
    **{name: [{"modality": "VARCHAR", "token_count": "VARCHAR"}] for name in MODALITIES.values()},
    "cache_details": [{"ttl": "VARCHAR", "input_tokens": "VARCHAR"}],
}
PART, OWN = "a part of a count that is read", "the record's own cost counts"
HARMLESS = {
    **dict.fromkeys(_within(PROMPT, "text_tokens", "no_cache_tokens", "cached_tokens_details.text_tokens"), PART),
    **dict.fromkeys(_within(PROMPT, *(f"cache_write_tokens_details.ttl_{h}_tokens" for h in ("30m", "12h"))), PART),
    **dict.fromkeys(_within(ANSWER, "text_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"), PART),
    **dict.fromkeys(("queue_time", "prompt_time", "completion_time", "total_time"), "seconds, not tokens"),
    **{f"{name}[].token_count": "the count again, by modality" for name in MODALITIES.values()},
    "cache_details[].input_tokens": "the cache writes again, by lifetime",
    "tool_use_prompt_tokens_details[].token_count": "the count again, by modality",
    "prompt_cache_miss_tokens": "the input that was not read from the cache",
    **{f"cost.{part}": OWN for part in ("input_tokens_cost", "output_tokens_cost", "request_cost", "total_cost")},
    **{f"cost_details.upstream_inference_{part}cost": OWN for part in ("prompt_", "completions_")},
    "server_tool_use.tool_search_requests": "no fee: the tokens it takes are in the counts",
    "citation_tokens": "the provider's own cost holds them",
    "num_server_side_tools_used": "the sum of the tools listed by name",
}
# Runs of the answer's own model repeat its counts; any other is a bill of its own that the record's counts leave out.


def snake(usage: str) -> str:
    """SQL: a usage object or a JSON text of one, its names and words in snake case and its details under one name; NULL
    where it is none."""
    own = f"CASE WHEN starts_with(({usage})::VARCHAR, '\"') THEN json_of({usage}) ELSE ({usage}) END"
    text = f"lower(regexp_replace(({own})::VARCHAR, '([a-z])([A-Z])', '\\1_\\2', 'g'))"
    for name, others in OTHER_NAMES.items():
        text = f"""regexp_replace({text}, '"({others})":', '"{name}":', 'g')"""
    return f"""CASE WHEN regexp_matches(({usage})::VARCHAR, '^["{{]') THEN TRY_CAST({text} AS JSON) END"""


def usage_struct(usage: str) -> str:
    """SQL: a struct of `STRUCTURE` from what `snake` returns; its field `lists` has Google's and Amazon's."""
    lists = f"json_transform({usage}, '{json.dumps(LISTS)}')"
    return f"struct_insert(json_transform({usage}, '{json.dumps(STRUCTURE)}'), lists := {lists})"


def first(structs: Iterable[str], paths: Iterable[str]) -> str:
    """SQL: the first of these fields that one of the structs has."""
    return "coalesce(NULL, " + ", ".join(f"{struct}.{path}" for struct in structs for path in paths) + ")"


def count(column: str, *structs: str) -> str:
    """SQL: a count of our column from the first of these structs that has it, as text."""
    side, kind = _side(column)
    listed = ""
    if side:
        sums = (
            f"""list_sum(list_transform(list_filter({struct}.lists.{MODALITIES[side]},
            lambda part: part.modality = '{kind}'), lambda part: count_of(part.token_count)))::BIGINT::VARCHAR"""
            for struct in structs
        )
        listed = ", " + ", ".join(sums)
    elif column in LIFETIMES:
        sums = (
            f"""list_sum(list_transform(list_filter({struct}.lists.cache_details,
            lambda part: part.ttl = '{LIFETIMES[column]}'),
            lambda part: count_of(part.input_tokens)))::BIGINT::VARCHAR"""
            for struct in structs
        )
        listed = ", " + ", ".join(sums)
    return f"coalesce({first(structs, COUNTS[column])}{listed})"


def _side(column: str) -> tuple[str, str]:
    kind, _, rest = column.partition("_")
    side = rest.removesuffix("_tokens")
    return (side, kind) if kind in ("image", "audio", "video") and side in MODALITIES else ("", "")


def details(*structs: str, wrap: str = "{}") -> dict[str, str]:
    """What the counts are made of, by our columns; `wrap` is put around each."""
    return {column: wrap.format(count(column, *structs)) for column in DETAILS}


def uncommon_speed(speed: str) -> str:
    """SQL: a speed as the tier that it is priced as; NULL for the ordinary one."""
    return f"CASE WHEN lower({speed}) NOT IN ('standard', 'normal', 'default', '') THEN lower({speed}) END"


def region(*structs: str) -> str:
    """SQL: where the request was held to be served, which some providers price apart."""
    geo = first(structs, ("inference_geo",))
    return f"CASE WHEN lower({geo}) NOT IN ('not_available', 'global', '') THEN lower({geo}) END"


def total(own: str, *structs: str) -> str:
    """SQL: a record's own total, or the answer's, where that is larger."""
    return f"greatest(count_of({own}), count_of({count('total_tokens', *structs)}))::BIGINT::VARCHAR"


def tier(*structs: str, otherwise: str = "NULL") -> str:
    """SQL: how the request was served, in the provider's word."""
    traffic, speed = first(structs, ("traffic_type",)), uncommon_speed(first(structs, ("speed",)))
    return f"""CASE WHEN ({speed}) IS NOT NULL THEN {speed}
        WHEN {traffic} NOT IN ('on_demand', 'traffic_type_unspecified') THEN {traffic}
        ELSE coalesce({first(structs, ("service_tier",))}, {otherwise}) END"""


def cost(own: str, *structs: str) -> str:
    """SQL: what the request cost in USD: the provider's bill, else the record's `own` word, else the answer's.

    Only xAI tells its bill, tools and discounts included; what others say of a cost is no more than the record's own.
    """
    stated = first(structs, ("cost",))
    by_own_key, upstream = (first(structs, (path,)) for path in OWN_KEY)
    in_usd = f"coalesce(upper(jtext(json_of({stated}), '$.currency')), 'USD') = 'USD'"
    return f"""coalesce({ticks(*structs)}, {own}, CASE WHEN lower({by_own_key}) = 'true'
            THEN {with_fee(upstream, stated)}
        WHEN number({stated}) IS NOT NULL THEN {stated}
        WHEN {in_usd} THEN jtext(json_of({stated}), '$.total_cost') ELSE {stated} END)"""


def with_fee(upstream: str, fee: str) -> str:
    """SQL: what a call with a key of one's own cost: the provider's price and the gateway's fee, where it took one.

    NULL where the provider's price is not told: a fee is a share of a price, so that there is none of nothing.
    """
    paid, taken = f"TRY_CAST({upstream} AS DECIMAL(28, 12))", f"coalesce(TRY_CAST({fee} AS DECIMAL(28, 12)), 0)"
    return f"CASE WHEN {paid} > 0 OR {paid} = 0 AND {taken} = 0 THEN ({paid} + {taken})::DECIMAL(28, 12)::VARCHAR END"


def with_lone_fee(usage: str, by_own_key: str, upstream: str, fee: str) -> str:
    """SQL: a usage object where the fee of a call with a key of one's own, whose price is not told, is unread."""
    alone = f"{by_own_key} AND ({with_fee(upstream, fee)}) IS NULL"
    return f"CASE WHEN {alone} THEN json_merge_patch({usage}, json_object('own_key_fee', {fee})) ELSE {usage} END"


def ticks(*structs: str) -> str:
    """SQL: what xAI billed in USD (`usd_of_ticks`)."""
    return usd_of_ticks(first(structs, WORDS[3:5]))


def usd_of_ticks(count: str) -> str:
    """SQL: xAI counts in ticks of 1e-10 USD."""
    return f"(TRY_CAST({count} AS DECIMAL(28, 10)) * 0.0000000001)::DECIMAL(28, 12)::VARCHAR"


def usage_object(usage: str, name: str, harmless: dict[str, str] | None = None) -> UsageObject:
    """What is to be read of an object that `snake` has returned."""
    own = f"json_merge_patch({usage}, '{{\"iterations\": null}}')"
    other = f"list_filter(json_extract_string({usage}, '$.iterations[*].type')::VARCHAR[], lambda t: t <> 'message')"
    json = f"CASE WHEN coalesce(len({other}), 0) = 0 THEN {own} ELSE {usage} END"
    key, upstream, fee = (f"(({usage}) ->> '$.{path}')" for path in (*OWN_KEY, "cost"))
    by_own_key = f"contains(({usage})::VARCHAR, '\"{OWN_KEY[0]}\"') AND {key} = 'true'"
    return UsageObject(with_lone_fee(json, by_own_key, upstream, fee), STRUCTURE, HARMLESS | (harmless or {}), name)


# Of a stream's events the last usage counts; Claude says of the input in the first alone.
EVENTS = "coalesce(answer -> 'streamed_data', answer)"
STREAMED = f"""CASE WHEN json_type({EVENTS}) = 'ARRAY' THEN coalesce(
    json_merge_patch(coalesce(json_extract({EVENTS}, '$[*].message.usage')[1], '{{}}'),
        list_filter(json_extract({EVENTS}, '$[*].usage'), lambda usage: json_type(usage) = 'OBJECT')[-1]),
    json_extract({EVENTS}, '$[*].response.usage')[-1], json_extract({EVENTS}, '$[*].usageMetadata')[-1]) END"""


def answer_usage(answer: str) -> str:
    """SQL: records with the `answer` that their log keeps as JSON, its usage as `used` (see `snake`) and as the struct
    `u`."""
    found = f"coalesce(answer -> 'usage', answer -> 'usageMetadata', answer -> 'usage_metadata', {STREAMED})"
    return f"""SELECT *, {usage_struct("used")} AS u
        FROM (SELECT *, {snake(found)} AS used FROM (SELECT *, {answer} AS answer FROM records))"""
