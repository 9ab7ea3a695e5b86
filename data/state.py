"""What people decide and do: documents, and an append-only audit trail.

Documents are small JSON objects addressed by (kind, name), see KINDS; rooms read and write them as
objects, by data.documents. Every save and every delete is audited here, in the same transaction,
with who did it. The audit trail is chained: each entry carries the hash of the one before, so a
changed or missing entry shows. It is kept in a SQLite file of its folder (`data.state_file`), or in the database of a
store that hosts share (`data.shared_state`); statements are written as both read them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from data import audit_trail, people, state_migrations
from data.audit_trail import Anchor, AuditEntry, Database, Standing
from data.document_kinds import KINDS
from data.errors import BadInput, LedgerError
from data.home import home_dir
from data.state_file import StateFile
from data.store import Store


class Connection(Database, Protocol):
    """A connection that stays open between transactions."""

    def close(self) -> None:
        """Give it back."""
        ...


class State:
    """The state of a store, as one person sees it: `actor`, whom the audit trail names for what is saved.

    `path` is the file of a folder's state; a shared one's is not there. Safe between threads and processes.
    """

    def __init__(self, path: Path, actor: str = "", store: Store | None = None) -> None:
        self.path = path
        self._named = actor
        store = store or Store.of(path.parent)
        if store.shared:
            from data.shared_state import SharedState

            self._kept: Any = SharedState(store)
        else:
            self._kept = StateFile(path)

    @property
    def actor(self) -> str:
        """Whom the audit trail names."""
        return self._named or people.acting().name

    @classmethod
    def open(cls, home: str | Path | Store | None = None) -> State:
        """Open (and create or migrate) the state of a store, or of a home folder; raises LedgerError when it cannot."""
        store = home if isinstance(home, Store) else Store.of(home_dir(home))
        state = cls(store.home / "state.sqlite", store=store)
        kept = state._kept
        with state.transaction() as db:
            step = kept.step(db)
            if step > len(state_migrations.STATE_STEPS):
                raise LedgerError(
                    f"{kept.where} was written by a newer Baton (step {step}); update Baton, nothing was changed."
                )
            for number, migrate in enumerate(state_migrations.STATE_STEPS[step:], start=step + 1):
                migrate(db)
                kept.keep_step(db, number)
            if (missing := kept.guard(db)) and step:
                audit_trail.append(db, "audit guards put back", {"missing": missing})
        return state

    def connection(self, durable: bool = True) -> Connection:
        """An open connection for a writer of many short transactions, who closes it; one thread at a time."""
        return self._kept.connection(durable)

    def transaction(self, durable: bool = True, kept: Connection | None = None) -> AbstractContextManager[Database]:
        """One transaction, one at a time: committed at the end, rolled back on any exception; `kept` is a connection to
        use and leave open.

        Not `durable` is ten times faster and survives a crash of the program,
        but the last moments may be lost with the power.
        """
        return self._kept.transaction(durable, kept)

    def take_over(self, other: State) -> None:
        """Copy all of another state into this one, in one transaction; nothing where this one has decisions already."""
        found: dict[str, tuple[list[str], list[tuple]]] = {}
        with other.reading() as db:
            for table in state_migrations.TABLES:
                rows = db.execute(f"SELECT * FROM {table} ORDER BY rowid")
                names = [column[0] for column in rows.description]
                found[table] = [name for name in names if name != "rowid"], rows.fetchall()
        with self.transaction() as db:
            if db.execute("SELECT count(*) FROM audit").fetchone()[0]:
                return
            for table, (names, held) in found.items():
                marks = ", ".join("?" for _ in names)
                for row in held:
                    db.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", row[: len(names)])
            self._kept.count_on(db)

    def reading(self) -> AbstractContextManager[Database]:
        """Statements that change nothing, of one moment."""
        return self._kept.reading()

    # -- documents ------------------------------------------------------------------------------

    def put(self, kind: str, name: str, body: Mapping[str, Any], detail: Mapping[str, Any] | None = None) -> None:
        """Store a document and audit it, in one transaction; BadInput for an empty name.

        The trail holds the whole document, or `detail` where that says enough. A document that is stored
        already just so is left as it is.
        """
        people.require_for(kind)
        with self.transaction() as db:
            _put(db, self.actor, kind, name, body, detail)

    def get(self, kind: str, name: str) -> dict | None:
        """One document, or None."""
        with self.reading() as db:
            row = db.execute("SELECT body FROM documents WHERE kind = ? AND name = ?", (_kind(kind), name)).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str) -> dict[str, dict]:
        """Every document of a kind by name, names in order."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT name, body FROM documents WHERE kind = ? ORDER BY name", (_kind(kind),)
            ).fetchall()
        return {name: json.loads(body) for name, body in rows}

    def delete(self, kind: str, name: str) -> None:
        """Forget a document and audit it; forgetting one that is not there is no error."""
        people.require_for(kind)
        with self.transaction() as db:
            _delete(db, self.actor, kind, name)

    def change(
        self,
        kind: str,
        bodies: Mapping[str, Mapping[str, Any]],
        gone: Iterable[str],
        details: Mapping[str, Any],
        seen: Mapping[str, Mapping[str, Any] | None] | None = None,
    ) -> None:
        """Store some documents of a kind (`details` as in `put`) and forget others: all of it happens, or none.

        `seen` are bodies as the change was made from them, None for a name that was free; BadInput where one is
        another by now.
        """
        people.require_for(kind)
        with self.transaction() as db:
            for name, body in (seen or {}).items():
                _refuse_another(db, kind, name, body)
            for name in gone:
                _delete(db, self.actor, kind, name)
            for name, body in bodies.items():
                _put(db, self.actor, kind, name, body, details.get(name))

    def version(self, *kinds: str) -> str:
        """A short digest of the documents of some kinds: a cache key that changes when any of them does."""
        bodies = [self.all(kind) for kind in kinds]
        return hashlib.sha256(json.dumps(bodies, sort_keys=True).encode()).hexdigest()[:16]

    # -- audit ----------------------------------------------------------------------------------

    def append_audit(self, event: str, detail: dict[str, Any]) -> AuditEntry:
        """Add one entry to the chain, in the actor's name, and return it."""
        with self.transaction() as db:
            return audit_trail.append(db, event, detail, self.actor)

    def audit(self, limit: int | None = None) -> list[AuditEntry]:
        """Entries, newest first."""
        with self.reading() as db:
            return audit_trail.entries(db, limit)

    def audit_standing(self) -> Standing:
        """What the trail's chain and the owner's anchors show; BadInput for anchors that cannot be believed."""
        kept = audit_trail.anchor_file()
        anchors = audit_trail.read_anchors(kept) if kept and kept.exists() else []
        with self.reading() as db:
            return audit_trail.standing(db, anchors)

    def verify_audit(self) -> tuple[bool, int | None]:
        """(True, None), or (False, the first entry that does not fit or that an anchor misses)."""
        found = self.audit_standing()
        return found.holds, found.first_bad if found.lost is None else found.lost.seq

    def anchor_audit(self, path: Path) -> Anchor:
        """Write the trail's head down in a file outside the store."""
        with self.transaction() as db:
            return audit_trail.add_anchor(path, *audit_trail.head(db))

    def anchor_when_due(self) -> Anchor | None:
        """Write the head down where the owner keeps anchors, unless one of the last day is there; BadInput where that
        cannot be done."""
        path = audit_trail.anchor_file()
        kept = audit_trail.read_anchors(path) if path and path.exists() else []
        if path is None or kept and audit_trail.within_a_day(kept[-1]):
            return None
        return self.anchor_audit(path)


