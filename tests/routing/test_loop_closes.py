"""The whole loop with a real model: a mix of the log, its policy, the lab, the verdict, measured facts, the mix again.

Eight logged questions under two policies: 48 real calls of a dozen tokens, a quarter of a minute of one core.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest

from analytics.scope import Scope
from data.facts.models import current, save_edit
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.state import State
from routing.calling.declarations import saved_providers
from routing.local_models import GREEDY, VOTE, missing
from routing.policies.saved_policies import POLICIES
from routing.policies.text import read_policy
from routing.runs.engine import execute
from routing.runs.ledger_tasks import sampled_tasks
from routing.runs.measured_facts import save_measured
from routing.runs.predictions import predictions
from routing.runs.results import summary
from routing.runs.run_command import build_spec
from routing.runs.store import create_run
from simulations.mixes.as_policy import as_policy
from simulations.mixes.optimise import Demands, Solution, mean_quality, optimise, total_cost
from simulations.mixes.problem_from_log import Programme, programme
from simulations.replay.repricing import Market
from tests.routing.test_local_models import served  # noqa: F401
from tests.simulations.ledgers import ledger_of

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.timeout(900),
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]
STATED = 0.6
USD_PER_MTOK = {GREEDY: 0.03, VOTE: 0.15}
CAPITALS = {
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Japan": "Tokyo",
    "Egypt": "Cairo",
    "Peru": "Lima",
    "Norway": "Oslo",
    "Kenya": "Nairobi",
}


@pytest.fixture
def log(home) -> Ledger:
    """Questions that the dear tier answered, with their texts."""
    row = {"provider": "self", "host": "self", "model": VOTE, "model_raw": VOTE, "fresh_input_tokens": 40}
    usd = 1040 * Decimal(str(USD_PER_MTOK[VOTE])) / 10**6
    row |= {"output_tokens": 1000, "cost_usd": usd, "list_cost_usd": usd}
    ledger = ledger_of(home, [row] * len(CAPITALS))
    with ledger.write() as cursor:
        for number, (country, city) in enumerate(CAPITALS.items()):
            asked, said = f"What is the capital of {country}?", f"The capital of {country} is {city}."
            cursor.execute("INSERT INTO lake.main.texts VALUES (?, ?, ?)", [f"e{number}", asked, said])
    return ledger.at(ledger.snapshot())


def cheapest_mix(log: Ledger, state: State, scale: str | None = None) -> tuple[Programme, Solution, float]:
    """The cheapest mix of both tiers that keeps today's quality, and that quality."""
    market = Market(PriceBook.load(state), current(state), datetime.fromisoformat("2026-11-20"))
    made = programme(log, Scope.of(log), market, (GREEDY,), scale=scale)
    today = mean_quality(made.problem, made.current_shares)
    assert today is not None
    answer = optimise(made.problem, Demands(quality_floor=today))
    assert isinstance(answer, Solution)
    return made, answer, today


def test_the_loop_closes_and_its_numbers_move_for_a_stated_reason(log, state, served):  # noqa: F811
    for model, usd in USD_PER_MTOK.items():
        said = {
            "scale": "what people say",
            "value": STATED,
            "tier": "stated",
            "source": "a guess",
            "date": "2026-11-01",
        }
        terms = {"hosting": ["self"], "open_weights": True, "self_hosted": {"usd_per_mtok": usd}, "quality": [said]}
        save_edit(state, model, terms)

    # Mix: as good as the dear tier by what people say, for a fifth of its dollars.
    made, mix, quality = cheapest_mix(log, state)
    assert made.scale and (made.scale.tier, quality) == ("stated", pytest.approx(STATED))
    dear_usd = total_cost(made.problem, made.current_shares)
    assert mix.cost_usd == pytest.approx(dear_usd / 5)

    # Policy: one rule says it.
    policy = as_policy(made, mix.shares, current(state), "the mix").policy
    POLICIES.save(state, "the mix", policy)
    assert len(policy.rules) == 1 and policy.rules[0].use == GREEDY

    # Lab: the logged questions under today's models and under the policy, with what the mix predicts.
    tasks = sampled_tasks(log, len(CAPITALS), max_tokens=12)
    today = read_policy("name: as it is\nrules: [{when: {}, use: current}]")
    spec = build_spec(
        [today, policy], tasks, saved_providers(state), max_usd="0.05", predicted={"the mix": {"quality": STATED}}
    )
    run_id = create_run(state, "the loop", spec, "tester")
    execute(state, run_id)

    # Verdict.
    found = summary(state, run_id)
    assert found["done"] == 2 * len(CAPITALS) and found["audit_ok"] and found["verdict"]
    passed = {name: found["by_policy"][name]["quality"] for name in ("as it is", "the mix")}
    assert passed["the mix"] > 0 and set(found["by_model"]) == {GREEDY, VOTE}
    assert found["by_policy"]["the mix"]["cost_usd"] < found["by_policy"]["as it is"]["cost_usd"]
    tried = predictions(state)[0]
    assert (tried.policy, tried.said_quality, tried.quality) == ("the mix", STATED, passed["the mix"])

    # Measured facts.
    kept = save_measured(state, run_id)
    measured = {model: next(s for s in scores if s.task == "overall") for model, scores in kept.items()}
    assert {model: score.value for model, score in measured.items()} == {
        VOTE: passed["as it is"],
        GREEDY: passed["the mix"],
    }

    # Mix again: quality is what was measured here, and where the cheap tier falls short the work stays where it is.
    again, mix_again, quality_again = cheapest_mix(log, state, measured[VOTE].scale)
    assert again.scale and again.scale.tier == "measured" and run_id in again.scale.source
    assert quality_again == pytest.approx(measured[VOTE].value) and quality_again != pytest.approx(STATED)
    good_enough = measured[GREEDY].value >= measured[VOTE].value
    assert mix_again.cost_usd == pytest.approx(dear_usd / 5 if good_enough else dear_usd)
    print(found["verdict"], measured, f"${mix.cost_usd:.6f} a year, then ${mix_again.cost_usd:.6f}", sep="\n")
    cheap = again.problem.models.index(GREEDY)
    assert np.allclose(mix_again.shares[:, cheap], float(good_enough))
    assert mix_again.quality == pytest.approx(max(measured[GREEDY].value, measured[VOTE].value))
