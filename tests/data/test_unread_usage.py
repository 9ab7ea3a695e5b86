"""The law of unread usage, for every format: a number that no column reads marks its row and is named in the report."""

from __future__ import annotations

import pytest

from data.formats import Format, all_formats
from tests.data.usage_cases import FIRST, SURPRISE, loaded, surprised


@pytest.mark.parametrize("form", all_formats(), ids=lambda form: form.name)
def test_a_format_declares_its_usage_or_says_why_it_cannot(form: Format):
    assert bool(form.usage) != bool(form.no_usage)


@pytest.mark.heavy
@pytest.mark.parametrize("form", [form for form in all_formats() if form.usage], ids=lambda form: form.name)
def test_an_unknown_number_beside_the_counts_marks_the_row_and_is_named(form: Format, emptied_ledger, state, tmp_path):
    reports, rows = loaded(emptied_ledger, state, tmp_path, form, surprised(FIRST[form.name]))
    # Some places belong to a parent that gives way to what is below it; in one at least it must be seen.
    named = [[u for u in report.unread if "surprise" in u.path.lower()] for report in reports]
    assert any(named), [report.unread for report in reports]
    for report, found, loaded_rows in zip(reports, named, rows, strict=True):
        assert all(unread.sum / unread.rows == SURPRISE for unread in found), report.unread
        if found and form.table == "usage":
            assert any("unread_usage" in row["caveats"] for row in loaded_rows if row["caveats"] is not None)
