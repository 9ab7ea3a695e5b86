"""Files that are no logs, told by how they begin: what each is, and what to do instead."""

from __future__ import annotations

import re

from data.wording import one_line

SAVE = "save the sheet as CSV and load that"
UNPACK = "unpack it, and load what is inside"
TAR, TAR_AT = b"ustar", 257  # where a tar archive says what it is
BEGINNINGS = (
    (
        b"SQLi",
        "a SQLite database; write the table with the usage as JSON, for example"
        ' `sqlite3 -json {name} "SELECT * FROM message" > usage.json`, and load that',
    ),
    (b"\xd0\xcf\x11\xe0", f"a workbook of an old Excel; {SAVE}"),
    (b"PK\x03\x04", "an Excel workbook or another zip archive; save the sheet as CSV, or unpack it, and load that"),
    (b"BZh", f"a bzip2 archive; {UNPACK}"),
    (b"\xfd7zXZ", f"an xz archive; {UNPACK}"),
    (b"7z\xbc\xaf", f"a 7-Zip archive; {UNPACK}"),
    (b"%PDF", "a PDF; ask the same place for a CSV or JSON export and load that"),
    (b"\x89PNG", "a picture; ask the same place for a CSV or JSON export and load that"),
    (b"\xff\xd8\xff", "a picture; ask the same place for a CSV or JSON export and load that"),
    (b"\x7fELF", "a program; a log is text, a table or JSON"),
)
WEB_PAGE = "a web page, as an address answers where a sign-in has ended; sign in, export again and load that"
MARKUP = "XML, which no source of usage writes; ask it for a CSV or JSON export and load that"
WIDE_TEXT = "text in UTF-16 without its mark, or in UTF-32; save it as UTF-8 and load that"
UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")  # of UTF-16, gzip and zstd
NO_TEXT = "no text, no table and no JSON; a log is one of these"


def what_it_is(name: str, head: bytes) -> str:
    """A sentence on a file that begins with `head` and is no log; "" where it may be one."""
    for beginning, word in BEGINNINGS:
        if head.startswith(beginning):
            return f"{name} is {word.format(name=name)}."
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if re.match(rb"<(!doctype html|html|head|body)", start):
        return f"{name} is {WEB_PAGE}."
    if start.startswith(b"<?xml"):
        return f"{name} is {MARKUP}."
    if head[TAR_AT:].startswith(TAR):
        return f"{name} is a tar archive; {UNPACK}."
    odd = sum(byte < 32 and byte not in b"\0\t\r\n\x1b\x1e" for byte in head)
    if not head.startswith(MARKS) and odd > len(head) / 20 or not head.strip(b"\0"):
        return f"{name} is {NO_TEXT}."
    if head.startswith(UTF_32) or not head.startswith(MARKS) and _is_wide(head):
        return f"{name} is {WIDE_TEXT}."
    return ""


def what_is_packed(name: str, head: bytes) -> str:
    """A sentence on what a compressed file holds, by how that begins; "" where it may be a log."""
    if head.startswith(b"PAR1"):
        return f"{name} holds a Parquet file; {UNPACK} (Parquet is compressed by itself)."
    if head.startswith(MARKS[2:]):
        return f"{name} was compressed twice; unpack it once, and load that."
    return what_it_is(f"What {name} holds", head)


def _is_wide(head: bytes) -> bool:
    """Whether every second byte is a NUL, as in UTF-16 and UTF-32; a run of them is damage within a text."""
    even, odd = head[::2], head[1::2]
    shares = sorted(half.count(0) / max(len(half), 1) for half in (even, odd))
    return shares[1] > 0.8 and shares[0] < 0.6


def refused_answer(record: dict) -> str:
    """What an API said instead of the data that was asked for; "" where a record is no such answer."""
    error = record.get("error")
    said = error.get("message") if isinstance(error, dict) else error
    alone = set(record) <= {"error", "type", "request_id", "status", "code", "message", "object", "success"}
    return one_line(said)[:200] if alone and isinstance(said, str) and said.strip() else ""
