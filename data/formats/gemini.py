"""Gemini and Vertex AI response bodies, one by one or as the chunks of a stream.

`candidatesTokenCount` leaves thinking out, `promptTokenCount` includes the cache, and prompt tokens of
server-side tools are extra unless the total says they are not. Protobuf's JSON omits zeros: an absent
count inside a present `usageMetadata` is 0. Source: google-genai SDK 3.4.0 types.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, envelope, server_tools

COUNTS = {
    "prompt": ("promptTokenCount", "prompt_token_count"),
    "cached": ("cachedContentTokenCount", "cached_content_token_count"),
    # Live sessions count what they respond.
    "candidates": ("candidatesTokenCount", "candidates_token_count", "responseTokenCount", "response_token_count"),
    "thoughts": ("thoughtsTokenCount", "thoughts_token_count"),
    "tool": ("toolUsePromptTokenCount", "tool_use_prompt_token_count"),
    "total": ("totalTokenCount", "total_token_count"),
}
# Each count again, by modality; documents are text.
DETAILS = {
    "input": ("promptTokensDetails", "prompt_tokens_details"),
    "cache_read": ("cacheTokensDetails", "cache_tokens_details"),
    "output": (
        *("candidatesTokensDetails", "candidates_tokens_details"),
        *("responseTokensDetails", "response_tokens_details"),
    ),
}
BY_MODALITY = [{"modality": "VARCHAR", "tokenCount": "VARCHAR", "token_count": "VARCHAR"}]
MEDIA = ("image", "audio", "video")
USAGE: dict[str, object] = {name: "VARCHAR" for names in COUNTS.values() for name in names} | {
    "serviceTier": "VARCHAR",
    "service_tier": "VARCHAR",
    "trafficType": "VARCHAR",
    "traffic_type": "VARCHAR",
    **{name: BY_MODALITY for names in DETAILS.values() for name in names},
}
HARMLESS = {
    f"{name}[].{count}": "the prompt of tools again, by modality"
    for name in ("toolUsePromptTokensDetails", "tool_use_prompt_tokens_details")
    for count in ("tokenCount", "token_count")
}
STRUCTURE = {
    "responseId": "VARCHAR",
    "response_id": "VARCHAR",
    "modelVersion": "VARCHAR",
    "model_version": "VARCHAR",
    "cut": "BOOLEAN",
    "candidates": "JSON",
    "usageMetadata": USAGE,
    "usage_metadata": USAGE,
}

# Every chunk of a stream repeats the counts so far: the last one that has any holds them all. A chunk may have usage
# without a count (only `trafficType`), and a stream without a reason to finish was cut. What the answer is grounded on
# may be in any. Where no chunk has usage the last one still names the model.
USED = "coalesce(e -> 'usageMetadata', e -> 'usage_metadata')"
COUNTED = " OR ".join(
    f"json_exists({USED}, '$.{name}')" for key in ("prompt", "candidates", "total") for name in COUNTS[key]
)
CHUNKS = f"from_json({envelope.BODY}, '[\"JSON\"]')"
GROUNDED = f"""list_filter(json_extract({envelope.BODY}, '$[*].candidates[*]'),
    lambda c: regexp_matches(c::VARCHAR, '"grounding_?[mM]etadata"'))"""
STREAMED = f"""
CASE WHEN json_type({envelope.BODY}) = 'ARRAY' THEN json_merge_patch(
    coalesce(list_filter({CHUNKS}, lambda e: {COUNTED})[-1], list_filter({CHUNKS},
    lambda e: json_type({USED}) = 'OBJECT')[-1], {CHUNKS}[-1]),
    CASE WHEN regexp_matches({envelope.BODY}::VARCHAR, '"finish_?[rR]eason":\\s*"')
        THEN json_object('candidates', {GROUNDED}) ELSE json_object('candidates', {GROUNDED}, 'cut', true) END)
