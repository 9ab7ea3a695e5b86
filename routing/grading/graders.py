"""Whether an answer is right: promptfoo's assertions and inspect's matches, all deterministic.

No answer, a wrong answer and a transport error are three things: the first is a verdict here with
`no_answer`, the second a verdict without it, the third never reaches a grader.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema

from data import wording
from routing.calling.calls import Answer
from routing.grading.answer_text import (
    LONGEST_TEXT,
    NUMBER,
    edit_distance,
    json_inside,
    json_value,
    letter,
    number,
    words,
)
from routing.grading.tasks import MODEL_GRADED, Assertion, Task

REFUSAL = re.compile(
    r"\b(i can(?:'|no|’)t|i(?:'|’)m (?:not able|unable|sorry)|i am (?:not able|unable)|i won(?:'|’)t|as an ai|cannot (?:help|assist|provide|comply)|"
    r"not (?:able|willing) to (?:help|assist|provide)|can(?:no|'|’)t (?:help|assist|provide|comply)|i must decline|i refuse)",
    re.IGNORECASE,
)
STRIPPED = str.maketrans("", "", "$€£,*_%")


@dataclass(frozen=True)
class Verdict:
    """`score` 0 to 1; `passed` by the assertion's or task's rule, None where nothing could decide it; `reason` in words."""

    passed: bool | None
    score: float | None
    reason: str
    no_answer: bool = False


@dataclass(frozen=True)
class Measured:
    """What the run itself knows about an answer, for the latency and cost assertions."""

    latency_ms: float | None = None
    cost_usd: float | None = None


UNMEASURED = Measured()


def grade(
    task: Task, answer: Answer, measured: Measured = UNMEASURED, judged: dict[int, Verdict] | None = None
) -> Verdict:
    """The verdict on a task. `judged` are verdicts on its model-graded assertions, by position; where one is missing nothing is said to have passed."""
    if not answer.text.strip() and not answer.tool_calls:
        return Verdict(False, 0.0, "no answer: the model returned nothing", no_answer=True)
    weighed, missing = [], False
    for position, assertion in enumerate(task.asserts):
        if assertion.type.removeprefix("not-") not in MODEL_GRADED:
            weighed.append((assertion.weight, check(assertion, answer, measured)))
        elif judged and position in judged:
            weighed.append((assertion.weight, judged[position]))
        else:
            missing = True
    verdict = _combined(weighed, task.threshold)
    if not weighed or (missing and (verdict.passed or task.threshold is not None)):
        return Verdict(
            None,
            None,
            "not graded: it needs a judge's verdict and has none" if missing else "not graded: the task has no check",
        )
    return verdict


def check(assertion: Assertion, answer: Answer, measured: Measured = UNMEASURED) -> Verdict:
    """The verdict of one assertion."""
    if assertion.type == "assert-set":
        return _combined(
            [(inner.weight, check(inner, answer, measured)) for inner in assertion.checks], assertion.threshold
        )
    name = assertion.type.removeprefix("not-")
    verdict = GRADERS[name](assertion, answer, measured)
    if name != assertion.type:
        return Verdict(not verdict.passed, 1.0 - verdict.score, f"not: {verdict.reason}", verdict.no_answer)
    return verdict


def _combined(weighed: Sequence[tuple[float, Verdict]], threshold: float | None) -> Verdict:
    total = sum(weight for weight, _ in weighed)
    score = sum(weight * verdict.score for weight, verdict in weighed) / total if total else 1.0
    failed = [verdict for weight, verdict in weighed if not verdict.passed and weight > 0]
    passed = score >= threshold if threshold is not None else not failed
    reasons = "; ".join(v.reason for v in failed) if failed else "; ".join(v.reason for _, v in weighed)
    return Verdict(passed, score, reasons, no_answer=not passed and any(v.no_answer for v in failed))


def _yes_no(holds: bool, what: str) -> Verdict:
    return Verdict(holds, float(holds), f"{what}: {'yes' if holds else 'no'}")


def _listed(value: Any) -> list[str]:
    return (
        [str(item) for item in value]
        if isinstance(value, list | tuple)
        else [part.strip() for part in str(value).split(",")]
    )


def _containing(fold: bool, every: bool) -> Callable[[Assertion, Answer, Measured], Verdict]:
    def judge(a: Assertion, answer: Answer, _: Measured) -> Verdict:
        wanted = (
            _listed(a.value) if isinstance(a.value, list | tuple) or a.type.endswith(("any", "all")) else [str(a.value)]
        )
        text = answer.text.casefold() if fold else answer.text
        found = [w for w in wanted if (w.casefold() if fold else w) in text]
        holds = len(found) == len(wanted) if every else bool(found)
        missing = [w for w in wanted if w not in found]
        return Verdict(
            holds,
            float(holds),
            f"contains {', '.join(wanted)}" if holds else f"does not contain {', '.join(missing)[:200]}",
        )

    return judge


def _equals(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    if isinstance(a.value, dict | list):
        return _yes_no(json_inside(answer.text) == a.value, "equals the JSON value")
    return _yes_no(answer.text.strip() == str(a.value).strip(), f"equals `{str(a.value)[:80]}`")


def _regex(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    return _yes_no(re.search(str(a.value), answer.text[:LONGEST_TEXT]) is not None, f"matches /{str(a.value)[:80]}/")


def _is_json(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    whole = a.type.endswith("is-json")
    text = answer.text.strip()
    found = json_value(text) if whole else json_inside(text)
    if found is None:
        return Verdict(False, 0.0, "is no JSON" if whole else "holds no JSON", no_answer=True)
    if isinstance(a.value, dict):
        problem = next(iter(sorted(jsonschema.Draft202012Validator(a.value).iter_errors(found), key=str)), None)
        if problem:
            return Verdict(False, 0.0, f"JSON does not fit the schema: {problem.message[:160]}")
    return Verdict(True, 1.0, "JSON that fits the schema" if a.value else "is JSON")


def _match(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """inspect's match: the target at the begin, end, anywhere or exactly; numeric compares numbers."""
    targets = [str(v) for v in a.value] if isinstance(a.value, list | tuple) else [str(a.value)]
    location = "exact" if a.type.endswith("exact") else a.location
    if a.numeric:
        numbers = [n for n in map(number, NUMBER.findall(answer.text.translate(STRIPPED))) if n is not None]
        if not numbers:
            return Verdict(False, 0.0, "no number in the answer", no_answer=True)
        picked = {
            "begin": numbers[:1],
            "end": numbers[-1:],
            "any": numbers,
            "exact": numbers if len(numbers) == 1 else [],
        }[location]
        wanted = [n for n in (number(t.translate(STRIPPED)) for t in targets) if n is not None]
        holds = any(abs(n - w) <= 1e-6 * max(1.0, abs(w)) for n in picked for w in wanted)
        said = f"{picked[-1]:g}" if picked else "several numbers"
        return Verdict(holds, float(holds), f"answered {said}, expected {' or '.join(targets)}")
    text = " ".join(words(answer.text))
    wanted_words = [" ".join(words(t)) for t in targets]
    tests = {"begin": text.startswith, "end": text.endswith, "any": text.__contains__, "exact": text.__eq__}
    holds = any(tests[location](w) for w in wanted_words)
    return Verdict(
        holds, float(holds), f"{'has' if holds else 'has not'} {' or '.join(targets)[:120]} at its {location}"
    )


