"""A model that ended, or ends within a year, is never advised: in mixes, frontiers, routers and triage."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest

from analytics.scope import Scope
from data.errors import BadInput
from data.facts.models import current, save_edit
from data.prices.book import PriceBook
from data.prices.model_lives import ModelLives
from data.yaml_text import validate
from routing.policies.text import examples, read_policy
from simulations.mixes.from_log import with_shares
from simulations.mixes.frontier import frontier
from simulations.mixes.optimise import Demands, optimise
from simulations.mixes.problem_from_log import programme
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from simulations.replay.summary import summary
from simulations.replay.worth import SINGLE, worth
from simulations.triage import TriageScenario, triage
from tests.simulations.ledgers import random_ledger

AT = datetime.fromisoformat("2026-11-20")
CHEAP = "minimax-m2"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    ledger = random_ledger(tmp_path_factory.mktemp("random"), 2000)
    return ledger.at(ledger.snapshot())


def market(state, **ends: str) -> Market:
    """The price book of 20 November 2026, with the ends of models (written with _ for - and .) as given."""
    for name, day in ends.items():
        save_edit(
            state, name.replace("__", ".").replace("_", "-"), {"life": {"retires": day, "source": "t", "date": "2026"}}
        )
    return Market(PriceBook(), current(state), AT, None, ModelLives(state))


def test_an_end_within_a_year_is_known_by_day_and_word(state):
    known = market(state, minimax_m2="2026-11-20", claude_opus_4_6="2027-11-20", claude_opus_4_5="2027-11-21")
    assert known.ending(CHEAP) == "retired on 20 Nov 2026"
    assert known.ending("claude-opus-4-6") == "ends on 20 Nov 2027"  # 365 days ahead
    assert known.ending("claude-opus-4-5") == ""
    assert known.ending(f"{CHEAP}@self") == "" and known.ending(f"{CHEAP}@host") == "retired on 20 Nov 2026"
    assert known.end_of("deepseek-reasoner") == date(2026, 7, 24)  # from the shipped table


@pytest.mark.parametrize("end, gone", [("2027-06-01", True), ("2028-06-01", False)])
def test_no_mix_moves_work_to_it(log, state, end, gone):
    known = market(state, minimax_m2=end)
    made = programme(log, Scope.of(log), known, ["claude-opus-4-6"])
    task, column = made.problem, made.problem.models.index(CHEAP)
    elsewhere = task.current != column
    best = optimise(task, Demands(quality_floor=0.8))
    moved = float(best.shares[elsewhere, column].sum())
    assert (moved == 0) is gone and (made.ended == {CHEAP: "ends on 1 Jun 2027"}) is gone
    assert task.allowed[~elsewhere, column].all()  # what it has may stay in the figures
    if gone:
        assert not with_shares(made, {CHEAP: 1.0})[elsewhere, column].any()
        line = frontier(task, Demands(), 5)
        assert all(not point.by_segment[elsewhere, column].any() for point in line.points)
        assert CHEAP not in line.single_models
        assert all(not free[elsewhere, column].any() for free in (made.free, made.kept, *made.lifted.values()))
        assert all("ends on" in task.refusals[s, column] for s in np.flatnonzero(elsewhere)[:50].tolist())


def test_a_policy_that_names_it_is_told_so_and_is_not_beside_it(log, state):
    policy = read_policy(f"name: p\nrules: [{{when: {{task_type: [chat]}}, use: {CHEAP}}}]\nfallback: [gpt-5.2]")
    known, scope = market(state, minimax_m2="2027-01-01"), Scope.of(log)
    assert summary(replay(log, scope, policy, known), known)["ending"] == {CHEAP: "ends on 1 Jan 2027"}
    found = worth(log, scope, policy, known, {})
    assert CHEAP not in [way.name for way in found.ways if way.kind == SINGLE]


def test_no_shipped_policy_names_a_model_that_ends(state):
    known = market(state)
    named = {target for policy in examples().values() for target in policy.targets if target != "current"}
    assert {target: words for target in named if (words := known.ending(target))} == {}


def decided(**changes):
    body = {
        "kind": "triage",
        "name": "t",
        "current": {"model": "old", "annual_cost_usd": 400, "score": 0.9},
        "candidate": {"model": "new", "annual_cost_usd": 100, "score": 0.95, **changes.pop("candidate", {})},
        "requests_per_year": 1000,
        "samples": 100,
    }
    return triage(validate(TriageScenario, body | changes, {(): 1}, "t.yaml"))


@pytest.mark.parametrize(
    "retires, decision, reason",
    [
        ("2026-07-24", "SKIP", "end of life: new retired on 24 Jul 2026"),
        ("2027-11-20", "SKIP", "end of life: new ends on 20 Nov 2027, within a year"),
        ("2027-11-21", "EVALUATE", "announced to end on 21 Nov 2027, more than a year ahead"),
    ],
)
def test_triage_skips_what_ends(retires, decision, reason):
    said = decided(candidate={"retires": retires}, decided_on="2026-11-20")
    assert said["decision"] == decision and said["gates"][-1]["reason"] == reason


def test_an_end_without_the_day_of_the_decision_is_refused():
    with pytest.raises(BadInput, match="decided_on"):
        decided(candidate={"retires": "2027-01-01"})
