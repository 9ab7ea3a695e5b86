"""A rollout: a policy takes over from another in stages, each with its size, its guardrails and its way back.

The gateway's log says which policy answered a request: by default the tag `model_group`, which starts with
`candidate/` or `control/` in the config that Baton writes for a stage. Everything a stage is judged by is stated here
before it begins.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import AwareDatetime, Field, model_validator

from data.calendar import DAYS_PER_YEAR
from data.documents import Documents
from routing.grading.statistics import requests_for_margin
from routing.policies.conditions import Part, Share

CANDIDATE, CONTROL = "candidate/", "control/"
ARM_KEY = "model_group"
LOOKS = (0.25, 0.5, 1.0, 2.0)  # of a stage's requests: when it is judged; twice as many are its last chance
LEAST = 20  # requests of a stage
FEWEST_FAILURES = 0.005  # the share a plan counts on, where fewer fail
LATE = 0.05  # of the control's answers come later than its P95


class RolloutGuardrails(Part):
    """How much worse than the policy it replaces the candidate may be; None watches nothing.

    Every one that is named must be shown before a stage goes on, and a breach of it that is shown rolls back.
    """

    errors_points: float | None = Field(0.01, ge=0, lt=1)
    """requests that fail, as a difference of shares"""
    cost_ratio: float | None = Field(1.10, gt=0, allow_inf_nan=False)
    """mean cost of a request, over the control's"""
    slow_points: float | None = Field(0.03, ge=0, lt=1)
    """answers later than the control's P95, as a difference of shares: 0 keeps the P95 where it is"""
    quality_points: float | None = Field(0.05, ge=0, lt=1)
    """mean quality score where the log carries one, as a difference: the non-inferiority margin"""

    @property
    def named(self) -> dict[str, float]:
        """The guardrails that are watched."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class Stage(Part):
    """A share of the traffic for at least so many requests of the candidate and so many days. Share 0 is a shadow: the
    candidate is asked beside the control and its answers are not used.
    """

    share: Share
    requests: int = Field(ge=LEAST, le=10_000_000)
    days: float = Field(1.0, ge=0, le=DAYS_PER_YEAR)

    @property
    def name(self) -> str:
        """Shadow, or the share."""
        return "shadow" if self.share == 0 else f"{100 * self.share:g} %"


class Rollout(Part):
    """`candidate` takes over from `control`, both names of policies. `stage` counts from 0, `since` is when it began
    (UTC); None before the first begins; `stayed` is the policy that answers once it has ended. `level` bounds the odds
    of a false alarm over the whole plan.
    """

    control: str = Field(min_length=1)
    candidate: str = Field(min_length=1)
    stages: tuple[Stage, ...] = Field(min_length=1)
    guardrails: RolloutGuardrails = RolloutGuardrails()
    level: float = Field(0.05, gt=0, le=0.2)
    arm_key: str = Field(ARM_KEY, min_length=1, max_length=80)
    known_share: Share = 0.95
    stale_hours: float = Field(24.0, gt=0)
    stage: int = Field(0, ge=0)
    since: AwareDatetime | None = None
    ended: str = ""
    stayed: str = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Rollout:
        if self.control == self.candidate:
            raise ValueError("a policy cannot take over from itself")
        if self.stage >= len(self.stages):
            raise ValueError(f"there is no stage {self.stage + 1}; the plan has {len(self.stages)}")
        if not self.guardrails.named:
            raise ValueError("without a guardrail nothing would ever stop it; name at least one")
        shares = [stage.share for stage in self.stages]
        if shares != sorted(shares):
            raise ValueError("the shares of the stages must grow")
        return self

    @property
    def now(self) -> Stage:
        """The stage it is in."""
        return self.stages[self.stage]

    @property
    def level_of_a_look(self) -> float:
        """One-sided odds of a false alarm at one look at one guardrail: the plan's, divided by all of them."""
        return self.level / (len(self.stages) * len(LOOKS) * len(self.guardrails.named))


ROLLOUTS = Documents("rollout", Rollout)  # by their names


class Traffic(NamedTuple):
    """The requests that a rollout will be judged by, as they were before it: the share that fails; the spread
    (standard deviation) of a request's cost over its mean, and of its quality score; None where the log has none.
    """

    failing: float
    cost_spread: float | None = None
    score_spread: float | None = None


def usual_plan(
    control: str,
    candidate: str,
    traffic: Traffic,
    *,
    shares: tuple[float, ...] = (0.05, 0.25, 0.5),
    rails: RolloutGuardrails | None = None,
) -> Rollout:
    """A plan whose stages are as long as the slowest of its guardrails takes on this traffic; quality is watched where
    the log has scores. BadInput where it makes no sense.
    """
    rails = rails or RolloutGuardrails(**({} if traffic.score_spread is not None else {"quality_points": None}))
    body = {"control": control, "candidate": candidate, "guardrails": rails.model_dump()}
    blank = ROLLOUTS.read("plan", {**body, "stages": [{"share": share, "requests": LEAST} for share in shares]})
    sized = (Stage(share=at, requests=max(requests_by_guardrail(blank, traffic, at).values())) for at in shares)
    return blank.model_copy(update={"stages": tuple(sized)})


def requests_by_guardrail(plan: Rollout, traffic: Traffic, share: float) -> dict[str, int]:
    """The candidate's requests that each guardrail takes in a stage of this share, at least `LEAST`.

    A margin that allows nothing is never shown between equals, nor is one on what the log does not say: the other
    guardrails then say how long.
    """
    control = (1 - share) / share if 0 < share < 1 else 1.0
    failing = max(traffic.failing, FEWEST_FAILURES)
    spread, times = traffic.cost_spread or 0.0, plan.guardrails.cost_ratio or 1.0
    watched = {  # variance, margin, times the control's
        "errors_points": (failing * (1 - failing), plan.guardrails.errors_points, 1.0),
        "slow_points": (LATE * (1 - LATE), plan.guardrails.slow_points, 1.0),
        "cost_ratio": (spread**2, max(times - 1, 0.0), times),
        "quality_points": ((traffic.score_spread or 0.0) ** 2, plan.guardrails.quality_points, 1.0),
    }
    level = plan.level_of_a_look
    return {
        rail: max(LEAST, requests_for_margin(variance, margin, control, level, ratio) if margin else LEAST)
        for rail, (variance, margin, ratio) in watched.items()
        if rail in plan.guardrails.named
    }
