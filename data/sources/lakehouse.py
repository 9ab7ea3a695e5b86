"""An Iceberg or Delta table as a source, read by the engine's own extensions, on this machine or in object storage.

A table is read again when its log has changed. With a `time_column` only the rows from the watermark less the overlap
on are read; without one all of them are, and what the ledger has already is a duplicate. A column that the table has
lost since the last pull is refused by name.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from data.ailments import ENGINE
from data.errors import BatonError, Refused
from data.ledger import Cursor, open_engine
from data.sources.addresses import checked_address, host_of
from data.sources.source import Source
from data.sql_text import identifier, literal
from data.store import Store

EXTENSIONS = {"iceberg": ("httpfs", "avro", "iceberg"), "delta": ("httpfs", "delta")}
LOG = {"iceberg": "metadata/*.metadata.json", "delta": "_delta_log/*"}
MEMORY = "1GB"  # a table streams through; the ledger's own engine has the rest


class Table(NamedTuple):
    """A table as it stands: its columns, and a mark that changes with its log."""

    columns: list[str]
    mark: str


class Lakehouse:
    """One look at a table; closed at the end. Raises Refused, in a clause about the source."""

    def __init__(self, home: Path, source: Source) -> None:
        self._source = source
        if source.in_objects:
            host = host_of(source.url)
            checked_address(host, 443)
        # Its files are what a store's would be; it has no catalogue of ours.
        files, endpoint = (source.path, source.url) if source.in_objects else (str(home / "files"), "")
        self._engine: Cursor = open_engine(Store(home, None, files, endpoint), EXTENSIONS[source.kind], MEMORY)
        if source.kind == "iceberg":  # a table without a catalogue says in its folder which of its versions is the last
            self._engine.execute("SET unsafe_enable_version_guessing = true")

    def __enter__(self) -> Lakehouse:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def look(self) -> Table:
        """The table as it stands."""
        log = self._ask(f"SELECT file FROM glob({literal(f'{self._root}/{LOG[self._source.kind]}')}) ORDER BY file")
        if not log:
            raise Refused(
                f"has no {self._source.kind.title()} table at {self._source.path}; name the table's own folder"
            )
        columns = [name for name, *_ in self._ask(f"DESCRIBE SELECT * FROM {self._scan}")]
        time = self._source.time_column
        if time and time not in columns:
            raise Refused(f"has a table without the column {time}, by which it is read; nothing of it is kept")
        return Table(columns, hashlib.sha256("\n".join(name for (name,) in log).encode()).hexdigest())

    def write(self, since: datetime | None, path: Path) -> datetime | None:
        """Write the rows to a Parquet file, those from `since` on where the table has a time column; returns the newest
        time there is, None where there is none."""
        time = self._source.time_column
        where = f" WHERE {identifier(time)} >= {literal(since.isoformat())}::TIMESTAMP" if time and since else ""
        rows = f"SELECT * FROM {self._scan}{where}"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._ask(f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet)")
        if not time:
            return None
        newest = self._ask(f"SELECT max({identifier(time)})::TIMESTAMP FROM read_parquet({literal(str(path))})")[0][0]
        return newest if isinstance(newest, datetime) else None

    @property
    def _root(self) -> str:
        return self._source.path.rstrip("/")

    @property
    def _scan(self) -> str:
        moved = ", allow_moved_paths = true" if self._source.kind == "iceberg" else ""
        return f"{self._source.kind}_scan({literal(self._root)}{moved})"

    def _ask(self, sql: str) -> list[tuple]:
        try:
            return self._engine.execute(sql).fetchall()
        except BatonError:
            raise
        except Exception as error:
            if type(error).__module__ not in ENGINE:
                raise
            raise Refused(f"has a table that cannot be read: {_reason(error, self._source)}") from error


def _reason(error: Exception, source: Source) -> str:
    """What the engine said, in one line without an address or a key."""
    said = str(error)
    if any(word in said for word in ("HTTP 403", "403 ", "AccessDenied", "Forbidden", "InvalidAccessKeyId")):
        return "the keys of the object storage were refused; they may be revoked"
    first = said.splitlines()[0].replace(source.url or "\0", "…")
    return first.partition("http")[0][:160].rstrip(" .:'\"")
