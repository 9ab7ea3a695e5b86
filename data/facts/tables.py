"""Catalogue tables: facts as CSV files under `catalog/`, every row with its source and its date.

A row without a date or a source is refused, because a figure nobody can date cannot be trusted in
a plan for three years. The operator's own rows lie in the store's `catalog` folder, in files of the
same names, and win over shipped rows of the same key. Names are matched loosely (`H100 SXM`,
`h100-sxm`, `NVIDIA H100` are one).
"""

from __future__ import annotations

import csv
import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from data import kept_files
from data.errors import BadInput, Unreadable
from data.home import home_path
from data.store import Store

CATALOG = Path(__file__).parent / "catalog"
KEYS = {
    "gpus.csv": ("gpu",),
    "gpu_prices.csv": ("gpu", "kind"),
    "architectures.csv": ("model",),
    "hosting_facts.csv": ("name",),
    "serving_points.csv": (),
    "prompt_caches.csv": ("name",),
    "prepaid_capacity.csv": ("offer",),
    "retirements.csv": ("provider", "model"),
}
SIGNED = ("value", "low", "high")  # a hosting figure such as the rent's drift may be negative
Entry = TypeVar("Entry")
Row = dict[str, str]
Stamp = tuple[str, str, int]


def stamp(name: str) -> Stamp:
    """What identifies the present content of a table: its name,
    where the operator's rows lie, and when they changed."""
    kept_files.fetch(Store.of(home_path()))
    own = str(own_file(name))
    try:
        changed = os.stat(own).st_mtime_ns
    except FileNotFoundError:
        changed = 0
    return name, own, changed


def own_file(name: str) -> Path:
    """Where the operator's own rows of a table are kept."""
    return _own_file(home_path(), name)


@lru_cache(maxsize=64)
def _own_file(home: Path, name: str) -> Path:
    return home / "catalog" / name


@lru_cache(maxsize=16)
def rows_at(at: Stamp) -> tuple[Row, ...]:
    """All rows of a table as it stands at `stamp(name)`: shipped ones,
    the operator's in place of those with their key."""
    name, own_path, changed = at
    own = read_rows(own_path) if changed else []
    key = KEYS[name]
    replaced = {tuple(row[k] for k in key) for row in own} if key else set()
    return (*(row for row in read_rows(CATALOG / name) if tuple(row[k] for k in key) not in replaced or not key), *own)


def save_own(name: str, rows: Sequence[Row], check: Callable[[], object]) -> None:
    """Keep the operator's rows of a table; `check` reads it anew, and what it refuses is taken back."""
    path, columns = own_file(name), list(read_rows(CATALOG / name)[0])
    before = path.read_bytes() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, columns, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        check()
        kept_files.keep(Store.of(home_path()), path)
    except BaseException:
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        raise


def read_rows(path: str | Path) -> list[Row]:
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
            raise BadInput(
                f"{path.name}, line {line}: as_of is {row.get('as_of') or 'empty'}; give the figure's date as"
                " YYYY-MM-DD."
            ) from None
    return rows


def number(row: Row, column: str) -> float:
    """A figure of a row; an empty cell is 0.0 (does not apply), text raises BadInput."""
    text = row[column] or "0"
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf") and column not in SIGNED:
        raise BadInput(f"{column} of {next(iter(row.values()))} is {text}; give a number of at least 0.")
    return value


@lru_cache(maxsize=1024)
def squeeze(name: str) -> str:
    """A name reduced to what identifies it: lower case, letters, digits and dots only."""
    return re.sub(r"[^a-z0-9.]", "", name.lower())


def by_name(
    entries: Iterable[Entry], names_of: Callable[[Entry], Iterable[str]], reduce: Callable[[str], str]
) -> dict[str, Entry]:
    """The entries by each of their names after `reduce`, for `find`."""
    return {reduce(name): entry for entry in entries for name in names_of(entry)}


def find(
    kind: str,
    name: str,
    known: Mapping[str, Entry],
    names_of: Callable[[Entry], Iterable[str]],
    reduce: Callable[[str], str],
) -> Entry:
    """The entry of `by_name` that is called `name`, after `reduce`; raises BadInput with the nearest names."""
    if (wanted := reduce(str(name))) in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.4) or sorted(known)[:3]
    shown = list(dict.fromkeys(next(iter(names_of(known[n]))) for n in near))
    raise BadInput(f"{name} is not in the catalogue of {kind}s; nearest: {', '.join(shown)}.")
