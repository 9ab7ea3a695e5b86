"""Checks of an answer's text: promptfoo's string assertions and inspect's matches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from routing.calling.calls import Answer
from routing.grading.answer_text import (
    LONGEST_TEXT,
    NUMBER,
    edit_distance,
    json_inside,
    letter,
    number,
    words,
)
from routing.grading.tasks import Assertion
from routing.grading.verdicts import Measured, Verdict, verdict_of_score, yes_no
from routing.policies.answer_forms import first_match

REFUSAL = re.compile(
    r"\b(i can(?:'|no|’)t|i(?:'|’)m (?:not able|unable|sorry)|i am (?:not able|unable)|i won(?:'|’)t|as an "
    r"ai|cannot (?:help|assist|provide|comply)|"
    r"not (?:able|willing) to (?:help|assist|provide)|can(?:no|'|’)t (?:help|assist|provide|comply)|i must "
    r"decline|i refuse)",
    re.IGNORECASE,
)
STRIPPED = str.maketrans("", "", "$€£,*_%")


def _listed(value: Any) -> list[str]:
    return (
        [str(item) for item in value]
        if isinstance(value, list | tuple)
        else [part.strip() for part in str(value).split(",")]
    )


def containing(fold: bool, every: bool) -> Callable[[Assertion, Answer, Measured], Verdict]:
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


def equals(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    if isinstance(a.value, dict | list):
        return yes_no(json_inside(answer.text) == a.value, "equals the JSON value")
    return yes_no(answer.text.strip() == str(a.value).strip(), f"equals `{str(a.value)[:80]}`")


def regex(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    return yes_no(first_match(str(a.value), answer.text[:LONGEST_TEXT]) is not None, f"matches /{str(a.value)[:80]}/")


def match(a: Assertion, answer: Answer, _: Measured) -> Verdict:
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


def pattern(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """inspect's pattern: the first group of `value[0]` equals `value[1]`."""
    pattern, target = a.value
    found = first_match(str(pattern), answer.text[:LONGEST_TEXT])
    if not found or not found.groups():
        return Verdict(False, 0.0, f"no answer of the form /{str(pattern)[:80]}/", no_answer=True)
    return yes_no(
        found[1].strip().casefold() == str(target).casefold(), f"answered `{found[1][:60]}`, expected `{target}`"
    )


def stated_answer(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """inspect's answer: what follows the last `ANSWER:`."""
    found = re.findall(r"(?i)answer\s*:\s*([^\n]+)", answer.text[:LONGEST_TEXT])
    if not found:
        return Verdict(False, 0.0, "no line `ANSWER: ...`", no_answer=True)
    return yes_no(words(found[-1]) == words(str(a.value)), f"answered `{found[-1].strip()[:60]}`, expected `{a.value}`")


def choice(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    chosen = letter(answer.text)
    if chosen is None:
        return Verdict(False, 0.0, "no option letter in the answer", no_answer=True)
    return yes_no(chosen == str(a.value).upper(), f"chose {chosen}, expected {a.value}")


def f1(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    said, wanted = Counter(words(answer.text)), Counter(words(str(a.value)))
    shared = sum((said & wanted).values())
    score = 2 * shared / (sum(said.values()) + sum(wanted.values())) if shared else 0.0
    return verdict_of_score(score, a.threshold if a.threshold is not None else 0.5, "word F1")


def rouge(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    """ROUGE-1 recall: the share of the reference's words that the answer has."""
    said, wanted = Counter(words(answer.text)), Counter(words(str(a.value)))
    score = sum((said & wanted).values()) / max(1, sum(wanted.values()))
    return verdict_of_score(score, 0.75 if a.threshold is None else a.threshold, "ROUGE-1 recall")


def levenshtein(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    distance, limit = (
        edit_distance(answer.text.strip()[:2000], str(a.value)[:2000]),
        5 if a.threshold is None else a.threshold,
    )
    return yes_no(distance <= limit, f"edit distance {distance} within {limit:g}")


def word_count(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    count, bounds = (
        len(answer.text.split()),
        a.value if isinstance(a.value, dict) else {"at_least": a.value, "at_most": a.value},
    )
    holds = bounds.get("at_least", 0) <= count <= bounds.get("at_most", float("inf")) and count < bounds.get(
        "less_than", float("inf")
    )
    return yes_no(holds, f"{count} words within {bounds}")


def refuses(a: Assertion, answer: Answer, _: Measured) -> Verdict:
    return yes_no(
        REFUSAL.search(answer.text[:LONGEST_TEXT]) is not None or answer.finish == "content_filter", "is a refusal"
    )
