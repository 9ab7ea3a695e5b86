"""How one record of a file is read: the record, the columns it gives, what stays unread, its price and its caveats.

The file is loaded into a store that is thrown away, by the same code as any load, so that what is told is what
happens. Prices, aliases and rules are those of the given state.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from data import caveats, console, people, scratch
from data.errors import BatonError, NoData
from data.formats import Format
from data.ledger import Cursor, Ledger
from data.loading import containers, mappings, named_files, reading_macros, unread_usage
from data.loading.load import Load
from data.loading.recognition import Item, format_named, recognise
from data.prices.book import PriceBook
from data.prices.breakdown import Breakdown, breakdown
from data.state import State

LONGEST_RECORD = 4000
LARGEST_FILE = 50 * 2**20  # bytes; the whole file is read to explain one record of it


class Explanation(NamedTuple):
    """How record `record_no` of a file was read. `record` is its text, secrets masked,
    "" where the format counts its own.

    `outcome` is loaded, or the reason why it was skipped or rejected; `columns` has what the row knows, by column.
    """

    format: str
    record_no: int
    record: str
    outcome: str
    columns: dict[str, Any]
    unread: dict[str, float]
    price: Breakdown | None
    caveats: tuple[caveats.Caveat, ...]


def explain(state: State, path: Path, record_no: int = 1, form: Format | str | None = None) -> Explanation:
    """Explain one record, counted from 1; raises NoData for a number the file has not got, and what a load raises."""
    chosen = format_named(form) if isinstance(form, str) else form
    with scratch.copies(state.path.parent) as folder:
        ledger = Ledger.open(folder)
        cursor = ledger.cursor()
        try:
            for macro in reading_macros.MACROS:
                cursor.execute(macro)
            item = recognise(cursor, folder, path, chosen)
            load = Load(ledger, state, cursor, [item], lambda stage, share, note: None)
            load.stage(keep_text=False)
            with people.acting_as(people.owner()):  # whoever may look: the ledger it goes into is thrown away
                load.commit(keep_text=False, audited=False)
            return _explanation(state, cursor, item, record_no)
        finally:
            cursor.close()
            ledger.close()


def _explanation(state: State, cursor: Cursor, item: Item, record_no: int) -> Explanation:
    found = cursor.execute(
        """SELECT row_no, event_id, skip, reject FROM log_rows WHERE record_no = $n
           UNION ALL SELECT NULL, NULL, NULL, reject FROM misfits WHERE record_no = $n""",
        {"n": record_no},
    ).fetchone()
    if found is None:
        last = cursor.execute(
            "SELECT max(record_no) FROM (SELECT record_no FROM log_rows UNION ALL SELECT record_no FROM misfits)"
        ).fetchall()[0][0]
        raise NoData(f"{item.file.path.name} has no record {record_no}; the last one is {last or 0}.")
    row_no, event_id, skip, reject = found
    row = {} if skip or reject else _row(cursor, item.form.table, event_id)
    outcome = f"skipped: {skip}" if skip else f"rejected: {reject}" if reject else "loaded"
    if row and row["record_no"] != record_no:
        outcome = f"a repeat of record {row['record_no']}, which counts"
    told = _of_row(state, row, item.form.name, record_no) if item.form.table == "usage" and row else None
    plain = Explanation(item.form.name, record_no, "", outcome, _columns(row), {}, None, _caveats(row))
    return (told or plain)._replace(
        record=_record(cursor, item, record_no),
        outcome=outcome,
        unread=unread_usage.of_row(cursor, item.form, row_no) if row else {},
    )


def _row(cursor: Cursor, table: str, key: str) -> dict[str, Any]:
    """What a row of `lake.main.usage` or `lake.main.billed` knows, by column; empty where there is no such row."""
    name = "event_id" if table == "usage" else "bill_id"
    found = cursor.execute(f"SELECT * FROM lake.main.{table} WHERE {name} = ?", [key]).to_arrow_table().to_pylist()
    return {column: value for column, value in found[0].items() if value is not None} if found else {}


def _of_row(state: State, row: dict[str, Any], form: str, record_no: int) -> Explanation:
    """What a usage row tells by itself: its columns, price lines and caveats."""
    return Explanation(
        format=form,
        record_no=record_no,
        record="",
        outcome="loaded",
        columns=_columns(row),
        unread={},
        price=breakdown(PriceBook.load(state), row),
        caveats=_caveats(row),
    )


def _caveats(row: dict[str, Any]) -> tuple[caveats.Caveat, ...]:
    return tuple(caveats.BY_CODE[code] for code in row.get("caveats") or () if code in caveats.BY_CODE)


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("batch_id", "caveats")}


# -- a row of the ledger, and the record it was read from -------------------------------------------


class Origin(NamedTuple):
    """The file a row was read from, and the content it had then."""

    path: Path
    digest: str


def explain_row(ledger: Ledger, state: State, event_id: str) -> tuple[Explanation, Origin | str]:
    """A usage row as it is stored, and where its record can be looked up, or a sentence why it cannot.

    Raises NoData for an id the ledger has not got.
    """
    cursor = ledger.cursor()
    row = _row(cursor, "usage", event_id)
    if not row:
        raise NoData("This request is not in the ledger any more; a later load has replaced it.")
    batch = cursor.execute(
        "SELECT path, digest FROM lake.main.batches WHERE batch_id = ?", [row["batch_id"]]
    ).fetchone()
    told = _of_row(state, row, row["source"], row["record_no"])
    return told, _origin(Path(batch[0]), batch[1]) if batch else "It was not read from a file."


def _origin(path: Path, digest: str) -> Origin | str:
    try:
        size = path.stat().st_size
    except OSError:
        return f"Its record is not shown: {path.name} is no longer where it was read from."
    if size > LARGEST_FILE:
        return (
            f"Its record is not shown: {path.name} is too large to read here ({size / 2**20:,.0f} MB);"
            " python -m data explain does it."
        )
    return Origin(path, digest)


def with_record(state: State, told: Explanation, origin: Origin) -> tuple[Explanation, str]:
    """A stored row with the record it was read from and what stayed unread in it; else as it was, and why."""
    name = origin.path.name
    try:
        if named_files.digest(origin.path)[0] != origin.digest:
            return told, f"Its record is not shown: {name} has changed since it was loaded."
        mapping = told.format.removeprefix("mapping:")
        form = mappings.load(state, mapping) if mapping != told.format else told.format
        found = explain(state, origin.path, told.record_no, form)
    except BatonError as error:
        return told, f"Its record is not shown: {error}"
    if found.columns.get("event_id") != told.columns["event_id"]:
        return told, f"Its record is not shown: {name} is read in another way today."
    return told._replace(record=found.record, unread=found.unread), ""


def _record(cursor: Cursor, item: Item, record_no: int) -> str:
    """The text of a record, where the format's numbers are those of the file's records."""
    text = f"SELECT raw, row_number() OVER () AS n FROM ({containers.records([item.file])})"
    if item.form.documents or item.form.rows != Format.rows and not item.form.per_record:
        text = f"SELECT * FROM ({text}) WHERE (SELECT max(record_no) FROM log_rows) <= (SELECT count(*) FROM ({text}))"
    found = cursor.execute(
        f"SELECT left(masked(raw), {LONGEST_RECORD}) FROM ({text}) WHERE n = ?", [record_no]
    ).fetchone()
    return found[0] if found else ""


def register(commands: console.Commands) -> None:
    """Add `explain` to `python -m data`."""
    sub = commands.add("explain", run)
    sub.add_argument("path", metavar="FILE")
    sub.add_argument("--record", type=int, default=1, metavar="N", help="which record, from 1 (the default)")
    sub.add_argument("--format", metavar="NAME", help="skip recognition; the formats command lists the names")
    sub.add_argument("--mapping", metavar="NAME", help="a column mapping saved on the Data page")


def run(args: argparse.Namespace) -> None:
    """`explain`: one record of a file, as a person reads it or as JSON."""
    state = State.open(args.home)
    form = mappings.load(state, args.mapping) if args.mapping else args.format
    [path] = named_files.expand([args.path])[:1]
    found = explain(state, path, args.record, form)
    if args.json:
        console.emit_json(as_json(found))
        return
    console.say(f"{path.name}, record {found.record_no}, read as {found.format}: {found.outcome}")
    if found.record:
        console.say(found.record)
    if found.columns:
        console.emit_table(("column", "value"), found.columns.items())
    for name, value in found.unread.items():
        console.say(f"unread: {name} = {value:,g}")
    if found.price:
        lines = found.price.paid or found.price.listed
        console.emit_table(
            ("price of", "quantity", "rate USD", "USD", "source"),
            [(line.bucket, f"{line.quantity:,} {line.unit}", line.rate_usd, line.usd, line.source) for line in lines],
        )
        console.say(f"cost {found.price.cost_usd} USD, {found.price.basis}; price found by {found.price.matched_by}")
    for caveat in found.caveats:
        console.say(f"caveat {caveat.code}: {caveat.sentence} {caveat.remedy}")


def as_json(found: Explanation) -> dict[str, Any]:
    """An explanation as plain values."""
    price = found.price and {
        **found.price._asdict(),
        "listed": [line._asdict() for line in found.price.listed],
        "paid": [line._asdict() for line in found.price.paid],
    }
    return {
        **found._asdict(),
        "price": price,
        "caveats": [caveat._asdict() for caveat in found.caveats],
    }
