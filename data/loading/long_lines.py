"""Lines longer than any record: each costs itself, not the log it stands in."""

from __future__ import annotations

from pathlib import Path

from data.loading.named_files import CHUNK

LONGEST_LINE = 2**27  # bytes; the engine's buffer for lines is as large, and a record of 100 MB has been seen
SHOWN = 200


def without_long_lines(path: Path, longest: int = LONGEST_LINE) -> None:
    """Replace each line of more than `longest` bytes in a log of JSON lines by a short one, which is put aside.

    A file in which such a line is all there is, or that begins as a list or an indented document, is left as it is: it
    is no log of lines.
    """
    if path.stat().st_size <= longest:
        return
    target, others, cut = path.with_name(f"{path.name}.cut"), False, 0
    with open(path, "rb") as source, open(target, "wb") as out:
        while line := source.readline(longest + 1):
            if not (others or cut) and line.strip() and (not line.lstrip().startswith(b"{") or line.strip() == b"{"):
                break
            if len(line) > longest and not line.endswith(b"\n"):
                size, cut = len(line), cut + 1
                while not line.endswith(b"\n") and (rest := source.readline(CHUNK)):
                    size, line = size + len(rest), line[:SHOWN] + rest[-1:]
                line = _stand_in(line[:SHOWN], size, longest)
            else:
                others = others or bool(line.strip())
            out.write(line)
    if cut and others:
        target.replace(path)
    else:
        target.unlink()


def _stand_in(begin: bytes, size: int, longest: int) -> bytes:
    """What is kept in `rejected` of a line: no JSON, so that it is put aside."""
    told = f"{{a line of {size:,} bytes, where {longest:,} is the most that one record may have; it begins: "
    return told.encode() + begin.replace(b"\n", b"") + b"\n"
