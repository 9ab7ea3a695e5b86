"""How to buy one model's work: every figure of an offer a field, one table of the ways, the cheapest allowed first."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.scope import Scope
from data.ledger import Ledger
from data.state import State
from data.yaml_text import validate
from pages.parts.vendors import charts, choices
from pages.ui import exports, filters, scenarios, shell, what_if
from pages.ui import format as fmt
from pages.ui.drill import COMPUTED
from routing.policies import in_force
from simulations.buying.desk import Desk, Way, desk
from simulations.buying.ways import Purchase

QUESTION = "What is the cheapest allowed way to buy this work?"
SHIPPED = {"The GPT-5.2 work": "buying_gpt"}


@shell.cached(reads=(*what_if.PRICED, *in_force.READS))
def desk_of(view: Ledger, state: State, scope: Scope, purchase: Purchase) -> Desk:
    return desk(view, scope, purchase, what_if.market(view, state, scope), in_force.policy_for_advice(state))


def show(view: Ledger, scope: Scope, title: Any) -> None:
    """The whole view under the title."""
    name, scenario = scenarios.start(Purchase, SHIPPED)
    top = st.container()
    st.subheader("What is offered", anchor=False)

    def find() -> tuple[Purchase, Desk]:
        purchase = _fields(view, scope, name, scenario)
        return purchase, desk_of(view, scope, purchase)

    answer = scenarios.answer(view, QUESTION, title, top, find)
    if answer is None:
        return
    purchase, found = answer
    with title:
        shell.header(sentence(purchase, found), view)
    with top:
        _chart(purchase, found)
        _table(found)
        filters.link(
            "pages/savings.py", "What the log says could wait", ":material/savings:", scope, model=purchase.model
        )
    scenarios.figures(Purchase, name, purchase, behind_fields=True)
    scenarios.keep(purchase, None, key="purchase")


def sentence(purchase: Purchase, found: Desk) -> str:
    """The cheapest allowed way against tokens as today, what was stated for it, and how many ways wait for a price."""
    allowed = [way for way in found.ways if not way.forbidden and way.usd_per_month is not None]
    today = found.work.usd_per_month
    if not allowed:
        return (
            f"No way to buy {found.model} is allowed here at a known price; today costs {fmt.usd_short(today)} a month"
        )
    best = allowed[0]
    waiting = sum(bool(way.asks) and not way.forbidden for way in found.ways)
    more = f"; {waiting} way{'s' * (waiting > 1)} wait{'s' * (waiting == 1)} for a price" if waiting else ""
    if best.kind == "tokens":
        return f"By the token stays the cheapest way to buy {found.model}, {fmt.usd_short(today)} a month{more}"
    saved = fmt.usd_short(today - (best.usd_per_month or 0.0))
    if best.kind == "batch":
        stated = f"If {fmt.share(purchase.can_wait)} of {found.model}'s work can wait, as stated"
        return f"{stated}, batches cost {saved} a month less than by the token{more}"
    return f"{best.name}, at the stated figures: {saved} a month less than by the token for {found.model}{more}"


def _fields(view: Ledger, scope: Scope, name: str, scenario: Purchase) -> Purchase:
    key, known = scenarios.version(scenario), choices.in_the_log(view, scope)
    models = list(dict.fromkeys([scenario.model, *(model for _, model in known if model)]))
    one, two, three = st.columns(3), st.columns(3), st.columns(3)
    body: dict[str, Any] = {**scenario.model_dump(mode="json")}
    body["model"] = one[0].selectbox("Model", models, key=f"model_{key}")
    waits = one[1].number_input(
        "Can wait for a batch, %",
        value=round(scenario.can_wait * 100, 6),
        step=5.0,
        format="%g",
        key=f"waits_{key}",
        help="as somebody states it; Savings reads from the log what could",
    )
    body["can_wait"] = waits / 100
    body["own_usd_per_mtok"] = choices.figure(
        one[2],
        "Own machines, USD per 1M tokens",
        scenario.own_usd_per_mtok,
        f"own_{key}",
        "fresh input and output together; Self-host computes it",
    )
    body["commitment_usd"] = choices.figure(
        two[0], "Commitment, USD a month", scenario.commitment_usd, f"commitment_{key}", "the least spend a month"
    )
    off = choices.figure(two[1], "Its discount, %", scenario.discount and scenario.discount * 100, f"discount_{key}")
    body["discount"] = off and off / 100
    body["usd_per_seat"] = choices.figure(two[2], "A seat, USD a month", scenario.usd_per_seat, f"seat_{key}")
    body["usd_per_unit_hour"] = choices.figure(
        three[0], "Unit of capacity, USD an hour", scenario.usd_per_unit_hour, f"unit_{key}", "such as a PTU"
    )
    body["output_weight"] = choices.figure(
        three[1],
        "One output token counts as, input tokens",
        scenario.output_weight,
        f"weight_{key}",
        "against capacity; ask the vendor",
    )
    body["usd_per_seat_covered"] = choices.figure(
        three[2],
        "Tokens a seat covers, USD a month",
        scenario.usd_per_seat_covered,
        f"covered_{key}",
        "empty: no limit",
    )
    body["volume"] = _volume(scenario, key)
    return validate(Purchase, body, None, name)


def _volume(scenario: Purchase, key: str) -> tuple[float, float]:
    """P10 and P90 of the months to come, as multiples of today's volume."""
    cells = st.columns(3)
    low, high = scenario.volume
    return (
        cells[0].number_input("Volume of a small month, times today's", value=low, step=0.1, key=f"low_{key}"),
        cells[1].number_input("Of a large month", value=high, step=0.1, key=f"high_{key}"),
    )


