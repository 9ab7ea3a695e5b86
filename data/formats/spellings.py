"""One field under two spellings: exporters write `timeUnixNano`, other tools of the same data `time_unix_nano`."""

from __future__ import annotations

import re
from collections.abc import Mapping


def snake(name: str) -> str:
    """`timeUnixNano` -> `time_unix_nano`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def camel(name: str) -> str:
    """`time_unix_nano` -> `timeUnixNano`."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def names(name: str) -> tuple[str, ...]:
    """A name as it is given, then its other spellings, each once."""
    return tuple(dict.fromkeys((name, snake(name), camel(snake(name)))))


def both(fields: Mapping[str, object]) -> dict[str, object]:
    """The structure with every field under each of its spellings, at every depth."""

    def inner(value: object) -> object:
        if isinstance(value, Mapping):
            return both(value)
        return [inner(value[0])] if isinstance(value, list) else value

    return {spelled: inner(value) for name, value in fields.items() for spelled in names(name)}


def either(struct: str, name: str) -> str:
    """SQL: the field of a struct made by `both`, whichever spelling has it."""
    return "coalesce(" + ", ".join(f'{struct}."{spelled}"' for spelled in names(name)) + ", NULL)"
