"""The promise ledger: a real saving is kept, volume, a list price and chance are no merit, changed rows are said."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest

from analytics.promises import promise_command
from analytics.promises.actions import ACTIONS, check_action
from analytics.promises.promises import add_witness, ledger_of_promises, measure, score, score_sentence, waiting
from data.errors import BadInput
from data.ledger import Ledger
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of
from tests.benchmarks.promise_placebo import placebos

FIRST, DONE = date(2026, 4, 1), date(2026, 10, 5)


def noisy(first=FIRST, last=LAST, *, usd=lambda day: 10.0, calls=lambda day: 4, model="gpt-5.2", **more) -> list[dict]:
    """Requests whose daily price of a request wanders by a tenth."""
    random = np.random.default_rng(5)
    rows = []
    for day in days(first, last):
        price = usd(day) * float(np.exp(random.normal(0, 0.1)))
        rows += day_rows(day, hours=np.linspace(0.5, 23.5, calls(day)), usd=price, model=model, **more)
    return rows


def promise(**values):
    given = {"name": "p", "decided": DONE, "done": DONE, "status": "done", "filters": {"team": ("search",)}}
    return check_action(**(given | {"expected_usd_month": 500} | values))


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """$40 a day, and half of it from the day it was done: $20 a day is $608 a month."""
    return ledger_of(tmp_path_factory.mktemp("halved"), noisy(usd=lambda day: 10.0 if day < DONE else 5.0))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return ledger_of(tmp_path_factory.mktemp("same"), noisy(calls=lambda day: 4 if day < DONE else 8))


def test_a_real_saving_is_kept_and_its_band_holds_the_truth(halved):
    found = measure(halved, promise())
    assert found.verdict == "kept" and found.earlier >= 12
    assert found.low_usd_month < 20 * 365 / 12 < found.high_usd_month
    assert found.high_usd_month - found.low_usd_month < 400
    assert measure(halved, promise(expected_usd_month=5000)).verdict == "missed"
    assert measure(halved, promise(expected_usd_month=900, low_usd_month=400)).verdict == "kept"


def test_more_volume_is_no_loss_and_nothing_done_is_noise(untouched):
    found = measure(untouched, promise())
    assert found.verdict == "within noise" and found.low_usd_month < 0 < found.high_usd_month
    assert "promised lie above it" in measure(untouched, promise(expected_usd_month=50_000)).why


def test_a_dearer_answer_is_missed(tmp_path):
    view = ledger_of(tmp_path, noisy(usd=lambda day: 10.0 if day < DONE else 20.0))
    found = measure(view, promise())
    assert found.verdict == "missed" and found.saved_usd_month < 0


def test_a_new_list_price_is_nobodys_merit(tmp_path):
    """gemini-3.6-flash doubles on 1 January 2027, and what is paid doubles with it."""
    end = date(2027, 2, 1)
    rows = noisy(
        last=end, usd=lambda day: 1.0 if day < date(2027, 1, 1) else 2.0, model="gemini-3.6-flash", provider="google"
    )
    assert measure(ledger_of(tmp_path, rows), promise(done=date(2027, 1, 1))).verdict == "within noise"


@pytest.mark.parametrize(
    "values, why",
    [
        ({"filters": {}}, "names no rows"),
        ({"done": LAST - timedelta(days=3)}, "whole week"),
        ({"done": FIRST + timedelta(days=40)}, "too few"),
        ({"filters": {"team": ("nobody",)}}, "no covered week"),
    ],
)
def test_what_cannot_be_told_says_why(halved, values, why):
    found = measure(halved, promise(**values))
    assert found.verdict == "not told" and why in found.why and found.saved_usd_month is None


def test_weeks_in_which_something_else_was_done_are_no_measure_of_chance(halved):
    alone, beside = (measure(halved, promise(), others) for others in ((), (date(2026, 6, 1),)))
    assert 0 < beside.earlier < alone.earlier


def test_a_promise_whose_rows_are_gone_or_repriced_says_so(tmp_path, state):
    window = {"told_from": date(2026, 9, 1), "told_to": date(2026, 9, 11)}
    rows = noisy(first=date(2026, 8, 1))
    made = add_witness(ledger_of(tmp_path / "a", rows), state, promise(**window))
    assert made.told_attempts == 40 and made.by == state.actor
    assert measure(ledger_of(tmp_path / "a2", rows), made).changed == ""
    fewer = [row for row in rows if row["requested_at"].date() != date(2026, 9, 3)]
    assert "deleted since: 40 attempts then, 36 now" in measure(ledger_of(tmp_path / "b", fewer), made).changed
    dearer = [row | {"cost_usd": row["cost_usd"] * 2} for row in rows]
    assert "repriced since" in measure(ledger_of(tmp_path / "c", dearer), made).changed


def test_a_forecast_is_kept_within_its_band_once_its_days_are_over(halved):
    month = {
        "kind": "forecast",
        "told_from": date(2026, 9, 1),
        "told_to": date(2026, 10, 1),
        "expected_usd_month": 1200,
    }
    kept, missed, early = (
        measure(halved, promise(**(month | more)))
        for more in (
            {"low_usd_month": 1100, "high_usd_month": 1300},
            {"expected_usd_month": 900, "high_usd_month": 950},
            {"told_to": date(2027, 1, 1)},
        )
    )
    assert (kept.verdict, missed.verdict, early.verdict) == ("kept", "missed", "not told")


def test_a_band_that_does_not_hold_the_number_is_refused():
    with pytest.raises(BadInput, match="does not hold"):
        promise(low_usd_month=600)


def test_the_score_counts_every_promise_once(halved, state):
    for name, values in (("a", {}), ("b", {"expected_usd_month": 5000}), ("c", {"filters": {}})):
        ACTIONS.save(state, name, promise(name=name, **values))
    ACTIONS.save(state, "open", promise(name="open", status="open"))
    found = ledger_of_promises(halved, state)
    counted = score(found)
    assert (counted["kept"], counted["missed"], counted["not_told"], counted["within_noise"]) == (1, 1, 1, 0)
    assert counted["promised_usd_month"] == 5500 and "Of 3 promises acted on: 1 kept" in score_sentence(found)
    assert waiting(state) == 1 and score_sentence(found, 1).endswith("; 1 open.")
    assert score_sentence([], 1) == "Nothing that was promised is done yet: 1 open."


def test_the_command_keeps_and_scores(halved, capsys):
    words = ("--home", halved.home, "--json")
    keep = ("--keep", "shorter", "--usd-month", 500, "--filter", "team=search", "--done", DONE)
    assert run(promise_command, "promises", *words, *keep) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["promises"][0]["verdict"] == "kept" and found["score"]["kept"] == 1
    assert run(promise_command, "promises", *words, "--keep", "x") == 1
    assert "--usd-month" in capsys.readouterr().err


def test_nothing_done_comes_out_as_noise(sample_home):
    ledger = Ledger.open(sample_home)
    found = placebos(ledger.at(ledger.snapshot()), 20)
    ledger.close()
    assert sum(one.verdict == "within noise" for one in found) >= 18
