"""Each provider's own wire format: what is sent, disjoint token buckets back, streams, and garbled replies."""

from __future__ import annotations

import json

import pytest

from routing.calling.calls import Request, Tokens
from routing.calling.declarations import Offer
from routing.calling.protocols import Garbled, protocol

ASK = Request(
    ({"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}),
    max_tokens=9,
    seed=4,
    tools=({"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},),
)
OFFER = Offer(model="m", upstream="up")
# (protocol, usage body as the provider sends it, disjoint buckets)
USAGES = [
    (
        "openai",
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "prompt_tokens_details": {"cached_tokens": 30},
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
        Tokens(70, 30, None, None, 30, 20),
    ),
    (
        "openai",
        {"prompt_tokens": 100, "completion_tokens": 50, "prompt_cache_hit_tokens": 64},
        Tokens(36, 64, None, None, 50, None),
    ),
    (
        "openai",
        {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": None},
        Tokens(10, None, None, None, 5, None),
    ),
    (
        "openai",
        {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 99}},
        Tokens(None, 99, None, None, 5, None),
    ),
    ("openai", {"prompt_tokens": "10", "completion_tokens": True}, Tokens()),
    ("openai", [1, 2], Tokens()),
    (
        "anthropic",
        {"input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 40, "output_tokens": 7},
        Tokens(10, 90, 40, None, 7, None),
    ),
    (
        "anthropic",
        {
            "input_tokens": 10,
            "cache_creation_input_tokens": 40,
            "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 25},
            "output_tokens": 7,
        },
        Tokens(10, None, 15, 25, 7, None),
    ),
    (
        "gemini",
        {"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 8, "thoughtsTokenCount": 12},
        Tokens(40, 60, None, None, 8, 12),
    ),
    (
        "gemini",
        {"promptTokenCount": 100, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 8},
        Tokens(105, None, None, None, 8, None),
    ),
]


@pytest.mark.parametrize(("name", "usage", "expected"), USAGES)
def test_usage_becomes_disjoint_buckets(name, usage, expected):
    assert protocol(name).tokens(usage) == expected


def test_openai_request():
    wire = protocol("openai").wire(OFFER, ASK, "k", True)
    assert wire.path == "chat/completions" and wire.headers == {"authorization": "Bearer k"}
    assert (
        wire.body["model"] == "up"
        and wire.body["max_tokens"] == 9
        and wire.body["stream_options"] == {"include_usage": True}
        and wire.body["seed"] == 4
    )
    strict = Offer(model="m", output_field="max_completion_tokens", takes_temperature=False)
    assert {"max_completion_tokens"} <= set(
        protocol("openai").wire(strict, ASK, None, False).body
    ) and "temperature" not in protocol("openai").wire(strict, ASK, None, False).body


def test_anthropic_request():
    wire = protocol("anthropic").wire(OFFER, ASK, "k", False)
    assert wire.path == "v1/messages" and wire.headers == {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    assert wire.body["system"] == "Be short." and [m["role"] for m in wire.body["messages"]] == ["user"]
    assert wire.body["tools"][0]["input_schema"] == {"type": "object"}


def test_gemini_request_carries_the_key_in_a_header_only():
    wire = protocol("gemini").wire(OFFER, ASK, "k", True)
    assert (
        wire.path == "models/up:streamGenerateContent?alt=sse"
        and wire.headers == {"x-goog-api-key": "k"}
        and "k" not in wire.path.split(":")[1].split("?")[1].replace("alt=sse", "")
    )
    assert (
        wire.body["generationConfig"]["maxOutputTokens"] == 9
        and wire.body["systemInstruction"]["parts"][0]["text"] == "Be short."
    )


STREAMS = {
    "openai": [
        {"model": "x", "choices": [{"delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"delta": {"content": "Hel"}}]},
        {
            "choices": [
                {
                    "delta": {
                        "content": "lo",
                        "tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a"'}}],
                    }
                }
            ]
        },
        {
            "choices": [
                {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}, "finish_reason": "stop"}
            ]
        },
        {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}},
        "[DONE]",
    ],
    "anthropic": [
        {"type": "message_start", "message": {"model": "x", "usage": {"input_tokens": 4, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "f"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a": 1}'}},
        {"type": "ping"},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ],
    "gemini": [
        {"modelVersion": "x", "candidates": [{"content": {"parts": [{"text": "Hel"}]}}]},
        {
            "candidates": [
                {
                    "content": {
                        "parts": [
                            {"text": "lo"},
                            {"functionCall": {"name": "f", "args": {"a": 1}}},
                            {"text": "thinking", "thought": True},
                        ]
                    },
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2},
        },
    ],
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_adds_up_to_the_same_answer(name):
    stream = protocol(name).Stream()
    added = "".join(stream.feed("", event if isinstance(event, str) else json.dumps(event)) for event in STREAMS[name])
    answer = stream.answer()
    assert added == answer.text == "Hello" and answer.tool_calls == ({"name": "f", "arguments": {"a": 1}},)
    assert (answer.tokens.fresh_input, answer.tokens.output, answer.finish, stream.finished, answer.model) == (
        4,
        2,
        "stop",
        True,
        "x",
    )


@pytest.mark.parametrize("name", STREAMS)
def test_a_cut_stream_has_no_usage_and_says_so(name):
    stream = protocol(name).Stream()
    for event in STREAMS[name][:1]:
        stream.feed("", json.dumps(event))
    assert not stream.finished and stream.answer().finish == "cut" and not stream.answer().tokens.known


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("data", ["not json", "[1]", '{"error": {"message": "overloaded"}, "type": "error"}'])
def test_a_garbled_event_is_told(name, data):
    with pytest.raises(Garbled):
        protocol(name).Stream().feed("error", data)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("openai", {}),
        ("openai", {"choices": []}),
        ("anthropic", {"content": None}),
        ("gemini", {"candidates": []}),
        ("gemini", {"candidates": [7]}),
    ],
)
def test_a_body_of_another_shape_is_garbled(name, body):
    with pytest.raises((Garbled, AttributeError, TypeError)):
        protocol(name).answer(body)


def test_a_gemini_block_is_a_content_filter():
    assert protocol("gemini").answer({"promptFeedback": {"blockReason": "SAFETY"}}).finish == "content_filter"


def test_real_bodies_of_providers(shared_data):
    """genai-prices' data set: our buckets must add up to its extraction for every body our three protocols know."""
    checked = 0
    for case in json.loads((shared_data / "usage_bodies" / "usages.json").read_text()):
        usage = case["body"].get("usage") or case["body"].get("usageMetadata")
        for group in case["extracted"]:
            flavours = {(e["provider_id"], e["api_flavor"]) for e in group["extractors"]}
            name = (
                "openai"
                if ("openai", "chat") in flavours
                else "anthropic"
                if ("anthropic", "default") in flavours
                else "gemini"
                if ("google", "default") in flavours
                else None
            )
            if name is None or not usage:
                continue
            mine, want = protocol(name).tokens(usage), group["usage"]
            if not mine.known or "input_audio_tokens" in want:
                continue
            read = sum(n or 0 for n in (mine.fresh_input, mine.cache_read, mine.cache_write_5m, mine.cache_write_1h))
            assert (read, mine.output + (mine.reasoning or 0)) == (
                want.get("input_tokens", 0),
                want.get("output_tokens", 0),
            ), case["body"]
            checked += 1
    assert checked > 100
