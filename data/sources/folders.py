"""Sources that are files: a folder of this machine, a bucket, the table of a lakehouse."""

from __future__ import annotations

import os
import shutil
from datetime import date, datetime, time
from pathlib import Path

import pandas as pd

from data import owner, wording
from data.errors import BatonError, Refused, UnknownFormat
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.loading.report import Report
from data.sources.client import Sleep
from data.sources.lakehouse import Lakehouse
from data.sources.objects import pull_objects
from data.sources.progress import keep_days, keep_marks, lost_columns, marks
from data.sources.result import Result, about_source, lost_words, with_reports
from data.sources.source import Source
from data.sql_text import literal
from data.state import State

FOLDER = "pulled"  # under the store's home, for files on their way into the ledger
VERSION = "version of the table"  # in place of a file: the mark of the table that was read last


def load_folder(ledger: Ledger, state: State, done: Result, source: Source) -> Result:
    """Every file that the ledger has not got."""
    owner.require_folder(source.path, ledger.home)
    reports = ingest(ledger, state, [source.path])
    keep_days(state, done.name, _days_of(ledger, reports))
    return with_reports(done, reports)


def load_objects(ledger: Ledger, state: State, done: Result, source: Source, sleep: Sleep) -> Result:
    """Group by group; what no format knows is told once, what is damaged at every pull."""
    problems: list[str] = []

    def load(paths: list[Path]) -> list[Report]:
        try:
            return ingest(ledger, state, paths, form=source.kind if source.kind == "bedrock" else None)
        except BatonError as error:  # none of them could be used, each for a reason of its own
            if len(paths) > 1:
                return [report for path in paths for report in load([path])]
            return [Report(str(paths[0]), error=str(error), unknown=isinstance(error, UnknownFormat))]

    try:
        for reports, at in pull_objects(state, done.name, source, ledger.home / FOLDER, load, sleep):
            keep_days(state, done.name, _days_of(ledger, reports))
            problems += [one.error for one in reports if one.error and not one.is_same_file]
            done = with_reports(done, [one for one in reports if not one.error])
            done = done._replace(watermark=max(at, done.watermark or at))
    except Refused as error:
        return done._replace(problem=str(about_source(done.name, error)))
    if not problems:
        return done
    more = f" So are {wording.count_of(len(problems) - 1, 'more object')}." if len(problems) > 1 else ""
    return done._replace(problem=f"The source {done.name} has what cannot be loaded: {problems[0]}{more}")


def load_lakehouse(ledger: Ledger, state: State, done: Result, source: Source) -> Result:
    """The table, where it has changed since the last pull."""
    if not source.in_objects:
        owner.require_folder(source.path, ledger.home)
    folder = ledger.home / FOLDER / f"{source.kind}-{os.getpid()}"
    try:
        with Lakehouse(ledger.home, source) as lake:
            table = lake.look()
            if lost := lost_columns(state, done.name, table.columns):
                raise Refused(lost_words(lost))
            if marks(state, done.name).get(VERSION) == table.mark:
                return done
            since = done.watermark - source.overlap if done.watermark else _since(source)
            newest = lake.write(since, folder / f"{source.kind}.parquet")
        reports = ingest(ledger, state, [folder / f"{source.kind}.parquet"])
        done = with_reports(done, reports)
        keep_days(state, done.name, _days_of(ledger, reports))
        keep_marks(state, done.name, {VERSION: table.mark})
        times = [at for at in (newest, done.watermark) if at]
        return done._replace(watermark=max(times) if times else None)
    except Refused as error:
        raise about_source(done.name, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _since(source: Source) -> datetime | None:
    return datetime.combine(source.since, time()) if source.since else None


def _days_of(ledger: Ledger, reports: list[Report]) -> set[date]:
    """The days (UTC) of which the ledger has rows in the formats of these files, whoever brought them."""
    forms = ", ".join(literal(name) for name in {one.format for one in reports if one.format})
    if not forms:
        return set()
    view = ledger.at(ledger.snapshot())
    called = f"SELECT DISTINCT requested_at::DATE AS day FROM {view.name('usage')} WHERE source IN ({forms})"
    billed = f"SELECT DISTINCT day FROM {view.name('billed')} WHERE source IN ({forms})"
    return {pd.Timestamp(day).date() for day in view.sql(f"{called} UNION {billed}")["day"].dropna()}
