"""Checks of what an answer is: JSON of a schema, tool calls, and what the run measured about it."""

from __future__ import annotations

import json
from typing import Any

from data import wording
from routing.calling.calls import Answer
from routing.grading.answer_text import json_inside, json_value
from routing.grading.tasks import Assertion
from routing.grading.verdicts import Measured, Verdict, yes_no
from routing.policies.answer_forms import first_problem


def is_json(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    whole = a.type.endswith("is-json")
    text = answer.text.strip()
    found = json_value(text) if whole else json_inside(text)
    if found is None:
        return Verdict(False, 0.0, "is no JSON" if whole else "holds no JSON", no_answer=True)
    if isinstance(a.value, dict):
        problem = first_problem(a.value, found)
        if problem:
            return Verdict(False, 0.0, f"JSON does not fit the schema: {problem.message[:160]}")
    return Verdict(True, 1.0, "JSON that fits the schema" if a.value else "is JSON")


def tool_calls(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """The calls asked for in `value`: {name, arguments: {argument: value or list of allowed values}}, or any call
    without one.
    """
    if not answer.tool_calls:
        return Verdict(False, 0.0, "no tool was called", no_answer=True)
    if any(not isinstance(call["arguments"], dict) for call in answer.tool_calls):
        return Verdict(False, 0.0, "the tool's arguments are no JSON object")
    if a.value is None:
        return Verdict(True, 1.0, f"called {answer.tool_calls[0]['name']}")
    wanted = a.value if isinstance(a.value, list) else [a.value]
    hits = sum(any(_same_call(call, want) for call in answer.tool_calls) for want in wanted)
    score = 2 * hits / (len(wanted) + len(answer.tool_calls))
    threshold = a.threshold if a.threshold is not None and a.type.endswith("tool-call-f1") else 1.0
    said = ", ".join(f"{c['name']}({json.dumps(c['arguments'])[:80]})" for c in answer.tool_calls)
    return Verdict(score >= threshold, score, f"called {said}")


def _same_call(call: dict[str, Any], want: dict[str, Any]) -> bool:
    if call["name"] != want["name"]:
        return False
    for name, allowed in (want.get("arguments") or {}).items():
        options = allowed if isinstance(allowed, list) else [allowed]
        if not any(
            str(call["arguments"].get(name, "")).strip().casefold() == str(option).casefold() for option in options
        ):
            return False
    return True


def latency(a: Assertion, _: Answer, measured: Measured) -> Verdict:
    limit, known = _limit(a), measured.latency_ms
    if known is None:
        return yes_no(False, "latency known")
    return yes_no(known <= limit, f"latency {known:.0f} ms within {limit:g} ms")


def cost(a: Assertion, _: Answer, measured: Measured) -> Verdict:
    limit, known = _limit(a), measured.cost_usd
    if known is None:
        return yes_no(False, "cost known")
    return yes_no(known <= limit, f"cost {wording.usd(known)} within ${limit:g}")


def _limit(a: Assertion) -> float:
    return float(a.threshold if a.threshold is not None else a.value)
