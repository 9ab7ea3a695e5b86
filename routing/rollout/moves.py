"""What people do with a rollout: begin it, go to the next stage, roll it back; all audited with who and why."""

from __future__ import annotations

from datetime import UTC, datetime

from data import people
from data.errors import BadInput, Refused
from data.state import State
from routing.rollout.decision import GO_ON, Decision
from routing.rollout.plan import ROLLOUTS, Rollout


def begin(state: State, name: str, plan: Rollout) -> Rollout:
    """The first stage begins now."""
    if plan.since is not None:
        raise BadInput(f"“{name}” has begun already, on {plan.since:%d %b %Y %H:%M} UTC.")
    return _moved(state, name, plan, "rollout begun", "", since=datetime.now(UTC))


def advance(state: State, name: str, plan: Rollout, found: Decision, because: str = "") -> Rollout:
    """The next stage begins now, or the rollout is done. Refused where the evidence does not say go on, unless a person
    says why.
    """
    _under_way(name, plan)
    if found.word != GO_ON and not because.strip():
        why = f"The status is {found.word} ({found.reasons[0]})"
        raise Refused(f"{why}; to go on all the same, say why (--because).")
    if plan.stage == len(plan.stages) - 1:
        told = {"ended": f"“{plan.candidate}” has taken over", "stayed": plan.candidate}
        return _moved(state, name, plan, "rollout done", because, **told)
    return _moved(state, name, plan, "rollout went on", because, stage=plan.stage + 1, since=datetime.now(UTC))


def roll_back(state: State, name: str, plan: Rollout, because: str = "") -> Rollout:
    """The control answers everything again."""
    _under_way(name, plan)
    told = {"ended": f"rolled back to “{plan.control}”", "stayed": plan.control}
    return _moved(state, name, plan, "rollout rolled back", because, **told)


def _under_way(name: str, plan: Rollout) -> None:
    if plan.since is None:
        raise BadInput(f"“{name}” has not begun; `canary begin` starts its first stage.")
    if plan.ended:
        raise BadInput(f"“{name}” is over: {plan.ended}.")


def _moved(state: State, name: str, plan: Rollout, event: str, because: str, **changes: object) -> Rollout:
    people.require("runs")
    kept = ROLLOUTS.save(state, name, plan.model_copy(update=changes))
    state.append_audit(event, {"name": name, "stage": kept.stage + 1, "because": because.strip()})
    return kept
