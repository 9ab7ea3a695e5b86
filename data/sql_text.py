"""Values and names as SQL text: the one place that quotes."""

from __future__ import annotations


def literal(value: object) -> str:
    """A value as an SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A table or column name, quoted."""
    return '"' + name.replace('"', '""') + '"'
