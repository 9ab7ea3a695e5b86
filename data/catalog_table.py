"""Catalogue tables: facts as CSV files under `catalog/`, every row with its source and its date.

A row without a date or a source is refused, because a figure nobody can date cannot be trusted in
a plan for three years. Names are matched loosely (`H100 SXM`, `h100-sxm`, `NVIDIA H100` are one).
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TypeVar

from data.errors import BadInput, Unreadable

CATALOG = Path(__file__).parent / "catalog"
Entry = TypeVar("Entry")


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """The rows of a catalogue file; raises BadInput for a row without `source` or ISO `as_of` date."""
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path} cannot be read ({error}); name a readable CSV file.") from error
    for line, row in enumerate(rows, start=2):
        if not (row.get("source") or "").strip():
            raise BadInput(f"{path.name}, line {line}: no source; say where the figure comes from.")
        try:
            date.fromisoformat(row.get("as_of") or "")
        except ValueError:
            raise BadInput(f"{path.name}, line {line}: as_of is {row.get('as_of') or 'empty'}; give the figure's date as YYYY-MM-DD.") from None
    return rows


def number(row: dict[str, str], column: str) -> float:
    """A figure of a row; an empty cell is 0.0 (does not apply), text raises BadInput."""
    text = row[column] or "0"
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"{column} of {next(iter(row.values()))} is {text}; give a number.") from None


def squeeze(name: str) -> str:
    """A name reduced to what identifies it: lower case, letters, digits and dots only."""
    return re.sub(r"[^a-z0-9.]", "", name.lower())


def find(kind: str, name: str, entries: Iterable[Entry], names_of: Callable[[Entry], Iterable[str]], reduce: Callable[[str], str]) -> Entry:
    """The entry one of whose names equals `name` after `reduce`; raises BadInput with the nearest names."""
    known = {reduce(n): entry for entry in entries for n in names_of(entry)}
    if (wanted := reduce(str(name))) in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.4) or sorted(known)[:3]
    shown = list(dict.fromkeys(next(iter(names_of(known[n]))) for n in near))
    raise BadInput(f"{name} is not in the catalogue of {kind}s; nearest: {', '.join(shown)}.")
