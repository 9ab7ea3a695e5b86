"""Seeded damage to log files: what disks, networks, editors and other people's exporters do to them.

`mutations(seed, count)` yields files as bytes. The clean ones are the records of every format's case
table, so that each adapter is hit; the same seed gives the same files.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

CASES = Path(__file__).parents[1] / "cases" / "formats"
ODD_VALUES = (
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    "-0.0",
    "NaN",
    "Infinity",
    "1e999999",
    "9" * 40,
    '""',
    '"\\u0000"',
    '"\\ud800"',
    '"NaN"',
    '"-7"',
    '"1,234"',
    '"=1+1"',
    '"<b>x</b>"',
    '"2026-13-45T99:99:99Z"',
    '"0000-00-00"',
    '"\'; DROP TABLE usage;--"',
    "[]",
    "{}",
    "[[[[[]]]]]",
    '{"a": {"b": {"c": null}}}',
    '[null, 1, "x", {}]',
    '"' + "y" * 5000 + '"',
)


def clean_logs() -> list[list[str]]:
    """Per case of the case tables: the lines of a JSONL file of its records."""
    logs = []
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.load(path.read_text(), Loader=yaml.CSafeLoader):
            records = case.get("records") or ([case["record"]] if "record" in case else [])
            if records:
                logs.append([r if isinstance(r, str) else json.dumps(r, default=str) for r in records])
    return logs


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """`count` damaged files, reproducible from the seed."""
    chance = random.Random(seed)
    logs = clean_logs()
    for _ in range(count):
        records = [line for _ in range(chance.randint(1, 3)) for line in chance.choice(logs)]
        if chance.random() < 0.7:  # mostly one format, as files are; else two or three mixed
            records = list(chance.choice(logs)) * chance.randint(1, 3)
        for _ in range(chance.randint(1, 4)):
            chance.choice(LINE_DAMAGE)(chance, records)
        content = ("\r\n" if chance.random() < 0.1 else "\n").join(records).encode("utf-8", "surrogatepass") + b"\n"
        if chance.random() < 0.1:
            content = b"[" + b",".join(line.encode("utf-8", "surrogatepass") for line in records) + b"]"
        if chance.random() < 0.4:
            content = chance.choice(BYTE_DAMAGE)(chance, content)
        yield content


def damaged_records(seed: int, count: int) -> Iterator[list[dict]]:
    """The records of `count` logs with some values replaced by others, at any depth."""
    chance = random.Random(seed)
    logs = clean_logs()
    for _ in range(count):
        lines = list(chance.choice(logs))
        for _ in range(chance.randint(1, 4)):
            _odd_value(chance, lines)
        yield [record for line in lines if isinstance(record := _loaded(line), dict)]


def _loaded(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _odd_value(chance: random.Random, records: list[str]) -> None:
    """Replace one value of one record, at any depth."""
    _edit(chance, records, lambda container, key: container.__setitem__(key, _Raw(chance.choice(ODD_VALUES))))


def _drop_key(chance: random.Random, records: list[str]) -> None:
    _edit(chance, records, lambda container, key: container.__delitem__(key))


def _duplicate_key(chance: random.Random, records: list[str]) -> None:
    at = chance.randrange(len(records))
    end = records[at].find('"', 2)
    if records[at].startswith('{"') and end > 0:  # an earlier damage may have cut the record
        key = records[at][1 : end + 1]
        records[at] = f"{{{key}: {chance.choice(ODD_VALUES)}, {records[at][1:]}"


def _repeat_line(chance: random.Random, records: list[str]) -> None:
    records.insert(chance.randrange(len(records) + 1), chance.choice(records))


def _cut_line(chance: random.Random, records: list[str]) -> None:
    at = chance.randrange(len(records))
    records[at] = records[at][: chance.randrange(len(records[at]) + 1)]


def _join_lines(chance: random.Random, records: list[str]) -> None:
    if len(records) > 1:
        at = chance.randrange(len(records) - 1)
        records[at : at + 2] = [records[at] + records[at + 1]]


def _foreign_line(chance: random.Random, records: list[str]) -> None:
    records.insert(
        chance.randrange(len(records) + 1),
        chance.choice(("# comment", "null", "17", "[]", "{}", '"text"', "a,b,c", "\x1f\x1e\x1f\x1e", "{" * 3000, "")),
    )


class _Raw:
    """JSON text to be written as it is, valid or not."""

    def __init__(self, text: str) -> None:
        self.text = text


def _edit(chance: random.Random, records: list[str], change: Callable) -> None:
    at = chance.randrange(len(records))
    try:
        record = json.loads(records[at])
    except (ValueError, RecursionError):
        return
    places = list(_places(record))
    if not places:
        return
    change(*chance.choice(places))
    marks: dict[str, str] = {}

    def mark(raw: _Raw) -> str:
        marks[f"@@{len(marks)}@@"] = raw.text
        return f"@@{len(marks) - 1}@@"

    text = json.dumps(record, default=mark)
    for name, raw in marks.items():
        text = text.replace(f'"{name}"', raw)
    records[at] = text


def _places(value: object) -> Iterator[tuple]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def _cut(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _flip(chance: random.Random, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def _insert(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content) + 1)
    return (
        content[:at]
        + chance.choice(
            (b"\0", b"\0" * 64, b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\n\n\n", b"\r", b"\x1a", b"\xef\xbb\xbf")
        )
        + content[at:]
    )


def _zip(chance: random.Random, content: bytes) -> bytes:
    packed = gzip.compress(content, mtime=0)
    return packed if chance.random() < 0.5 else _cut(chance, packed) if chance.random() < 0.5 else _flip(chance, packed)


def _utf16(chance: random.Random, content: bytes) -> bytes:
    return content.decode("utf-8", "replace").encode("utf-16")


LINE_DAMAGE = (
    _odd_value,
    _odd_value,
    _odd_value,
    _drop_key,
    _duplicate_key,
    _repeat_line,
    _cut_line,
    _join_lines,
    _foreign_line,
)
BYTE_DAMAGE = (
    _cut,
    _flip,
    _flip,
    _insert,
    _zip,
    _utf16,
    lambda chance, content: b"\xef\xbb\xbf" + content,
    lambda chance, content: content * 2,
)
