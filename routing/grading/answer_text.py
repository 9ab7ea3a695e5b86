"""What an answer says, taken out of the prose around it: numbers, option letters, JSON, plain words."""

from __future__ import annotations

import json
import re
import string
from typing import Any

from routing.calling.calls import Answer
from routing.grading.tasks import Task

NUMBER = re.compile(r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# Patterns are run on bounded texts: an answer cannot be long enough to make a bad pattern hang the run.
LONGEST_TEXT = 20_000
# How a model says that it has no answer, as `words` leaves it; a longer text has something to say all the same.
LONGEST_SHRUG = 30  # words
SHRUG = re.compile(
    r"(?:(?:sorry|apologies|unfortunately|hmm|well|but|i am sorry|i m sorry|i am afraid|i m afraid)\s)*"
    r"(?:(?:i am|i m|we are) (?:(?:really|quite|completely) )?(?:not (?:\w+ )?(?:sure|certain|able)|unable|unsure)"
    r"|(?:i|we) (?:do not|don t|cannot|can not|can t|could not|couldn t|am unable to) (?:\w+ )?"
    r"(?:know|say|tell|answer|help|determine|assist|provide)\b"
    r"|(?:there is )?(?:not enough|insufficient) information|(?:i have )?no idea$|not sure\b"
    r"|it is (?:unclear|not clear|impossible to (?:say|tell))|as an ai\b)"
)


def answer_key(task: Task, answer: Answer) -> str | None:
    """What two answers must share to count as the same one in a vote; None when there is nothing to compare."""
    text = answer.text.strip()
    if answer.tool_calls:
        return json.dumps(answer.tool_calls, sort_keys=True)
    if task.answer_kind == "number":
        numbers = NUMBER.findall(text.replace(",", ""))
        return f"{float(numbers[-1]):g}" if numbers and number(numbers[-1]) is not None else None
    if task.answer_kind == "json":
        found = json_inside(text)
        return None if found is None else json.dumps(found, sort_keys=True)
    said = words(text)
    if shrugs(said):
        return None
    if task.answer_kind == "choice":
        return letter(text)
    if task.answer_kind == "word":
        return said[-1] if said else None
    return " ".join(said) or None


def shrugs(said: list[str]) -> bool:
    """Whether these words say that there is no answer: two of them agree on nothing."""
    return len(said) <= LONGEST_SHRUG and SHRUG.match(" ".join(said)) is not None


def words(text: str) -> list[str]:
    """The words in order, folded, without punctuation."""
    return (
        text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        .casefold()
        .translate(str.maketrans(string.punctuation, " " * len(string.punctuation)))
        .split()
    )


def letter(text: str) -> str | None:
    """The last option letter, one after `Answer:` first; None without one."""
    found = re.findall(r"(?i)answer\s*(?:is)?\s*:?\s*\(?([A-Z])\)?(?![A-Za-z])", text) or re.findall(
        r"(?<![A-Za-z'])\(?([A-Z])\)?(?![A-Za-z'])", text
    )
    return found[-1].upper() if found else None


def number(text: str) -> float | None:
    """A number as people write it, with thousands separators; None when it is none."""
    try:
        return float(text.replace(",", "").rstrip("."))
    except ValueError:
        return None


def json_value(text: str) -> Any:
    """The text as JSON; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def json_inside(text: str) -> Any:
    """The first JSON object or array inside a text, also within a code fence; None without one."""
    decoder = json.JSONDecoder()
    for start in re.finditer(r"[\[{]", text[:LONGEST_TEXT]):
        try:
            return decoder.raw_decode(text, start.start())[0]
        except (ValueError, RecursionError):
            continue
    return None


def edit_distance(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        previous, row[0] = row[0], i
        for j, right in enumerate(other, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]
