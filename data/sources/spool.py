"""The spool: what was received and is not loaded yet, a line a request, on the disk before it is acknowledged.

A file is written as `SIGNAL-NUMBER.open` and renamed to `.jsonl` when it is closed; only those are loaded, and removed
after that. A file that a killed process left open keeps its whole lines; what stands after the last of them was never
acknowledged. A file that is loaded twice is loaded once (`loading.ingest`).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from threading import Lock

from data.errors import LedgerError

FOLDER = "received"
MOST_BYTES = 2 * 2**30  # that wait to be loaded; beyond it senders are told to wait


class Spool:
    """The spool of a store; one process at a time writes it. Safe between threads."""

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER
        self._files: dict[str, tuple[Path, FileIO]] = {}
        self._lock = Lock()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._held = FileIO(self.folder / "lock", "w")
        except OSError as error:
            raise LedgerError(f"{self.folder} cannot be written ({error.strerror}); check the disk.") from error
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._take_over()
        except BlockingIOError as error:
            self._held.close()
            raise LedgerError(f"Another receiver writes to {self.folder}; stop it, or name another store.") from error
        except OSError as error:
            self._held.close()
            raise LedgerError(f"{self.folder} cannot be written ({error.strerror}); check the disk.") from error
        self.waiting_bytes = sum(path.stat().st_size for path in self.waiting())

    def _take_over(self) -> None:
        """Close what a killed process left open, after its last whole line."""
        for path in sorted(self.folder.glob("*.open")):
            whole = _whole_lines(path)
            if not whole:
                path.unlink()
                continue
            with path.open("r+b") as file:
                file.truncate(whole)
                os.fsync(file.fileno())
            path.rename(path.with_suffix(".jsonl"))

    @property
    def is_full(self) -> bool:
        return self.waiting_bytes > MOST_BYTES

    def write(self, batch: Sequence[tuple[str, bytes]]) -> None:
        """Append lines by signal; when it returns they are on the disk. OSError leaves the files as they were."""
        by_signal: dict[str, list[bytes]] = {}
        for signal, line in batch:
            by_signal.setdefault(signal, []).append(line)
        with self._lock:
            for signal, lines in by_signal.items():
                self._append(self._open(signal), b"".join(lines))

    def _append(self, file: FileIO, text: bytes) -> None:
        before = file.tell()
        try:
            rest = memoryview(text)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            file.seek(before)
            raise
        self.waiting_bytes += len(text)

    def _open(self, signal: str) -> FileIO:
        if signal not in self._files:
            path = self.folder / f"{signal}-{time.time_ns()}.open"
            self._files[signal] = path, FileIO(path, "w")
            _sync_folder(self.folder)
        return self._files[signal][1]

    def close_files(self) -> None:
        """Let what was written so far be loaded."""
        with self._lock:
            for path, file in self._files.values():
                file.close()
                path.rename(path.with_suffix(".jsonl"))
            self._files.clear()

    def waiting(self) -> list[Path]:
        """The files to load, the oldest first."""
        return sorted(self.folder.glob("*.jsonl"), key=lambda path: path.name.partition("-")[2])

    def forget(self, path: Path) -> None:
        """Remove a file that is loaded."""
        with self._lock:
            self.waiting_bytes -= path.stat().st_size
            path.unlink()

    def set_aside(self, path: Path) -> None:
        """Keep a file that cannot be loaded, out of the way of the others."""
        with self._lock:
            self.waiting_bytes -= path.stat().st_size
            path.rename(path.with_suffix(".refused"))

    def close(self) -> None:
        """Close everything and let another process write."""
        self.close_files()
        self._held.close()


def _whole_lines(path: Path) -> int:
    """How many bytes of a file are whole lines."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 2**20)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            end = start
    return 0


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk, too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