def _pattern(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """inspect's pattern: the first group of `value[0]` equals `value[1]`."""
    pattern, target = a.value
    found = re.search(str(pattern), answer.text[:LONGEST_TEXT])
    if not found or not found.groups():
        return Verdict(False, 0.0, f"no answer of the form /{str(pattern)[:80]}/", no_answer=True)
    return _yes_no(
        found[1].strip().casefold() == str(target).casefold(), f"answered `{found[1][:60]}`, expected `{target}`"
    )


def _stated(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """inspect's answer: what follows the last `ANSWER:`."""
    found = re.findall(r"(?i)answer\s*:\s*([^\n]+)", answer.text[:LONGEST_TEXT])
    if not found:
        return Verdict(False, 0.0, "no line `ANSWER: ...`", no_answer=True)
    return _yes_no(
        words(found[-1]) == words(str(a.value)), f"answered `{found[-1].strip()[:60]}`, expected `{a.value}`"
    )


def _choice(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    chosen = letter(answer.text)
    if chosen is None:
        return Verdict(False, 0.0, "no option letter in the answer", no_answer=True)
    return _yes_no(chosen == str(a.value).upper(), f"chose {chosen}, expected {a.value}")


def _f1(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    said, wanted = Counter(words(answer.text)), Counter(words(str(a.value)))
    shared = sum((said & wanted).values())
    score = 2 * shared / (sum(said.values()) + sum(wanted.values())) if shared else 0.0
    return _scored(score, a.threshold if a.threshold is not None else 0.5, "word F1")


def _rouge(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """ROUGE-1 recall: the share of the reference's words that the answer has."""
    said, wanted = Counter(words(answer.text)), Counter(words(str(a.value)))
    score = sum((said & wanted).values()) / max(1, sum(wanted.values()))
    return _scored(score, 0.75 if a.threshold is None else a.threshold, "ROUGE-1 recall")


def _levenshtein(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    distance, limit = (
        edit_distance(answer.text.strip()[:2000], str(a.value)[:2000]),
        5 if a.threshold is None else a.threshold,
    )
    return _yes_no(distance <= limit, f"edit distance {distance} within {limit:g}")


def _word_count(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    count, bounds = (
        len(answer.text.split()),
        a.value if isinstance(a.value, dict) else {"at_least": a.value, "at_most": a.value},
    )
    holds = bounds.get("at_least", 0) <= count <= bounds.get("at_most", float("inf")) and count < bounds.get(
        "less_than", float("inf")
    )
    return _yes_no(holds, f"{count} words within {bounds}")


def _latency(a: Assertion, _: Answer, measured: Measured) -> Verdict:
    limit = float(a.threshold if a.threshold is not None else a.value)
    known = measured.latency_ms is not None
    return _yes_no(
        known and measured.latency_ms <= limit,
        f"latency {measured.latency_ms or 0:.0f} ms within {limit:g} ms" if known else "latency known",
    )


def _cost(a: Assertion, _: Answer, measured: Measured) -> Verdict:
    limit = float(a.threshold if a.threshold is not None else a.value)
    known = measured.cost_usd is not None
    return _yes_no(
        known and measured.cost_usd <= limit,
        f"cost {wording.usd(measured.cost_usd or 0)} within ${limit:g}" if known else "cost known",
    )


def _tool_calls(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """The calls asked for in `value`: {name, arguments: {argument: value or list of allowed values}}, or any call without one."""
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


def _refuses(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    return _yes_no(
        REFUSAL.search(answer.text[:LONGEST_TEXT]) is not None or answer.finish == "content_filter", "is a refusal"
    )


def _scored(score: float, threshold: float, what: str) -> Verdict:
    return Verdict(score >= threshold, score, f"{what} {score:.2f}, needed {threshold:g}")


GRADERS: dict[str, Callable[[Assertion, Answer, Measured], Verdict]] = {
    "equals": _equals,
    "contains": _containing(False, True),
    "icontains": _containing(True, True),
    "contains-any": _containing(False, False),
    "contains-all": _containing(False, True),
    "icontains-any": _containing(True, False),
    "icontains-all": _containing(True, True),
    "includes": _containing(True, True),
    "starts-with": lambda a, answer, _: _yes_no(
        answer.text.lstrip().startswith(str(a.value)), f"starts with `{a.value}`"
    ),
    "regex": _regex,
    "is-json": _is_json,
    "contains-json": _is_json,
    "is-refusal": _refuses,
    "levenshtein": _levenshtein,
    "rouge-n": _rouge,
    "f1": _f1,
    "latency": _latency,
    "cost": _cost,
    "is-valid-openai-tools-call": _tool_calls,
    "tool-call-f1": _tool_calls,
    "match": _match,
    "exact": _match,
    "pattern": _pattern,
    "answer": _stated,
    "choice": _choice,
    "word-count": _word_count,
}
