"""Usage that no column read: numbers under a record's usage objects that its format does not know.

A format declares where its usage objects are and which of their leaves it reads (`Format.usage`). What is left of
an object without those leaves is looked into only where it holds a digit other than zero, so that a log whose
every number is known costs one pass and no more. A row with an unread number other than zero has the caveat
`unread_usage`; the paths, with rows and sums, go into the batch's report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from data.formats import Format, UsageObject
from data.ledger import Cursor
from data.sql_text import literal, open_json

LONGEST_PATH = 200
TOO_DEEP = "(nested too deep to be looked into)"
OBJECT_TEXT = r"""^"\s*[A-Za-z_.]*[{\[(].*[1-9]"""  # an object that is no JSON, as some language prints it
# More than 200 brackets opened in a row: such an object is marked, not walked (the engine recurses).
DEEP = r"([{\[][^}\]]*){201}"
_OPENED = "length({0}) - length(replace(replace({0}, '{{', ''), '[', ''))"
SHORT = 1000  # characters; what is shorter cannot be too deep for the engine


class UnreadPath(NamedTuple):
    """One path of the usage objects that no column read: how many loaded rows have a number there, and their sum."""

    path: str
    rows: int
    sum: float


def objects(form: Format) -> list[str]:
    """SELECT items over the rows of a format: JSON text of its usage objects, NULL where a record has none."""
    return [f"TRY(({usage.json})::VARCHAR) AS usage_{i}" for i, usage in enumerate(form.usage)]


def remainders(form: Format) -> list[str]:
    """SELECT items over `objects`: what each holds beyond the known."""
    return [f"{_remainder(usage, f'usage_{i}')} AS rest_{i}" for i, usage in enumerate(form.usage)]


def unread(form: Format) -> list[str]:
    """SELECT items over `remainders`: `unread`, them all as one JSON text; NULL where no number is left in them."""
    if not form.usage:
        return []
    left = " OR ".join(f"regexp_matches(rest_{i}, '[1-9]')" for i in range(len(form.usage)))
    named = ", ".join(f"{literal(usage.name)}, rest_{i}::JSON" for i, usage in enumerate(form.usage))
    return [f"CASE WHEN {left} THEN json_object({named})::VARCHAR END AS unread"]


def known_names(usage: UsageObject) -> set[str]:
    """The names at the top of a usage object that leave nothing unread, whatever they hold."""
    return {name for name, inner in _patch(usage).items() if inner is None}


def _patch(usage: UsageObject) -> dict[str, Any]:
    patch = _removal(usage.known)
    for path in usage.harmless:
        if "[]" not in path:
            _remove(patch, path)
    return patch


def _remainder(usage: UsageObject, text: str) -> str:
    patch = _patch(usage)
    too_deep = literal(json.dumps({TOO_DEEP: 1}))
    stripped = f"json_merge_patch({text}, {literal(json.dumps(patch))})::VARCHAR"
    # Most objects are of known numbers alone, which is told without a patch.
    usual = f"regexp_full_match({text}, {literal(_shape(patch))})"
    if usage.only:
        names = "|".join(re.escape(json.dumps(name)) for name in patch)
        alone = rf"\[(?:(?:{names}),?)*\]"
        # Half the time of list_has_all, which sorts the names into a table for every row.
        usual = f"regexp_full_match(to_json(json_keys({text}))::VARCHAR, {literal(alone)})"
    return f"""CASE WHEN {text} IS NULL OR {usual} THEN NULL
        WHEN length({text}) > {SHORT} AND {_OPENED.format(text)} > 200 AND regexp_matches({text}, '{DEEP}')
            THEN {too_deep}
        WHEN json_type({text}) = 'OBJECT'{_shaped(patch, text)} THEN {stripped} ELSE {text} END"""


def _shape(patch: Mapping[str, Any]) -> str:
    """A regular expression for the objects of which a merge patch leaves nothing."""
    leaves = [re.escape(name) for name, inner in patch.items() if inner is None]
    objects = [f'"{re.escape(name)}":(?:null|{_shape(inner)})' for name, inner in patch.items() if inner]
    fields = "|".join([f'"(?:{"|".join(leaves)})":(?:null|true|false|-?[0-9.eE+-]+|"[^"\\\\]*")', *objects])
    return rf"\{{(?:(?:{fields}),?)*\}}"


def _shaped(known: Mapping[str, object], text: str) -> str:
    """SQL: is an object everything that should be one? A patch would take out what stands there instead."""
    names = sorted(_objects(known))
    pattern = rf'"({"|".join(map(re.escape, names))})"\s*:\s*[^{{n\s]'
    return f" AND NOT regexp_matches({text}, {literal(pattern)})" if names else ""


def _objects(known: Mapping[str, object]) -> set[str]:
    inner = {name: value for name, value in known.items() if isinstance(value, Mapping)}
    return set(inner).union(*map(_objects, inner.values()))


def _removal(known: Mapping[str, object]) -> dict[str, Any]:
    """A merge patch (RFC 7396) that takes the known leaves out. What is inside of lists stays, for `_known_paths`."""
    return {
        name: _removal(inner) if isinstance(inner, Mapping) else None
        for name, inner in known.items()
        if not isinstance(inner, list)
    }


