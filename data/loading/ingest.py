"""Open, recognise, normalise, check, price, dedupe, commit, report.

Files of one format and kind are loaded together in one transaction (`load.Load`): the ledger holds the whole
batch or none of it, and running the same command again finishes what was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from data import lost_rows, scratch, turns
from data.console import Progress
from data.errors import BadInput, BatonError, UnknownFormat
from data.formats import Format
from data.ledger import Cursor, Ledger
from data.loading import named_files, zip_archives
from data.loading.known_files import Known, KnownFiles
from data.loading.recognition import Item, format_named, groups, recognise
from data.loading.report import ALREADY_LOADED, Report
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
    """Load files, folders and globs; one report per file, in the order found. A file that is as it was when it was
    loaded is not opened (`data.loading.known_files`).

    A file that cannot be used has its reason in `Report.error` and the others still load; when
    nothing at all could be used the first reason is raised instead.
    """
    found = named_files.expand(paths)
    chosen = format_named(form) if isinstance(form, str) else form
    scratch.sweep(ledger.home)
    if died := turns.is_left(ledger.store):
        with ledger.lock():  # what it had begun is removed, whether or not there is something to load
            pass
    cursor = ledger.cursor()
    try:
        with scratch.copies(ledger.home) as copies:
            reports = list(_Ingest(ledger, state, cursor, keep_text, progress).run(found, chosen, copies).values())
    finally:
        cursor.close()
    if died or any((report.loaded or report.rejected) and not report.was_loaded for report in reports):
        from data import upkeep

        with suppress(BatonError, OSError, ValueError):  # as full as a disk may be, the load stands
            from data.prices import catalogue

            catalogue.keep_package(ledger.home)
        with suppress(BatonError):  # the load stands; `python -m data check` says what is wrong with the anchors
            state.anchor_when_due()
        upkeep.after_load(ledger, state, progress)
    return reports


class Batch(NamedTuple):
    """A file as an earlier load left it in the ledger."""

    loaded_at: datetime
    read: int
    rejected: int
    batch_id: str
    skipped: int

    def answer(self, report: Report, form: str, snapshot: int) -> None:
        """Say that the file was loaded before."""
        report.read, report.rejected, report.skipped = self.read, self.rejected, self.skipped
        report.duplicate = self.read - self.rejected
        report.format, report.batch_id, report.snapshot, report.note = form, self.batch_id, snapshot, ALREADY_LOADED


class _Ingest:
    """One call of `ingest`: what it works with, and its reports by file."""

    def __init__(self, ledger: Ledger, state: State, cursor: Cursor, keep_text: bool, progress: Progress) -> None:
        self.ledger, self.state, self.cursor = ledger, state, cursor
        self.keep_text, self.progress = keep_text, progress
        self.reports: dict[Path, Report] = {}
        self.again = 0  # files of the present group that were loaded before
        self.done: dict[str, Path] = {}  # by digest the files that this call has loaded
        self.kept = KnownFiles(ledger.home)
        self.members: dict[Path, Path] = {}  # of archives, by their name the file that each was unpacked to
        self.refused: list[BatonError] = []  # why archives were not unpacked
        self.unread: list[BatonError] = []  # why files were not read whose format was told

    def run(self, paths: list[Path], chosen: Format | None, copies: Path) -> dict[Path, Report]:
        paths = self._with_members(paths, copies)
        unchanged = self.kept.find_unchanged(paths)
        with self.ledger.explain_ailments():
            answered = self._answer_unchanged({} if chosen else unchanged)
        left = [path for path in paths if path not in answered]
        items, refusals = self._recognised(left, chosen, copies)
        refusals = [*self.refused, *refusals]
        if refusals and not items and not answered:
            raise refusals[0]
        if items:
            self._declare_macros()
        for group in groups(items):
            with self.ledger.explain_ailments():
                self._load(group)
        if self.unread and all(report.error for report in self.reports.values()):
            raise [*refusals, *self.unread][0]
        self._keep([] if chosen else items)
        return self.reports

    def _with_members(self, paths: list[Path], copies: Path) -> list[Path]:
        """The files, archives as their members; each has a report, as has an archive that is not unpacked."""
        found: list[Path] = []
        for number, path in enumerate(paths):
            try:
                members = zip_archives.unpack(path, copies / str(number)) if zip_archives.is_archive(path) else []
            except BatonError as error:
                self.refused.append(error)
                self.reports[path] = Report(str(path), error=str(error))
                continue
            self.members |= {named: content for content, named in members}
            files = [named for _, named in members] or [path]
            self.reports |= {path: Report(str(path)) for path in files}
            found += files
        return found

    def _recognised(
        self, paths: list[Path], chosen: Format | None, copies: Path
    ) -> tuple[list[Item], list[BatonError]]:
        """The files whose format is told, and why the others' is not."""
        items: list[Item] = []
        refusals: list[BatonError] = []
        by_suffix: dict[str, Item] = {}
        for number, path in enumerate(paths, start=1):
            self.progress("recognising", number / len(paths), path.name)
            try:
                content = self.members.get(path, path)
                item = recognise(self.cursor, copies, content, chosen, by_suffix.get(path.suffix))
                if path in self.members:
                    item = replace(item, file=replace(item.file, path=path))
            except BatonError as error:
                self.reports[path].error = str(error).replace(content.name, path.name)
                self.reports[path].unknown = isinstance(error, UnknownFormat) and content is path
                refusals.append(error)
            else:
                by_suffix[path.suffix] = item
                items.append(item)
        return items, refusals

    def _answer_unchanged(self, unchanged: dict[Path, Known]) -> set[Path]:
        """Those of the files that the ledger has whole, each with its report."""
        batches = self._batches([known.digest for known in unchanged.values()])
        lost = lost_rows.batches_to_load(self.cursor) if batches else set()
        snapshot = self.ledger.snapshot() if batches else 0
        answered: set[Path] = set()
        for path, known in unchanged.items():
            batch = batches.get((known.digest, known.form))
            if batch and batch.batch_id not in lost:
                batch.answer(self.reports[path], known.form, snapshot)
                answered.add(path)
        return answered

    def _keep(self, items: list[Item]) -> None:
        """Note what was loaded whole, but for bills: whether a report of days is new depends on what came after it."""
        plain = [item for item in items if item.form.table == "usage" and not item.form.days]
        files = [item for item in plain if item.file.path not in self.members]
        loaded = [item for item in files if (report := self.reports[item.file.path]).batch_id or report.is_same_file]
        self.kept.keep((item.file.path, item.digest, item.form.name) for item in loaded)

    def _batches(self, digests: list[str]) -> dict[tuple[str, str], Batch]:
        """What the ledger has of files with these digests, by digest and format."""
        if not digests:
            return {}
        # In the text: for parameters the engine's driver loads pandas.
        rows = self.cursor.execute(
            f"""SELECT digest, format, ingested_at, read, rejected, batch_id, skipped FROM lake.main.batches
                WHERE digest IN (SELECT unnest(string_split({literal(" ".join(digests))}, ' ')))"""
        ).fetchall()
        return {(digest, form): Batch(*rest) for digest, form, *rest in rows}

    def _declare_macros(self) -> None:
        from data.loading import reading_macros

        for macro in reading_macros.MACROS:
            self.cursor.execute(macro)

    def _load(self, group: list[Item]) -> None:
        """Load a group, again where another process has loaded some of its files in between."""
        from data.loading.load import Load, LoadedMeanwhile  # half a second that a load of nothing new need not wait

        while group := self._without_known(group):
            load = Load(self.ledger, self.state, self.cursor, group, self.progress, self.again)
            try:
                load.stage(keep_text=self.keep_text)
            except Exception as error:
                if self.ledger.suffers(error):
                    raise
                if len(group) > 1:
                    return self._load_halves(group)
                return self._refuse(group[0], _unusable(group[0], error))
            try:
                reports = load.commit(keep_text=self.keep_text)
            except LoadedMeanwhile:
                continue
            self.reports.update(zip((item.file.path for item in group), reports, strict=True))
            self.done.update((item.digest, item.file.path) for item in group)
            return None
        return None

    def _load_halves(self, group: list[Item]) -> None:
        """One bad file must not take its neighbours with it: they are loaded by halves, of which the one that holds it
        is halved again, so that of a thousand good files few are loaded alone.
        """
        middle = len(group) // 2
        for half in (group[:middle], group[middle:]):
            try:
                self._load(half)
            except BatonError as reason:
                if len(half) > 1:
                    self._load_halves(half)
                else:
                    self._refuse(half[0], reason)

    def _refuse(self, item: Item, reason: BatonError) -> None:
        self.reports[item.file.path].error = str(reason)
        self.unread.append(reason)

    def _without_known(self, group: list[Item]) -> list[Item]:
        """Files already loaded whole are answered from their batch; the rest go on.

        A report that was written anew since then goes on too, though it says what it said before: another one may
        have said something else of the same days in between. So does one whose rows were lost with a damaged file.
        """
        known = self._batches([item.digest for item in group])
        lost = lost_rows.batches_to_load(self.cursor) if known else set()
        snapshot = self.ledger.snapshot() if known else 0
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
            elif batch and not _written_anew(item, batch.loaded_at) and batch.batch_id not in lost:
                batch.answer(report, item.form.name, snapshot)
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
