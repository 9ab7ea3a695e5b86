"""A vendor fails part of its requests: what goes to another model, with the limiter, and for how much."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analytics.scope import Scope
from data.ledger import Ledger
from data.state import State
from data.yaml_text import validate
from pages.parts.vendors import charts, choices
from pages.ui import drill, exports, scenarios, shell, what_if
from pages.ui import format as fmt
from routing.policies import in_force
from simulations.outages.rerouting import Rerouted, Rerouting, reroute
from simulations.outages.words import rerouting_sentences

QUESTION = "What if the failures of a vendor go to another model?"
SHIPPED = {"Example: MiniMax M2 fails, Claude answers": "failures_elsewhere"}


@shell.cached(reads=(*what_if.PRICED, *in_force.READS))
def run_rerouting(view: Ledger, state: State, scope: Scope, wish: Rerouting) -> Rerouted:
    return reroute(view, scope, wish, in_force.policy_for_advice(state), what_if.market(view, state, scope))


def show(view: Ledger, scope: Scope, title: Any) -> None:
    """The whole view under the title."""
    name, scenario = scenarios.start(Rerouting, SHIPPED)
    top = st.container()

    def find() -> tuple[Rerouting, Rerouted]:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            wish = _fields(view, scope, name, scenario)
        return wish, run_rerouting(view, scope, wish)

    answer = scenarios.answer(view, QUESTION, title, top, find)
    if answer is None:
        return
    wish, found = answer
    with title:
        shell.header(sentence(wish, found), view)
    with top:
        _tiles(wish, found)
        _days(found)
    for words in rerouting_sentences(wish, found):
        st.markdown(fmt.md(f"{words[0].upper()}{words[1:]}."))
    st.caption("Every try keeps its logged outcome; asking more slowly would meet fewer refusals than that.")
    scenarios.figures(Rerouting, name, wish, behind_fields=True)
    scenarios.keep(wish, None, key="rerouting")


def sentence(wish: Rerouting, found: Rerouted) -> str:
    """Every request that goes elsewhere and what they cost together, and the lost ones among them."""
    share = fmt.share(found.failed / found.requests)
    taken, held = found.after_failure + found.held_back, found.held_back
    going = f"{fmt.count(taken)} request{'s' * (taken != 1)} go{'es' * (taken == 1)} to {wish.to}"
    why = f" ({fmt.count(held)} held back by the limiter)" if held else ""
    gained = f"{fmt.count(found.answered)} of {fmt.count(found.never)} lost ones among them"
    return f"{wish.what} fails {share} of first tries; {going}{why} for {_more(found)}, {gained}"


def _more(found: Rerouted) -> str:
    if found.usd_then is None or found.usd_then_cold is None:
        return "a price that is unknown"
    low, high = (usd - found.usd_now for usd in (found.usd_then, found.usd_then_cold))
    return f"{fmt.usd_change(low)} to {fmt.usd_change(high)}" if round(high - low, 2) else fmt.usd_change(low)


def _fields(view: Ledger, scope: Scope, name: str, scenario: Rerouting) -> Rerouting:
    key, known = scenarios.version(scenario), choices.in_the_log(view, scope)
    provider, model = choices.whom("What fails", known, (scenario.provider, scenario.model), f"fails_{key}")
    offered = choices.models(known, (scenario.to,))
    to = st.selectbox("Its failures go to", offered, offered.index(scenario.to), key=f"to_{key}", width=220)
    limiter = st.toggle(
        "With the adaptive limiter",
        scenario.limiter,
        key=f"limiter_{key}",
        help="more than 10 % overload among the last 100 tries: a fifth slower, 5 seconds of rest, the other model "
        "answers meanwhile",
    )
    limit = st.number_input(
        "Documented requests a minute",
        value=scenario.per_minute,
        format="%.0f",
        key=f"per_minute_{key}",
        placeholder="unknown",
        width=220,
        disabled=not limiter,
    )
    told = {"provider": provider, "model": model, "to": to, "limiter": limiter, "per_minute": limit}
    return validate(Rerouting, {**scenario.model_dump(mode="json"), **told}, None, name)


def _tiles(wish: Rerouting, found: Rerouted) -> None:
    tiles = (
        ("Fail on the first try", fmt.share(found.failed / found.requests), f"of {fmt.short(found.requests)} requests"),
        ("Never answered", fmt.count(found.never), f"{fmt.count(found.answered)} go elsewhere"),
        (
            f"Go to {wish.to}",
            fmt.count(found.after_failure + found.held_back),
            f"{fmt.count(found.held_back)} held back",
        ),
        (
            "More to pay",
            fmt.MISSING if found.usd_then is None else fmt.usd_change(found.usd_then - found.usd_now),
            "price unknown"
            if found.usd_then_cold is None
            else f"{fmt.usd_change(found.usd_then_cold - found.usd_now)} cold",
        ),
    )
    for cell, (label, value, below) in zip(st.columns(4), tiles, strict=True):
        cell.metric(label, value, delta=below, delta_color="off", delta_arrow="off", border=True)


def _days(found: Rerouted) -> None:
    st.subheader("Day by day", anchor=False)
    worst = found.days.loc[found.days["failed"].idxmax()]
    meaning = (
        f"Most on {fmt.day(worst['day'])}: {fmt.count(worst['failed'])} of {fmt.count(worst['requests'])} first tries."
    )
    shell.chart(
        charts.days(found.days, shell.palette()),
        alt=meaning,
        key="days",
        on_select=drill.narrow_on_click("days", "provider", "day"),
    )
    st.caption(fmt.md(meaning))
    with st.expander("Table: days", icon=":material/table:"):
        units = dict.fromkeys(("requests", "failed", "rerouted"), "requests")
        exports.table(found.days, name="rerouting", units=units)
