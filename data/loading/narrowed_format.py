"""A format as it reads files whose records have few of its fields: what they never have is NULL before a row is read.

A format knows every field that its log may ever have; one file has a part of them, mostly the same in all its records.
Which, takes one cheap pass over their keys; what follows is then typed, compared and counted for those alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from data.formats import Format, UsageObject
from data.ledger import Cursor, NotBound
from data.loading import staged_rows, unread_usage
from data.loading.containers import File, records
from data.sql_text import literal

WORTH_BYTES = 4 * 2**20  # in smaller files the pass over the keys takes as long as it saves
MOST_NAMES = 2000  # at the top of records; a log with more makes names of its data
Kind = Any  # a type of the engine, with its `children`
QUOTED = re.compile(r"""('(?:[^']|'')*'|"[^"]*")""")


def narrow(cursor: Cursor, files: list[File], form: Format) -> Format:
    """The format without the fields that no record of these files has, which says the same of them; itself where that
    saves nothing (small files), or where it gathers a row from many records.
    """
    alone = form.rows == Format.rows or form.per_record
    if not alone or form.table != "usage" or sum(file.size for file in files) < WORTH_BYTES:
        return form
    names = _names(cursor, files)
    missing = {name: kind for name, kind in form.fields.items() if name not in names}
    return _without(cursor, form, missing, names) if names and 0 < len(missing) < len(form.fields) else form


def _names(cursor: Cursor, files: list[File]) -> set[str]:
    """The names at the top of any record; none where there are too many to be a format's own."""
    rows = records(files) + (" LIMIT 1" if files[0].kind in ("csv", "parquet") else "")  # a table's rows have them all
    keys = f"SELECT DISTINCT TRY(json_keys({staged_rows.WITHOUT_NUL})) AS keys FROM ({rows})"
    found = cursor.execute(f"SELECT DISTINCT unnest(keys) FROM ({keys}) LIMIT {MOST_NAMES + 1}").fetchall()
    return {name for (name,) in found} if len(found) <= MOST_NAMES else set()


def _without(cursor: Cursor, form: Format, missing: Mapping[str, object], names: set[str]) -> Format:
    nothing = {f"d.{name}": kind for name, kind in _kinds(cursor, missing).items()}
    rows = _put(form.rows, nothing)
    if added := _nothing_added(cursor, rows):
        rows, nothing = Format.rows, nothing | added
    columns = {name: _folded(cursor, _put(sql, nothing)) for name, sql in form.columns.items()}
    usage = [
        replace(one, json=_folded(cursor, _put(one.json, nothing))) for one in form.usage if not _is_read(one, names)
    ]
    return replace(
        form,
        fields={name: kind for name, kind in form.fields.items() if name not in missing},
        rows=rows,
        columns={name: sql for name, sql in columns.items() if sql != "NULL"},
        usage=tuple(one for one in usage if one.json != "NULL"),
        text_columns={name: _put(sql, nothing) for name, sql in form.text_columns.items()},
    )


def _is_read(usage: UsageObject, names: set[str]) -> bool:
    """Is it the record itself, and every name in it one that is read?"""
    return bool(usage.only) and names <= unread_usage.known_names(usage)


def _put(sql: str, nothing: Mapping[str, Kind]) -> str:
    """SQL with a NULL of its type for each of these names, or a part of one, wherever it is a name and no text."""
    either = "|".join(map(re.escape, sorted(nothing, key=len, reverse=True)))
    name = re.compile(rf"(?<![\w.])({either})((?:\.[a-z_]\w*)*)(?![\w(])")
    parts = QUOTED.split(sql)
    return "".join(
        part if at % 2 else name.sub(lambda at: f"(NULL::{_part(nothing[at[1]], at[2])})", part)
        for at, part in enumerate(parts)
    )


def _part(kind: Kind, path: str) -> Kind:
    """The type at a dotted path within a type."""
    for name in path.split(".")[1:]:
        kind = dict(kind.children)[name]
    return kind


def _kinds(cursor: Cursor, fields: Mapping[str, object]) -> dict[str, Kind]:
    """The engine's types of a format's fields."""
    nothing = f"SELECT unnest(json_transform('{{}}', {staged_rows.structure(fields)}))"
    return {column[0]: column[1] for column in cursor.execute(nothing).description}


def _nothing_added(cursor: Cursor, rows: str) -> dict[str, Kind]:
    """What the format's `rows` add to a record, by name, where that is NULL whatever the record is."""
    try:
        added = cursor.execute(f"WITH records AS (SELECT 1 AS file_no) SELECT * EXCLUDE (file_no) FROM ({rows})")
    except NotBound:  # something of the record is read, or nothing is added
        return {}
    kinds = {column[0]: column[1] for column in added.description}
    return kinds if _is_empty(added.fetchall()[0]) else {}


def _is_empty(value: object) -> bool:
    """Is it NULL, or holds nothing else?"""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else None
    return value is None if parts is None else all(map(_is_empty, parts))


def _folded(cursor: Cursor, sql: str) -> str:
    """A constant as a literal, where SQL reads nothing of the record."""
    try:
        value, kind = cursor.execute(f"SELECT ({sql})::VARCHAR, typeof({sql})").fetchall()[0]
    except NotBound:
        return sql
    if value is None:
        return "NULL"
    return value.upper() if kind == "BOOLEAN" else literal(value) if kind == "VARCHAR" else sql
