"""Which format a file is, told from its content, and which files can be loaded together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path

from data.errors import BadInput, UnknownFormat, Unreadable
from data.formats import Format, all_formats, envelope, report_page
from data.ledger import Cursor
from data.loading import column_names, containers, envelopes, foreign_files, named_files, table_cells
from data.loading.containers import GROUP_BYTES, GROUP_FILES, File
from data.loading.side_by_side import calls_beside

BODY = set(envelope.FIELDS)
FEW_LINES = 6  # of a file in a folder of one kind


@dataclass(frozen=True)
class Item:
    """A recognised file: how it is read, by which format, and the digest of its content."""

    file: File
    form: Format
    digest: str

    @property
    def batch_id(self) -> str:
        """The same content read by the same format is the same batch."""
        return f"{self.form.name}-{self.digest[:12]}"

    @property
    def written(self) -> datetime:
        """When the file was written last, naive UTC."""
        path = self.file.path if self.file.path.exists() else self.file.content  # a member of an archive is no file
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)

    @property
    def kind(self) -> tuple[object, ...]:
        """Files of one kind can be read by one statement; tables have columns of their own, one of days is
        compared with those before it."""
        file, many = self.file, self.file.kind not in ("csv", "parquet") and not self.form.days
        return (
            self.form.name,
            file.kind,
            file.compression,
            file.wrapper,
            file.envelope,
            file.long_lines,
            file.stamped,
            many or file.path,
        )


def format_named(name: str) -> Format:
    """A format by name; raises BadInput with the nearest names."""
    formats = {f.name: f for f in all_formats()}
    if name not in formats:
        near = get_close_matches(name, formats, n=3, cutoff=0.4) or sorted(formats)
        raise BadInput(
            f"There is no format {name!r}; did you mean {', '.join(near)}? `python -m data formats` lists them all."
        )
    return formats[name]


def recognise(cursor: Cursor, scratch: Path, path: Path, chosen: Format | None, sibling: Item | None = None) -> Item:
    """A file as an item; `scratch` takes a cleaned copy where one is needed. `sibling` is a file that was told before
    and may be of the same kind.

    Raises UnknownFormat, or Unreadable for what is no text, table or JSON.
    """
    digest, text = named_files.digest(path)
    if sibling and not chosen and (like := _like_its_sibling(cursor, scratch, path, text, digest, sibling)):
        return like
    file, sample = containers.inspect(cursor, path, scratch, text)
    readings, inner = _readings(file, sample)
    if chosen:
        fits = (candidate for candidate, records in readings if records and chosen.recognise(records))
        held = file if chosen.documents else next(fits, readings[0][0])
        known = any(chosen.name == form.name for form in all_formats())  # a mapping says itself how it is written
        return Item(table_cells.as_written(held, sample, chosen) if known else held, chosen, digest)
    if first := _told(file, sample, readings) or _told_by_headers(file, sample):
        return Item(table_cells.as_written(first[0], sample, first[1]), first[1], digest)
    for candidate, records in readings:
        held, inner_records = envelopes.open_records(candidate, records)
        for form in all_formats():
            if inner_records and form.recognise(inner_records):
                return Item(held, form, digest)
    if emptied := _emptied(cursor, path, sample):
        return Item(file, emptied, digest)
    if sample and (said := foreign_files.refused_answer(sample[0])):
        raise UnknownFormat(
            f"{path.name} is what an API answered when it refused: {said!r}; mend that and export again."
        )
    if (empty := _empty_list(file, sample, inner)) is not None:
        raise Unreadable(f"{path.name} holds no records{empty}; there is nothing to load.")
    if beside := calls_beside(column_names.sources(sample[:5])):
        raise UnknownFormat(
            f"{path.name} holds several calls in a row, side by side: of {' and '.join(beside[:3])}"
            f"{' and others' * (len(beside) > 3)}. A row must be one call: write one for each of them, with its own "
            "time, model, input and output tokens (or cost), and load that."
        )
    # What a logger puts around an answer says nothing of whose answer it is.
    seen = [envelope.body_of(record) or record for record in inner[:5]]
    keys = ", ".join(sorted({" ".join(k.split())[:40] for r in seen for k in r})[:12])
    holds = (
        "a first line and no rows below it" if file.kind == "csv" and not sample else f"fields seen: {keys or 'none'}"
    )
    near = resembling(inner)
    likely = f"it looks most like {' or '.join(f.label for f in near)}: try --format {near[0].name}, or" if near else ""
    told = f"{likely or 'name a format (`python -m data formats`) with --format, or'} drop it on Data and prices"
    raise UnknownFormat(f"{path.name} is no log format Baton knows ({holds}); {told} and say what its columns mean.")


def _readings(file: File, sample: list[dict]) -> tuple[list[tuple[File, list[dict]]], list[dict]]:
    """The ways in which the records of a file may be meant, the likelier first; and the records within a wrapper."""
    unwrapped, inner = envelopes.unwrap(file, sample)
    # A document under a usual name is a list of records first, lines and lists are records first.
    readings = [(unwrapped, inner), (file, sample)]
    return (readings if file.kind == "document" else readings[::-1]), inner


def _empty_list(file: File, sample: list[dict], inner: list[dict]) -> str | None:
    """Where a document of JSON says that it has nothing, in words that follow "no records"; None where it has."""
    if file.kind not in ("array", "document", "wrapped"):
        return None
    lists = {key: held for key, held in sample[0].items() if isinstance(held, list)} if len(sample) == 1 else {}
    if lists and not any(lists.values()):
        return f" (its `{next(iter(lists))}` is an empty list)"
    return None if any(inner) or any(sample) else ""


def _told(file: File, sample: list[dict], readings: list[tuple[File, list[dict]]]) -> tuple[File, Format] | None:
    """The first format, in order, that recognises what is in the file."""
    for candidate, records in readings:
        for form in all_formats():
            item, seen = (file, sample) if form.documents else (candidate, records)
            if seen and form.recognise(seen):
                return item, form
    return None


def _told_by_headers(file: File, sample: list[dict]) -> tuple[File, Format] | None:
    """The first format whose table this is once its headers are spelled as the format spells them."""
    fits = (form for form in all_formats() if table_cells.fits_by_headers(sample, form))
    return next(((file, form) for form in fits), None) if file.kind in ("csv", "parquet") else None


def _like_its_sibling(
    cursor: Cursor, scratch: Path, path: Path, text: named_files.Text, digest: str, sibling: Item
) -> Item | None:
    """The file by a few of its lines, spread over those that are looked at: where every format is asked in order and
    the sibling's is the answer, and recognises each line by itself. None where they leave a doubt."""
    if sibling.file.kind != "lines" or not text.plain:
        return None
    file, sample = containers.inspect(cursor, path, scratch, text, lines=FEW_LINES)
    if file.kind != "lines" or len(sample) < FEW_LINES or not all(sibling.form.recognise([one]) for one in sample):
        return None
    told = _told(file, sample, _readings(file, sample)[0])
    alike = told and told[1] is sibling.form and told[0].wrapper == sibling.file.wrapper
    return Item(*told, digest) if told and alike else None


