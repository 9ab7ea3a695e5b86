"""A file that cannot be read costs its neighbours nothing: each is loaded, in few goes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.loading.ingest import ingest
from data.loading.load import Load
from tests.data.bad_logs import lines, one_sentence, record, write


def written(folder: Path, number: int, spoilt: bool) -> Path:
    """A table of 500 calls, the last page of which a disk has spoilt: its head and its foot tell nothing of it."""
    path = folder / f"{number:02}.parquet"
    rows = pa.Table.from_pylist([record(number * 500 + n) for n in range(500)])
    pq.write_table(rows, path, row_group_size=100, compression="zstd")
    if spoilt:
        group = pq.ParquetFile(path).metadata.row_group(4)
        starts = [group.column(n).data_page_offset for n in range(group.num_columns)]
        content = bytearray(path.read_bytes())
        for start in starts:
            content[start : start + 40] = b"\xff" * 40
        path.write_bytes(content)
    return path


def test_the_files_beside_a_spoilt_one_load(emptied_ledger, state, tmp_path):
    paths = [written(tmp_path, number, number == 1) for number in range(3)]
    reports = ingest(emptied_ledger, state, paths)
    assert [report.loaded for report in reports] == [500, 0, 500]
    assert [bool(report.error) for report in reports] == [False, True, False]
    assert one_sentence(reports[1].error) and reports[1].error.startswith("01.parquet cannot be read as")


def test_where_no_file_can_be_read_the_first_reason_is_raised(emptied_ledger, state, tmp_path):
    with pytest.raises(BadInput, match="^00.parquet cannot be read as"):
        ingest(emptied_ledger, state, [written(tmp_path, number, True) for number in range(2)])


@pytest.mark.parametrize("bad", [{0}, {5}, {3, 15}], ids=str)
def test_a_group_that_fails_loads_in_few_goes(emptied_ledger, state, tmp_path, monkeypatch, bad):
    """A disk that cannot read some of 16 files of one kind: they are found by halves."""
    groups: list[int] = []
    stage = Load.stage

    def stage_or_fail(load: Load, **how: bool) -> None:
        groups.append(len(load.group))
        if any(int(item.file.path.stem) in bad for item in load.group):
            raise OSError("a sector cannot be read")
        stage(load, **how)

    monkeypatch.setattr(Load, "stage", stage_or_fail)
    paths = [write(tmp_path / f"{number:02}.jsonl", lines(record(number))) for number in range(16)]
    reports = ingest(emptied_ledger, state, paths)
    for number, report in enumerate(reports):
        assert (report.loaded, bool(report.error)) == ((0, True) if number in bad else (1, False)), report
    assert all("a sector cannot be read" in reports[number].error for number in bad)
    # All at once, then for each bad file two halves of every size that holds it.
    assert groups[0] == 16 and len(groups) <= 1 + 2 * 4 * len(bad) < 1 + 16 + len(bad)
    [rows] = emptied_ledger.sql("SELECT count(*) AS n FROM lake.main.usage")["n"]
    assert rows == 16 - len(bad)
