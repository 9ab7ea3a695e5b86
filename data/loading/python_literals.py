"""Cells of a table that a program wrote as Python writes its objects: `{'cache_read': 5, 'audio': None}`.

A dataframe's `to_csv` does, where a column holds dicts or lists. Such a cell comes to the formats as the JSON it stands
for; what cannot be told as JSON stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from data.sql_text import identifier, literal

BACKSLASH, SINGLE, DOUBLE = "\\", "'", '"'
STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
CALL = rf"""[A-Za-z_][A-Za-z0-9_.]*\((?:[^()'"]|{STRING})*\)"""  # Decimal('0.5'), datetime.datetime(2026, 1, 5, 0, 0)
TOKENS = rf"""(?s){STRING}|{CALL}|[A-Za-z_]+|[0-9][0-9.eE+-]*|[^'"A-Za-z_0-9]+|."""
BEGINS = re.compile(r"^\s*[\[({]+\s*'")  # as no JSON does
OF_TEXTS_AND_NUMBERS = r"""^[^\\"()NTFn]*$"""  # nothing in it but the quotes is written otherwise in JSON
NUMBER_IN_CALL = r"^(?:[A-Za-z_.]*[Dd]ecimal|np\.[a-z0-9_]+)\(\s*'?(-?[0-9][0-9.eE+-]*)'?\s*\)$"


def columns(sample: Iterable[dict]) -> tuple[str, ...]:
    """The columns of a table in whose sample such cells are."""
    found = (key for record in sample for key, cell in record.items() if isinstance(cell, str) and BEGINS.match(cell))
    return tuple(dict.fromkeys(found))


def with_json(source: str, columns: Iterable[str]) -> str:
    """SQL: a table with these columns as JSON."""
    cells = ", ".join(f"{as_json(identifier(c))} AS {identifier(c)}" for c in columns)
    return f"(SELECT * REPLACE ({cells}) FROM {source})" if cells else source


def as_json(cell: str) -> str:
    """SQL: a text as JSON where it is a literal of Python's, else as it is."""
    tokens = f"regexp_extract_all({cell}, {literal(TOKENS)})"
    json = f"""CASE WHEN regexp_matches({cell}, {literal(OF_TEXTS_AND_NUMBERS)})
        THEN replace({cell}, {literal(SINGLE)}, '"')
        ELSE array_to_string(list_transform({tokens}, lambda token: {_told("token")}), '') END"""
    # In a list, since what stands several times in a case is otherwise computed each time.
    valid = f"list_transform([{json}], lambda told: CASE WHEN json_valid(told) THEN told END)[1]"
    return f"CASE WHEN regexp_matches({cell}, {literal(BEGINS.pattern)}) THEN coalesce({valid}, {cell}) ELSE {cell} END"


def _told(token: str) -> str:
    """SQL: one token of Python's in JSON."""
    # A backslash that stands for itself is put away, since what follows one is an escape.
    kept = f"replace({token}[2:-2], {literal(BACKSLASH * 2)}, chr(1))"
    bare = f"replace({kept}, {literal(BACKSLASH + SINGLE)}, {literal(SINGLE)})"
    short = rf"regexp_replace({bare}, '\\x([0-9a-f]{{2}})', '\\u00\1', 'g')"
    escaped = rf"regexp_replace({short}, '\\U[0-9a-f]{{8}}', '\\ufffd', 'g')"  # JSON has no word for it
    text = f"replace(replace({escaped}, '\"', {literal(BACKSLASH + DOUBLE)}), chr(1), {literal(BACKSLASH * 2)})"
    return f"""CASE WHEN regexp_matches({token}, '^[''"]') THEN '"' || {text} || '"'
        WHEN {token} = 'True' THEN 'true' WHEN {token} = 'False' THEN 'false'
        WHEN lower({token}) IN ('none', 'nan', 'inf', 'nat') THEN 'null'
        WHEN regexp_matches({token}, {literal(NUMBER_IN_CALL)})
            THEN regexp_extract({token}, {literal(NUMBER_IN_CALL)}, 1)
        WHEN regexp_matches({token}, '^(datetime\\.|Timestamp|UUID)') THEN 'null'
        WHEN regexp_matches({token}, '^[^A-Za-z_]*[()]')
            THEN translate(regexp_replace({token}, ',\\s*\\)', ')', 'g'), '()', '[]') ELSE {token} END"""
