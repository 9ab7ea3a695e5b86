"""What the value of an assertion must be, by its type: refused when a task is read, not in a run that is paid for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import regex

from routing.policies.answer_forms import check_pattern, check_schema

COMPARED = (  # with a text or texts
    *("equals", "contains", "icontains", "contains-any", "contains-all", "icontains-any", "icontains-all"),
    *("starts-with", "regex", "levenshtein", "rouge-n", "f1", "includes", "match", "exact", "answer", "choice"),
)
BOUNDS = ("at_least", "at_most", "less_than")


def check_value(name: str, value: Any, threshold: float | None) -> None:
    """ValueError where an assertion of this type (without `not-`) could not be graded with this value."""
    if name in COMPARED and (value is None or value in ("", [], {}, ())):
        raise ValueError("it needs a value to compare with")
    texts = value if isinstance(value, list | tuple) else [value]
    if name in COMPARED and any(isinstance(one, bool) or one is None for one in texts):
        raise ValueError("YAML reads a bare yes, no, on or null as something else; put the word in quotes")
    if check := CHECKS.get(name):
        check(value, threshold)


def _regex(value: Any, _: float | None) -> None:
    if not isinstance(value, str):
        raise ValueError("regex takes one regular expression, as text")
    check_pattern(value)


def _pattern(value: Any, _: float | None) -> None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("pattern takes a regular expression and the answer that its first group must be")
    check_pattern(str(value[0]))
    if not regex.compile(str(value[0])).groups:
        raise ValueError("the regular expression of pattern needs a group, in ( ), to compare")


def _schema(value: Any, _: float | None) -> None:
    if value is not None and not isinstance(value, dict):
        raise ValueError("its value is a JSON schema, a mapping")
    if value is not None:
        check_schema(value)


def _limit(value: Any, threshold: float | None) -> None:
    limit = value if threshold is None else threshold
    if not _is_number(limit) or limit < 0:
        raise ValueError("it needs a limit: a `threshold` of zero or more")


def _calls(value: Any, _: float | None) -> None:
    wanted = value if isinstance(value, list) else [value]
    if value is not None and not all(_is_call(one) for one in wanted):
        raise ValueError("its value is a call {name, arguments: {argument: value}}, or a list of them")


def _words(value: Any, _: float | None) -> None:
    bounds = value if isinstance(value, dict) else {"at_least": value}
    if not bounds or not all(name in BOUNDS and _is_number(bound) for name, bound in bounds.items()):
        raise ValueError(f"its value is a number of words, or bounds: {', '.join(BOUNDS)}")
    least = bounds.get("at_least", 0)
    if least > bounds.get("at_most", least) or least >= bounds.get("less_than", least + 1):
        raise ValueError("no number of words lies within these bounds")


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and isinstance(value.get("arguments") or {}, dict)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CHECKS: dict[str, Callable[[Any, float | None], None]] = {
    "regex": _regex,
    "pattern": _pattern,
    "is-json": _schema,
    "contains-json": _schema,
    "latency": _limit,
    "cost": _limit,
    "is-valid-openai-tools-call": _calls,
    "tool-call-f1": _calls,
    "word-count": _words,
}
