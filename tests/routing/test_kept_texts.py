"""Texts as logs keep them become a conversation and an answer, whatever API they were in; what is no text is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import NoData
from data.loading.ingest import ingest
from routing.runs.kept_texts import NotWords, answer_words, conversation
from routing.runs.ledger_tasks import sampled_tasks

USER = {"role": "user", "content": "Hi"}
SYSTEM = {"role": "system", "content": "Be brief"}
ASKED = [
    ([USER], [USER]),
    ([SYSTEM, USER], [SYSTEM, USER]),
    ({"messages": [{"role": "developer", "content": "Be brief"}, USER], "model": "x"}, [SYSTEM, USER]),
    ({"system": [{"type": "text", "text": "Be brief"}], "messages": [USER]}, [SYSTEM, USER]),
    ({"instructions": "Be brief", "input": "Hi"}, [SYSTEM, USER]),
    ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}, [USER]),
    ([{"role": "user", "content": [{"text": "Hi"}]}], [USER]),
    (
        {
            "systemInstruction": {"parts": [{"text": "Be brief"}]},
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        },
        [SYSTEM, USER],
    ),
    (
        [USER, {"role": "model", "parts": [{"text": "Yes?"}]}, USER],
        [USER, {"role": "assistant", "content": "Yes?"}, USER],
    ),
    ({"prompt": "Hi"}, [USER]),
]
IMAGE = {"type": "image_url", "image_url": {"url": "data:,"}}
MORE = [
    ([{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}], "image_url"),
    ([USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, USER], "tool call"),
    ([USER, {"role": "tool", "content": "7"}], "message of a tool"),
    ([USER, {"role": "assistant", "content": "Hello"}], "not a user's words"),
    ([{"role": "user", "content": [{"type": "tool_result", "content": "7"}]}], "tool_result"),
    ([{"role": "user", "content": [{"inlineData": {"data": ""}}]}], "no text"),
]
SAID = [
    ({"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}, "Hello"),
    ({"choices": [{"text": "Hello"}]}, "Hello"),
    ({"choices": [{"message": {"content": None, "tool_calls": [{"id": "1"}]}}]}, ""),
    (
        {"output": [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}]},
        "Hello",
    ),
    ({"output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}}, "Hello"),
    (
        {"role": "assistant", "type": "message", "content": [{"type": "thinking"}, {"type": "text", "text": "Hello"}]},
        "Hello",
    ),
    ([{"type": "text", "text": "Hello"}], "Hello"),
    ([{"type": "tool_use", "name": "x"}], ""),
    ([{"text": "Thinks", "thought": True}, {"text": "Hello"}], "Hello"),
    ({"candidates": [{"content": {"parts": [{"text": "Hello"}]}}]}, "Hello"),
    ({"message": {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}}, "Hello"),
    ("Hello", "Hello"),
]


@pytest.mark.parametrize(("body", "messages"), ASKED)
def test_a_request_in_any_form_is_asked_in_its_words(body, messages):
    system, asked = conversation(json.dumps(body))
    assert [*([{"role": "system", "content": system}] if system else []), *asked] == messages


@pytest.mark.parametrize(("body", "why"), MORE)
def test_what_words_alone_do_not_say_is_left_out_with_the_reason(body, why):
    with pytest.raises(NotWords, match=why):
        conversation(json.dumps(body))


@pytest.mark.parametrize(("body", "words"), SAID)
def test_an_answer_in_any_form_is_its_words(body, words):
    assert answer_words(json.dumps(body)) == words


@pytest.mark.parametrize(
    "text", ["Hi", "42", '{"total": 7}', "[1, 2]", '{"text": "a field of mine"}', "[not json", "null"]
)
def test_plain_text_stays_also_where_it_is_json_itself(text):
    assert conversation(text) == ("", ({"role": "user", "content": text},)) and answer_words(text) == text


@pytest.mark.heavy
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda v: st.lists(v)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "messages", "choices", "message", "parts", "text", "type", "output", "candidates"]
            ),
            v,
        ),
    )
)
def test_whatever_was_kept_is_read_or_left_out(body):
    assert isinstance(answer_words(json.dumps(body)), str)
    try:
        system, asked = conversation(json.dumps(body))
        assert isinstance(system, str) and all(isinstance(one["content"], str) for one in asked)
    except NotWords as reason:
        assert str(reason)


def test_a_gateway_s_log_becomes_tasks_a_model_can_pass(ledger, state, tmp_path):
    row = {"call_type": "acompletion", "spend": 0.01, "total_tokens": 13, "prompt_tokens": 9, "completion_tokens": 4}
    row |= {
        "startTime": "2026-11-21T04:03:29",
        "endTime": "2026-11-21T04:03:30",
        "model": "gpt-5.2",
        "status": "success",
    }
    said = {"choices": [{"message": {"role": "assistant", "content": "Paris"}}]}
    asked = [[SYSTEM, {"role": "user", "content": "Capital of France?"}], [{"role": "user", "content": [IMAGE]}]]
    log = tmp_path / "spend.jsonl"
    rows = [{**row, "request_id": f"r{n}", "messages": messages, "response": said} for n, messages in enumerate(asked)]
    log.write_text("\n".join(map(json.dumps, rows)))
    ingest(ledger, state, [log], keep_text=True)
    found = sampled_tasks(ledger, 5)
    assert [(t.system, t.asked, t.asserts[0].value, t.model) for t in found.tasks] == [
        ("Be brief", "Capital of France?", "Paris", "gpt-5.2")
    ]
    assert len(found.left_out) == 1 and "image_url" in found.left_out[0]
    usage = ledger.usage
    with pytest.raises(NoData, match="None of the 1 requests that were drawn asks with words alone"):
        sampled_tasks(ledger, 5, rows=usage.filter(usage.event_id.contains("r1")))
