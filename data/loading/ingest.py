"""Open, recognise, normalise, check, price, dedupe, commit, report.

Files of one format and kind are loaded together in one transaction (`load.Load`): the ledger holds the whole
batch or none of it, and running the same command again finishes what was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from data import lost_rows, scratch, upkeep
from data.errors import BadInput, BatonError, UnknownFormat
from data.formats import Format
from data.ledger import Cursor, Ledger
from data.loading import named_files, staged_rows
from data.loading.load import Load, LoadedMeanwhile, Progress
from data.loading.recognition import Item, format_named, groups, recognise
from data.loading.report import Report
from data.sql_text import literal
from data.state import State


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
    found = named_files.expand(paths)
    chosen = format_named(form) if isinstance(form, str) else form
    scratch.sweep(ledger.home)
    cursor = ledger.cursor()
    try:
        for macro in staged_rows.MACROS:
            cursor.execute(macro)
        with scratch.copies(ledger.home) as copies:
            reports = list(_Ingest(ledger, state, cursor, keep_text, progress).run(found, chosen, copies).values())
    finally:
        cursor.close()
    if any(report.loaded or report.rejected for report in reports):
        with suppress(BatonError):  # the load stands; `python -m data check` says what is wrong with the anchors
            state.anchor_when_due()
        upkeep.after_load(ledger, state, progress)
    return reports


class _Ingest:
    """One call of `ingest`: what it works with, and its reports by file."""

    def __init__(self, ledger: Ledger, state: State, cursor: Cursor, keep_text: bool, progress: Progress) -> None:
        self.ledger, self.state, self.cursor = ledger, state, cursor
        self.keep_text, self.progress = keep_text, progress
        self.reports: dict[Path, Report] = {}
        self.again = 0  # files of the present group that were loaded before
        self.done: dict[str, Path] = {}  # by digest the files that this call has loaded

    def run(self, paths: list[Path], chosen: Format | None, copies: Path) -> dict[Path, Report]:
        self.reports = {path: Report(str(path)) for path in paths}
        items: list[Item] = []
        refusals: list[BatonError] = []
        for number, path in enumerate(paths, start=1):
            self.progress("recognising", number / len(paths), path.name)
            try:
                items.append(recognise(self.cursor, copies, path, chosen))
            except BatonError as error:
                self.reports[path].error = str(error)
                self.reports[path].unknown = isinstance(error, UnknownFormat)
                refusals.append(error)
        if not items:
            raise refusals[0]
        for group in groups(items):
            with self.ledger.explain_ailments():
                self._load(group)
        return self.reports

    def _load(self, group: list[Item]) -> None:
        """Load a group, again where another process has loaded some of its files in between."""
        while group := self._without_known(group):
            load = Load(self.ledger, self.state, self.cursor, group, self.progress, self.again)
            try:
                load.stage(keep_text=self.keep_text)
            except Exception as error:
                if self.ledger.suffers(error):
                    raise
                if len(group) == 1:
                    raise _unusable(group[0], error) from error
                return self._load_singly(group)
            try:
                reports = load.commit(keep_text=self.keep_text)
            except LoadedMeanwhile:
                continue
            self.reports.update(zip((item.file.path for item in group), reports, strict=True))
            self.done.update((item.digest, item.file.path) for item in group)
            return None
        return None

    def _load_singly(self, group: list[Item]) -> None:
        """One bad file must not take its neighbours with it."""
        for item in group:
            try:
                self._load([item])
            except BatonError as reason:
                self.reports[item.file.path].error = str(reason)

    def _without_known(self, group: list[Item]) -> list[Item]:
        """Files already loaded whole are answered from their batch; the rest go on.

        A report that was written anew since then goes on too, though it says what it said before: another one may
        have said something else of the same days in between. So does one whose rows were lost with a damaged file.
        """
        rows = self.cursor.execute(
            f"""SELECT digest, format, ingested_at, read, rejected, batch_id, skipped FROM lake.main.batches
                WHERE digest IN ({", ".join(literal(item.digest) for item in group)})"""
        ).fetchall()
        known = {(digest, name): rest for digest, name, *rest in rows}
        lost = lost_rows.batches_to_load(self.cursor) if known else set()
        left: dict[str, Item] = {}
        self.again = 0
        for item in group:
            report = self.reports[item.file.path]
            batch = known.get((item.digest, item.form.name))
            if item.digest in left or item.digest in self.done:  # the same file under two names
                first = self.done.get(item.digest) or left[item.digest].file.path
                named = first if first.name == item.file.path.name else first.name
                report.error = f"{item.file.path.name} is the same file as {named}; loaded once."
                report.is_same_file = True
            elif batch and not _written_anew(item, batch[0]) and batch[3] not in lost:
                _, report.read, report.rejected, report.batch_id, report.skipped = batch
                report.duplicate = report.read - report.rejected
                report.format, report.snapshot = item.form.name, self.ledger.snapshot()
                report.note = "already loaded"
            else:
                self.again += bool(batch)
                left[item.digest] = item
        return list(left.values())


def _written_anew(item: Item, loaded_at: datetime) -> bool:
    return "bucket" in item.form.columns and item.written > loaded_at


def _unusable(item: Item, error: Exception) -> BatonError:
    if isinstance(error, BatonError):
        return error
    reason = str(error).splitlines()[0][:160]
    return BadInput(
        f"{item.file.path.name} cannot be read as {item.form.label} ({reason}); nothing was loaded from it."
    )
