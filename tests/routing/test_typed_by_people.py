"""What people type into tasks and providers: kept as typed, joined once, and no pattern of theirs holds a run up."""

from __future__ import annotations

import pytest

from routing.calling.calls import Answer
from routing.calling.declarations import checked_provider
from routing.grading.graders import grade
from routing.grading.guardrails import output_violations
from routing.grading.tasks import Task, parse_tasks
from routing.policies.policy import Guardrails

SLOW = "(a|aa)+$"
LONG = "a" * 60 + "!"


@pytest.mark.parametrize(
    ("typed", "answer", "passed"),
    [
        ("007", "007", True),
        ("007", "7", False),
        ("12:30", "12:30", True),
        ("2026-01-05", "2026-01-05", True),
        ("1_000", "1_000", True),
        ("0x1F", "0x1F", True),
        ("1.10", "1.10", True),
        ("7", "7", True),
        ("4.5", "4.5", True),
    ],
)
def test_an_expected_value_is_what_was_typed(typed, answer, passed):
    text = (
        f"- id: a\n  prompt: x\n  asserts: [{{type: equals, value: {typed}}}, {{type: contains-any, value: [{typed}]}}]"
    )
    task = parse_tasks(text, "t.yaml").tasks[0]
    assert grade(task, Answer(text=answer)).passed is passed


def test_a_variable_goes_into_the_prompt_as_typed_and_numbers_stay_numbers_elsewhere():
    text = """
- id: a
  vars: {code: 007, at: 09:30}
  prompt: "Agent {{code}} at {{at}}"
  max_tokens: 16
  assert: [{type: word-count, value: {at_least: 2}}, {type: latency, threshold: 100}]
"""
    task = parse_tasks(text, "t.yaml").tasks[0]
    assert task.prompt == "Agent 007 at 09:30"
    assert task.asserts[0].value == {"at_least": 2} and task.asserts[1].threshold == 100


@pytest.mark.parametrize("check", [{"type": "regex", "value": SLOW}, {"type": "pattern", "value": [SLOW, "a"]}])
def test_a_pattern_that_never_ends_is_given_up_and_the_answer_not_graded(check):
    found = grade(Task(id="t", prompt="x", asserts=(check,)), Answer(text=LONG))
    assert found.passed is None and "took longer than 1 s" in found.reason


@pytest.mark.parametrize("kind", ["output_must_match", "output_must_not_match"])
def test_an_answer_that_a_guardrail_is_not_done_with_is_withheld(kind):
    pattern = SLOW if kind == "output_must_match" else (SLOW,)
    found = output_violations(Guardrails(**{kind: pattern}), Answer(text=LONG))
    assert [one.guardrail for one in found] == [kind] and "took longer" in found[0].reason
    assert output_violations(Guardrails(output_must_not_match=("b",), output_must_match="a"), Answer(text="aa")) == []


@pytest.mark.parametrize(
    ("protocol", "typed", "base"),
    [
        ("anthropic", "https://api.anthropic.com/v1/", "https://api.anthropic.com"),
        ("anthropic", "https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
        ("anthropic", "https://api.anthropic.com", "https://api.anthropic.com"),
        ("openai", "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
        ("openai", "https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("gemini", "https://host/v1beta/", "https://host/v1beta"),
    ],
)
def test_the_whole_address_pasted_is_joined_once(protocol, typed, base):
    made = checked_provider({"name": "p", "protocol": protocol, "base_url": typed, "models": [{"model": "m"}]})
    assert made.base_url == base
