"""A mix beside the policy kept to: both answers in the title, what breaks the rule today, and what may not go on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from pages.ui import format as fmt
from pages.ui import shell
from routing.policies import in_force
from simulations.mixes.compliance import breach, without_rules
from simulations.mixes.optimise import Demands, Infeasible, Solution
from simulations.mixes.problem_from_log import Programme


def both_answers(
    made: Programme,
    demands: Demands,
    answer: Solution | Infeasible,
    today_usd: float,
    policy: str,
    lost_usd: Callable[[np.ndarray], float],
) -> str:
    """The answer under the policy kept to and the one without it, where the rule changes it; empty where not.

    `answer` and `today_usd` carry the prompt caches that the mix loses; `lost_usd(shares)` says them of another.
    """
    usd = _free_usd(made, demands, policy, lost_usd)
    if usd is None or isinstance(answer, Infeasible) or abs(answer.cost_usd - usd) < 0.005 * today_usd:
        return ""
    change = answer.cost_usd / today_usd - 1
    words = "as today" if abs(change) < 0.005 else f"{fmt.share(abs(change))} {'more' if change > 0 else 'less'}"
    tier = made.scale.tier if made.scale else "cost only"
    allowed = f"Allowed, at today's quality ({tier}): {fmt.usd_short(answer.cost_usd)} a year, {words}"
    return f"{allowed}; {_without(usd)}"


def and_without(
    made: Programme,
    demands: Demands,
    answer: Solution | Infeasible,
    policy: str,
    lost_usd: Callable[[np.ndarray], float],
) -> str:
    """What follows a title that finds no allowed mix: the one without the policy kept to; empty where there is one."""
    usd = _free_usd(made, demands, policy, lost_usd) if isinstance(answer, Infeasible) else None
    return "" if usd is None else f"; {_without(usd)}"


def _free_usd(made: Programme, demands: Demands, policy: str, lost_usd: Callable[[np.ndarray], float]) -> float | None:
    """USD a year of the cheapest mix without any constraint; None where another policy is looked at, or none exists."""
    free = without_rules(made, demands)
    if in_force.policy_for_advice(shell.state()).name != policy or isinstance(free, Infeasible) or free.quality is None:
        return None
    return free.cost_usd + lost_usd(free.shares)


def _without(usd: float) -> str:
    return f"without “{in_force.policy_for_advice(shell.state()).name}”: {fmt.usd_short(usd)}"


def banner(made: Programme, shares: np.ndarray, policy: str) -> bool:
    """What breaks the policy kept to: today's requests, and the mix shown. True when the mix shown does."""
    held, marked = in_force.policy_for_advice(shell.state()), in_force.in_force(shell.state()) is not None
    who = in_force.who_may_lift(shell.state())
    lifted = f" {who} may lift it." if who else " Nobody is named who may lift it (Governance)."
    if not marked:
        lifted = " A policy of your own, marked on Governance, replaces it."
    today, shown = breach(made, made.current_shares), breach(made, shares)
    if today:
        st.warning(
            fmt.md(
                f"Today {fmt.count(today.requests)} requests a year, {fmt.usd(today.usd)}, break "
                f"“{held.name}”{', the policy in force' if marked else ''}: today's mix is not allowed."
            ),
            icon=":material/gavel:",
        )
    if shown:
        st.error(
            fmt.md(
                f"This mix breaks “{held.name}”: {fmt.count(shown.requests)} requests a year, {fmt.usd(shown.usd)},"
                f" would go where it forbids. It cannot become a routing policy.{lifted}"
            ),
            icon=":material/block:",
        )
    elif marked and policy != held.name:
        st.info(fmt.md(f"“{held.name}” is in force; this page looks at “{policy}”. The mix shown keeps both."))
    return bool(shown)
