"""Anthropic message bodies: bare, in an envelope, from a batch, or as the events of a stream.

A stream opens with a placeholder of one output token and every `message_delta` carries the running total, so the last
one counts. Source: anthropic SDK 2.11.0 types.
"""

from __future__ import annotations

from data.formats import Format, claude_usage, envelope, openai, usage_words

STRUCTURE = {
    "id": "VARCHAR",
    "type": "VARCHAR",
    "model": "VARCHAR",
    "stop_reason": "VARCHAR",
    "cut": "BOOLEAN",
    "content": "JSON",
    "usage": claude_usage.USAGE,
}

EVENTS = f"from_json({envelope.BODY}, '[\"JSON\"]')"
FIRST = f"list_filter({EVENTS}, lambda e: e ->> 'type' = 'message_start')[1] -> 'message'"
LAST = (
    f"list_filter({EVENTS}, lambda e: e ->> 'type' = 'message_delta' AND json_type(e -> 'usage') = 'OBJECT')[-1] ->"
    " 'usage'"
)
STREAMED = f"""
CASE WHEN json_type({envelope.BODY}) = 'ARRAY'
     THEN json_merge_patch(coalesce({FIRST}, '{{}}'),
         CASE WHEN ({LAST}) IS NULL THEN '{{"cut": true}}'::JSON ELSE json_object('usage', {LAST}) END)
     ELSE {envelope.BODY} END
"""

OTHERS = "an answer in the shape of OpenAI among those of Anthropic; put it into a file of its own"

COLUMNS = (
    envelope.COLUMNS
    | claude_usage.columns("b.usage", "b.content")
    | {
        "event_key": f"coalesce(text_of(b.id), text_of(d.request_id), text_of(d.custom_id)) || {claude_usage.RUN}",
        "call_id": f"text_of(d.call_id) || {claude_usage.RUN}",
        "provider": f"coalesce({envelope.COLUMNS['provider']}, {claude_usage.seller('b')})",
        "region": f"coalesce(text_of(d.region), {claude_usage.region('b.usage')})",
        "service_tier": (
            f"""CASE WHEN json_of(d.result) IS NOT NULL OR b.usage.service_tier = 'batch' OR {envelope.IN_BATCH}
            THEN 'batch'
        ELSE coalesce({usage_words.uncommon_speed("b.usage.speed")}, b.usage.service_tier) END"""
        ),
        "model_raw": "ran",
        "user_id": f"coalesce({envelope.COLUMNS['user_id']}, jtext(json_of(d.request), '$.metadata.user_id'))",
        # The placeholder of a cut stream is no count.
        "output_tokens": "CASE WHEN b.cut IS NOT TRUE THEN n.output END",
        "caveats": (
            f"""[CASE WHEN run = 0 AND {claude_usage.incomplete("b.stop_reason", "b.content", "n.output")}
        THEN 'incomplete_output' END, CASE WHEN {claude_usage.odd_runs("b.usage")} THEN 'split_assumed' END]"""
        ),
        "reject": f"""CASE WHEN (body -> '$.usage.prompt_tokens') IS NOT NULL THEN '{OTHERS}'
        ELSE ({envelope.COLUMNS["reject"]}) END""",
        "status": f"CASE WHEN {envelope.FAILED} OR b.type = 'error' THEN 'error' END",
        "unmetered": (
            f"(b.usage.output_tokens IS NULL OR b.cut IS TRUE) AND NOT {envelope.FAILED} AND b.type IS DISTINCT FROM"
            " 'error'"
        ),
        "skip": (
            f"CASE WHEN jtext(json_of(d.result), '$.type') <> 'succeeded' OR {envelope.NOT_BATCHED}"
            f" THEN '{envelope.NOT_BILLED}' END"
        ),
    }
)


def _is_anthropic(body: dict) -> bool:
    held = body.get("message")
    message = held if isinstance(held, dict) else body
    usage = envelope.usage_of(message) or envelope.usage_of(body)
    if "prompt_tokens" in usage or "object" in message:  # a proxy's answer in OpenAI's shape
        return False
    plain = "input_tokens" in usage and "total_tokens" not in usage and "claude" in str(message.get("model"))
    cached = "cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage
    return plain or cached or (message.get("type") == "message" and "stop_reason" in message)


def _recognise(sample: list[dict]) -> bool:
    """Whether most are Anthropic's; among answers of OpenAI's, that format reads both."""
    others = any(openai.is_openai(body) and not _is_anthropic(body) for body in map(envelope.body_of, sample))
    return not others and envelope.recogniser(_is_anthropic)(sample)


FORMATS = (
    Format(
        name="anthropic",
        label="Anthropic message bodies, batch results, streams",
        recognise=_recognise,
        fields=envelope.FIELDS,
        rows=claude_usage.rows(envelope.rows(STRUCTURE, STREAMED), "b.usage", envelope.MODEL),
        columns=COLUMNS,
        usage=(*claude_usage.objects("body -> 'usage'"), *envelope.SECOND_USAGE),
        text_columns=envelope.texts("$.content"),
        assume_input_has_cache=False,
        supersedes=True,
        order=70,
        note="Anthropic's bodies carry no time of their own; the envelope's timestamp is used.",
    ),
)
