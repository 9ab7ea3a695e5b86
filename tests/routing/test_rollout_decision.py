"""Go on, hold or roll back: the right word for better, worse, alike, missing, drifting; few false alarms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower

from data.errors import BadInput
from routing.grading.statistics import POWER, requests_for_margin
from routing.rollout.decision import GO_ON, HOLD, ROLL_BACK, Arm, Look, Seen, decide, judge
from routing.rollout.plan import (
    LOOKS,
    ROLLOUTS,
    Rollout,
    RolloutGuardrails,
    Stage,
    Traffic,
    requests_by_guardrail,
    usual_plan,
)

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
NOW = BEGAN + timedelta(days=3)
PLAN = Rollout(control="old", candidate="new", stages=(Stage(share=0.5, requests=4000),), since=BEGAN)


def arm(requests: int, *, failing: float = 0.02, usd: float = 0.01, late: float = 0.05, score: float = 0.9) -> Arm:
    answered = requests - round(failing * requests)
    cost = requests * usd
    return Arm(
        requests,
        requests - answered,
        requests,
        cost,
        2 * cost * usd,
        answered,
        round(late * answered),
        answered,
        answered * score,
        answered * score,
    )  # costs scatter as much as they are large; scores are 0 or 1


def seen(new: dict, old: dict | None = None, share: float = 1.0, **more: Any) -> Seen:
    sizes = [int(look * PLAN.now.requests) for look in LOOKS if look <= share]
    looks = [Look(arm(size, **new), arm(size, **(old or {}))) for size in sizes]
    said: dict[str, Any] = {
        "candidate": int(share * 4000),
        "control": int(share * 4000),
        "before": (200, 10_000),
        "last": NOW,
    }
    return Seen(looks, **{**said, **more})


@pytest.mark.parametrize(
    ("log", "word", "because"),
    [
        (seen({"failing": 0.01, "usd": 0.006, "late": 0.03, "score": 0.95}), GO_ON, "failures: 1.0% against 2.0%"),
        (seen({}), GO_ON, ", 1.00 times, allowed 1.10"),
        (seen({"failing": 0.08}, share=0.25), ROLL_BACK, "failures beyond the guardrail: 8.0% against 2.0%"),
        (seen({"usd": 0.02}), ROLL_BACK, "cost a request beyond the guardrail"),
        (seen({"late": 0.2}), ROLL_BACK, "slow answers beyond the guardrail"),
        (seen({"score": 0.7}), ROLL_BACK, "quality beyond the guardrail"),
        (seen({}, share=0.5), HOLD, "2,000 of 4,000 requests of the candidate so far"),
        (seen({}, share=0.1), HOLD, "400 of 4,000 requests"),
        (seen({"failing": 0.029}), HOLD, "failures not shown within the guardrail yet"),
        (seen({"failing": 0.029}, share=2.0), HOLD, "twice the planned requests did not show it"),
        (seen({}, last=NOW - timedelta(hours=30)), HOLD, "the log stops 30 hours ago"),
        (seen({}, last=None), HOLD, "no record"),
        (seen({}, candidate=0, share=0.0), HOLD, "the stage has no traffic"),
        (seen({}, control=0), HOLD, "no request of the control"),
        (seen({}, control=30_000), HOLD, "the arms are not split as planned"),
        (seen({"failing": 0.09}, {"failing": 0.09}), HOLD, "the control itself fails more than before"),
    ],
)
def test_the_word_and_its_reason(log, word, because):
    found = decide(PLAN, log, NOW)
    assert found.word == word and any(because in reason for reason in found.reasons), found


MISSING = {"priced": ("cost", "cost_squares"), "timed": ("late",), "graded": ("score", "score_squares")}


@given(st.sampled_from(list(MISSING)), st.sampled_from(["candidate", "control"]), st.floats(0, 0.9))
def test_missing_data_never_satisfies(kind, which, part):
    part = 0.0 if kind == "graded" else part
    look = Look(arm(4000), arm(4000))
    side = getattr(look, which)
    less = side._replace(
        **{name: type(getattr(side, name))(part * getattr(side, name)) for name in (kind, *MISSING[kind])}
    )
    found = decide(PLAN, seen({})._replace(looks=[look._replace(**{which: less})]), NOW)
    assert found.word == HOLD and any("only" in reason for reason in found.reasons)


def test_asking_again_changes_nothing_and_a_breach_stays_one():
    bad, good = Look(arm(1000, failing=0.1), arm(1000)), Look(arm(4000), arm(4000))
    assert decide(PLAN, seen({})._replace(looks=[bad, good]), NOW).word == ROLL_BACK
    assert decide(PLAN, seen({}), BEGAN + timedelta(hours=5)).reasons == ("0.2 of 1 days",)
    assert decide(PLAN.model_copy(update={"since": None}), seen({}), NOW).word == HOLD


def simulated(rng: np.random.Generator, sizes: list[int], shift: float) -> list[Look]:
    """Looks of two arms with lognormal costs and times; the candidate's are `shift` times the control's."""
    sides, n = [], sizes[-1]
    for factor in (shift, 1.0):
        sides.append(
            (
                rng.random(n) < 0.03 * factor,
                rng.lognormal(0, 1, n) * factor,
                rng.lognormal(0, 0.6, n) * factor,
                rng.random(n) < 1 - 0.1 * factor,
            )
        )
    looks = []
    for size in sizes:
        limit = np.quantile(sides[1][2][:size], 0.95)
        arms = []
        for failed, cost, wait, right in ((side[:size] for side in one) for one in sides):
            ok = int(right.sum())
            arms.append(
                Arm(
                    size,
                    int(failed.sum()),
                    size,
                    cost.sum(),
                    (cost**2).sum(),
                    size - int(failed.sum()),
                    int((wait[~failed] > limit).sum()),
                    size,
                    ok,
                    ok,
                )
            )
        looks.append(Look(*arms))
    return looks


@pytest.mark.heavy
def test_false_alarms_of_1000_equal_rollouts_stay_within_the_level_and_a_bad_one_is_caught():
    # No allowance at all: the worst case for a false alarm.
    tight = RolloutGuardrails(errors_points=0, cost_ratio=1, slow_points=0, quality_points=0)
    plan = Rollout(
        control="old", candidate="new", stages=(Stage(share=0.5, requests=400),), guardrails=tight, since=BEGAN
    )
    rng, sizes = np.random.default_rng(0), [100, 200, 400, 800]

    def alarms(shift: float, count: int) -> float:
        words = [
            decide(plan, Seen(simulated(rng, sizes, shift), 800, 800, (0, 0), NOW), NOW).word for _ in range(count)
        ]
        return words.count(ROLL_BACK) / count

    assert alarms(1.0, 1000) <= plan.level
    assert alarms(1.6, 40) > 0.9


def test_a_plan_is_as_long_as_its_slowest_guardrail_takes():
    alpha = 0.001
    by_hand = NormalIndPower().solve_power(
        0.01 / np.sqrt(0.02 * 0.98), alpha=alpha, power=POWER, ratio=3, alternative="larger"
    )
    assert requests_for_margin(0.02 * 0.98, 0.01, 3, alpha) == int(np.ceil(by_hand))
    plan = usual_plan("old", "new", Traffic(0.02))
    assert plan.guardrails.quality_points is None and [stage.share for stage in plan.stages] == [0.05, 0.25, 0.5]
    assert plan.stages[0].requests < plan.stages[2].requests and plan.level_of_a_look == pytest.approx(0.05 / 36)
    needed = requests_by_guardrail(plan, Traffic(0.02), 0.5)
    assert needed["errors_points"] == max(needed.values()) == plan.stages[2].requests
    # Costs that spread by 2.5 times their mean take longer than failures.
    spread = usual_plan("old", "new", Traffic(0.02, cost_spread=2.5))
    quantiles = 2.9914 + 0.8416  # of 1 - 0.05 / 36 and of 8 in 10
    assert spread.stages[2].requests == pytest.approx(quantiles**2 * 6.25 * (1 + 1.1**2) / 0.01, rel=1e-3)


def test_what_allows_nothing_and_what_the_log_does_not_say_make_no_stage_longer():
    strict = RolloutGuardrails(errors_points=0, cost_ratio=0.9, slow_points=None, quality_points=0.05)
    plan = usual_plan("old", "new", Traffic(0.3, cost_spread=4), rails=strict)
    assert [stage.requests for stage in plan.stages] == [20, 20, 20]
    graded = usual_plan("old", "new", Traffic(0.3, score_spread=0.5), rails=strict)
    assert graded.stages[0].requests > 1000


@pytest.mark.heavy
def test_equal_arms_of_a_planned_size_are_shown_to_cost_the_same_in_eight_of_ten():
    """Costs of a gamma law, whose spread over its mean is 1 / sqrt(shape)."""
    plan, rng = usual_plan("old", "new", Traffic(0.001, cost_spread=2.0)), np.random.default_rng(5)
    size = plan.stages[2].requests

    def arm_of(costs: np.ndarray) -> Arm:
        return Arm(size, 0, size, float(costs.sum()), float((costs**2).sum()))

    looks = [Look(*(arm_of(rng.gamma(0.25, 4.0, size)) for _ in range(2))) for _ in range(200)]
    held = sum(judge(plan, "cost_ratio", look, plan.level_of_a_look).state == "within" for look in looks)
    assert 0.72 <= held / 200 <= 0.88


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"candidate": "old"}, "cannot take over from itself"),
        ({"stages": [{"share": 0.5, "requests": 50}, {"share": 0.1, "requests": 50}]}, "must grow"),
        ({"stages": []}, "stages"),
        ({"stage": 4}, "no stage 5"),
        ({"guardrails": dict.fromkeys(RolloutGuardrails.model_fields)}, "nothing would ever stop it"),
        ({"level": 0.5}, "level"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_in_a_sentence(body, words):
    with pytest.raises(BadInput, match=words):
        ROLLOUTS.read("p", {**PLAN.model_dump(mode="json"), **body})
