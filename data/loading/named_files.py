"""What a person names: files, folders and globs become files in order, each with its digest."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path

from data.errors import Unreadable


def expand(paths: Iterable[str | Path]) -> list[Path]:
    """Files named by paths, folders (searched through) and globs, in order, each once.

    Raises Unreadable for a path that is not there or a folder without files.
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given).expanduser()
        try:
            if path.is_dir():
                matches = [
                    p for p in sorted(path.rglob("*"), key=by_number) if p.is_file() and not p.name.startswith(".")
                ]
            elif path.exists():
                matches = [path]
            else:
                matches = [Path(p) for p in glob(str(path), recursive=True) if Path(p).is_file()]
                matches.sort(key=by_number)
        except OSError as error:
            raise Unreadable(
                f"{given} cannot be opened ({error.strerror}); check the path and its permissions."
            ) from error
        if not matches:
            raise Unreadable(f"{given} names no file; check the path, or put a glob in quotes.")
        found.update(dict.fromkeys(_resolved(matches)))
    return list(found)


def _resolved(paths: Iterable[Path]) -> Iterator[Path]:
    """The same files without links and dots; a folder is looked at once, not for each of its files."""
    folders: dict[Path, Path] = {}
    for path in paths:
        if path.is_symlink() or path.name == "..":
            yield path.resolve()
            continue
        if path.parent not in folders:
            folders[path.parent] = path.parent.resolve()
        yield folders[path.parent] / path.name


def by_number(path: Path) -> list[tuple[bool, int, str]]:
    """Sorts names as a person does: `page-9` before `page-10`."""
    parts = re.findall(r"\d+|\D+", str(path))
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def digest(path: Path) -> tuple[str, Text]:
    """SHA-256 of the file, and what its text is like.

    A compressed file is read to its end, since DuckDB accepts one cut short. Very long lines must be
    known beforehand: DuckDB's parallel reader drops one at the end of a file without an error.
    Raises Unreadable for a file that cannot be read, is empty, or was cut off.
    """
    try:
        if path.stat().st_size == 0:
            raise Unreadable(f"{path.name} is empty; there is nothing to load.")
        compression, sha, text = compression_of(path), hashlib.sha256(), Text()
        with open(path, "rb") as stream:
            while chunk := stream.read(CHUNK):
                sha.update(chunk)
                if compression == "none":
                    text.see(chunk)
        if compression != "none":
            with open_compressed(path, compression) as stream:
                packed = path.stat().st_size
                while chunk := stream.read(CHUNK):
                    text.see(chunk)
                    refuse_a_bomb(path, packed, text.length)
    except EOFError as error:
        raise Unreadable(f"{path.name} is a compressed file that was cut off; fetch it again.") from error
    except (gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise Unreadable(f"{path.name} is a compressed file that is damaged ({error}); fetch it again.") from error
    except OSError as error:
        raise Unreadable(
            f"{path.name} cannot be read ({error.strerror or error}); check its permissions or fetch it again."
        ) from error
    return sha.hexdigest(), text


def refuse_a_bomb(path: Path, packed: int, unpacked: int) -> None:
    """Unreadable for a compressed file that grows as no log does, or beyond what is read from one file."""
    if unpacked > MOST_UNPACKED:
        raise Unreadable(
            f"{path.name} unpacks to more than {MOST_UNPACKED / 2**30:,.0f} GB; split it, and load the parts."
        )
    if unpacked > UNWATCHED and unpacked > MOST_TIMES * packed:
        raise Unreadable(
            f"{path.name} unpacks to more than {MOST_TIMES} times its size, as no log does; it may be made to fill the "
            "disk. Unpack it yourself and load that, if it is what it should be."
        )


class Text:
    """Told the chunks of a file: is it plain (UTF-8, every line ends within two chunks, no SEPARATOR),
    and how long is it?"""

    def __init__(self) -> None:
        self.plain, self.length, self._decoder = True, 0, codecs.getincrementaldecoder("utf-8")()

    def see(self, chunk: bytes) -> None:
        self.length += len(chunk)
        if self.plain:
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                self.plain = False
            # A line of two chunks' length holds a whole chunk without an end of line.
            self.plain &= (len(chunk) < CHUNK or b"\n" in chunk) and SEPARATOR not in chunk


CHUNK = 2**19
# Logs shrink to a fifth or a thirtieth, monotonous ones to a hundredth; a file made to fill a disk to a thousandth.
MOST_TIMES, UNWATCHED, MOST_UNPACKED = 300, 2**28, 2**37

# One column, no quotes, a separator that cannot occur in JSON: every line arrives as it is (`Text` looks out for
# others).
SEPARATOR = b"\x1e"


def open_compressed(path: Path, compression: str):
    if compression == "gzip":
        return gzip.open(path)
    if compression == "none":
        return open(path, "rb")
    import pyarrow as pa  # reads zstd; a load of other files need not wait for it

    return pa.input_stream(str(path), compression=compression)


def compression_of(path: Path) -> str:
    with open(path, "rb") as stream:
        magic = stream.read(4)
    return "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else "none"


def encoding_of(chunk: bytes) -> str:
    """UTF-16 by its mark; where nothing beyond ASCII is UTF-8, what Western Windows wrote; else UTF-8 with damage."""
    if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    beyond = not chunk.isascii() and b"\0" not in chunk
    return "cp1252" if beyond and chunk.decode("utf-8", "ignore").isascii() else "utf-8"
