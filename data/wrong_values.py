"""What pydantic finds wrong with a value, in plain words: what is legal there, never a library's own phrase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEGAL = {
    "greater_than": "give a number above {gt}",
    "greater_than_equal": "give a number of at least {ge}",
    "less_than": "give a number below {lt}",
    "less_than_equal": "give a number of at most {le}",
    "multiple_of": "give a multiple of {multiple_of}",
    "finite_number": "give a finite number",
    "literal_error": "use one of: {expected}",
    "enum": "use one of: {expected}",
    "string_pattern_mismatch": "it is not written as it must be ({pattern})",
    "string_too_long": "give at most {max_length} characters",
    "string_too_short": "give at least {min_length} characters",
    "too_short": "give at least {min_length} entries",
    "too_long": "give at most {max_length} entries",
    "extra_forbidden": "unknown field",
    "missing": "is required",
}
# What is expected, by how the type of the problem begins.
KINDS = {
    "bool": "give true or false",
    "date_from_datetime": "give a day such as 2026-11-20",
    "datetime": "give a time such as 2026-11-20T09:00",
    "timezone": "give a time such as 2026-11-20T09:00",
    "date": "give a day such as 2026-11-20",
    "decimal": "give a number",
    "float": "give a number",
    "int": "give a whole number",
    "string": "give a text",
    "bytes": "give a text",
    "list": "give a list",
    "tuple": "give a list",
    "set": "give a list",
    "frozen_set": "give a list",
    "iterable": "give a list",
    "dict": "give names with values",
    "mapping": "give names with values",
    "model": "give a mapping of its fields",
    "none": "leave it empty",
}


def legal_there(problem: Mapping[str, Any]) -> str:
    """One problem of a `ValidationError` as a clause without the value: what to give instead."""
    kind, told = str(problem["type"]), {name: _plain(value) for name, value in (problem.get("ctx") or {}).items()}
    if kind in LEGAL:
        return LEGAL[kind].format(**told).replace("at least 1 characters", "a text").replace("1 entries", "1 entry")
    if kind == "value_error":  # a sentence of ours
        return str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    begun = next((words for start, words in KINDS.items() if kind.startswith(f"{start}_")), None)
    return begun or str(problem["msg"]).rstrip(".")


def _plain(value: Any) -> Any:
    """2 for 2.0; the choices of a literal without the quotes and the `or`."""
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value.replace("'", "").replace(" or ", ", ") if isinstance(value, str) else value