ELSE {envelope.BODY} END
"""


def _either(names: tuple[str, ...]) -> str:
    return ", ".join(f"b.{usage}.{name}" for name in names for usage in ("usageMetadata", "usage_metadata"))


METERED = f"coalesce({', '.join(map(_either, COUNTS.values()))}) IS NOT NULL"


def _count(name: str) -> str:
    return f"CASE WHEN {METERED} THEN coalesce({_either(COUNTS[name])}, '0') END"


def _media(side: str, kind: str) -> str:
    found = f"""list_filter(coalesce({_either(DETAILS[side])}),
    lambda m: upper(m.modality) = '{kind.upper()}')"""
    return f"list_sum(list_transform({found}, lambda m: count_of(coalesce(m.tokenCount, m.token_count))))::BIGINT"


def _others() -> str:
    """SQL: is there a modality that has no bucket of its own? Documents count as text."""
    known = ("TEXT", "DOCUMENT", "MODALITY_UNSPECIFIED", *(kind.upper() for kind in MEDIA))
    found = (
        f"""len(list_filter(coalesce({_either(names)}), lambda m: upper(m.modality) NOT IN {known}
            AND count_of(coalesce(m.tokenCount, m.token_count)) > 0)) > 0"""
        for names in DETAILS.values()
    )
    return " OR ".join(f"coalesce({sql}, FALSE)" for sql in found)


TOOL_IS_INSIDE = (
    f"number({_count('total')}) = number({_count('prompt')}) + number({_count('candidates')}) +"
    f" number({_count('thoughts')})"
)
TIER = "lower(coalesce(b.usageMetadata.serviceTier, b.usage_metadata.service_tier))"
# Vertex says how the request was served.
TRAFFIC = "upper(coalesce(b.usageMetadata.trafficType, b.usage_metadata.traffic_type))"

# A line of a batch job's file of answers has the key of its request, and nobody's name.
BATCHED = """(json_extract_string(raw, '$.key') IS NOT NULL AND json_of(d.response) IS NOT NULL
    AND coalesce(d.request::VARCHAR, d.team, d."user", d.user_id, d.project, d.feature, d.latency_ms) IS NULL)"""

COLUMNS = envelope.COLUMNS | {
    "event_key": "coalesce(text_of(b.responseId), text_of(b.response_id), text_of(d.request_id))",
    "provider": "coalesce(lower(text_of(d.provider)), 'google')",
    "service_tier": (
        f"""CASE WHEN d.processed_time IS NOT NULL OR {TIER} = 'batch' OR {BATCHED} THEN 'batch'
        WHEN {TRAFFIC} <> 'ON_DEMAND' THEN {TRAFFIC} ELSE {TIER} END"""
    ),
    "model_raw": (
        "coalesce(text_of(b.modelVersion), text_of(b.model_version), text_of(d.model), jtext(json_of(d.request),"
        " '$.model'))"
    ),
    "input_tokens": (
        f"""CASE WHEN {TOOL_IS_INSIDE} OR number({_count("tool")}) = 0 THEN {_count("prompt")}
        ELSE CAST(number({_count("prompt")}) + number({_count("tool")}) AS VARCHAR) END"""
    ),
    "cache_read_tokens": _count("cached"),
    "output_tokens": _count("candidates"),
    **{
        f"{kind}_{side}_tokens": _media(side, kind)
        for side in DETAILS
        for kind in MEDIA
        if (side, kind) != ("cache_read", "video")
    },
    "server_tools": (
        f"""json_object('grounding', {server_tools.searches("b.candidates")},
        'maps_grounding', {server_tools.places("b.candidates")})"""
    ),
    "reasoning_tokens": _count("thoughts"),
    "input_has_cache": "TRUE",
    "output_has_reasoning": "FALSE",
    "total_tokens": _count("total"),
    "caveats": f"[CASE WHEN b.cut THEN 'incomplete_output' END, CASE WHEN {_others()} THEN 'media_as_text' END]",
    "unmetered": f"NOT {METERED} AND NOT {envelope.FAILED}",
}


def _is_gemini(body: dict) -> bool:
    usage = envelope.usage_of(body, "usageMetadata") or envelope.usage_of(body, "usage_metadata")
    return any(name in usage for names in COUNTS.values() for name in names) or (
        "candidates" in body and "modelVersion" in body
    )


FORMATS = (
    Format(
        name="gemini",
        label="Gemini and Vertex AI response bodies",
        recognise=envelope.recogniser(_is_gemini),
        fields=envelope.FIELDS,
        rows=envelope.rows(STRUCTURE, STREAMED),
        columns=COLUMNS,
        usage=(
            UsageObject(
                "coalesce(body -> 'usageMetadata', body -> 'usage_metadata')", USAGE, HARMLESS, "usageMetadata"
            ),
            *envelope.SECOND_USAGE,
        ),
        text_columns=envelope.texts("$.candidates[0].content.parts"),
        assume_output_has_reasoning=False,
        supersedes=True,
        order=70,
    ),
)
