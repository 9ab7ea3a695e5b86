"""A format without the fields that a file has not says of every record what the whole format says of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from data.formats import Format, all_formats
from data.ledger import Ledger
from data.loading import narrowed_format, reading_macros, staging
from data.loading.containers import inspect
from tests.data.case_tables import FILES, cases_of, write_log

ALONE = [f for f in all_formats() if f.table == "usage" and (f.rows == Format.rows or f.per_record)]
DRAWN = 4  # cases of each table


@pytest.fixture(autouse=True)
def small_files_too(monkeypatch):
    monkeypatch.setattr(narrowed_format, "WORTH_BYTES", 0)


def staged(cursor, file, form: Format) -> list[dict]:
    """Every staged row, and whether something of its usage is unread; what is left of the unread is told by paths."""
    staging.stage(cursor, [file], form, keep_text=False)
    rows = cursor.execute("SELECT *, row_no IN (FROM unread_rows) AS marked FROM log_rows ORDER BY row_no")
    names = [column[0] for column in rows.description]
    return [
        {name: str(value) for name, value in zip(names, row, strict=True) if name != "unread"}
        for row in rows.fetchall()
    ]


def drawn() -> list[tuple[str, Format, dict]]:
    by_name = {form.name: form for form in ALONE}
    found = []
    for path in FILES:
        cases = [case for case in cases_of(path) if case.get("format", path.stem) in by_name]
        for case in random.Random(path.stem).sample(cases, min(DRAWN, len(cases))):
            found.append((f"{path.stem}: {case['name']}", by_name[case.get("format", path.stem)], case))
    return found


@pytest.mark.heavy
def test_a_narrowed_format_stages_the_same_rows(ledger: Ledger, tmp_path: Path):
    cursor, narrower = ledger.cursor(), 0
    for macro in reading_macros.MACROS:
        cursor.execute(macro)
    for number, (name, form, case) in enumerate(drawn()):
        (folder := tmp_path / str(number)).mkdir()
        file, _ = inspect(cursor, write_log(case, folder), folder)
        narrow = narrowed_format.narrow(cursor, [file], form)
        narrower += narrow != form
        assert staged(cursor, file, narrow) == staged(cursor, file, form), name
    assert narrower > 15
