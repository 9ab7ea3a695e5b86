"""Cohere response bodies: chat, embed and rerank count what is billed apart from what was processed.

`billed_units` is the invoice's count and leaves out Cohere's own preamble; `tokens` is used where it is missing.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, envelope

COUNTS = {"input_tokens": "VARCHAR", "output_tokens": "VARCHAR", "search_units": "VARCHAR"}
USAGE = {"billed_units": COUNTS, "tokens": COUNTS, "cached_tokens": "VARCHAR"}
STRUCTURE = {
    "id": "VARCHAR",
    "generation_id": "VARCHAR",
    "model": "VARCHAR",
    "usage": USAGE,
    "meta": USAGE,
    "embeddings": "JSON",
}

BILLED = "(b.usage.billed_units IS NOT NULL OR b.meta.billed_units IS NOT NULL)"


def _count(name: str) -> str:
    """SQL: a count of the billed units, where there are any: the processed ones are more."""
    billed, tokens = (
        f"coalesce(b.usage.{units}.{name}, b.meta.{units}.{name})" for units in ("billed_units", "tokens")
    )
    return f"CASE WHEN {BILLED} THEN {billed} ELSE {tokens} END"


SEARCHES = "coalesce(b.usage.billed_units.search_units, b.meta.billed_units.search_units)"
# A rerank is billed by the search alone.
INPUT = f"coalesce({_count('input_tokens')}, CASE WHEN {SEARCHES} IS NOT NULL THEN '0' END)"
OUTPUT = _count("output_tokens")
RERANK = f"({SEARCHES} IS NOT NULL AND {_count('input_tokens')} IS NULL)"
EMBEDDING = f"(b.embeddings IS NOT NULL OR {OUTPUT} IS NULL)"

COLUMNS = envelope.COLUMNS | {
    "event_key": "coalesce(text_of(b.id), text_of(b.generation_id), text_of(d.request_id))",
    "provider": "coalesce(lower(text_of(d.provider)), 'cohere')",
    "model_raw": "coalesce(text_of(b.model), text_of(d.model), jtext(json_of(d.request), '$.model'))",
    "operation": f"CASE WHEN {RERANK} THEN 'rerank' WHEN {EMBEDDING} THEN 'embedding' ELSE 'chat' END",
    "input_tokens": INPUT,
    # Billed units have no cache split; `cached_tokens` belongs to the processed count.
    "cache_read_tokens": f"CASE WHEN NOT {BILLED} THEN b.usage.cached_tokens END",
    "output_tokens": f"CASE WHEN {INPUT} IS NOT NULL THEN coalesce({OUTPUT}, '0') END",
    # Which has no price here.
    "server_tools": f"json_object('rerank_search', TRY_CAST({SEARCHES} AS BIGINT))",
    "input_has_cache": "TRUE",
    "output_has_reasoning": "TRUE",
    "unmetered": f"{INPUT} IS NULL AND NOT {envelope.FAILED}",
}


def _is_cohere(body: dict) -> bool:
    usage = envelope.usage_of(body) or envelope.usage_of(body, "meta")
    return isinstance(usage.get("billed_units"), dict) or isinstance(usage.get("tokens"), dict)


FORMATS = (
    Format(
        name="cohere",
        label="Cohere response bodies",
        recognise=envelope.recogniser(_is_cohere),
        fields=envelope.FIELDS,
        rows=envelope.rows(STRUCTURE),
        columns=COLUMNS,
        usage=(
            UsageObject("body -> 'usage'", USAGE),
            UsageObject("body -> 'meta'", USAGE, {"api_version.version": "the version of the interface"}, "meta"),
        ),
        text_columns=envelope.texts("$.message.content", "$.text"),
        order=70,
    ),
)
