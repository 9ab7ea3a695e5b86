"""The policy in force: what the company holds now, which every what-if starts under and every advice keeps to.

One policy at a time may be marked, by the name it is saved or shipped under; marking and lifting are audited.
Until one is, advice keeps to the constraints that ship with Baton (`SHIPPED`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from data.documents import Documents
from data.errors import BadInput
from data.facts.models import ModelFacts, current
from data.state import State
from routing.policies.choice import Candidate, first_refusal, logged_hosting
from routing.policies.conditions import applies
from routing.policies.policy import SERVICE_LIMITS, Policy
from routing.policies.saved_policies import known_policies
from routing.policies.text import read_policy_file

READS = ("policy", "in_force", "model_fact")  # kinds of document that `forbidden` depends on
SHIPPED = Path(__file__).parent / "shipped_constraint.yaml"
THE_ONE = "policy"  # the name of the only document of its kind


class InForce(BaseModel):
    """Which policy is in force, and who may lift it, in words."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    policy: str = Field(min_length=1)
    lifted_by: str = ""


IN_FORCE = Documents("in_force", InForce)


def in_force(state: State) -> Policy | None:
    """The policy in force; None when there is none. BadInput when the marked one is not saved any more."""
    marked = IN_FORCE.get(state, THE_ONE)
    if marked is None:
        return None
    known = known_policies(state)
    if marked.policy not in known:
        raise BadInput(
            f"The policy in force, “{marked.policy}”, is not saved any more; save it again, or mark another with "
            "`python -m routing policy in-force NAME` (`none` lifts it)."
        )
    return known[marked.policy]


def marked_name(state: State) -> str | None:
    """The name of the policy in force, whether it is still saved or not; None when none is marked."""
    marked = IN_FORCE.get(state, THE_ONE)
    return marked.policy if marked else None


def who_may_lift(state: State) -> str:
    """Who may lift the policy in force, in words; "" when nobody said."""
    marked = IN_FORCE.get(state, THE_ONE)
    return marked.lifted_by if marked else ""


def mark(state: State, name: str | None, lifted_by: str = "") -> Policy | None:
    """Put a policy in force in place of the one before, or none; BadInput for a name nobody knows."""
    if name is None:
        IN_FORCE.forget(state, THE_ONE)
        return None
    known = known_policies(state)
    if name not in known:
        raise BadInput(f"There is no policy “{name}”; use one of: {', '.join(known)}.")
    IN_FORCE.save(state, THE_ONE, InForce(policy=name, lifted_by=lifted_by))
    return known[name]


def policy_for_advice(state: State) -> Policy:
    """What advice keeps to: the policy in force, else the constraints that ship with Baton."""
    return in_force(state) or shipped_constraints()


def under(state: State, policy: Policy) -> Policy:
    """A policy to run live, with the constraints and the limits of the one in force beside its own: no trial breaks
    those. Of two limits the lower one counts.
    """
    held = in_force(state)
    if held is None:
        return policy
    more = [c for c in held.constraints if c not in policy.constraints]
    lower = {
        name: limit
        for name in SERVICE_LIMITS
        if (limit := getattr(held.limits, name)) is not None
        and ((own := getattr(policy.limits, name)) is None or limit < own)
    }
    if not more and not lower:
        return policy
    limits = policy.limits.model_copy(update=lower)
    return policy.model_copy(update={"constraints": (*policy.constraints, *more), "limits": limits})


@lru_cache(maxsize=1)
def shipped_constraints() -> Policy:
    """Customer and regulated data where their terms fit; anything else anywhere."""
    return read_policy_file(SHIPPED)


def forbidden(state: State) -> Callable[[str, str, Mapping[str, Any]], str | None]:
    """`forbidden(provider, model, request)`: why the policy kept to refuses it there, or None.

    `request` holds dimensions such as data_class and team. The provider decides the hosting, so the same
    model at its maker and at a third party are judged apart.
    """
    return judge(policy_for_advice(state), current(state))


def judge(policy: Policy, facts: Mapping[str, ModelFacts]) -> Callable[[str, str, Mapping[str, Any]], str | None]:
    """As `forbidden`, for one policy and these facts of models."""
    asked = sorted({name for constraint in policy.constraints for name in constraint.when})

    @lru_cache(maxsize=100_000)
    def answer(provider: str, model: str, request: tuple[Any, ...]) -> str | None:
        attributes = dict(zip(asked, request, strict=True))
        holding = [constraint for constraint in policy.constraints if applies(constraint.when, attributes)]
        known = facts.get(model)
        where = Candidate(model, known.name if known else model, logged_hosting({"provider": provider}, known))
        return first_refusal(where, holding, {}, facts)

    def forbidden_there(provider: str, model: str, request: Mapping[str, Any]) -> str | None:
        own = {**request, "provider": provider, "model": model}
        return answer(provider, model, tuple(own.get(name) for name in asked))

    return forbidden_there
