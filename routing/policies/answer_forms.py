"""Forms of an answer that somebody typed, a regular expression or a JSON schema: refused before a run pays for it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import regex

PATTERN_SECONDS = 1.0  # for one pattern on one answer; Python's own engine would search for years
MOST_STEPS = 20  # from one `$ref` to the next


def check_pattern(pattern: str) -> None:
    """ValueError where a text is no regular expression."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a pattern that Python may read otherwise one day is a pattern today
            regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"/{pattern}/ is no regular expression: {error}") from error


class TooSlow(Exception):
    """A pattern that was not done with a text in time, in a sentence without full stop."""


def first_match(pattern: str, text: str) -> regex.Match[str] | None:
    """Where somebody's pattern matches a text first. TooSlow after `PATTERN_SECONDS`: nested repeats ((a+)+) take
    time that doubles with every letter.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return regex.search(pattern, text, timeout=PATTERN_SECONDS, concurrent=True)
    except TimeoutError as error:
        told = (
            f"/{pattern[:80]}/ took longer than {PATTERN_SECONDS:g} s on this answer; write it without nested repeats"
        )
        raise TooSlow(told) from error


def check_schema(schema: dict[str, Any]) -> None:
    """ValueError where a mapping is no JSON schema (draft 2020-12), or leads elsewhere: nothing is fetched for one."""
    import jsonschema  # only what has one waits for it

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"it is no JSON schema: {error.message}") from error
    for reference in _references(schema):
        if not reference.startswith(("#/$defs/", "#/definitions/")):
            raise ValueError(f"$ref {reference[:80]} leads out of its $defs; write the part out under $defs")
        if not _leads_somewhere(schema, reference):
            raise ValueError(f"$ref {reference[:80]} leads nowhere, or round in a circle")


def first_problem(schema: dict[str, Any], value: Any) -> Any:
    """The first of jsonschema's errors, None where the value fits; fetches nothing, whatever the schema names."""
    import jsonschema
    from referencing import Registry

    return next(jsonschema.Draft202012Validator(schema, registry=Registry()).iter_errors(value), None)


def _leads_somewhere(schema: dict[str, Any], reference: str) -> bool:
    """Whether a `$ref` within the schema ends at a part of it that is no further `$ref`, within a few steps."""
    for _ in range(MOST_STEPS):
        part: Any = schema
        for name in reference.removeprefix("#/").split("/"):
            part = part.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(part, dict) else None
        if not isinstance(part, dict):
            return isinstance(part, bool)
        if not isinstance(part.get("$ref"), str):
            return True
        reference = part["$ref"]
    return False


def _references(part: Any) -> Iterator[str]:
    """Every `$ref` and `$dynamicRef` of a schema."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for one in part:
            yield from _references(one)
