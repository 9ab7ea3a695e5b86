"""Small text files of a store that are read as files: an imported price list, the operator's own catalogue rows.

A store of one folder keeps them in it, and nothing here does anything. A store that hosts share keeps them in its
state; each host has copies under its home, which are brought up to date before they are read.
"""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path

from data.state import State
from data.store import Store

FRESH_S = 2.0  # for so long what a host has copied is not asked about again
_asked: dict[Path, float] = {}


def fetch(store: Store) -> None:
    """Bring this host's copies up to date; whole files, or those of before."""
    home = store.home
    if not store.shared or time.monotonic() - _asked.get(home, -FRESH_S) < FRESH_S:
        return
    state = State.open(store)
    with state.reading() as db:
        kept = dict(db.execute("SELECT name, sha256 FROM kept_files ORDER BY name").fetchall())
        stale = [name for name, digest in kept.items() if _digest(home / name) != digest]
        texts = {name: db.execute("SELECT body FROM kept_files WHERE name = ?", (name,)).fetchone() for name in stale}
    for name, (text,) in texts.items():
        fresh = home / f"{name}.new"
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(text.encode())
        fresh.replace(home / name)
    _asked[home] = time.monotonic()


def keep(store: Store, path: Path) -> None:
    """Hand a file that was written under the store's home to the other hosts."""
    if not store.shared:
        return
    name, text = path.relative_to(store.home).as_posix(), path.read_text(encoding="utf-8")
    with State.open(store).transaction() as db:
        db.execute(
            "INSERT INTO kept_files VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, body = excluded.body",
            (name, _digest(path), text),
        )


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
