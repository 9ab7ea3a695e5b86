"""Files of every format as other systems write and cut them: nothing is lost, and what is refused gets a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data.formats import Format, all_formats
from data.loading.ingest import ingest
from tests.data.bad_logs import accounted, one_sentence
from tests.data.case_tables import write_log
from tests.data.usage_cases import FIRST, numbered

# What becomes of a file's bytes. Of the first ones every row must come out.
SAME: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda content: content,
    "a byte order mark, lines of Windows, blank ones at the end": (
        lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n") + b"\r\n\n\n"
    ),
    "UTF-16": lambda content: content.decode().encode("utf-16"),
}
SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "NUL bytes at the end": lambda content: content + b"\n" + b"\0" * 64 + b"\n",
    "cut within the last line": lambda content: content.rstrip()[:-9],
    "cut in the middle": lambda content: content[: len(content) // 2],
    "the first line alone": lambda content: content.split(b"\n")[0] + b"\n",
    "nothing": lambda content: b"",
}


def written(case: dict, folder: Path, number: int, change: Callable[[bytes], bytes]) -> Path:
    (place := folder / f"{number:03}").mkdir()
    # A CSV has no ids to change: its copies are duplicates of one another.
    other = {key: numbered(case[key], number) for key in ("records", "record", "document") if key in case}
    path = write_log(case | other, place)
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.heavy
@pytest.mark.parametrize("form", [form for form in all_formats() if form.name in FIRST], ids=lambda form: form.name)
def test_a_file_may_be_written_by_any_system_and_be_cut_anywhere(form: Format, emptied_ledger, state, tmp_path):
    case, changes = FIRST[form.name], SAME | SPOILT
    paths = [written(case, tmp_path, number, change) for number, change in enumerate(changes.values())]
    reports = {
        name: report for name, report in zip(changes, ingest(emptied_ledger, state, paths, form=form.name), strict=True)
    }
    whole = reports["as it is"]
    # Of a report's day the newest file stands, so that what comes of this one may be loaded from a later one.
    assert not whole.error and whole.read and sum(report.loaded for report in reports.values()), whole
    for name, report in reports.items():
        assert one_sentence(report.error) if report.error else accounted(report), (name, report)
    for name in SAME:
        found = reports[name]
        assert (found.read, found.rejected) == (whole.read, whole.rejected), (name, found)
        assert found.loaded + found.duplicate == whole.loaded + whole.duplicate, (name, found)
    assert reports["nothing"].error
