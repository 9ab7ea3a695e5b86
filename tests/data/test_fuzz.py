"""Damaged logs: no traceback, every record accounted for, and the ledger agrees with the reports.

A few hundred files here; twenty thousand in tests/benchmarks/fuzz.py.
"""

from __future__ import annotations

import pytest

from data.formats import all_formats
from tests.data import damage_trials
from tests.data.bad_logs import Store, lines, record
from tests.data.damage_trials import load_damaged
from tests.data.mutated_logs import damaged_records, mutations

SEED = 20261121


@pytest.mark.parametrize("part", range(2))
def test_damaged_files_never_crash_and_lose_nothing(part, tmp_path):
    trial = load_damaged(Store(tmp_path / "home"), tmp_path / "logs", list(mutations(SEED + part, 60)))
    assert not trial.faults
    assert trial.sums["read"] > 50 and trial.sums["refused"] < 50, trial.sums


def test_a_harness_that_finds_faults_finds_them_all(tmp_path, monkeypatch):
    """Two files that Baton would miscount and one it would break on, among good ones: each is named by its number."""
    monkeypatch.setattr(damage_trials, "records_in", lambda content: 1 + (b"miscount" in content))
    monkeypatch.setattr(damage_trials, "ONE_TO_ONE", {"helicone"})
    load = Store.load

    def break_on(store, *paths):
        if any(b"break" in path.read_bytes() for path in paths[0].iterdir()):
            raise ZeroDivisionError
        return load(store, *paths)

    monkeypatch.setattr(Store, "load", break_on)
    teams = ("fine", "miscount", "fine", "break", "miscount")
    files = [lines(record(n, properties={"team": team})).encode() for n, team in enumerate(teams)]
    trial = load_damaged(Store(tmp_path / "home"), tmp_path / "logs", files)
    assert sorted(number for number, _ in trial.faults) == [1, 3, 4]
    assert (trial.sums["files"], trial.sums["loaded"]) == (5, 4)


def test_the_same_seed_gives_the_same_files():
    assert list(mutations(1, 20)) == list(mutations(1, 20))


def test_every_recogniser_answers_for_damaged_records():
    for records in [[{"observations": 1e308}], *damaged_records(SEED, 300)]:
        for form in all_formats():
            assert form.recognise(records) in (True, False), (form.name, records)
