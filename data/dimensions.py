"""Free dimensions: keys of the log's tags that the operator has declared, kept as columns of `usage`.

A declared key costs what a column costs: it is read from the tags once, when a row is loaded, or for the rows loaded
before when it is declared. The declarations are part of the ledger, so a data version knows its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from data import people
from data.errors import BadInput
from data.sql_text import tag_text

if TYPE_CHECKING:
    from data.ledger import Cursor, Ledger
    from data.state import State

PREFIX = "tag:"  # a free dimension is called tag:NAME, so that it never takes the name of another
COLUMN = "tag_"
KEPT_BY_RULES = "log."  # tags in which mapping rules keep what the log said; they change with the rules


class FreeDimension(NamedTuple):
    """A declared key of the tags: what it is called, and the key (dots descend)."""

    name: str
    tag: str

    @property
    def column(self) -> str:
        """Its column of `usage`."""
        return COLUMN + self.name


_pinned: WeakKeyDictionary[Ledger, tuple[FreeDimension, ...]] = WeakKeyDictionary()


def free_dimensions(ledger: Ledger) -> list[FreeDimension]:
    """The free dimensions of a data version, by name; a pinned one, which never changes, is asked once."""
    if ledger.pinned is None:
        return list(_asked(ledger))
    if ledger not in _pinned:
        _pinned[ledger] = _asked(ledger)
    return list(_pinned[ledger])


def _asked(ledger: Ledger) -> tuple[FreeDimension, ...]:
    rows = ledger.rows(f"SELECT name, tag FROM {ledger.name('dimensions')} ORDER BY name")
    return tuple(FreeDimension(*row) for row in rows)


def columns(cursor: Cursor) -> dict[str, str]:
    """SQL over a usage row for each free dimension's column of the newest version."""
    rows = cursor.execute("SELECT name, tag FROM lake.main.dimensions ORDER BY name").fetchall()
    return {FreeDimension(*row).column: tag_text(row[1]) for row in rows}


def add(ledger: Ledger, state: State, name: str, tag: str) -> int:
    """Declare a key of the tags a dimension and fill it for the rows already loaded; returns how many carry it.

    Raises BadInput for a name or a key that cannot be one, or a name that is taken.
    """
    people.require("load")
    name, tag = name.strip(), tag.strip()
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise BadInput(f"{name!r} is no name of a dimension; use small letters, digits and _, such as cost_center.")
    if not tag or tag.startswith(KEPT_BY_RULES) or any(sign in tag for sign in '"\0'):
        raise BadInput(f"{tag!r} is no key of tags that can be a dimension; name one such as cost_center or app.name.")
    if held := next((one for one in free_dimensions(ledger) if one.name == name), None):
        raise BadInput(f"There is a dimension {name} already, of the tag {held.tag!r}; remove it first.")
    made = FreeDimension(name, tag)
    with ledger.write() as cursor:
        cursor.execute("INSERT INTO lake.main.dimensions VALUES (?, ?)", [name, tag])
        cursor.execute(f"ALTER TABLE lake.main.usage ADD COLUMN {made.column} VARCHAR")
        value = tag_text(tag)
        cursor.execute(f"UPDATE lake.main.usage SET {made.column} = {value} WHERE {value} IS NOT NULL")
        [(rows,)] = cursor.execute(f"SELECT count({made.column}) FROM lake.main.usage").fetchall()
        state.append_audit("dimension added", {"name": name, "tag": tag, "rows": rows})  # before it stands, not after
    return int(rows)


def remove(ledger: Ledger, state: State, name: str) -> None:
    """Forget a dimension and its column; the tags keep the key. BadInput where there is none of that name."""
    people.require("load")
    known = {one.name: one for one in free_dimensions(ledger)}
    if name not in known:
        raise BadInput(f"There is no dimension {name!r} of your own; declared are: {', '.join(known) or 'none'}.")
    with ledger.write() as cursor:
        cursor.execute("DELETE FROM lake.main.dimensions WHERE name = ?", [name])
        cursor.execute(f"ALTER TABLE lake.main.usage DROP COLUMN {known[name].column}")
        state.append_audit("dimension removed", {"name": name})


def known_tags(view: Ledger, count: int = 100) -> list[str]:
    """Keys that tags have at their top, commonest first, from a sample of the rows; for a form to offer."""
    return view.sql(
        f"""SELECT key, count(*) AS n FROM (
                SELECT unnest(json_keys(tags)) AS key FROM {view.name("usage")} WHERE tags IS NOT NULL LIMIT 20000)
            WHERE NOT starts_with(key, '{KEPT_BY_RULES}') GROUP BY 1 ORDER BY n DESC, key LIMIT {count:d}"""
    )["key"].tolist()
