"""From the log to the optimiser and back to a mix a board can read."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from analytics import coverage
from analytics.periods import ROLLING
from analytics.scope import Scope
from data.errors import BadInput, NoData
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from routing.policies.text import examples
from simulations.evaluation_plan import checklist, letter
from simulations.mixes.board_page import board_page
from simulations.mixes.constraint_words import words
from simulations.mixes.from_log import current_mix, log_scenario, mix_of, with_shares
from simulations.mixes.mix import MixScenario, simulate_mix
from simulations.mixes.optimise import Demands, Infeasible, optimise, total_cost
from simulations.mixes.problem_from_log import MOST_SEGMENTS, programme
from simulations.replay.repricing import Market
from simulations.scenario import read_scenario
from simulations.triage import TriageScenario, triage
from tests.simulations.ledgers import START, ledger_of, random_ledger

MARKET = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20"))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    ledger = random_ledger(tmp_path_factory.mktemp("random"), 4000)
    return ledger.at(ledger.snapshot())


@pytest.fixture(scope="module")
def made(log):
    return programme(log, Scope.of(log), MARKET, ["claude-opus-4-6"], policy=examples()["no_chinese_api"])


def test_todays_mix_costs_what_was_logged(log, made):
    logged = log.sql(
        f"SELECT sum(cost_usd) AS usd FROM {log.name('usage')} WHERE cost_usd IS NOT NULL AND status = 'success'"
    ).iloc[0, 0]
    assert total_cost(made.problem, made.current_shares) / made.yearly == pytest.approx(float(logged))
    assert len(made.segments) <= 2 * MOST_SEGMENTS and made.scale.name == "stated"
    assert {"kept", "unpriced", "unmetered"} == set(made.excluded)


def test_thirty_days_of_log_are_one_year_behind_every_period(tmp_path):
    """$2 a day for 30 days: $730 a year by 7 days, 28, 90, 12 months and all; by 12 months it was $60."""
    rows = [
        {"requested_at": START + timedelta(days=day, hours=hour), "cost_usd": Decimal("0.5")}
        for day in range(30)
        for hour in (0, 9, 14, 23)
    ]
    view = ledger_of(tmp_path, rows)
    made = {days: programme(view, coverage.window(view, days), MARKET) for days in (*ROLLING.values(), None)}
    assert len(made) == 5
    for days, one in made.items():
        assert total_cost(one.problem, one.current_shares) == pytest.approx(2 * 365, rel=0.01), days


def test_putting_the_tail_together_changes_no_total(log, made, monkeypatch):
    monkeypatch.setattr("simulations.mixes.problem_from_log.MOST_SEGMENTS", 10**9)
    whole = programme(log, Scope.of(log), MARKET, ["claude-opus-4-6"], policy=examples()["no_chinese_api"])
    assert len(whole.segments) > len(made.segments)
    for single in range(len(whole.problem.models)):
        assert np.nansum(whole.problem.cost_usd[:, single]) == pytest.approx(
            np.nansum(made.problem.cost_usd[:, single])
        )
    best, merged = (optimise(p.problem, Demands(quality_floor=0.93)) for p in (whole, made))
    assert best.cost_usd <= merged.cost_usd * (1 + 1e-9) and merged.cost_usd <= best.cost_usd * 1.02


def test_constraints_take_models_away_and_their_price_is_known(made):
    answer = optimise(made.problem, Demands(quality_floor=0.9))
    chinese = [i for i, origin in enumerate(made.problem.origins) if origin == "CN"]
    customer = made.segments["data_class"].isin(["customer", "regulated"]).to_numpy()
    assert (answer.shares[np.ix_(customer, chinese)] == 0).all()
    (name,) = made.lifted
    assert name == "origin CN with hosting api, cloud or host is forbidden for data class customer or regulated"
    assert made.lifted[name][np.ix_(customer, chinese)].any()
    assert words(examples()["orchestrator"].constraints[0]) == name


def test_a_mix_by_hand_gives_way_where_it_may_not_go(made):
    shares = with_shares(made, {"deepseek-v3.2": 1.0})
    customer = made.segments["data_class"].isin(["customer", "regulated"]).to_numpy()
    column = made.problem.models.index("deepseek-v3.2")
    assert shares.sum(1) == pytest.approx(np.ones(len(shares)))
    open_ = made.problem.allowed[:, column]
    assert open_.any() and not (open_ & customer & (made.problem.current != column)).any()
    assert (shares[open_, column] == 1).all() and (shares[~open_ & (made.problem.current != column), column] == 0).all()
    tasks = with_shares(made, {"gpt-5.2": 1.0}, {"coding": {"claude-opus-4-6": 1.0}})
    coding = made.segments["task_type"].eq("coding").to_numpy()
    assert tasks[coding, made.problem.models.index("claude-opus-4-6")].min() == 1
    assert sum(current_mix(made).values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"gpt-5.2": 0.5}, "sum to 0.5"),
        ({"nobody": 1.0}, "`nobody` is not in this simulation"),
        ({"gpt-5.2": 2.0, "minimax-m2": -1.0}, "negative"),
    ],
)
def test_shares_that_make_no_mix_are_refused(made, shares, said):
    with pytest.raises(BadInput, match=said):
        with_shares(made, shares)


def test_a_scenario_from_the_log_stands_on_its_own(made):
    answer = optimise(made.problem, Demands(quality_floor=0.93))
    scenario = log_scenario(made, answer.shares, MARKET, "cheapest", "test")
    result = simulate_mix(scenario, shipped_catalog())
    assert result["proposed"]["annual_cost_usd"] == pytest.approx(answer.cost_usd, rel=1e-6)
    assert result["baseline"]["annual_cost_usd"] == pytest.approx(total_cost(made.problem, made.current_shares))
    low, high = scenario.assumptions.verbosity
    assert 0.5 <= low < 1 < high <= 2  # on output dollars: as wide as the models' own range
    assert all(0 < e.output_share < 1 for e in scenario.proposed.models if e.output_share is not None)
    assert sum(e.share for e in mix_of(made, answer.shares).models) == pytest.approx(1)


def test_the_board_page_is_one_safe_file():
    scenario = read_scenario("cto_question", MixScenario, "mix").model_copy(
        update={"name": "<script>alert(1)</script>"}
    )
    page = board_page(simulate_mix(scenario, shipped_catalog()), "data version 7")
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    assert "$220,000" in page and "92.65%" in page and "data version 7" in page
    assert "http://" not in page and "https://" not in page


def test_the_clock_and_the_letter_of_the_triage():
    result = triage(read_scenario("new_model", TriageScenario, "triage"))
    started = datetime.fromisoformat("2026-02-09T06:00:00")
    steps = checklist(started, result["decision"])
    assert (
        steps[0].start == started
        and steps[1].end.hour == 12
        and steps[-1].end == datetime.fromisoformat("2026-02-11T06:00:00")
    )
    assert len(checklist(started, "SKIP")) == 2
    text = letter(result, "gpt-5.2", "claude-opus-4-6", steps[-1].end)
    assert "saves $85,000 a year" in text and "+3.0%" in text and "Wednesday" in text


def test_a_log_that_cannot_be_priced_is_said(tmp_path):
    ledger = ledger_of(tmp_path, [{"cost_usd": None}] * 10)
    view = ledger.at(ledger.snapshot())
    with pytest.raises(NoData, match="needs both"):
        programme(view, Scope.of(view), MARKET)


def test_unknown_targets_and_scales_are_refused(log):
    with pytest.raises(BadInput, match="no known model; did you mean"):
        programme(log, Scope.of(log), MARKET, ["claude-opus-46"])
    with pytest.raises(BadInput, match="no quality scale `vibes`"):
        programme(log, Scope.of(log), MARKET, scale="vibes")


def test_what_ran_may_go_on_though_the_catalogue_doubts_its_window(tmp_path):
    ledger = ledger_of(
        tmp_path,
        [{"model": "deepseek-v3.2", "provider": "deepseek", "fresh_input_tokens": 200_000, "cost_usd": Decimal("0.05")}]
        * 3,
    )
    view = ledger.at(ledger.snapshot())
    task = programme(view, Scope.of(view), MARKET).problem
    assert not isinstance(optimise(task, Demands()), Infeasible)