def _emptied(cursor: Cursor, path: Path, sample: list[dict]) -> Format | None:
    """The report that a page without any results empties: the one the ledger has lines of for these days.

    None where the file is no such page; raises UnknownFormat where two reports might be meant.
    """
    starts = {form.name: report_page.empty_buckets(sample, form) for form in all_formats() if form.documents}
    forms = [form for form in all_formats() if starts.get(form.name)]
    billed = [
        form
        for form in forms
        if cursor.execute(
            """SELECT 1 FROM lake.main.billed JOIN (SELECT unnest($starts) AS start) ON
                starts_with(bill_id, $family || ':' || start || ':') WHERE source = $name LIMIT 1""",
            {"starts": starts[form.name], "family": form.family, "name": form.name},
        ).fetchone()
    ]
    if len(billed) == 1 or not forms:
        return billed[0] if billed else None
    raise UnknownFormat(
        f"{path.name} is a report without a single result, which does not say what it is a report of; "
        f"name it: --format {' or '.join(form.name for form in forms)}."
    )


def resembling(records: list[dict]) -> list[Format]:
    """At most three formats that share the most field names with these records, and at least half of the records'.

    Bodies of answers are told by what is in them, which has been looked at already.
    """
    seen = {key for record in records[:5] for key in record}
    shared = [(len(seen & set(form.fields)), form) for form in all_formats() if not set(form.fields) >= BODY]
    close = sorted((pair for pair in shared if 2 * pair[0] >= max(len(seen), 4)), key=lambda pair: -pair[0])
    return [form for count, form in close[:3] if 4 * count >= 3 * close[0][0]]


def groups(items: list[Item]) -> Iterator[list[Item]]:
    """Items that are loaded in one transaction: of one kind, and neither too many nor too large."""
    for _, same in groupby(sorted(items, key=lambda i: str(i.kind)), key=lambda i: i.kind):
        group: list[Item] = []
        size = 0
        for item in same:
            if group and (size + item.file.size > GROUP_BYTES or len(group) >= GROUP_FILES):
                yield group
                group, size = [], 0
            group.append(item)
            size += item.file.size
        yield group
