"""Files that were loaded whole and have not changed since: they are not opened again.

Kept in HOME/cache, of this host's own paths. A file is taken for unchanged while its path, size, inode, the time of its
last write and that of its last change are what they were. Whatever writes to a file sets the last of these, and no
program can set it back, so neither a restored write time nor bytes changed in place pass. What was written within
`SETTLED_NS` before it was read is not kept at all: a second write in the same tick of the clock would leave no trace.
On any difference the digest of the content decides, as it does where this file is gone; and what is kept says only
which batch to look for in the ledger, so a batch that is not there any more is loaded again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from data.unchanged_catalogue import SETTLED_NS
from data.version import VERSION

FOLDER, FILE = "cache", "known-files.json"
MOST = 200_000  # files that are kept in mind; those longest ago are forgotten first


class Stamp(NamedTuple):
    """What the file system says of a file without opening it; times in nanoseconds."""

    size: int
    inode: int
    written_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """None where the file is not to be seen."""
        try:
            seen = os.stat(path)
        except OSError:
            return None
        return cls(seen.st_size, seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns)

    def is_settled(self, now_ns: int) -> bool:
        """Whether a write from now on is sure to give another stamp."""
        return max(self.written_ns, self.changed_ns) < now_ns - SETTLED_NS


class Known(NamedTuple):
    """A file as it was loaded: its stamp, the digest of its content and the format that read it."""

    stamp: Stamp
    digest: str
    form: str


class KnownFiles:
    """What was kept of files by earlier loads of a store, by path."""

    def __init__(self, home: Path) -> None:
        self._path = home / FOLDER / FILE
        self._seen: dict[str, tuple[Stamp | None, int]] = {}
        self._kept: dict[str, Known] = {}
        with suppress(OSError, ValueError, TypeError, KeyError):  # nothing that can be read: every file is opened
            held = json.loads(self._path.read_text(encoding="utf-8"))
            if held["version"] == VERSION:  # another Baton may read the same file by another format
                self._kept = {path: Known(Stamp(*stamp), *rest) for path, (stamp, *rest) in held["files"].items()}

    def find_unchanged(self, paths: Iterable[Path]) -> dict[Path, Known]:
        """Those of the files that are as they were when they were loaded."""
        found: dict[Path, Known] = {}
        for path in paths:
            self._seen[str(path)] = stamp, _ = Stamp.of(path), time.time_ns()
            known = self._kept.get(str(path))
            if known and known.stamp == stamp:
                found[path] = known
        return found

    def keep(self, loaded: Iterable[tuple[Path, str, str]]) -> None:
        """Note files with digest and format, where they are still as they were before they were read."""
        fresh: dict[str, Known] = {}
        for path, digest, form in loaded:
            stamp, seen_ns = self._seen.get(str(path), (None, 0))
            if stamp and stamp.is_settled(seen_ns) and Stamp.of(path) == stamp:
                fresh[str(path)] = Known(stamp, digest, form)
        if fresh:
            earlier = {path: known for path, known in self._kept.items() if path not in fresh}
            self._kept = dict(list({**earlier, **fresh}.items())[-MOST:])
            self._write()

    def _write(self) -> None:
        """Whole or not at all; a store that cannot be written to is known by its digests alone."""
        fresh = self._path.with_name(f"{uuid4().hex}.new")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps({"version": VERSION, "files": self._kept}), encoding="utf-8")
            fresh.replace(self._path)
