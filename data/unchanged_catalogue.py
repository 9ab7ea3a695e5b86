"""What was asked of a catalogue, kept as long as nobody has written to it: a page asks which version is newest for
every figure that it draws, and each time is a query over two engines.

A catalogue in SQLite is written to its log beside it first (`-wal`), then to its file when the last connection closes.
Where there is no log and the file has the stamp that it had before the question was put, nothing was committed since.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

# Within a tick two writes look like one; the coarsest clock of a file system in use, FAT's, counts in two seconds.
SETTLED_NS = 2_000_000_000

Stamp = tuple[int, int, int]


class UnchangedCatalogue:
    """Answers of one catalogue file; without a file (a catalogue elsewhere) nothing is kept."""

    def __init__(self, file: Path | None) -> None:
        self._file, self._guard = file, threading.Lock()
        self._stamp: Stamp | None = None
        self._answers: dict[Hashable, Any] = {}

    def ask(self, question: Hashable, answer: Callable[[], Any]) -> Any:
        """What `answer` gives, or gave since the catalogue was last written to."""
        stamp = self._stamp_now()
        with self._guard:
            if stamp is None or stamp != self._stamp:
                self._stamp, self._answers = stamp, {}
            elif question in self._answers:
                return self._answers[question]
        given = answer()
        with self._guard:
            if stamp is not None and stamp == self._stamp:
                self._answers[question] = given
        return given

    def _stamp_now(self) -> Stamp | None:
        """Of the catalogue's file; None where it may be written to unseen."""
        if self._file is None or os.path.exists(f"{self._file}-wal"):
            return None
        try:
            found = os.stat(self._file)
        except OSError:
            return None
        if time.time_ns() - found.st_mtime_ns < SETTLED_NS:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
