"""The form of a new rollout: two policies, shares, and how much worse the candidate may be."""

from __future__ import annotations

import streamlit as st

from data.errors import BadInput
from data.ledger import Ledger
from pages.ui import format as fmt
from pages.ui import place, shell, what_if
from routing.rollout.evidence import usual_traffic
from routing.rollout.plan import ROLLOUTS, RolloutGuardrails, Traffic, usual_plan

MOST_POINTS = 50.0


def form(view: Ledger) -> None:
    """Ask, and keep the plan; its stages are as long as the slowest of its guardrails takes on this log."""
    policies = list(what_if.policies())
    for name in dict.fromkeys(n for n in map(place.read, ("control", "candidate")) if n and n not in policies):
        st.warning(fmt.md(f"There is no saved policy “{name}”; save it on the Routing page first."))
    first = _asked(policies, "control", 0)
    traffic = usual_traffic(view)
    scored = traffic.score_spread is not None
    usual = RolloutGuardrails()
    margin = _margin(100 * (usual.quality_points or 0))
    with st.form("new-rollout", border=False):
        left, right = st.columns(2)
        control = left.selectbox("Answers now (control)", policies, index=first, key="rollout_control")
        candidate = right.selectbox(
            "Takes over (candidate)", policies, index=_asked(policies, "candidate", int(first == 0)), key="rollout_new"
        )
        shadow = "0 is a shadow: asked, never used"
        shares = left.text_input("Shares, %", "5, 25, 50", key="rollout_shares", help=shadow)
        name = right.text_input("Name", key="rollout_name", placeholder="for example autumn")
        one, two, three, four = st.columns(4)
        errors = one.number_input("Failures, points more", 0.0, 50.0, 100 * (usual.errors_points or 0), 0.1)
        cost = two.number_input("Cost a request, times", 0.1, 100.0, usual.cost_ratio, 0.05)
        slow = three.number_input("Later than P95, points more", 0.0, 50.0, 100 * (usual.slow_points or 0), 0.5)
        quality = four.number_input(
            "Quality, points less",
            0.0,
            MOST_POINTS,
            margin if scored else None,
            0.5,
            placeholder="not watched",
            help="Watched where the log carries quality scores; without them it could never be shown.",
        )
        st.caption(fmt.md(_length(traffic)))
        if not st.form_submit_button("Keep the plan", icon=":material/save:"):
            return
    with shell.errors():
        held = ROLLOUTS.get(shell.state(), name.strip())
        if held is not None and held.since is not None and not held.ended:
            raise BadInput(f"“{name.strip()}” is under way; roll it back first, or give the new plan another name.")
        rails = RolloutGuardrails(
            errors_points=errors / 100,
            cost_ratio=cost,
            slow_points=slow / 100,
            quality_points=None if quality is None else quality / 100,
        )
        plan = usual_plan(control, candidate, traffic, shares=_shares(shares), rails=rails)
        ROLLOUTS.save(shell.state(), name, plan)
        st.query_params["rollout"] = name.strip()
        st.rerun()


def _length(traffic: Traffic) -> str:
    """What of the log decides how long a stage takes."""
    told = [f"{fmt.share(traffic.failing)} of the log's requests fail"]
    if traffic.cost_spread is not None:
        told.append(f"their costs spread by {traffic.cost_spread:.1f} times the mean")
    return f"{', '.join(told)}: a stage is as long as the slowest guardrail takes to be shown on such requests."


def _asked(policies: list[str], name: str, otherwise: int) -> int:
    """The policy that a link names, as a verdict of the lab does, else one to begin with."""
    asked = place.read(name)
    return policies.index(asked) if asked in policies else min(otherwise, len(policies) - 1)


def _margin(usual: float) -> float:
    """How many points worse a link says the candidate may be, else the usual."""
    try:
        asked = float(place.read("margin"))
    except ValueError:
        asked = -1.0
    if 0 <= asked <= MOST_POINTS:
        return asked
    place.refuse("margin")
    return usual


def _shares(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(word.strip().rstrip("%")) / 100 for word in text.split(",") if word.strip())
    except ValueError as error:
        raise BadInput(f"“{text}” are no shares; write percentages such as 5, 25, 50.") from error
    if not found or not all(0 <= share <= 1 for share in found) or list(found) != sorted(found):
        raise BadInput(f"“{text}” are no shares; write percentages from 0 to 100 that grow, such as 5, 25, 50.")
    return found
