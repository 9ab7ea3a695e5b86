"""Whether anything that was to be forgotten is still there: every file under HOME is looked through, and of a shared
store every data file and every table.

Parquet files are read row by row in all columns (their bytes are compressed), databases value by value, and every
file byte by byte as well. A name is looked for where it stands by itself; among bytes, where neighbours mean nothing,
only names long enough not to be met by chance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data import erasure, shared_files, shared_tables
from data.backup import DATABASES
from data.ledger import Ledger
from data.sql_text import literal
from data.state_file import texts_in

BYTES_FROM = 6  # characters; shorter ones occur in compressed pages by chance
CHUNK = 2**20
LEDGER = "the ledger"
OF_A_SUM = "it names a team or something else that is summed up, or is part of a record's id"
REASONS = {
    LEDGER: OF_A_SUM,
    "the catalogue": OF_A_SUM,
    "the audit trail": "its chain forbids a change; it says who did what, and what was saved",
    "saved documents": "people wrote them; `python -m data forget KIND NAME` removes one",
}


class Found(NamedTuple):
    """A place under HOME where a name was found, how often, and why it is still there ("" is not known)."""

    place: str
    times: int

    @property
    def sentence(self) -> str:
        why = REASONS.get(self.place, "")
        return f"{self.place}: {self.times:,} time{'s' * (self.times != 1)}{f' ({why})' if why else ''}."


class Proof(NamedTuple):
    """How much was looked through, and what was found."""

    files: int
    size_bytes: int
    found: tuple[Found, ...]


def look_through(ledger: Ledger, names: Sequence[str]) -> Proof:
    """Search all of HOME for names, and a shared store's files and tables wherever they are."""
    counts: Counter[str] = Counter()
    pattern = re.compile(erasure.name_pattern(names, r"\w"))
    raw = [name.encode() for name in names if len(name) >= BYTES_FROM]
    files = size = 0
    for path in sorted(path for path in ledger.home.rglob("*") if path.is_file()):
        files, size = files + 1, size + path.stat().st_size
        place, times = str(path.relative_to(ledger.home)), 0
        if path.suffix == ".parquet":
            place, times = LEDGER, _rows_with(ledger, str(path), names)
        elif path.name in DATABASES:
            of_state = path.name == DATABASES[1]
            tables = [_place(of_state, table) for table, text in texts_in(path) if pattern.search(text)]
            counts.update(tables)
            if tables:  # their bytes are told by their tables
                continue
        if times := times or _occurrences(path, raw):
            counts[place] += times
    if ledger.store.shared:
        for address, size_bytes in shared_files.sizes(ledger.cursor(), ledger.store):
            files, size = files + 1, size + size_bytes
            counts[LEDGER] += _rows_with(ledger, address, names)
        texts = shared_tables.texts_in(ledger.store)
        counts.update(_place(of_state, table) for of_state, table, text in texts if pattern.search(text))
    return Proof(files, size, tuple(Found(*item) for item in sorted((+counts).items())))


def texts_left(ledger: Ledger, wish: erasure.Wish) -> int:
    """How many rows and texts older than wished are there in the newest data version: older ones are given up."""
    view = ledger.at(ledger.snapshot())
    usage, left = view.name("usage"), 0
    if wish.texts_before:
        left += view.sql(
            f"""SELECT count(*) AS n FROM {view.name("texts")} JOIN {usage} USING (event_id)
                WHERE requested_at < DATE '{wish.texts_before}'"""
        )["n"][0]
    if wish.names_before:
        left += view.sql(
            f"""SELECT count(*) AS n FROM {usage} WHERE requested_at < DATE '{wish.names_before}'
                AND (user_id IS NOT NULL OR customer_id IS NOT NULL OR tags IS NOT NULL)"""
        )["n"][0]
    return int(left)


def _rows_with(ledger: Ledger, path: str, names: Sequence[str]) -> int:
    """How many rows of a Parquet file have a name in any column."""
    text = f"SELECT count(*) AS n FROM read_parquet({literal(path)}) t WHERE regexp_matches(t::VARCHAR, ?)"
    return int(ledger.sql(text, [erasure.name_pattern(names)])["n"][0])


def _place(of_state: bool, table: str) -> str:
    if not of_state:
        return "the catalogue"
    return {"audit": "the audit trail", "documents": "saved documents"}.get(table, f"the state's {table}")


def _occurrences(path: Path, needles: Sequence[bytes]) -> int:
    """How often any needle occurs in a file's bytes, read piece by piece."""
    longest, times, rest = max(map(len, needles), default=0), 0, b""
    if not longest:
        return 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            held = rest + piece
            times += sum(held.count(needle) - rest.count(needle) for needle in needles)
            rest = held[-(longest - 1) :] if longest > 1 else b""
    return times