def _chart(purchase: Purchase, found: Desk) -> None:
    priced = [way for way in found.ways if way.usd_per_month is not None]
    best = priced[0]
    meaning = (
        f"{best.name} costs {fmt.usd(best.usd_per_month)} in a mean month of today's volume"
        + (f", but is forbidden: {best.forbidden}" if best.forbidden else "")
        + "."
    )
    shell.chart(charts.ways(priced, shell.palette()), alt=meaning, key="ways")
    low, high = purchase.volume
    st.caption(
        fmt.md(
            f"{meaning} Lines span P10 to P90 of months with {low:g} to {high:g} times today's volume, which is stated "
            f"for the term of an offer and no forecast (Budget plan has that); grey is forbidden. {COMPUTED}"
        )
    )


def _table(found: Desk) -> None:
    labels = {
        "way": "Way",
        "usd": "USD a month",
        "low": "P10",
        "high": "P90",
        "used": "Used, P50",
        "used_span": "P10 to P90",
        "regret": "Regret, P50",
        "regret_high": "Regret, P90",
    }
    units = dict.fromkeys(("usd", "low", "high", "regret", "regret_high"), "USD whole") | {"used": "share"}
    exports.table(pd.DataFrame([_row(way) for way in found.ways]), name="ways-to-buy", units=units, labels=labels)
    for way in found.ways:
        words = (way.basis, f"forbidden: {way.forbidden}" if way.forbidden else "", way.asks and f"type {way.asks}")
        st.caption(fmt.md(f"{way.name}: {'; '.join(filter(None, words))}."))


def _row(way: Way) -> dict[str, Any]:
    used, regret, cost = way.utilisation, way.regret, way.cost
    return {
        "way": way.name,
        "usd": way.usd_per_month,
        "low": cost and cost["p10"],
        "high": cost and cost["p90"],
        "used": used and used["p50"],
        "used_span": "" if used is None else f"{fmt.share(used['p10'])} to {fmt.share(used['p90'])}",
        "regret": regret and regret["p50"],
        "regret_high": regret and regret["p90"],
    }
