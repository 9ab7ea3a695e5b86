"""Forecasts of teams add up to the company's, and work of some days only is forecast as that."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from analytics.forecasts import calendar_days, forecast_model
from analytics.forecasts.outlook import months, next_month, outlook_of
from analytics.known_spend import Company, known_spend, of_series
from analytics.scope import Scope
from tests.analytics import planted

UNTIL = date(2026, 7, 24)
WEEK = np.array([1.1, 1.15, 1.1, 1.05, 1.0, 0.35, 0.25])
GROWTH = {"calm": 0.0, "growing": 0.003, "ending": -0.002}


def series(values) -> pd.Series:
    return pd.Series(np.asarray(values, dtype=float), index=pd.date_range("2026-01-05", periods=len(values)))


def team(seed: int, growth: float = 0.0, days: int = 200) -> pd.Series:
    rng, day = np.random.default_rng(seed), np.arange(days)
    return series(100 * np.exp(growth * day) * WEEK[day % 7] * np.exp(rng.normal(0, 0.2, days)))


@pytest.fixture(scope="module")
def teams() -> pd.DataFrame:
    return pd.DataFrame({name: team(seed, growth) for seed, (name, growth) in enumerate(GROWTH.items())})


def spend_of(teams: pd.DataFrame, *asked: str):
    own = of_series(teams[list(asked)].sum(axis=1))
    return own._replace(company=Company(teams.sum(axis=1), teams, asked))


@pytest.mark.heavy
def test_the_teams_p50s_add_up_to_the_companys_every_month(teams):
    """Methods 14: they came to 99.1 % of it this month and to 95.9 % in the twelfth."""
    whole = months(teams.sum(axis=1), UNTIL, 12)["p50"]
    alone = sum(months(teams[name], UNTIL, 12)["p50"] for name in teams)
    assert abs(alone / whole - 1).max() > 0.02  # what there was to reconcile
    apart = sum(months(spend_of(teams, name), UNTIL, 12)["p50"] for name in teams)
    assert apart.to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-9)
    two = months(spend_of(teams, "calm", "growing"), UNTIL, 12)["p50"]
    assert (two + months(spend_of(teams, "ending"), UNTIL, 12)["p50"]).to_numpy() == pytest.approx(whole, rel=1e-9)


def test_what_a_team_has_spent_and_its_range_stay_its_own(teams):
    plain = outlook_of(teams["growing"], UNTIL, date(2026, 7, 1), date(2026, 8, 1))
    told = outlook_of(spend_of(teams, "growing"), UNTIL, date(2026, 7, 1), date(2026, 8, 1))
    assert told.actual_usd == plain.actual_usd and told.deviation == pytest.approx(plain.deviation)
    assert told.p50 != plain.p50


def test_a_company_without_spend_ahead_leaves_its_teams_alone(teams):
    nothing = teams * 0.0
    quiet = of_series(teams["calm"])._replace(company=Company(nothing.sum(axis=1), nothing, ("calm",)))
    plain = months(teams["calm"], UNTIL, 3)["p50"].to_numpy()
    assert months(quiet, UNTIL, 3)["p50"].to_numpy() == pytest.approx(plain)


@pytest.fixture(scope="module")
def planted_view(tmp_path_factory):
    ledger = planted.build(tmp_path_factory.mktemp("teams") / "home", days=70)
    yield ledger.at(ledger.snapshot())
    ledger.close()


@pytest.mark.heavy
def test_the_ledgers_teams_add_up_under_any_other_filter(planted_view):
    for filters in ({}, {"provider": "openai"}):
        whole = known_spend(planted_view, Scope.of(planted_view, **filters))
        assert whole.company is None
        names = ("search", "legal", "support")
        parts = [known_spend(planted_view, Scope.of(planted_view, team=name, **filters)) for name in names]
        start = planted.END.replace(day=1)
        for _ in range(3):
            told = [outlook_of(one, planted.END, start, next_month(start)).p50 or 0.0 for one in parts]
            right = outlook_of(whole, planted.END, start, next_month(start)).p50
            assert sum(told) == pytest.approx(right, rel=0.01), filters
            start = next_month(start)
    rest = known_spend(planted_view, Scope.of(planted_view).excluding("team", "search"))
    assert set(rest.company.asked) == set(rest.company.teams) - {"search"}


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_work_of_some_days_only_is_forecast_as_that(share):
    """A team with spend on seven days of ten was forecast at a third of it, one of three of ten at a tenth."""
    said = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        spend = series((rng.random(300) < share) * rng.lognormal(0, 0.8, 300))
        said.append(forecast_model.fit(spend).total(28).p50 / (28 * share * np.exp(0.32)))
    assert 0.75 <= np.median(said) <= 1.15


def test_work_that_is_over_is_not_forecast():
    gone = team(3)
    gone.iloc[-15:] = 0.0
    assert forecast_model.fit(gone).total(28).p50 == 0
    paused = team(3)
    paused.iloc[-5:] = 0.0
    assert forecast_model.fit(paused).total(28).p50 > 0.3 * forecast_model.fit(team(3)).total(28).p50


def test_an_empty_turn_of_the_year_gives_no_factor():
    """A series mostly without spend beside the New Year was forecast at four thousand million times its level."""
    days = np.arange("2025-10-01", "2026-07-01", dtype="datetime64[D]")
    rng = np.random.default_rng(1)
    flat = np.where(calendar_days.positions(days)["year end"], 2.0, (rng.random(len(days)) < 0.4) * 2.0)
    assert "year end" not in calendar_days.learn_factors(days, flat)
    assert calendar_days.learn_factors(days, np.where(flat > 0, flat, 1.0))["year end"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("spends", "share"),
    [
        ([1] * 56, 1.0),
        ([0] * 56, 0.0),
        ([1] * 42 + [0] * 14, 0.0),  # certain to be over
        ([0, 1] * 28, 0.5),
        ([0, 1] * 21 + [0] * 13, 0.25),  # thirteen days are no end yet
    ],
)
def test_how_many_days_have_spend(spends, share):
    found = forecast_model.active_share(np.array(spends, dtype=float), np.ones(len(spends)))
    assert found == pytest.approx(share, abs=0.05)
