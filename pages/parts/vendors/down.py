"""A vendor is down: the fields, what fails, what others take, their limits."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import pandas as pd
import streamlit as st

from analytics.scope import Scope
from data.ledger import Ledger
from data.state import State
from data.yaml_text import validate
from pages.parts.vendors import charts, choices
from pages.ui import exports, scenarios, shell, what_if
from pages.ui import format as fmt
from pages.ui.drill import COMPUTED
from routing.policies import in_force
from simulations.outages.drill import AS_LOGGED, Drill, declared_limits, drill
from simulations.outages.outage import Outage
from simulations.outages.words import queue_words

QUESTION = "What happens when a vendor is down?"
SHIPPED = {"OpenAI is down for four hours": "vendor_down"}


@shell.cached(reads=(*what_if.PRICED, *in_force.READS, "provider"))
def run_drill(view: Ledger, state: State, scope: Scope, outage: Outage, live: str) -> Drill:
    policy = None if live == AS_LOGGED else what_if.policies()[live]
    market, held = what_if.market(view, state, scope), in_force.policy_for_advice(state)
    return drill(view, scope, outage, market, live=policy, held=held, limits=declared_limits(state))


def show(view: Ledger, scope: Scope, title: Any) -> None:
    """The whole view under the title."""
    name, scenario = scenarios.start(Outage, SHIPPED)
    top = st.container()

    def find() -> tuple[Outage, Drill]:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            outage, live = _fields(view, scope, name, scenario)
        return outage, run_drill(view, scope, outage, live)

    answer = scenarios.answer(view, QUESTION, title, top, find)
    if answer is None:
        return
    outage, found = answer
    with title:
        shell.header(sentence(found), view)
    with top:
        _tiles(found)
        _minutes(found)
    _tables(found)
    scenarios.figures(Outage, name, outage, behind_fields=True)
    scenarios.keep(outage, None, key="drill")


def sentence(found: Drill) -> str:
    """Who fails, who answers, for how much; and whether that rests on rate limits that nobody knows."""
    whole = f"{found.outage.what} down for {found.outage.hours:g} hours: "
    failed = f"{fmt.count(round(found.failed))} of {fmt.count(round(found.touched))} requests fail"
    if not round(found.taken):
        return f"{whole}{failed}, nobody else takes them"
    unknown = any(queue.limit is None for queue in found.carried.queues)
    unless = ", as far as their unknown rate limits allow" if unknown else ""
    return f"{whole}{failed}, the rest goes elsewhere for {_more(found)}{unless}"


def _more(found: Drill) -> str:
    low, high = sorted((found.extra_usd, found.extra_never_warm_usd))
    if found.unpriced >= found.taken:
        return "a price that is unknown"
    if high <= 0:
        return f"{fmt.usd_range(-high, -low)} less" if low < high else f"{fmt.usd_short(-low)} less"
    return f"{fmt.usd_range(low, high)} more" if low < high else f"{fmt.usd_short(high)} more"


def _fields(view: Ledger, scope: Scope, name: str, scenario: Outage) -> tuple[Outage, str]:
    key, known = scenarios.version(scenario), choices.in_the_log(view, scope)
    provider, model = choices.whom("What is down", known, (scenario.provider, scenario.model), f"out_{key}")
    hours = st.number_input("For hours", value=scenario.hours, step=0.5, key=f"hours_{key}", width=130)
    told = scenario.start
    day = st.date_input("From", told and told.date(), key=f"day_{key}", width=160, help="empty: its busiest hours")
    hour = st.number_input(
        "at hour", 0, 23, told.hour if told else 9, key=f"hour_{key}", width=110, disabled=day is None
    )
    live = st.selectbox("Policy that is live", [AS_LOGGED, *what_if.policies()], key=f"live_{key}", width=240)
    fallback: list[str] = list(scenario.fallback)
    if live == AS_LOGGED:
        offered = choices.models(known, scenario.fallback)
        fallback = st.multiselect("Who answers instead, in order", offered, fallback, key=f"fallback_{key}", width=420)
    else:
        fallback = list(dict.fromkeys((*what_if.policies()[live].fallback, *what_if.policies()[live].targets)))
    declared = declared_limits(shell.state())
    limits = {
        model: limit
        for model in fallback
        if (
            limit := st.number_input(
                f"{model}, requests a minute",
                value=scenario.limits.get(model, declared.get(model)),
                format="%.0f",
                key=f"limit_{model}_{key}",
                placeholder="unknown",
                width=220,
                help="its rate limit; unknown is taken as none",
            )
        )
        is not None
    }
    body = {
        **scenario.model_dump(mode="json"),
        "provider": provider,
        "model": model,
        "hours": hours,
        "start": datetime.combine(day, time(int(hour))) if day else None,
        "fallback": fallback if live == AS_LOGGED else scenario.fallback,
        "limits": limits,
    }
    return validate(Outage, body, None, name), live


def _tiles(found: Drill) -> None:
    queues = found.carried.queues
    over = sum(queue.minutes_over for queue in queues)
    unknown = [queue.model for queue in queues if queue.limit is None]
    tiles = (
        (
            "Requests that fail",
            fmt.count(round(found.failed)),
            f"{fmt.share(found.failed / found.touched)} of theirs",
            "",
        ),
        ("Taken by others", fmt.count(round(found.taken)), f"of {fmt.count(found.requests)} in these hours", ""),
        (
            "More to pay",
            fmt.usd_change(found.extra_usd),
            f"{fmt.usd_change(found.extra_never_warm_usd)} cold",
            "what the answered requests cost more; below it, if no prompt cache stays warm there. Dollars are those of "
            "the first model that may take a request",
        ),
        (
            "Minutes above a limit",
            fmt.MISSING if queues and len(unknown) == len(queues) else fmt.count(over),
            f"{len(unknown)} limits unknown" if unknown else f"{fmt.count(round(found.turned_away))} turned away",
            "a model with an unknown limit is taken to have none; type it below",
        ),
    )
    for cell, (label, value, below, words) in zip(st.columns(4), tiles, strict=True):
        cell.metric(
            label, value, delta=below, delta_color="off", delta_arrow="off", border=True, help=fmt.md(words) or None
        )


def _minutes(found: Drill) -> None:
    st.subheader("Minute by minute", anchor=False)
    hours = found.hours
    meaning = (
        f"{hours.since:%-d %b %H:%M} to {hours.until:%-d %b %H:%M} UTC: {fmt.count(round(found.touched))} requests ask "
        f"{found.outage.what} first, {fmt.count(round(found.failed))} find nobody."
    )
    shell.chart(charts.minutes(found.minutes, shell.palette()), alt=meaning, key="minutes")
    st.caption(fmt.md(f"{meaning} {COMPUTED}"))


def _tables(found: Drill) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Who answers", anchor=False)
        labels = {"model": "Asked", "answered_by": "Answers", "requests": "Requests"}
        table = found.by_model.assign(requests=found.by_model["requests"].round())
        exports.table(table, name="drill", units={"requests": "requests"}, labels=labels)
    with right:
        st.subheader("Limits", anchor=False)
        for queue in found.carried.queues:
            st.markdown(fmt.md(f"{queue_words(queue)}."))
        if not found.carried.queues:
            st.caption("Nobody takes these requests over.")
    if len(found.refusals):
        with st.expander("Why others may not answer", icon=":material/block:"):
            labels = {"target": "Model", "reason": "Reason", "requests": "Requests"}
            table = pd.DataFrame(found.refusals)
            exports.table(
                table, name="drill-refusals", units={"requests": "requests"}, labels=labels, wide={"reason": 480}
            )
