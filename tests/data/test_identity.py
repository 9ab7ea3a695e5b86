"""One id is one row: files loaded at once, times that move, prices saved in mid-load, corrections of cost."""

from __future__ import annotations

import json
import multiprocessing
from datetime import date
from pathlib import Path

import pytest

from data import checks
from data.formats import Format
from data.ledger import Ledger
from data.loading import reprice
from data.loading.ingest import ingest
from data.prices import contracts
from data.state import State
from tests.data.bad_logs import record
from tests.data.small_ledger import adds_up

SPAWN = multiprocessing.get_context("spawn")


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def totals(ledger: Ledger) -> tuple:
    return ledger.cursor().execute("SELECT count(*), sum(cost_usd) FROM lake.main.usage").fetchone()


def _load(home: Path, files: list[Path], barrier) -> None:
    ledger, state = Ledger.open(home), State.open(home)
    barrier.wait()
    ingest(ledger, state, files)


def load_at_once(ledger: Ledger, *loads: list[Path]) -> None:
    barrier = SPAWN.Barrier(len(loads))
    processes = [SPAWN.Process(target=_load, args=(ledger.home, files, barrier)) for files in loads]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(loads)


def test_one_file_loaded_by_two_processes_counts_once(ledger, state, tmp_path):
    log = write(tmp_path / "log.jsonl", [record(i) for i in range(200)])
    load_at_once(ledger, [log], [log])
    assert totals(ledger)[0] == 200 and adds_up(ledger)
    assert ledger.cursor().execute("SELECT count(*) FROM lake.main.batches").fetchone() == (1,)


def test_overlapping_files_loaded_at_once_count_once(ledger, state, tmp_path):
    first = write(tmp_path / "a.jsonl", [record(i) for i in range(150)])
    second = write(tmp_path / "b.jsonl", [record(i) for i in range(100, 250)])
    load_at_once(ledger, [first, second], [second, first])
    assert totals(ledger)[0] == 250 and adds_up(ledger)


def test_a_file_that_another_process_loads_between_staging_and_commit_is_answered_from_its_batch(
    ledger, state, tmp_path
):
    log = write(tmp_path / "log.jsonl", [record(i) for i in range(50)])
    other = Ledger.open(ledger.home)
    done: list[str] = []

    def interfere(stage: str, share: float, note: str) -> None:
        if stage == "writing" and not done:
            done.append(stage)
            ingest(other, state, [log])

    report = ingest(ledger, state, [log], progress=interfere)[0]
    assert (report.loaded, report.duplicate, report.note) == (0, 50, "already loaded")
    assert totals(ledger)[0] == 50 and adds_up(ledger)


@pytest.mark.parametrize("moved", ["2026-10-03T08:00:00Z", "2025-03-10T08:00:00Z", "2026-03-10T08:00:01Z"])
def test_an_id_whose_time_moved_is_the_same_id(ledger, state, tmp_path, moved):
    for name, time in (("a", "2026-03-10T08:00:00Z"), ("b", moved)):
        rows = [record(i, request_created_at=time) for i in range(100)]
        report = ingest(ledger, state, [write(tmp_path / f"{name}.jsonl", rows)])[0]
    assert (report.loaded, report.duplicate) == (0, 100)
    assert totals(ledger)[0] == 100 and adds_up(ledger)


def test_a_contract_price_saved_in_mid_load_prices_its_rows(ledger, state, tmp_path):
    log = write(tmp_path / "log.jsonl", [record(i, costUSD=None) for i in range(50)])
    done: list[str] = []

    def interfere(stage: str, share: float, note: str) -> None:
        if stage == "writing" and not done:
            done.append(stage)
            contracts.OVERRIDES.save(state, "deal", {"provider": "openai", "discount": "0.5"})
            reprice.reprice(Ledger.open(ledger.home), state)

    ingest(ledger, state, [log], progress=interfere)
    bases = ledger.cursor().execute("SELECT DISTINCT cost_basis FROM lake.main.usage").fetchall()
    assert bases == [("contract",)] and adds_up(ledger)
    assert reprice.reprice(ledger, state).rows == 0


FORM = Format(
    name="corrected",
    label="made up, with costs that are corrected",
    recognise=lambda sample: True,
    fields=dict.fromkeys(("id", "at", "tokens", "usd", "grade", "changed"), "VARCHAR"),
    columns={
        "event_key": "d.id",
        "requested_at": "utc(d.at)",
        "model_raw": "'gpt-5.2'",
        "input_tokens": "d.tokens",
        "output_tokens": "'0'",
        "reported_cost_usd": "d.usd",
        "quality_score": "d.grade",
        "recorded_at": "utc(d.changed)",
    },
)


def correct(ledger, state, folder: Path, *versions: dict) -> list:
    for number, version in enumerate(versions):
        path = write(folder / f"v{number}.jsonl", [{"id": "a", "at": "2026-10-01T00:00:00Z", "tokens": 10} | version])
        ingest(ledger, state, [path], form=FORM)
    assert adds_up(ledger)
    return (
        ledger.cursor().execute("SELECT reported_cost_usd::DOUBLE, fresh_input_tokens FROM lake.main.usage").fetchall()
    )


