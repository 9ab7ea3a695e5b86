"""Tables as spreadsheets and dashboards write them: headers with units, numbers with marks between their thousands.

A header such as `Cost ($)` or `input tokens` is the field `Cost` or `Input Tokens` of the format that has one, unless
the table has that column too; a unit that is not dollars or tokens is kept, since it would change what the number
says. Numbers come to the formats as `1234.5`: without dollar signs, without marks between thousands, with a point
before the fraction. Which of comma and point is which is told from the whole sample.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from data.formats import Format
from data.loading import column_guesses
from data.loading.containers import File
from data.sql_text import identifier, literal

SAME_UNIT = re.compile(r"[(\[]\s*(us\s?\$|usd|\$|us dollars?|in usd|tokens?|utc|#)\s*[)\]]\s*$")
# Groups of thousands may stand apart by a space (also one that does not break) or an apostrophe.
APART = " '\u00a0\u202f\u2019"
MONEY = r"(US)?\$|USD"
DOLLARS_BEFORE, DOLLARS_AFTER = rf"(({MONEY})\s*)?", rf"(\s*({MONEY}))?"


def as_written(file: File, sample: list[dict], form: Format) -> File:
    """A table with what its cells are to be read as by a format; any other file as it is."""
    columns = dict.fromkeys(key for record in sample for key in record)
    if file.kind not in ("csv", "parquet") or not columns:
        return file
    names, decimals = _renamed(columns, form), _decimals(file, sample)
    cells = (_cell(identifier(c), decimals) if decimals else identifier(c) for c in columns)
    shown = (f"{sql} AS {identifier(names.get(c, c))}" for c, sql in zip(columns, cells, strict=True))
    return replace(file, projection=", ".join(shown))


def fits_by_headers(sample: list[dict], form: Format) -> bool:
    """Whether a format knows the table once its headers are spelled as the format spells them."""
    columns = dict.fromkeys(key for record in sample for key in record)
    names = _renamed(columns, form)
    return bool(names) and form.recognise([{names.get(k, k): v for k, v in record.items()} for record in sample])


def _renamed(columns: Iterable[str], form: Format) -> dict[str, str]:
    """Column -> the format's field that it spells otherwise."""
    there = set(columns)
    by_name: dict[str, str] = {}
    for field in form.fields:
        by_name.setdefault(_plain(field), field)
    found: dict[str, str] = {}
    for column in columns:
        own = by_name.get(_plain(column)) or by_name.get(_plain(re.sub(r"[()\[\]]", " ", column)))
        if own and column not in form.fields and own not in there and own not in found.values():
            found[column] = own
    return found


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).strip("\ufeff \t\"'").casefold()
    return re.sub(r"[\s_]+", " ", SAME_UNIT.sub("", text)).strip()


def _decimals(file: File, sample: list[dict]) -> Literal["", "point", "comma"]:
    if file.kind != "csv":
        return ""
    values = column_guesses.column_values(sample)
    written = [_bare(value) for known in values.values() for value in known]
    if column_guesses.decimal_comma({"": written}):
        return "comma"
    # Who separates cells by semicolons keeps the comma for fractions.
    with_comma = any(re.fullmatch(column_guesses.COMMA, value) for value in written)
    with_point = any(
        re.fullmatch(column_guesses.POINT, value) and not re.fullmatch(column_guesses.DOTTED, value)
        for value in written
    )
    return "comma" if file.semicolons and with_comma and not with_point else "point"


def _bare(value: str) -> str:
    """A number as text without dollar signs and spaces."""
    return re.sub(rf"^\s*{DOLLARS_BEFORE}|{DOLLARS_AFTER}\s*$|(?<=\d)[{APART}](?=\d)", "", value)


def _cell(column: str, decimals: str) -> str:
    """SQL: a cell of a table as the formats read it; what is no number stays as it is."""
    mark, point = (",", "\\.") if decimals == "point" else ("\\.", ",")
    groups = rf"[1-9]\d{{0,2}}([{mark}{APART}]\d{{3}})+"
    number = rf"\s*-?{DOLLARS_BEFORE}-?({groups}|\d+)({point}\d+)?{DOLLARS_AFTER}\s*"
    if decimals == "comma":
        bare = f"replace(regexp_replace({column}, '[^0-9,-]', '', 'g'), ',', '.')"
    else:
        bare = f"regexp_replace({column}, '[^0-9.-]', '', 'g')"
    return f"CASE WHEN regexp_full_match({column}, {literal(number)}) THEN {bare} ELSE {column} END"
