"""The policies a run may try: all that are known, each with what keeps it from running here."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from pages.parts.lab.trial_link import edited_name
from pages.ui import exports, place, shell, what_if
from pages.ui import format as fmt
from routing.calling.declarations import Provider
from routing.policies.policy import CURRENT, Policy, Rule
from routing.runs.run_command import local_policies
from routing.runs.spec import lacking


def trial() -> list[Policy]:
    """Models that a link asks to compare on the same tasks, the present one first, each as a policy of its own; what
    is no model's name is said at the top and left out."""
    found = []
    for name in dict.fromkeys(place.read("trial").split(",")):
        try:
            found.append(Policy(name=f"{name.strip()} alone", fallback=(name.strip(),)))
        except ValidationError:
            place.refuse("trial")
    return found


# What every other policy is a change of; it can answer tasks sampled from the ledger, which say who answered them.
AS_LOGGED = Policy(
    name="as logged",
    note="Every request goes to the model that answered it in the log.",
    rules=(Rule(use=CURRENT),),
)


class Tryable(NamedTuple):
    """A policy of the list, and per model of it what keeps it from running here."""

    policy: Policy
    missing: dict[str, str]


def tryable(providers: tuple[Provider, ...]) -> tuple[dict[str, Tryable], list[str]]:
    """Every policy by name, and which to start with; says of those that cannot run yet what they lack."""
    tried, catalog = trial(), what_if.catalog(shell.state())
    shipped = {p.name: p for p in (*tried, *local_policies())}
    policies = {**shipped, **what_if.policies(), **_edited(), AS_LOGGED.name: AS_LOGGED}
    known = {name: Tryable(p, lacking(p, None, providers, catalog)) for name, p in policies.items()}
    asked = place.read("policy")
    wanted = [policy.name for policy in tried] or ([asked] if asked in known else [])
    for name in wanted:
        if known[name].missing:
            st.warning(
                fmt.md(
                    f"“{name}” names {', '.join(known[name].missing)}, which no provider here can answer for yet. "
                    "Declare one under Providers."
                ),
                icon=":material/cable:",
            )
    if asked and asked not in known:
        st.warning(fmt.md(f"There is no policy “{asked}” here; save it on the Routing page first."))
    able = [name for name, one in known.items() if not one.missing and name != AS_LOGGED.name]
    _needs(known)
    return known, wanted or able[:3]  # what a link asks for stays chosen while its provider is declared


def _edited() -> dict[str, Policy]:
    """The policy that was edited on the Routing page in this session and not saved, under a name of its own."""
    draft = st.session_state.get("policy_draft")
    return {edited_name(draft[1]): draft[1].model_copy(update={"name": edited_name(draft[1])})} if draft else {}


def _needs(known: dict[str, Tryable]) -> None:
    """What each policy that cannot run yet still needs."""
    rows = [
        {"policy": name, "model": target, "missing": why}
        for name, one in known.items()
        for target, why in one.missing.items()
    ]
    if rows:
        count = len({row["policy"] for row in rows})
        with st.expander(f"{fmt.count_of(count, 'policy', 'policies')} cannot run yet: what is missing"):
            labels = {"missing": "What is missing"}
            exports.table(pd.DataFrame(rows), name="policies-missing", labels=labels, wide={"missing": 520})
