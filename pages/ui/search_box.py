"""Find anything: pages, names of the log, and what people saved, in one list to type into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import streamlit as st

from analytics.budgets.budget import BUDGETS
from analytics.promises.actions import ACTIONS
from analytics.registry import DIMENSIONS
from data import people, wording
from data.errors import BatonError
from data.ledger import Ledger
from data.state import State
from pages.ui import filters, links, opening, shell
from pages.ui import format as fmt
from pages.ui.navigation import PAGES
from pages.ui.scenarios import TYPED
from routing.policies.saved_policies import POLICIES
from routing.runs.store import list_runs
from simulations.decisions.record import DECISIONS

NAMES = ("team", "model", "feature", "key_alias", "customer_id")  # dimensions whose values people look for by name
PER_DIMENSION = 80  # the dearest values: all travel to the browser when the box is opened
# Whoever pressed the keys wants to type: a dialog takes the focus itself, and gives it to no field. On a busy machine
# the field is drawn later than this runs.
FOCUS = """<script>
(function focus(tries) {
    const field = document.querySelector(".st-key-found input");
    if (field && field === document.activeElement || !tries) return;
    field?.focus();
    setTimeout(focus, 150, tries - 1);
})(200)
</script>"""
SCENARIO_PAGES = {"mix": "mix", "triage": "new-model", "breakeven": "self-host", "pipeline": "pipeline"}


class Place(NamedTuple):
    """Something to find: its name with what it is, and the page that shows it."""

    label: str
    path: str
    query: Mapping[str, str | Sequence[str]]


def places(view: Ledger, state: State) -> list[Place]:
    """All there is to find for who acts: pages first, then names by spend, then what was saved."""
    person = people.acting()
    files = {path: file for entries in PAGES.values() for file, _, _, path in entries}
    found = [Place(f"Page: {title}", path, {}) for entries in PAGES.values() for _, title, _, path in entries]
    if shell.standing(view) is not None:
        found += [place for dimension in NAMES for place in _values(view, dimension)]
    for saved in (_budgets, _actions, _decisions, _scenarios, _policies, _runs):
        found += _readable(saved, state)
    return [
        place._replace(label=wording.visible(place.label))
        for place in found
        if place.path in files and person.may_open(files[place.path])
    ]


def _values(view: Ledger, dimension: str) -> Iterator[Place]:
    for name, usd in filters.by_spend(view, dimension)[:PER_DIMENSION]:
        yield Place(f"{DIMENSIONS[dimension].label}: {name}, {fmt.usd_short(usd)}", "explore", {dimension: [name]})


def _readable(saved: Callable[[State], Iterator[Place]], state: State) -> list[Place]:
    """What people saved of one kind; a kind with a document that cannot be read is told on its own page."""
    try:
        return list(saved(state))
    except BatonError:
        return []


def _budgets(state: State) -> Iterator[Place]:
    for name in BUDGETS.all(state):
        yield Place(f"Budget: {name}", "plan", {"part": "Budgets"})


def _actions(state: State) -> Iterator[Place]:
    for name in ACTIONS.all(state):
        yield Place(f"Action: {name}", "weekly", {})


def _decisions(state: State) -> Iterator[Place]:
    for name in DECISIONS.all(state):
        yield Place(f"Decision: {name}", "decisions", {"decision": name})


def _scenarios(state: State) -> Iterator[Place]:
    if people.held_teams():
        return
    for name, body in state.all("scenario").items():
        if path := SCENARIO_PAGES.get(str(body.get("kind"))):
            yield Place(f"Scenario: {name}", path, {"mode": TYPED, "start_from": name})


def _policies(state: State) -> Iterator[Place]:
    for name in POLICIES.all(state):
        yield Place(f"Policy: {name}", "routing", {"policy": name})


def _runs(state: State) -> Iterator[Place]:
    if people.held_teams():
        return
    for run_id, run in list_runs(state).items():
        yield Place(f"Run: {run['name']}, {fmt.day(run['created_at'])}, {run['status']}", "lab", {"run": run_id})


def button() -> None:
    """The button that opens the box; so does its key.

    No fragment: Streamlit lets a page that is still running finish before it runs a fragment, and whoever presses the
    keys then has waited for a page that they want to leave. A whole run starts anew at once, and this comes first.
    """
    if st.button("Find", icon=":material/search:", key="find", shortcut="Ctrl+K", width="stretch"):
        _box()


@st.dialog("Find a page, a name, a decision")
def _box() -> None:
    with shell.errors():
        known = {place.label: place for place in places(shell.view(), shell.state())}
        chosen = st.selectbox(
            "Type to search",
            list(known),
            index=None,
            key="found",
            filter_mode="fuzzy",
            placeholder="team, model, feature, key, customer, budget, run",
        )
        st.html(FOCUS, unsafe_allow_javascript=True)
        if chosen is not None:
            opening.ask(known[chosen].path, links.pack(known[chosen].query))
            st.rerun()
