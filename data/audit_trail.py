"""The audit trail: who did what and when, each entry sealed to the one before.

The chain shows a changed or missing entry in the middle. It cannot show by itself that its end was cut off, or
that somebody with the file wrote it anew from the start: for that its head is written down elsewhere, an anchor.
With a key outside the store (BATON_AUDIT_KEY) an anchor is signed (HMAC-SHA256, RFC 2104), so that it cannot be
made up either. `Standing.sentence` says what holds and what cannot be excluded.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from data.errors import BadInput, Unreadable

GENESIS = "0" * 64
KEY = "BATON_AUDIT_KEY"
ANCHORS = "BATON_AUDIT_ANCHORS"
VERBS = ("UPDATE", "DELETE")
APPEND_ONLY = "the audit trail is append-only"  # what a database says to who changes an entry
COLUMNS = "seq, at, actor, event, detail, previous, hash"


class Database(Protocol):
    """What is needed of an open state (`data.state`)."""

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run one statement."""
        ...


class AuditEntry(NamedTuple):
    """One decision: who, when (UTC, ISO 8601), what, and the hash that seals it to the one before."""

    seq: int
    at: str
    actor: str
    event: str
    detail: dict[str, Any]
    previous: str
    hash: str


class Anchor(NamedTuple):
    """The head of the trail as it was written down elsewhere; `signature` is "" where no key was set."""

    seq: int
    hash: str
    at: str
    signature: str


class Standing(NamedTuple):
    """What a walk over the trail and its anchors found. `first_bad` is the first entry that does not fit."""

    entries: int
    first_bad: int | None
    lost: Anchor | None
    anchored: Anchor | None

    @property
    def holds(self) -> bool:
        """Nothing that can be seen was changed."""
        return self.first_bad is None and self.lost is None

    @property
    def sentence(self) -> str:
        """One sentence: what holds, and what it cannot exclude."""
        if self.first_bad is not None:
            return (
                f"The audit trail is broken at entry {self.first_bad} of {self.entries}: it was changed outside "
                "Baton; compare with an export or a backup."
            )
        if self.lost is not None:
            return (
                f"The audit trail does not reach its anchor: entry {self.lost.seq}, written down on "
                f"{self.lost.at[:10]}, is gone or was written anew; compare with an export or a backup."
            )
        if self.anchored is None:
            return (
                f"The audit trail is consistent up to entry {self.entries}; it has no anchor, so a trail cut short or "
                "written anew as a whole cannot be excluded."
            )
        signed = "" if self.anchored.signature else " (unsigned)"
        return (
            f"The audit trail is consistent up to entry {self.entries}, anchored at {self.anchored.seq} on "
            f"{self.anchored.at[:10]}{signed}."
        )


def create(db: Database) -> None:
    """The table of the trail; what keeps it as it is (`guard`) is the database's own."""
    db.execute(
        "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, event TEXT NOT NULL, "
        "detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL)"
    )


def append(db: Database, event: str, detail: dict[str, Any], actor: str = "") -> AuditEntry:
    """Add an entry inside a transaction that is open: it stands or falls with it.

    Without an actor it was Baton itself that decided, in the course of a live run.
    """
    last = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone() or (0, GENESIS)
    body = json.dumps(detail, sort_keys=True, default=str)
    entry = (last[0] + 1, now(), actor, event, body, last[1])
    sealed = (*entry, _seal(entry))
    db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", sealed)
    return _entry(sealed)


def entries(db: Database, limit: int | None = None) -> list[AuditEntry]:
    """Entries, newest first."""
    newest = f"SELECT {COLUMNS} FROM audit ORDER BY seq DESC"
    found = db.execute(newest) if limit is None else db.execute(f"{newest} LIMIT ?", (limit,))
    return [_entry(row) for row in found.fetchall()]


def head(db: Database) -> tuple[int, str]:
    """Number and hash of the newest entry, (0, GENESIS) of an empty trail."""
    return db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone() or (0, GENESIS)


def standing(db: Database, anchors: Iterable[Anchor] = ()) -> Standing:
    """Walk the chain from its start and hold it against what was written down elsewhere."""
    previous, seals = GENESIS, {0: GENESIS}
    rows = db.execute(f"SELECT {COLUMNS} FROM audit ORDER BY seq").fetchall()
    for expected, row in enumerate(rows, start=1):
        if row[0] != expected or row[5] != previous or row[6] != _seal(row[:6]):
            return Standing(len(rows), expected, None, None)
        previous = seals[expected] = row[6]
    kept = sorted(anchors)
    lost = next((anchor for anchor in kept if seals.get(anchor.seq) != anchor.hash), None)
    return Standing(len(rows), None, lost, kept[-1] if kept else None)


def anchor_file() -> Path | None:
    """Where the owner keeps anchors, outside the store; None where they keep none."""
    named = os.environ.get(ANCHORS, "").strip()
    return Path(named).expanduser() if named else None


def add_anchor(path: Path, seq: int, seal: str) -> Anchor:
    """Write the head down: one JSON line at the end of `path`."""
    at = now()
    anchor = Anchor(seq, seal, at, _signature(seq, seal, at))
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(anchor._asdict()) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BadInput(f"The anchor cannot be written to {path} ({error.strerror}); name a file elsewhere.") from error
    return anchor


def read_anchors(path: Path) -> list[Anchor]:
    """The anchors of a file; BadInput names one that is no anchor or is not signed with the owner's key."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"The anchors in {path} cannot be read ({error}); check the file.") from error
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            anchor = Anchor(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise BadInput(f"Line {number} of {path} is no anchor; restore the file from a copy.") from error
        if os.environ.get(KEY) and not hmac.compare_digest(anchor.signature, _signature(*anchor[:3])):
            raise BadInput(f"Line {number} of {path} is not signed with the key in {KEY}; somebody else wrote it.")
        found.append(anchor)
    return found


def within_a_day(anchor: Anchor) -> bool:
    """Whether an anchor was written in the last 24 hours."""
    return datetime.now(UTC) - datetime.fromisoformat(anchor.at) < timedelta(days=1)


def now() -> str:
    """This instant as the state writes it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _signature(seq: int, seal: str, at: str) -> str:
    key = os.environ.get(KEY, "")
    return hmac.new(key.encode(), f"{seq} {seal} {at}".encode(), hashlib.sha256).hexdigest() if key else ""


def _seal(entry: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(entry, ensure_ascii=True).encode()).hexdigest()


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    seq, at, actor, event, detail, previous, sealed = row
    return AuditEntry(seq, at, actor, event, json.loads(detail), previous, sealed)
