"""While rows are lost with a damaged file no answer takes their days for whole, and none for days without spend."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from analytics.__main__ import main as analytics
from analytics.billing import reconcile
from analytics.coverage import comparison, coverage
from analytics.history import daily
from analytics.known_spend import known_spend
from analytics.scope import Scope
from analytics.source_logs import source_logs
from analytics.standing import standing
from data import checks, lost_rows
from data.__main__ import main as data
from data.held_view import restrict_to_teams
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.stores import new_ledger

FIRST, DAYS, A_DAY = date(2026, 8, 20), 40, 3  # 12 days of August in one file of rows, September in another
AUGUST = {FIRST + timedelta(days=number) for number in range(12)}


def written(path: Path, days: int = DAYS) -> Path:
    records = [
        {
            "request_id": f"r{day}-{call}",
            "response_id": f"r{day}-{call}",
            "request_created_at": f"{FIRST + timedelta(days=day)}T{8 + call * 7:02d}:00:00Z",
            "response_status": 200,
            "provider": "OPENAI",
            "model": "gpt-4o",
            "prompt_tokens": 1000 + day,
            "completion_tokens": 100,
            "total_tokens": 1100 + day,
            "properties": {"team": "search" if call else "shop"},
        }
        for day in range(days)
        for call in range(A_DAY)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("loaded")
    ledger = new_ledger(folder / "home")
    ingest(ledger, State.open(folder / "home"), [written(folder / "log.jsonl")])
    ledger.close()
    return folder


@pytest.fixture
def hurt(home, loaded) -> Path:
    """A store whose August rows lie in a file that is gone, not yet repaired."""
    shutil.copytree(loaded / "home", home, dirs_exist_ok=True)
    next((home / "files/main/usage").rglob("*month=8/*.parquet")).unlink()
    return home


def repaired(home: Path) -> Ledger:
    ledger = Ledger.open(home)
    checks.repair(ledger, checks.damaged_files(ledger))
    return ledger


def test_lost_days_are_missing_and_named_and_no_delta_or_series_takes_them_for_zero(hurt, loaded):
    ledger = repaired(hurt)
    view = ledger.at(ledger.snapshot())
    assert {lost.day for lost in lost_rows.lost_days(view)} == AUGUST
    asked = Scope.of(view, date(2026, 8, 20), date(2026, 9, 29))
    found = coverage(view, asked)
    assert set(found.missing) >= AUGUST and set(found.lost) == AUGUST
    assert "rows of 20 to 31 Aug are lost with a damaged file" in found.reason
    september = Scope.of(view, date(2026, 9, 1), date(2026, 9, 13))
    assert comparison(view, september).now is None
    known = standing(view)
    assert known is not None and "20 to 31 Aug" in known.lost and "log.jsonl" in known.lost
    ledger.close()


def test_a_day_of_which_a_part_is_lost_is_no_day_of_a_series(hurt):
    ledger = repaired(hurt)
    with ledger.write() as cursor:
        cursor.execute("INSERT INTO lake.main.lost_rows SELECT DATE '2026-09-10', 1::UINTEGER, ['helicone']")
    view = ledger.at(ledger.snapshot())
    series = daily(view, Scope.of(view))
    assert np.isnan(series["2026-09-10"]) and series["2026-09-09"] > 0
    spend = known_spend(view, Scope.of(view))
    assert spend.missing["2026-09-10"] and spend.lacking["2026-09-10"] > 0
    assert np.isfinite(daily(view, Scope.of(view, source="litellm"))["2026-09-10"])
    log = source_logs(view, Scope.of(view))[0][0]
    assert date(2026, 9, 10) in {gap.start for gap in log.gaps} and log.silent_since is None
    held = restrict_to_teams(view, frozenset({"search"}))
    assert {lost.day for lost in lost_rows.lost_days(held)} == AUGUST | {date(2026, 9, 10)}
    assert "log.jsonl" not in lost_rows.sentence(held) != ""
    ledger.close()


def test_no_bill_is_compared_with_a_month_of_which_rows_are_lost(hurt):
    ledger = repaired(hurt)
    with ledger.write() as cursor:
        cursor.execute(
            """INSERT INTO lake.main.billed BY NAME SELECT day AS bill_id, 'openai' AS provider, day::DATE AS day,
                'cost' AS kind, 'USD' AS currency, 5::DECIMAL(38,12) AS amount
            FROM (VALUES ('2026-08-21'), ('2026-09-02')) AS given(day)"""
        )
    view = ledger.at(ledger.snapshot())
    september, august = (row for row in reconcile.by_month(view).itertuples())
    assert august.difference_usd is None and "lost with a damaged file" in august.explanation
    assert september.difference_usd is not None and "lost" not in september.explanation
    days = reconcile.by_day(view).set_index("day")
    assert days.loc[date(2026, 8, 21), ["ledger_usd", "difference_usd"]].isna().all()
    assert days.loc[date(2026, 9, 2), ["ledger_usd", "difference_usd"]].notna().all()
    ledger.close()


def test_commands_say_what_is_lost_and_its_logs_bring_it_back(hurt, loaded, capsys):
    assert data(["check", "--repair", "--home", str(hurt)]) == 0
    assert "20 to 31 Aug 2026 are lost" in capsys.readouterr().out
    assert analytics(["spend", "--by", "model", "--home", str(hurt)]) == 0
    assert "20 to 31 Aug 2026 are lost" in capsys.readouterr().err
    assert data(["ingest", str(loaded / "log.jsonl"), "--home", str(hurt)]) == 0
    capsys.readouterr()
    assert analytics(["spend", "--by", "model", "--home", str(hurt)]) == 0
    assert "lost" not in capsys.readouterr().err
    assert data(["check", "--home", str(hurt), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lost"] == ""


def test_a_log_that_has_grown_since_brings_its_rows_back_too(hurt, tmp_path):
    ledger = repaired(hurt)
    ingest(ledger, State.open(hurt), [written(tmp_path / "grown.jsonl", DAYS + 5)])
    assert not lost_rows.lost_days(ledger.at(ledger.snapshot()))
    assert not lost_rows.sentence(ledger.at(ledger.snapshot()))
    ledger.close()


def test_a_part_that_is_loaded_again_leaves_the_rest_lost(hurt, tmp_path):
    ledger = repaired(hurt)
    ingest(ledger, State.open(hurt), [written(tmp_path / "short.jsonl", 5)])
    view = ledger.at(ledger.snapshot())
    assert {lost.day for lost in lost_rows.lost_days(view)} == {day for day in AUGUST if day >= date(2026, 8, 25)}
    ledger.close()


@pytest.mark.parametrize("step", ["announce", "set_aside", "tell_apart", "rebuild"])
def test_a_repair_that_dies_at_any_step_leaves_no_hole_that_nobody_knows_of(hurt, monkeypatch, step):
    room = {"announce": checks.lost_rows, "tell_apart": checks.lost_rows, "set_aside": checks.data_files}
    with monkeypatch.context() as patch:
        patch.setattr(room.get(step, checks.rollups), step, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            repaired(hurt)
    ledger = Ledger.open(hurt)
    view = ledger.at(ledger.snapshot())
    assert checks.damaged_files(ledger) or {lost.day for lost in lost_rows.lost_days(view)} >= AUGUST
    checks.repair(ledger, checks.damaged_files(ledger))
    view = ledger.at(ledger.snapshot())
    assert {lost.day for lost in lost_rows.lost_days(view)} == AUGUST
    assert checks.adds_up(checks.check(view))
    ledger.close()


def test_without_the_index_every_day_of_the_file_counts_as_hurt_until_its_logs_are_loaded(hurt, loaded):
    for path in (hurt / "files/main/identities").rglob("*.parquet"):
        path.unlink()
    ledger = repaired(hurt)
    view = ledger.at(ledger.snapshot())
    assert {lost.day for lost in lost_rows.lost_days(view)} == AUGUST
    ingest(ledger, State.open(hurt), [loaded / "log.jsonl"])
    assert not lost_rows.lost_days(ledger.at(ledger.snapshot()))
    ledger.close()


def test_utc_days_reach_into_two_days_of_another_zone():
    lost = [lost_rows.LostDay(date(2026, 8, 20), frozenset({"helicone"}))]
    assert [one.day for one in lost_rows.in_zone(lost, "UTC")] == [date(2026, 8, 20)]
    assert [one.day for one in lost_rows.in_zone(lost, "America/New_York")] == [date(2026, 8, 19), date(2026, 8, 20)]