def _put(
    db: Database,
    actor: str,
    kind: str,
    name: str,
    body: Mapping[str, Any],
    detail: Mapping[str, Any] | None = None,
) -> None:
    if not name.strip():
        raise BadInput(f"A {KINDS[_kind(kind)]} needs a name; the one given is empty.")
    text = json.dumps(body, sort_keys=True, default=str)
    held = db.execute("SELECT body FROM documents WHERE kind = ? AND name = ?", (_kind(kind), name)).fetchone()
    if held == (text,):
        return
    db.execute(
        "INSERT INTO documents VALUES (?, ?, ?, ?)"
        " ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at",
        (kind, name, text, audit_trail.now()),
    )
    audit_trail.append(db, f"{KINDS[kind]} saved", {**(body if detail is None else detail), "name": name}, actor)


def _refuse_another(db: Database, kind: str, name: str, seen: Mapping[str, Any] | None) -> None:
    """BadInput where a document is no longer as it was seen."""
    row = db.execute("SELECT body FROM documents WHERE kind = ? AND name = ?", (_kind(kind), name)).fetchone()
    held = json.loads(row[0]) if row else None
    if held == seen:
        return
    if seen is None:
        raise BadInput(f"There is a {KINDS[kind]} {name!r} already; choose another name, or change that one.")
    done = "deleted" if held is None else "changed"
    raise BadInput(
        f"The {KINDS[kind]} {name!r} was {done} elsewhere after you opened it, so yours is not saved over it; open it "
        "again and make your change there."
    )


def _delete(db: Database, actor: str, kind: str, name: str) -> None:
    if db.execute("DELETE FROM documents WHERE kind = ? AND name = ?", (_kind(kind), name)).rowcount:
        audit_trail.append(db, f"{KINDS[kind]} removed", {"name": name}, actor)


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"{kind} is not a kind of document")
    return kind
