"""The SQL text of expressions, written once per shape.

Ibis takes up to a tenth of a second of work to write a question down. Questions that differ only in the tables they
read, the days they span and the values they choose have one text with other words in it: those words are its places.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from importlib import metadata
from typing import Any
from uuid import uuid4

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
from ibis.backends.sql.compilers import duckdb
from ibis.expr.operations.relations import Reference
from ibis.expr.schema import Schema

from data.sql_text import identifier, literal

MOST_SHAPES = 512
FIRST_YEAR, MOST_PLACES = 9_000, 900  # a place for a day is written as a year of its own
TOKEN = uuid4().hex  # no name and no value has it
PLACE_NAME = re.compile(f"place (\\d+) of {TOKEN}")
WORDS = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|MAKE_TIMESTAMP\(9(\d{3}), 1, 1, 0, 0, 0\.0\)|MAKE_DATE\(9(\d{3}), 1, 1\)"""
)  # what is quoted is one word: a day inside of it is none

IBIS = metadata.version("ibis-framework")
PLAIN = (str, bytes, bool, int, float, Decimal, date, time, timedelta, dt.DataType, Schema, type(None))  # told by repr

Text = tuple[str | int, ...]  # what stands around the places, and their numbers
_texts: dict[Hashable, Text] = {}


def shaped_text(node: ops.Relation) -> str:
    """The SQL of an expression, as ibis writes it."""
    shape = Shape(node)
    if len(shape.places) > MOST_PLACES:
        return _written(node)
    text = _texts.get(shape.key)
    if text is None:
        text = _with_places(node, shape.places)
        while len(_texts) >= MOST_SHAPES:
            _texts.pop(next(iter(_texts)), None)
        _texts[shape.key] = text
    words = [_word(place) for place in shape.places]
    return "".join(words[part] if isinstance(part, int) else part for part in text)


def unmistakable_text(node: ops.Relation) -> str:
    """What tells an expression from every other one, the same in every process: for keys, as its SQL would do, at a
    tenth of the work.
    """
    shape = Shape(node)
    try:
        return repr((IBIS, _told(shape.key), [_told_place(place) for place in shape.places]))
    except TypeError:  # something of which nobody knows whether its repr says all
        return shaped_text(node)


def _told(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(map(_told, part))
    if isinstance(part, type):
        return part.__module__, part.__qualname__
    if isinstance(part, Enum):
        return _told(type(part)), part.name
    if isinstance(part, PLAIN):
        return type(part).__name__, repr(part)
    raise TypeError(type(part))


def _told_place(place: ops.Node) -> Any:
    if not isinstance(place, ops.PhysicalTable):
        return _told((place.dtype, place.value))
    space = getattr(place, "namespace", None)
    return _told((place.name, *((space.catalog, space.database) if space else ())))


class Shape:
    """An expression without its `places`: equal keys have the same text around them."""

    def __init__(self, node: ops.Node) -> None:
        self.places: list[ops.Node] = []
        self._numbers: dict[ops.Node, int] = {}
        self._lines: list[Hashable] = []
        self._chosen = {value for one in node.find(ops.InValues) for value in one.options if _is_text(value)}
        self._number(node)
        self.key: Hashable = tuple(self._lines)

    def _number(self, node: ops.Node) -> int:
        """The number of a node among those it consists of, each of which has a line in the key."""
        if node not in self._numbers:
            line = (type(node), *self._parts(node))
            self._numbers[node] = len(self._lines)
            self._lines.append(line)
        return self._numbers[node]

    def _parts(self, node: ops.Node) -> tuple[Hashable, ...]:
        if self._is_place(node):
            self.places.append(node)
            return ("place", node.schema if isinstance(node, ops.PhysicalTable) else node.dtype)
        if isinstance(node, Reference):  # its number, new with each join, is written nowhere
            return (self._part(node.parent),)
        return tuple(map(self._part, node.__args__))

    def _part(self, part: Any) -> Hashable:
        if isinstance(part, ops.Node):
            return ops.Node, self._number(part)
        if isinstance(part, tuple):
            return tuple(map(self._part, part))
        if isinstance(part, dict):
            return tuple((self._part(name), self._part(value)) for name, value in part.items())
        return part

    def _is_place(self, node: ops.Node) -> bool:
        """Tables, days and instants, and texts that a column is compared with; other values decide what is written."""
        if isinstance(node, ops.Literal):
            return node in self._chosen or _is_day(node)
        return isinstance(node, ops.UnboundTable | ops.InMemoryTable)


def _is_text(node: ops.Node) -> bool:
    return isinstance(node, ops.Literal) and isinstance(node.value, str) and node.dtype.is_string()


def _is_day(node: ops.Literal) -> bool:
    if node.value is None or (node.dtype.is_timestamp() and node.dtype.timezone is not None):
        return False
    return bool(node.dtype.is_timestamp() or node.dtype.is_date())


def _with_places(node: ops.Relation, places: list[ops.Node]) -> Text:
    """The text of an expression with numbers for its places."""
    text = _written(node.replace({place: _stand_in(place, number) for number, place in enumerate(places)}))
    parts: list[str | int] = []
    end = 0
    for word in WORDS.finditer(text):
        number = next(filter(None, word.groups()), None)
        if number is None and (name := PLACE_NAME.fullmatch(word[0][1:-1])):
            number = name[1]
        if number is not None:
            parts += [text[end : word.start()], int(number)]
            end = word.end()
    return (*parts, text[end:])


def _stand_in(place: ops.Node, number: int) -> ops.Node:
    """What is written in a place, to be found again."""
    name = f"place {number} of {TOKEN}"
    if isinstance(place, ops.PhysicalTable):
        return ops.UnboundTable(name=name, schema=place.schema)
    if _is_text(place):
        return ops.Literal(name, place.dtype)
    day = date(FIRST_YEAR + number, 1, 1)
    return ops.Literal(day if place.dtype.is_date() else datetime.combine(day, time()), place.dtype)


def _word(place: ops.Node) -> str:
    """A place as ibis writes it."""
    if isinstance(place, ops.PhysicalTable):
        space = getattr(place, "namespace", None)
        names = (space.catalog, space.database, place.name) if space else (place.name,)
        return ".".join(identifier(name) for name in names if name)
    value = place.value
    if _is_text(place):
        return literal(value)
    if place.dtype.is_date():
        return f"MAKE_DATE({value.year}, {value.month}, {value.day})"
    seconds = value.second + value.microsecond / 1e6
    return f"MAKE_TIMESTAMP({value.year}, {value.month}, {value.day}, {value.hour}, {value.minute}, {seconds})"


def _written(node: ops.Relation) -> str:
    compiler = duckdb.compiler
    return compiler.to_sqlglot(node.to_expr()).sql(dialect=compiler.dialect)
