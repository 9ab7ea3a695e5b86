"""A folder in object storage as a source: every object that was not loaded yet, whatever its time.

Which objects are new is told from their names and marks (ETags), never from the clock: one that appears late, with an
older time than all that was loaded, is found as well, and one that was written anew is loaded again. An object counts
as loaded once the ledger has it; a failure leaves the rest for the next pull.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, time
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from data.errors import Refused
from data.loading.report import Report
from data.sources import aws_signature, s3
from data.sources.client import Client, Sleep
from data.sources.progress import keep_marks, marks
from data.sources.s3 import Place, Stored
from data.sources.source import Source
from data.state import State

GROUP_BYTES, GROUP_OBJECTS = 256 * 2**20, 500  # fetched and loaded at once
LARGEST = 8 * 2**30
# What services leave in a folder that is no log: tests of a permission, marks of a finished job, bodies kept apart.
NO_LOGS = ("amazon-bedrock-logs-permission-check", "aws-logs-write-test", "_SUCCESS")
Load = Callable[[list[Path]], list[Report]]


def pull_objects(
    state: State, name: str, source: Source, folder: Path, load: Load, sleep: Sleep
) -> Iterator[tuple[list[Report], datetime]]:
    """Fetch and load what is new, group by group; yields each group's reports and the time of its newest object.

    Raises Refused, in a clause or a sentence about the source.
    """
    place = Place.of(source.path)
    new = asyncio.run(_listed(name, source, place, marks(state, name), sleep))
    for number, group in enumerate(_groups(new)):
        here = folder / f"{os.getpid()}-{number}"
        try:
            here.mkdir(parents=True)
            paths = asyncio.run(_fetched(name, source, place, group, here, sleep))
            reports = load(paths)
        finally:
            shutil.rmtree(here, ignore_errors=True)
        settled = {Path(one.path).name for one in reports if not one.error or one.unknown or one.is_same_file}
        done = [stored for stored, path in zip(group, paths, strict=True) if path.name in settled]
        keep_marks(state, name, {stored.key: stored.mark for stored in done})
        yield reports, max(stored.modified for stored in group)


def _client(name: str, source: Source, sleep: Sleep) -> Client:
    return Client(f"The source {name}", source.url, {}, sleep, aws_signature.signer("s3", source.url))


async def _listed(name: str, source: Source, place: Place, known: dict[str, str], sleep: Sleep) -> list[Stored]:
    """The objects that were not loaded yet, the oldest first."""
    client, new = _client(name, source, sleep), []
    try:
        async for page in s3.listing(client, place):
            new += [one for one in page if known.get(one.key) != one.mark and _is_wanted(one, place, source)]
    finally:
        await client.close()
    if large := next((one for one in new if one.size > LARGEST), None):
        raise Refused(
            f"has an object of {large.size / 2**30:,.0f} GB ({large.key}); split it, or name a narrower prefix"
        )
    return sorted(new, key=lambda one: (one.modified, one.key))


def _is_wanted(stored: Stored, place: Place, source: Source) -> bool:
    path = PurePosixPath(stored.key)
    if not stored.size or stored.key.endswith("/") or path.name in NO_LOGS or path.name.startswith("."):
        return False
    if source.kind == "bedrock" and "data" in path.parts[:-1]:  # bodies too large for their record
        return False
    if source.since and stored.modified < datetime.combine(source.since, time()):
        return False
    return not place.is_pattern or fnmatchcase(stored.key, place.pattern)


def _groups(new: list[Stored]) -> Iterator[list[Stored]]:
    group: list[Stored] = []
    for one in new:
        if group and (len(group) == GROUP_OBJECTS or sum(o.size for o in group) + one.size > GROUP_BYTES):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


async def _fetched(
    name: str, source: Source, place: Place, group: list[Stored], here: Path, sleep: Sleep
) -> list[Path]:
    """Each object as a file whose name begins with its number, so that two of one name stay apart."""
    client, paths = _client(name, source, sleep), []
    try:
        for number, stored in enumerate(group):
            paths.append(here / f"{number:03}-{PurePosixPath(stored.key).name[-120:]}")
            await s3.save(client, place, stored, paths[-1])
    finally:
        await client.close()
    return paths
