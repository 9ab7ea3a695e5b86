"""How many records a file holds, told without Baton's own code, where that has one answer."""

from __future__ import annotations

import codecs
import gzip
import json
import re
import zlib

from data.formats import all_formats
from data.loading.envelopes import WRAPPERS

# Formats in which every record is one row: nothing is unnested, nothing dropped on the way.
ONE_TO_ONE = {
    form.name
    for form in all_formats()
    if not re.search(r"unnest|WHERE|QUALIFY|RECURSIVE", form.rows) and not form.documents
}

EMPTY = " \r\ufeff\x1e"  # a record separator holds nothing either


def records_in(content: bytes) -> int | None:
    """Lines of a JSONL file that are not blank, or elements of a JSON array, each of which may be a page that holds one
    record; None where it is neither or could be either, or a page holds none or several.
    """
    text = _text(content)
    if text is None or re.search(r"\r(?!\n)|\0", text):  # a lone carriage return ends a line for some readers
        return None
    lines = [line for line in text.split("\n") if line.strip(EMPTY)]
    values = [_value(line.lstrip("\ufeff")) for line in lines]
    if sum(isinstance(value, dict) for value in values) <= 1:
        whole = _value(text.lstrip("\ufeff"))
        if not isinstance(whole, list):
            return None
        values = whole
    return None if any(map(_holds_none_or_many, values)) else len(values)


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _holds_none_or_many(element: object) -> bool:
    lists = (
        [element[key] for key in WRAPPERS if isinstance(element.get(key), list)] if isinstance(element, dict) else []
    )
    return any(len(page) != 1 for page in lists)


def _text(content: bytes) -> str | None:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return None
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    return content.decode(encoding, "replace")