NEWER = {  # id -> its versions, and the cost and tokens that count
    "a cost corrected later": ([{"usd": 1}, {"usd": 2}], (2.0, 10)),
    "a cost that came later": ([{}, {"usd": 2}], (2.0, 10)),
    "a record that says less": ([{"usd": 2}, {}], (2.0, 10)),
    "more tokens": ([{"usd": 1}, {"usd": 3, "tokens": 30}], (3.0, 30)),
    "fewer tokens": ([{"usd": 3, "tokens": 30}, {"usd": 1}], (3.0, 30)),
    "changed later": (
        [{"usd": 3, "tokens": 30, "changed": "2026-10-02"}, {"usd": 1, "changed": "2026-10-03"}],
        (1.0, 10),
    ),
    "changed before": (
        [{"usd": 1, "changed": "2026-10-03"}, {"usd": 3, "tokens": 30, "changed": "2026-10-02"}],
        (1.0, 10),
    ),
    "changed to nothing": ([{"usd": 1, "changed": "2026-10-03"}, {"tokens": 0, "changed": "2026-10-04"}], (None, 0)),
}


@pytest.mark.parametrize("together", [False, True])
def test_of_two_records_of_a_call_the_newer_counts_else_the_one_that_says_more(ledger, state, tmp_path, together):
    loads = [
        [
            {"id": name, "at": "2026-10-01T00:00:00Z", "tokens": 10} | versions[n]
            for name, (versions, _) in NEWER.items()
        ]
        for n in range(2)
    ]
    for number, rows in enumerate([loads[0] + loads[1]] if together else loads):
        ingest(ledger, state, [write(tmp_path / f"{number}.jsonl", rows)], form=FORM)
    found = ledger.cursor().execute(
        "SELECT event_id, reported_cost_usd::DOUBLE, fresh_input_tokens FROM lake.main.usage"
    )
    assert {event.split(":")[-1]: tuple(rest) for event, *rest in found.fetchall()} == {
        name: right for name, (_, right) in NEWER.items()
    }
    assert adds_up(ledger)


def test_a_score_that_came_later_counts_and_a_file_loaded_again_changes_nothing(ledger, state, tmp_path):
    correct(ledger, state, tmp_path, {"usd": 1}, {"usd": 1, "grade": 0.5})
    assert ledger.sql("SELECT quality_score AS q FROM lake.main.usage")["q"][0] == 0.5
    again = write(tmp_path / "again.jsonl", [{"id": "a", "at": "2026-10-01T00:00:00Z", "tokens": 10, "usd": 1}])
    assert ingest(ledger, state, [again], form=FORM)[0].duplicate == 1


def test_a_record_that_says_more_replaces_one_of_another_month_in_rows_and_roll_ups(ledger, state, tmp_path):
    write(
        tmp_path / "others.jsonl", [{"id": f"b{i}", "at": f"2026-0{1 + i}-05", "tokens": 5, "usd": 1} for i in range(9)]
    )
    ingest(ledger, state, [tmp_path / "others.jsonl"], form=FORM)
    first, second = {"usd": 1}, {"usd": 3, "tokens": 20, "at": "2026-02-01T00:00:00Z"}
    assert (3.0, 20) in correct(ledger, state, tmp_path, first, second)
    assert totals(ledger)[0] == 10
    days = ledger.cursor().execute("SELECT day, sum(attempts) FROM lake.main.spend_by_day GROUP BY 1 ORDER BY 1")
    assert (date(2026, 10, 1), 1) not in days.fetchall()


def test_repair_builds_roll_ups_and_the_index_anew_and_says_what_changed(ledger, state, tmp_path):
    ingest(ledger, state, [write(tmp_path / "log.jsonl", [record(i) for i in range(20)])])
    with ledger.write() as cursor:
        cursor.execute("INSERT INTO lake.main.spend_by_day FROM lake.main.spend_by_day")
        cursor.execute("DELETE FROM lake.main.identities")
    broken = checks.check(ledger.at(ledger.snapshot()))
    assert (broken["rollup_attempts"], broken["unindexed"]) == (40, 20) and not checks.adds_up(broken)
    changed = checks.repair(ledger)
    assert (changed["rollup_attempts_changed"], changed["ids_indexed"]) == (-20, 20)
    assert checks.adds_up(checks.check(ledger.at(ledger.snapshot())))


@pytest.mark.parametrize("name", ["with space", "größe 数", 'it\'s "quoted"', "100% #1?", "a*[b]"])
def test_a_store_may_stand_in_a_folder_of_any_name(tmp_path, name):
    home = tmp_path / name
    ledger, state = Ledger.open(home), State.open(home)
    ingest(ledger, state, [write(tmp_path / f"{name}.jsonl", [record(i) for i in range(3)])])
    assert totals(ledger)[0] == 3 and adds_up(ledger)
    ledger.close()
