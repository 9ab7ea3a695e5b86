"""Whether an answer is right: promptfoo's assertions and inspect's matches, all deterministic.

No answer, a wrong answer and a transport error are three things: the first is a verdict here with
`no_answer`, the second a verdict without it, the third never reaches a grader.
"""

from __future__ import annotations

from collections.abc import Callable

from routing.calling.calls import Answer
from routing.grading import structure_checks, text_checks
from routing.grading.tasks import MODEL_GRADED, Assertion, Task
from routing.grading.verdicts import UNMEASURED, Measured, Verdict, combine, yes_no
from routing.policies.answer_forms import TooSlow


def grade(
    task: Task, answer: Answer, measured: Measured = UNMEASURED, judged: dict[int, Verdict] | None = None
) -> Verdict:
    """The verdict on a task. `judged` are verdicts on its model-graded assertions, by position; where one is missing
    nothing is said to have passed.
    """
    if not answer.text.strip() and not answer.tool_calls:
        return Verdict(False, 0.0, "no answer: the model returned nothing", no_answer=True)
    weighed, missing = [], False
    for position, assertion in enumerate(task.asserts):
        if assertion.type.removeprefix("not-") not in MODEL_GRADED:
            try:
                weighed.append((assertion.weight, check(assertion, answer, measured)))
            except TooSlow as slow:
                return Verdict(None, None, f"not graded: {slow}")
        elif judged and position in judged:
            weighed.append((assertion.weight, judged[position]))
        else:
            missing = True
    verdict = combine(weighed, task.threshold)
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
        return combine(
            [(inner.weight, check(inner, answer, measured)) for inner in assertion.checks], assertion.threshold
        )
    name = assertion.type.removeprefix("not-")
    verdict = GRADERS[name](assertion, answer, measured)
    if name != assertion.type:
        return Verdict(not verdict.passed, 1.0 - (verdict.score or 0.0), f"not: {verdict.reason}", verdict.no_answer)
    return verdict


GRADERS: dict[str, Callable[[Assertion, Answer, Measured], Verdict]] = {
    "equals": text_checks.equals,
    "contains": text_checks.containing(False, True),
    "icontains": text_checks.containing(True, True),
    "contains-any": text_checks.containing(False, False),
    "contains-all": text_checks.containing(False, True),
    "icontains-any": text_checks.containing(True, False),
    "icontains-all": text_checks.containing(True, True),
    "includes": text_checks.containing(True, True),
    "starts-with": lambda a, answer, _: yes_no(
        answer.text.lstrip().startswith(str(a.value)), f"starts with `{a.value}`"
    ),
    "regex": text_checks.regex,
    "is-json": structure_checks.is_json,
    "contains-json": structure_checks.is_json,
    "is-refusal": text_checks.refuses,
    "levenshtein": text_checks.levenshtein,
    "rouge-n": text_checks.rouge,
    "f1": text_checks.f1,
    "latency": structure_checks.latency,
    "cost": structure_checks.cost,
    "is-valid-openai-tools-call": structure_checks.tool_calls,
    "tool-call-f1": structure_checks.tool_calls,
    "match": text_checks.match,
    "exact": text_checks.match,
    "pattern": text_checks.pattern,
    "answer": text_checks.stated_answer,
    "choice": text_checks.choice,
    "word-count": text_checks.word_count,
}