def _remove(patch: dict[str, Any], path: str) -> None:
    """Let a merge patch take out what is at a dotted path, be it nested or one key with dots in it."""
    patch[path] = None
    *parents, leaf = path.split(".")
    for parent in parents:
        inner = patch.setdefault(parent, {})
        if inner is None:  # a known leaf: all of it goes
            return
        patch = inner
    patch[leaf] = None


def _known_paths(form: Format) -> list[str]:
    """Paths of known leaves as `json_tree` writes them, list positions left out; a path ending in * knows what is
    below."""
    found: list[str] = []

    def visit(value: object, path: str) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                visit(inner, f"{path}.{name}")
        elif isinstance(value, list):
            visit(value[0], f"{path}[]")
        else:
            found.append(path)

    for usage in form.usage:
        visit(usage.known, f"$.{usage.name}")
        found.extend(f"$.{usage.name}.{path}" for path in usage.harmless)
    return found


def _leaves(form: Format, rows: str) -> str:
    """SQL: row_no, path and value of every unread number other than zero in `rows` (row_no, unread)."""
    known = ", ".join(literal(path) for path in _known_paths(form))
    wanted = "".join(f" AND {_is_of(usage, form)}" for usage in form.usage if usage.only)
    opened = open_json("opened", f"SELECT row_no AS id, unread AS part FROM ({rows})")
    return f"""WITH RECURSIVE {opened}
        SELECT id AS row_no, left(path[3:], {LONGEST_PATH}) AS path, value
        FROM (SELECT * REPLACE (regexp_replace(path, '\\[\\d+\\]', '[]', 'g') AS path),
                coalesce(number(trim(part::VARCHAR, '"')), count_of(trim(part::VARCHAR, '"')),
                    CASE WHEN regexp_matches(part::VARCHAR, '{OBJECT_TEXT}') THEN 1 END) AS value
            FROM opened WHERE json_type(part) NOT IN ('OBJECT', 'ARRAY', 'NULL', 'BOOLEAN')) j
        WHERE value <> 0 AND isfinite(value) AND path NOT IN ({known}){wanted}"""


def _is_of(usage: UsageObject, form: Format) -> str:
    """SQL: a place in a record that holds much else begins with a key that looks like usage (keys may have dots), or is
    in another usage object whose name goes on from this one's."""
    place, words = f"$.{usage.name}", f"(?i)({usage.only})"
    first = rf"(?i)^[^.\[]*({usage.only})"
    begins = f"regexp_matches(j.path[{len(place) + 2}:], {literal(first)})"
    alone = f"j.parent = {literal(place)} AND regexp_matches(j.key, {literal(words)})"
    others = (f"$.{other.name}" for other in form.usage if other.name.startswith(f"{usage.name}."))
    elsewhere = "".join(f" OR starts_with(j.path, {literal(other)})" for other in others)
    return f"NOT (starts_with(j.path, {literal(place + '.')}) AND NOT ({begins} OR {alone}{elsewhere}))"


def mark(cursor: Cursor, form: Format) -> None:
    """Create temp table `unread_rows` (row_no): staged rows with a number in their usage that nobody read."""
    cursor.execute("CREATE OR REPLACE TEMP TABLE unread_rows (row_no BIGINT)")
    if form.usage:
        some = "SELECT row_no, unread FROM log_rows WHERE unread IS NOT NULL AND skip IS NULL AND reject IS NULL"
        cursor.execute(f"INSERT INTO unread_rows SELECT DISTINCT row_no FROM ({_leaves(form, some)})")


def paths(cursor: Cursor, form: Format) -> dict[int, list[UnreadPath]]:
    """By file number, the unread paths of the rows that were loaded, most rows first."""
    if not form.usage or not cursor.execute("SELECT count(*) FROM unread_rows").fetchall()[0][0]:
        return {}
    loaded = (
        "SELECT s.row_no, s.unread FROM log_rows s SEMI JOIN unread_rows USING (row_no) SEMI JOIN fresh_rows USING"
        " (row_no)"
    )
    rows = cursor.execute(
        f"""SELECT f.file_no, path, count(DISTINCT row_no), sum(value) FROM ({_leaves(form, loaded)}) l
            JOIN fresh_rows f USING (row_no) GROUP BY 1, 2 ORDER BY 3 DESC, 2"""
    ).fetchall()
    found: dict[int, list[UnreadPath]] = {}
    for file_no, *rest in rows:
        found.setdefault(file_no, []).append(UnreadPath(*rest))
    return found


def of_row(cursor: Cursor, form: Format, row_no: int) -> dict[str, float]:
    """Unread path -> sum, of one staged row."""
    if not form.usage:
        return {}
    one = f"SELECT row_no, unread FROM log_rows WHERE row_no = {row_no:d} AND unread IS NOT NULL"
    return dict(cursor.execute(f"SELECT path, sum(value) FROM ({_leaves(form, one)}) GROUP BY 1 ORDER BY 1").fetchall())
