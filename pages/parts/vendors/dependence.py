"""On whom the work hangs: shares by provider, maker, origin and hosting, and what a share elsewhere costs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.scope import Scope
from data.errors import BadInput, BatonError, NoData
from data.ledger import Ledger
from data.state import State
from pages.parts.vendors import charts
from pages.ui import drill, exports, shell, what_if
from pages.ui import format as fmt
from routing.policies import in_force
from simulations.mixes.problem_from_log import programme
from simulations.outages.concentration import KINDS, Elsewhere, concentration, keep_elsewhere

QUESTION = "On whom does the work hang?"
LABELS = {"provider": "Provider", "vendor": "Maker", "origin": "Origin", "hosting": "Hosting"}
READS = (*what_if.PRICED, *in_force.READS)


@shell.cached(reads=what_if.PRICED)
def shares(view: Ledger, state: State, scope: Scope) -> pd.DataFrame:
    return concentration(view, scope, what_if.market(view, state, scope))


@shell.cached(reads=READS)
def step(view: Ledger, state: State, scope: Scope, least: float) -> Elsewhere:
    """What it costs to keep `least` of the requests off the largest maker."""
    market = what_if.market(view, state, scope)
    made = programme(view, scope, market, policy=in_force.policy_for_advice(state))
    table = shares(view, scope)
    known = [n for n in table[table["kind"] == "vendor"]["name"] if n in made.problem.vendors]
    if not known:
        raise NoData("The makers of these models are unknown, so no share can be kept off one; add their facts.")
    return keep_elsewhere(view, made, market, known[0], least)


def show(view: Ledger, scope: Scope, title: Any) -> None:
    """The whole view under the title."""
    top = st.container()
    with st.container(horizontal=True, vertical_alignment="top"):
        kind = st.segmented_control(
            "By", KINDS, format_func=lambda name: LABELS[name], default="provider", required=True, key="kind"
        )
        least = st.number_input("Share to keep elsewhere, %", value=40, step=5, key="least", width=220) / 100
    table = shares(view, scope)
    try:
        if not 0 < least < 1:
            raise BadInput(f"{fmt.share(least)} cannot be kept elsewhere; type a share above 0% and below 100%.")
        found: Elsewhere | None = step(view, scope, least)
    except BatonError as error:
        found = None
        top.info(fmt.md(str(error)))
    with title:
        shell.header(sentence(table, found), view)
    with top:
        mine = table[table["kind"] == kind]
        largest = mine.iloc[0]
        meaning = (
            f"{largest['name']} answers {fmt.share(largest['requests_share'])} of the requests, "
            f"{fmt.share(largest['usd_share'])} of the dollars."
        )
        # The log knows providers; makers, origins and hosting are facts of the models.
        click = {"on_select": drill.narrow_on_click("shares", "provider")} if kind == "provider" else {}
        shell.chart(charts.shares(mine, shell.palette()), alt=meaning, key="shares", **click)
        st.caption(fmt.md(meaning))
        if found and found.usd is not None and found.moved:
            taken = ", ".join(f"{fmt.share(share)} to {name}" for name, share in found.moved.items())
            quality = "" if found.quality is None else f" Quality changes by {fmt.points(found.quality)}, as stated."
            st.markdown(fmt.md(f"Of all requests, the cheapest move the policy allows sends {taken}.{quality}"))
    units = {"requests": "requests", "requests_share": "share", "usd": "USD", "usd_share": "share"}
    labels = {"kind": "By", "name": "Name", "requests_share": "of requests", "usd": "Spend", "usd_share": "of dollars"}
    with st.expander("Table: shares", icon=":material/table:"):
        exports.table(table, name="concentration", units=units, labels=labels)


def sentence(table: pd.DataFrame, found: Elsewhere | None) -> str:
    """The share of the maker whom the step is about, wherever its models are bought; else that of a provider."""
    if found is None:
        first = table[table["kind"] == "provider"].iloc[0]
        return f"{fmt.share(first['requests_share'])} of requests hang on the provider {first['name']}"
    maker = table[(table["kind"] == "vendor") & (table["name"] == found.vendor)].iloc[0]
    return f"{fmt.share(maker['requests_share'])} of requests hang on models of {found.vendor}; {_price(found)}"


def _price(found: Elsewhere) -> str:
    kept = f"keeping {fmt.share(found.least)} off them"
    if found.usd is None:
        return f"{kept} is not possible with the models of this log under the policy"
    if not found.moved:
        return f"{fmt.share(1 - found.today)} are off them already"
    return f"{kept} {'costs' if found.usd >= 0 else 'saves'} {fmt.usd_short(abs(found.usd))} a year"
