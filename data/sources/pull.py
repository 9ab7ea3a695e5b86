"""Pulling a source: what is new since its watermark, and again what may have changed, into the ledger by the ordinary
load.

A window is asked for whole, written to a file, loaded, and only then the watermark moves: a failure at any moment
leaves the ledger as it was and the next pull asks again. What comes twice is loaded once.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from data import owner, people, wording
from data.errors import BadInput, BatonError, Refused
from data.invented import refuse_beside
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.sources import aws_signature, cloudwatch, litellm_table
from data.sources.apis import APIS, MOST_ROWS, Window, one_page, pages
from data.sources.client import Client, Sleep
from data.sources.folders import FOLDER, load_folder, load_lakehouse, load_objects
from data.sources.progress import Pulled, keep_days, keep_progress, lost_columns, progress_of
from data.sources.result import Result, about_source, lost_words, with_reports
from data.sources.source import KINDS, SOURCES, Source
from data.state import State

STEPS = {"table": litellm_table.STEP, "cloudwatch": cloudwatch.STEP}
FORMS = {"table": litellm_table.FORM, "cloudwatch": cloudwatch.FORM}


def instant() -> datetime:
    """The clock, UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def pull_due(
    ledger: Ledger, state: State, name: str = "", now: datetime | None = None, sleep: Sleep = asyncio.sleep
) -> list[Result]:
    """Pull one source, or every one that is due; one that fails keeps no other from being pulled."""
    people.require("load")
    at = now or instant()
    if name:
        chosen = {name: SOURCES.find(state, name)}
    else:
        every = SOURCES.all(state)
        chosen = {one: source for one, source in every.items() if progress_of(state, one).is_due(source, at)}
    return [pull(ledger, state, one, source, at, sleep) for one, source in chosen.items()]


def pull(
    ledger: Ledger, state: State, name: str, source: Source, now: datetime, sleep: Sleep = asyncio.sleep
) -> Result:
    """Pull one source as far as it goes."""
    held = progress_of(state, name)
    # A clock that once ran ahead must not leave out what happens until then.
    done = Result(name, 0, 0, 0, min(held.watermark, now) if held.watermark else None, "")
    try:
        refuse_beside(ledger, [source.path])
        if source.way == "folder":
            done = load_folder(ledger, state, done, source)
        elif source.way == "objects":
            done = load_objects(ledger, state, done, source, sleep)
        elif source.way == "lakehouse":
            done = load_lakehouse(ledger, state, done, source)
        else:
            for window in windows(source, done.watermark, now):
                done = _load_window(ledger, state, done, source, window, sleep)
                if done.problem:
                    break
                held = Pulled(done.watermark, now, held.pulled_at, "", done.loaded)
                keep_progress(state, name, held)
    except BatonError as error:
        done = done._replace(problem=str(error))
    pulled_at = held.pulled_at if done.problem else now
    keep_progress(state, name, Pulled(done.watermark, now, pulled_at, done.problem, done.loaded))
    return done


def windows(source: Source, watermark: datetime | None, now: datetime) -> Iterator[Window]:
    """What to ask for, in order: from the watermark less what may still change, up to now or the last midnight."""
    api = APIS.get(source.kind)
    step, whole_days = (api.step, api.whole_days) if api else (STEPS[source.way], False)
    first = (
        datetime.combine(source.since, time()) if source.since else now - timedelta(days=KINDS[source.kind].back_days)
    )
    start = max(first, watermark - source.overlap) if watermark else first
    end = now.replace(microsecond=0)
    if whole_days:
        start, end = (datetime.combine(at.date(), time()) for at in (start, end))
    start = start.replace(microsecond=0)
    while start < end:
        until = min(start + step, end)
        yield Window(start, until)
        start = until


def _load_window(ledger: Ledger, state: State, done: Result, source: Source, window: Window, sleep: Sleep) -> Result:
    before, api = done.rejected, APIS.get(source.kind)
    folder = ledger.home / FOLDER / f"{source.kind}-{os.getpid()}-{window.start:%Y%m%dT%H%M%S}"
    try:
        if api:
            path, days = asyncio.run(_fetch(done.name, source, window, folder, sleep))
        elif source.way == "cloudwatch":
            path, days = asyncio.run(_fetch_events(done.name, source, window, folder, sleep))
        else:
            path, days = _read_table(state, done.name, source, window, folder)
        if path:
            done = with_reports(done, ingest(ledger, state, [path], form=api.form if api else FORMS[source.way]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if done.rejected > before and api and api.is_report:  # its buckets replaced nothing
        odd = wording.count_of(done.rejected - before, "line")
        return done._replace(
            problem=f"The source {done.name} had {odd} that cannot be used (Data and prices, Set aside); its days from"
            f" {wording.day(window.start)} are asked for again."
        )
    keep_days(state, done.name, days)
    return done._replace(watermark=max(window.end, done.watermark or window.end))


def _read_table(state: State, name: str, source: Source, window: Window, folder: Path) -> tuple[Path | None, set[date]]:
    """Everything of a window of LiteLLM's table in one file, or None where there is nothing; and its days."""
    path = folder / f"{litellm_table.FORM}-{window.start:%Y-%m-%dT%H%M%S}.jsonl"
    try:
        days, columns = litellm_table.read_window(source, window, path)
        if lost := lost_columns(state, name, columns):
            raise Refused(lost_words(lost))
    except Refused as error:
        raise about_source(name, error) from error
    return (path if days else None), days


async def _fetch(
    name: str, source: Source, window: Window, folder: Path, sleep: Sleep
) -> tuple[Path | None, set[date]]:
    """Everything of a window in one file, or None where there is nothing; and the days it has something of."""
    key, api = os.environ.get(source.key), APIS[source.kind]
    if not owner.admin_key_allowed(source.key):
        raise Refused(f"{source.key} may not be sent as a key; the owner of this machine lists it in {owner.KEYS}.")
    if not key:
        raise BadInput(f"The variable {source.key} is not set in this process; put the key of the source {name} there.")
    client = Client(f"The source {name}", source.url, api.headers(key), sleep)
    found = await _all_of(name, client, pages(client, api, window))
    days = {at.date() for row in found if (at := api.at(row)) and row.get("results") != []}
    records = [one_page(api, found)] if api.is_report and found else found
    return _write(api.form, window, records, folder, "json" if api.is_report else "jsonl"), days


async def _fetch_events(
    name: str, source: Source, window: Window, folder: Path, sleep: Sleep
) -> tuple[Path | None, set[date]]:
    """The records of a log group in a window in one file, or None where there are none; and their days."""
    sign = aws_signature.signer("logs", source.url)
    client = Client(f"The source {name}", source.url, {}, sleep, sign)
    found = await _all_of(name, client, cloudwatch.pages(client, source.path, window))
    return _write(cloudwatch.FORM, window, found, folder), {cloudwatch.instant_of(event).date() for event in found}


async def _all_of(name: str, client: Client, asked: AsyncIterator[list[dict]]) -> list[dict]:
    """The rows of every page of a window; the client is done with then."""
    found: list[dict] = []
    try:
        async for page in asked:
            found += page
            if len(found) > MOST_ROWS:
                raise Refused(f"has more than {MOST_ROWS:,} rows for one window; nothing of it is kept")
    except Refused as error:
        raise about_source(name, error) from error
    finally:
        await client.close()
    return found


def _write(form: str, window: Window, records: list[dict], folder: Path, kind: str = "jsonl") -> Path | None:
    """A record a line; on the disk before it is loaded."""
    if not records:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{form}-{window.start:%Y-%m-%dT%H%M%S}.{kind}"
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path
