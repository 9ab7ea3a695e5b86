"""What the value of an assertion must be, by its type: refused when a task is read, not in a run that is paid for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from routing.policies.answer_forms import check_pattern, check_schema

BOUNDS = ("at_least", "at_most", "less_than")


def check_value(name: str, value: Any, threshold: float | None) -> None:
    """ValueError where an assertion of this type (without `not-`) could not be graded with this value."""
    if check := CHECKS.get(name):
        check(value, threshold)


def _regex(value: Any, _: float | None) -> None:
    check_pattern(str(value))


def _pattern(value: Any, _: float | None) -> None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("pattern takes a regular expression and the answer that its first group must be")
    check_pattern(str(value[0]))


def _schema(value: Any, _: float | None) -> None:
    if isinstance(value, dict):
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
