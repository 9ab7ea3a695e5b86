"""A zip of logs as the files in it, unpacked into a folder of the ingest's own.

A member's name is only shown: what is written has names of ours, so that no archive can write elsewhere. One that
names places outside of itself, or grows as no log does, is refused whole.
"""

from __future__ import annotations

import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from data.errors import Unreadable
from data.loading.named_files import CHUNK, refuse_a_bomb

MOST_MEMBERS = 20_000
# What else is written as a zip: workbooks and documents, Java's programs, electronic books.
OTHERS = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}
SPARE = 2**30  # bytes of the disk that stay free


class Member(NamedTuple):
    """A file of an archive: where it was unpacked, and the archive's path with the member's name behind it."""

    content: Path
    named: Path


def is_archive(path: Path) -> bool:
    """Whether the file is a zip that is nothing but a zip; what cannot be read is said where it is recognised."""
    try:
        with open(path, "rb") as stream:
            if stream.read(4) != b"PK\x03\x04":
                return False
        with zipfile.ZipFile(path) as archive:
            return not OTHERS & set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return False


def unpack(path: Path, folder: Path) -> list[Member]:
    """The members of an archive that may be logs, as files under `folder`; hidden ones and folders are left out.

    Raises Unreadable for an archive that is damaged, locked, hostile, or does not fit the disk.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = list(_files(path, archive))
            folder.mkdir(parents=True, exist_ok=True)
            if sum(entry.file_size for entry in entries) > shutil.disk_usage(folder).free - SPARE:
                raise Unreadable(
                    f"{path.name} does not fit the disk once it is unpacked; make room, or load its parts."
                )
            written, found = 0, []
            for number, entry in enumerate(entries):
                content = folder / f"member-{number}{PurePosixPath(entry.filename).suffix[:10]}"
                written = _write(path, archive, entry, content, written)
                found.append(Member(content, path / entry.filename))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise Unreadable(f"{path.name} is a zip archive that is damaged ({error}); fetch it again.") from error
    except RuntimeError as error:  # locked, or packed in a way that Python does not know
        raise Unreadable(f"{path.name} cannot be unpacked ({error}); unpack it yourself, and load that.") from error
    except OSError as error:
        raise Unreadable(
            f"{path.name} cannot be unpacked ({error.strerror or error}); check the disk's room."
        ) from error
    if not found:
        raise Unreadable(f"{path.name} is a zip archive without a file; there is nothing to load.")
    return found


def _files(path: Path, archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    entries = archive.infolist()
    if len(entries) > MOST_MEMBERS:
        raise Unreadable(f"{path.name} holds more than {MOST_MEMBERS:,} files; unpack it, and load its folders.")
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if entry.filename.startswith(("/", "\\")) or ".." in parts or any(":" in part[:2] for part in parts[:1]):
            raise Unreadable(
                f"{path.name} names a file outside of itself ({entry.filename[:80]!r}), as an archive does that is made"
                " to overwrite something. Unpack it yourself and load that, if it is what it should be."
            )
        if not entry.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in parts):
            yield entry


def _write(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, content: Path, before: int) -> int:
    """Write a member, counting what really comes; returns the bytes of the archive that are written by then."""
    with archive.open(entry) as source, open(content, "wb") as target:
        while chunk := source.read(CHUNK):
            before += len(chunk)
            refuse_a_bomb(path, path.stat().st_size, before)
            target.write(chunk)
    written_at = time.mktime((*entry.date_time, 0, 0, -1))
    os.utime(content, (written_at, written_at))
    return before
