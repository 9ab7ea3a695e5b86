"""Gates of --fail-on: 3 where one is shut, 4 where nobody can tell, and what cannot be told never passes."""

from __future__ import annotations

from datetime import date, timedelta
from shutil import copytree

import pytest

from analytics import spend
from analytics.anomalies import anomalies_command
from analytics.budgets import budgets
from analytics.gates import SHUT, UNTOLD, GateShut, Verdict, judge
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import day_rows, days, ledger_of

FIRST, LAST = date(2026, 9, 1), date(2026, 11, 20)


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """$10 a day for eleven weeks, every row priced."""
    folder = tmp_path_factory.mktemp("calm")
    rows = [row for day in days(FIRST, LAST) for row in day_rows(day, hours=[1, 23.9], usd=5)]
    return ledger_of(folder, rows).home


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    """As calm, but $200 on the last whole day, and an unpriced row."""
    folder = tmp_path_factory.mktemp("wild")
    rows = [row for day in days(FIRST, LAST) for row in day_rows(day, hours=[1, 23.9], usd=5)]
    rows += day_rows(LAST - timedelta(days=1), hours=[3], usd=190)
    rows += day_rows(LAST, hours=[4], usd=None)
    return ledger_of(folder, rows).home


@pytest.mark.parametrize(
    ("module", "words", "on_calm", "on_wild"),
    [
        (anomalies_command, ["anomalies", "--fail-on", "anomaly"], 0, SHUT),
        (spend, ["spend", "--fail-on", "caveat"], 0, 0),
        (spend, ["spend", "--fail-on", "caveat, unpriced"], 0, SHUT),
        (spend, ["spend", "--from", "2026-01-01", "--to", "2026-01-02", "--fail-on", "unpriced"], UNTOLD, UNTOLD),
        (spend, ["spend", "--from", "2026-01-01", "--to", "2026-01-02", "--fail-on", "caveat"], UNTOLD, UNTOLD),
        (spend, ["spend"], 0, 0),
    ],
)
def test_codes(calm, wild, module, words, on_calm, on_wild, capsys):
    assert (run(module, *words, "--home", calm), run(module, *words, "--home", wild)) == (on_calm, on_wild)
    assert bool(capsys.readouterr().err) == bool(on_calm or on_wild)


def test_without_a_budget_nobody_can_tell(calm, capsys):
    assert run(budgets, "budgets", "--fail-on", "over", "--home", calm) == UNTOLD
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("amount", "codes"),
    [
        (1000, {"over,forecast-over": 0}),
        (250, {"over": 0, "over,forecast-over": SHUT}),
        (100, {"over": SHUT, "forecast-over": SHUT}),
    ],
)
def test_budgets(tmp_path, calm, amount, codes, capsys):
    """By 20 November $200 of a month of $300 is spent."""
    home = copytree(calm, tmp_path / "own")
    assert run(budgets, "budgets", "--set", f"company={amount}", "--home", home) == 0
    for gates, code in codes.items():
        capsys.readouterr()
        assert run(budgets, "budgets", "--fail-on", gates, "--json", "--home", home) == code
        told = capsys.readouterr()
        assert '"budgets"' in told.out
        assert ("company" in told.err) == (code == SHUT)


def test_a_young_log_has_no_forecast_and_no_anomaly(tmp_path, capsys):
    rows = day_rows(date(2026, 11, 18), hours=[1], usd=5) + day_rows(date(2026, 11, 19), hours=[1], usd=5)
    home = ledger_of(tmp_path / "young", rows).home
    assert run(budgets, "budgets", "--set", "company=5000", "--home", home) == 0
    assert run(anomalies_command, "anomalies", "--fail-on", "anomaly", "--home", home) == UNTOLD
    assert "can be told" in capsys.readouterr().err


def test_a_gate_of_another_command_is_wrong_usage(calm):
    with pytest.raises(SystemExit) as stopped:
        run(spend, "spend", "--fail-on", "anomaly", "--home", calm)
    assert stopped.value.code == 2


def test_what_is_shut_goes_before_what_is_untold():
    gates = {"a": lambda: Verdict(untold="not told."), "b": lambda: Verdict(shut="shut."), "c": lambda: Verdict()}
    judge(("c",), gates)
    for asked, code, said in ((("a",), UNTOLD, "not told."), (("a", "b"), SHUT, "shut."), (("b", "c"), SHUT, "shut.")):
        with pytest.raises(GateShut) as stopped:
            judge(asked, gates)
        assert (stopped.value.code, str(stopped.value)) == (code, said)
