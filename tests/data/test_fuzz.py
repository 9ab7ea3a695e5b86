"""Damaged logs: no traceback, every record accounted for, and the ledger agrees with the reports.

A few hundred files here; ten thousand in tests/benchmarks/fuzz.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import BatonError
from data.formats import all_formats
from tests.data.bad_logs import Store, accounted, one_sentence, write
from tests.data.mutated_logs import damaged_records, mutations
from tests.data.record_counts import ONE_TO_ONE, records_in

SEED = 20261121


def load_all(store: Store, folder: Path, files: list[bytes]) -> dict[str, int]:
    """Load the files as one folder and check what the reports say against the ledger; returns the sums."""
    for number, content in enumerate(files):
        write(folder / f"{number:05}.log", content)
    before = {table: store.count(table) for table in ("usage", "rejected", "billed")}
    try:
        reports = store.load(folder)
    except BatonError as refusal:
        assert one_sentence(str(refusal)), str(refusal)
        return {"files": len(files), "read": 0, "loaded": 0, "refused": len(files)}
    assert len(reports) == len(files)
    counted = 0
    for content, report in zip(files, reports, strict=True):
        assert bool(report.error) != bool(report.format), report
        assert not report.error or one_sentence(report.error), report.error
        assert accounted(report), report
        if report.format in ONE_TO_ONE and (held := records_in(content)) is not None:
            assert report.read + report.skipped == held, report
            counted += 1
    sums = {
        name: sum(getattr(report, name) for report in reports)
        for name in ("read", "loaded", "duplicate", "rejected", "skipped")
    }
    added = {table: store.count(table) - was for table, was in before.items()}
    # A format that supersedes counts a replaced row as loaded although the ledger does not grow by it.
    assert added["usage"] + added["billed"] <= sums["loaded"]
    assert added["rejected"] == sums["rejected"]
    assert store.count("usage") == int(
        store.ledger.sql(f"SELECT coalesce(sum(attempts), 0) AS n FROM {store.ledger.name('spend_by_day')}")["n"][0]
    )
    return {"files": len(files), "refused": sum(bool(report.error) for report in reports), "counted": counted} | sums


@pytest.mark.parametrize("part", range(4))
def test_damaged_files_never_crash_and_lose_nothing(part, tmp_path):
    sums = load_all(Store(tmp_path / "home"), tmp_path / "logs", list(mutations(SEED + part, 60)))
    assert sums["read"] > 50 and sums["refused"] < 50, sums


def test_the_same_seed_gives_the_same_files():
    assert list(mutations(1, 20)) == list(mutations(1, 20))


def test_every_recogniser_answers_for_damaged_records():
    for records in [[{"observations": 1e308}], *damaged_records(SEED, 300)]:
        for form in all_formats():
            assert form.recognise(records) in (True, False), (form.name, records)
