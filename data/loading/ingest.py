"""Open, recognise, normalise, check, price, dedupe, commit, report.

Files of one format and kind are loaded together in one transaction: the ledger holds the whole
batch or none of it, and running the same command again finishes what was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path

from data import rollups
from data.errors import BadInput, BatonError, UnknownFormat
from data.formats import BILLED_COLUMNS, Format, all_formats
from data.ledger import Ledger
from data.loading import containers, staged_rows, staging, stand_ins, unread_usage
from data.loading.attribution_rules import RULES
from data.loading.containers import GROUP_BYTES, GROUP_FILES, File
from data.loading.unread_usage import UnreadPath
from data.prices.book import PriceBook
from data.schema import BILLED
from data.state import State

Progress = Callable[[str, float, str], None]  # stage, share done 0..1, a word on it


@dataclass
class Report:
    """What became of one file. loaded + duplicate + rejected = read; skipped records carry no usage."""

    path: str
    format: str = ""
    read: int = 0
    loaded: int = 0
    duplicate: int = 0
    rejected: int = 0
    skipped: int = 0
    batch_id: str = ""
    snapshot: int = 0
    note: str = ""
    error: str = ""
    unknown: bool = False  # no format recognises the content: a mapping may read it
    reasons: dict[str, int] = field(default_factory=dict)
    unread: list[UnreadPath] = field(default_factory=list)  # usage nobody read, in the rows loaded; most rows first
    unread_more: int = 0  # further paths that are not named


@dataclass(frozen=True)
class _Item:
    file: File
    form: Format
    digest: str

    @property
    def group(self) -> tuple:
        many = self.file.kind not in ("csv", "parquet")
        return (
            self.form.name,
            self.file.kind,
            self.file.compression,
            self.file.wrapper,
            self.file.long_lines,
            many or self.file.path,
        )


def ingest(
    ledger: Ledger,
    state: State,
    paths: Iterable[str | Path],
    *,
    form: Format | str | None = None,
    keep_text: bool = False,
    progress: Progress = lambda stage, share, note: None,
) -> list[Report]:
    """Load files, folders and globs; one report per file, in the order found.

    A file that cannot be used has its reason in `Report.error` and the others still load; when
    nothing at all could be used the first reason is raised instead.
    """
    found = containers.expand(paths)
    chosen = format_named(form) if isinstance(form, str) else form
    reports, items, refusals = {path: Report(str(path)) for path in found}, [], []
    staging.sweep(ledger.home / "scratch")
    cursor = ledger.cursor()
    for macro in staged_rows.MACROS:
        cursor.execute(macro)
    for number, path in enumerate(found, start=1):
        progress("recognising", number / len(found), path.name)
        try:
            items.append(_recognise(cursor, ledger.home / "scratch", path, chosen))
        except BatonError as error:
            reports[path].error = str(error)
            reports[path].unknown = isinstance(error, UnknownFormat)
            refusals.append(error)
    if not items:
        raise refusals[0]
    book = PriceBook.load(state)
    for group in _groups(items):
        _load(ledger, state, book, cursor, group, reports, keep_text, progress)
    for copy in {i.file.content for i in items if i.file.content != i.file.path}:
        copy.unlink(missing_ok=True)
    cursor.close()
    return list(reports.values())


def format_named(name: str) -> Format:
    """A format by name; raises BadInput with the nearest names."""
    formats = {f.name: f for f in all_formats()}
    if name not in formats:
        near = get_close_matches(name, formats, n=3, cutoff=0.4) or sorted(formats)
        raise BadInput(
            f"There is no format {name!r}; did you mean {', '.join(near)}? `python -m data formats` lists them all."
        )
    return formats[name]


def _recognise(cursor, scratch: Path, path: Path, chosen: Format | None) -> _Item:
    digest, text = containers.digest(path)
    file, sample = containers.inspect(cursor, path, scratch, text)
    unwrapped, inner = containers.unwrap(file, sample)
    if chosen:
        return _Item(file if chosen.documents else unwrapped, chosen, digest)
    for form in all_formats():
        candidate, records = (file, sample) if form.documents else (unwrapped, inner)
        if records and form.recognise(records):
            return _Item(candidate, form, digest)
    tried = ", ".join(f.name for f in all_formats())
    keys = ", ".join(sorted({" ".join(k.split())[:40] for r in inner[:5] for k in r})[:12]) or "none"
    raise UnknownFormat(
        f"{path.name} is no log format Baton knows (fields seen: {keys}; tried: {tried}); "
        "name one with --format, or drop it on Data and prices and say what its columns mean."
    )


def _groups(items: list[_Item]) -> Iterable[list[_Item]]:
    for _, same in groupby(sorted(items, key=lambda i: str(i.group)), key=lambda i: i.group):
        group, size = [], 0
        for item in same:
            if group and (size + item.file.size > GROUP_BYTES or len(group) >= GROUP_FILES):
                yield group
                group, size = [], 0
            group.append(item)
            size += item.file.size
        yield group


def _load(ledger, state, book, cursor, group, reports, keep_text, progress) -> None:
    form = group[0].form
    group = _skip_known(cursor, group, reports, ledger)
    if not group:
        return
    with ledger.explained():
        progress("reading", 0.0, f"{len(group)} file{'s' * (len(group) > 1)} of {form.label}")
        try:
            staging.stage(cursor, [i.file for i in group], form, keep_text)
        except Exception as error:
            if ledger.suffers(error):
                raise
            if len(group) == 1:
                raise _unusable(group[0], error) from error
            for item in group:  # one bad file must not take its neighbours with it
                try:
                    _load(ledger, state, book, cursor, [item], reports, keep_text, progress)
                except BatonError as reason:
                    reports[item.file.path].error = str(reason)
            return
        if form.table == "usage":
            staging.price(cursor, form, book, lambda stage: progress(stage, 0.0, form.label))
        _commit(ledger, state, book, cursor, group, form, keep_text, progress)
        _report(cursor, group, reports, ledger.snapshot())


def _unusable(item: _Item, error: Exception) -> BatonError:
    if isinstance(error, BatonError):
        return error
    return BadInput(
        f"{item.file.path.name} cannot be read as {item.form.label} ({str(error).splitlines()[0][:160]}); nothing was loaded from it."
    )


def _skip_known(cursor, group, reports, ledger) -> list[_Item]:
    """Files already loaded whole are answered from their batch; the rest go on."""
    rows = cursor.execute("SELECT digest, format, read, rejected, batch_id, skipped FROM lake.main.batches").fetchall()
    known = {(digest, name): rest for digest, name, *rest in rows}
    left = {}
    for item in group:
        if (item.digest, item.form.name) in known:
            read, rejected, batch_id, skipped = known[item.digest, item.form.name]
            reports[item.file.path] = Report(
                str(item.file.path),
                item.form.name,
                read,
                0,
                read - rejected,
                rejected,
                skipped,
                batch_id,
                ledger.snapshot(),
                "already loaded",
            )
        elif item.digest in left:  # the same file under two names
            reports[
                item.file.path
            ].error = f"{item.file.path.name} is the same file as {left[item.digest].file.path.name}; loaded once."
        else:
            left[item.digest] = item
    return list(left.values())


def _commit(ledger, state, book, stage_cursor, group, form, keep_text, progress) -> None:
    """Dedupe against the ledger and write everything as one snapshot."""
    progress("writing", 0.0, form.label)
    key = "event_id" if form.table == "usage" else "bill_id"
    with ledger.write(stage_cursor) as cursor:
        staging.mark_new(cursor, form.table, key, form)
        ids = ", ".join(f"'{_batch_id(i)}'" for i in group)
        batch = f"[{ids}][s.file_no]"
        replaced = cursor.execute("SELECT count(*) FROM fresh_rows WHERE replaces").fetchone()[0]
        if replaced:
            cursor.execute(
                f"DELETE FROM lake.main.{form.table} WHERE {key} IN (SELECT event_id FROM fresh_rows WHERE replaces)"
            )
        left = stand_ins.settle(cursor, form) if form.stand_ins else 0
        if form.table == "usage":
            staging.earlier_calls(cursor, form)
            cursor.execute(
                f"INSERT INTO lake.main.usage BY NAME {staging.ledger_rows(form, book, RULES.all(state), batch)}"
            )
            if replaced or left:
                rollups.rebuild(cursor)
            else:
                rollups.add(cursor, f"batch_id IN ({ids}) AND {_span(cursor)}")
            cursor.execute(
                f"INSERT INTO lake.main.semantics SELECT '{form.name}', provider, model_raw, input_has_cache, output_has_reasoning, verdict, evidence, records, '{_batch_id(group[0])}' FROM readings"
            )
            if keep_text and form.text_columns:
                cursor.execute(
                    "INSERT INTO lake.main.texts SELECT * FROM kept_texts WHERE event_id IN (SELECT event_id FROM fresh_rows)"
                )
        else:
            given = ", ".join(f"s.{n}" for n in BILLED_COLUMNS if n not in ("event_key", "skip", "reject"))
            order = ", ".join(c.name for c in BILLED)
            cursor.execute(
                f"INSERT INTO lake.main.billed SELECT {order} FROM (SELECT s.event_id AS bill_id, '{form.name}' AS source, {batch} AS batch_id, s.record_no, {given} "
                "FROM log_rows s SEMI JOIN fresh_rows f ON s.row_no = f.row_no)"
            )
        cursor.execute(
            f"INSERT INTO lake.main.rejected SELECT {batch}, s.record_no, s.reject, left(masked(s.raw), 4000) FROM "
            "(SELECT file_no, record_no, reject, raw FROM log_rows WHERE skip IS NULL AND reject IS NOT NULL UNION ALL FROM misfits) AS s"
        )
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE counts AS {COUNTS}")
        cursor.execute(
            "INSERT INTO lake.main.batches SELECT f.batch_id, f.path, ?, f.digest, now()::TIMESTAMP, coalesce(read, 0), coalesce(loaded, 0), "
            "coalesce(read - loaded - rejected, 0), coalesce(rejected, 0), coalesce(skipped, 0), ? FROM "
            "(SELECT unnest(?) AS file_no, unnest(?) AS batch_id, unnest(?) AS path, unnest(?) AS digest) AS f LEFT JOIN counts USING (file_no) ORDER BY file_no",
            [
                form.name,
                form.note,
                list(range(1, len(group) + 1)),
                *(
                    [value(item) for item in group]
                    for value in (_batch_id, lambda i: str(i.file.path), lambda i: i.digest)
                ),
            ],
        )


def _batch_id(item: _Item) -> str:
    return f"{item.form.name}-{item.digest[:12]}"


def _span(cursor) -> str:
    first, last = cursor.execute(f"SELECT min(requested_at), max(requested_at) FROM {staging.GOOD}").fetchone()
    return f"requested_at BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'" if first else "false"


COUNTS = (
    "SELECT file_no, sum(read)::BIGINT AS read, sum(rejected)::BIGINT AS rejected, sum(skipped)::BIGINT AS skipped, sum(loaded)::BIGINT AS loaded FROM ("
    "SELECT file_no, count(*) FILTER (skip IS NULL) AS read, count(*) FILTER (skip IS NULL AND reject IS NOT NULL) AS rejected, "
    "count(*) FILTER (skip IS NOT NULL) AS skipped, 0 AS loaded FROM log_rows GROUP BY 1 "
    "UNION ALL SELECT file_no, count(*), count(*), 0, 0 FROM misfits GROUP BY 1 "
    "UNION ALL SELECT file_no, 0, 0, 0, count(*) FROM fresh_rows GROUP BY 1) GROUP BY 1"
)


def _report(cursor, group, reports, snapshot) -> None:
    rows = cursor.execute("SELECT * FROM counts").fetchall()
    counts = {number: rest for number, *rest in rows}
    reasons = cursor.execute(
        "SELECT file_no, reject, count(*) FROM (SELECT file_no, reject FROM log_rows WHERE skip IS NULL AND reject IS NOT NULL "
        "UNION ALL SELECT file_no, reject FROM misfits) GROUP BY ALL ORDER BY 3 DESC"
    ).fetchall()
    unread = unread_usage.paths(cursor, group[0].form)
    for number, item in enumerate(group, start=1):
        read, rejected, skipped, loaded = counts.get(number, (0, 0, 0, 0))
        why = {reason: n for f, reason, n in reasons if f == number}
        reports[item.file.path] = Report(
            str(item.file.path),
            item.form.name,
            read,
            loaded,
            read - loaded - rejected,
            rejected,
            skipped,
            _batch_id(item),
            snapshot,
            item.form.note,
            reasons=dict(list(why.items())[:5]),
            unread=unread.get(number, [])[: unread_usage.NAMED],
            unread_more=max(len(unread.get(number, [])) - unread_usage.NAMED, 0),
        )
