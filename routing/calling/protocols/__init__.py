"""The wire formats Baton speaks. Each module has the same shape:

    wire(offer, request, key, stream) -> Wire       path, headers and body of the POST
    answer(body) -> Answer                          a finished JSON response
    Stream().feed(event, data) -> str               one server-sent event; returns the new text
    Stream().answer() -> Answer                     what the stream added up to

Token counts become disjoint buckets here, and nowhere else. Counts that cannot be right are unknown.
"""

from __future__ import annotations

import json
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple


class Wire(NamedTuple):
    """One POST: the path below the base URL, its headers (the key is in them) and its JSON body."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Garbled(ValueError):
    """The response is JSON, but not of this protocol."""


def protocol(name: str) -> ModuleType:
    """The module of a protocol by its name."""
    return import_module(f"routing.calling.protocols.{name}")


def count(value: Any) -> int | None:
    """A token count as the server wrote it, or None where it is absent or impossible."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None


def without(whole: int | None, part: int | None) -> int | None:
    """`whole` less the `part` counted inside it; None when that cannot be."""
    if whole is None or part is None:
        return whole
    return whole - part if part <= whole else None


def mean_logprob(entries: Any) -> float | None:
    """The mean of the `logprob` of OpenAI-style entries; None where there are none."""
    values = [e["logprob"] for e in entries or [] if isinstance(e, dict) and isinstance(e.get("logprob"), int | float)]
    return sum(values) / len(values) if values else None


def json_object(data: str) -> dict[str, Any]:
    """The JSON object of one event; Garbled when it is none."""
    try:
        value = json.loads(data)
    except ValueError as error:
        raise Garbled("an event of the stream is not JSON") from error
    if not isinstance(value, dict):
        raise Garbled("an event of the stream is no object")
    return value


def tool_call(name: Any, arguments: Any) -> dict[str, Any]:
    """A tool call; arguments that are no JSON object stay text, so that a grader can say so."""
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        parsed = arguments
    return {"name": str(name), "arguments": parsed}
