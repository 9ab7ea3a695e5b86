"""How a triage is shown, wherever it came from: four numbers, every gate, the 48 hours, the letter."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import streamlit as st

from pages.ui import format as fmt
from pages.ui import tiles
from simulations.evaluation_plan import checklist, letter
from simulations.triage import TriageScenario

VERBS = {"SKIP": "Skip", "EVALUATE": "Evaluate", "ADOPT": "Adopt"}
ICONS = {True: ":material/check_circle:", False: ":material/cancel:", None: ":material/help:"}


def title(scenario: TriageScenario, result: dict[str, Any]) -> str:
    """The decision, what decided it, and the money."""
    saving, delta = result["projected_savings_usd"], result["capability_delta"]
    money = f"{fmt.usd_short(abs(saving))} a year {'less' if saving >= 0 else 'more'} than {scenario.current.model}"
    why = (
        result["reasons"][0].split(":")[0]
        if result["decision"] == "SKIP"
        else "capability unknown"
        if delta is None
        else f"capability {fmt.share_change(delta)}"
    )
    return f"{VERBS[result['decision']]} {scenario.candidate.model}: {why}; {money}"


def kpis(result: dict[str, Any], requests: float) -> None:
    cells = tiles.row()
    cells[0].metric(
        "Saving a year",
        fmt.usd_short(result["projected_savings_usd"]),
        help="same tokens at the new price; output length may change it by half to double",
    )
    delta = result["capability_delta"]
    cells[1].metric(
        "Capability",
        fmt.MISSING if delta is None else fmt.share_change(delta),
        help=f"new over current on {result['samples']} samples ({result['tier']})"
        if result["samples"]
        else "new over current as stated, without own samples",
    )
    cells[2].metric(
        "Cost a year",
        fmt.usd_short(result["candidate_annual_cost_usd"]),
        help=f"today {fmt.usd(result['current_annual_cost_usd'])}",
    )
    cells[3].metric("Requests a year", fmt.short(requests), help="of the model it would replace")


def gates(result: dict[str, Any]) -> None:
    """Every gate with its reason, and what the samples can show."""
    st.subheader("Why", anchor=False)
    for gate in result["gates"]:
        st.markdown(f"{ICONS[gate['passed']]} {fmt.md(gate['reason'][0].upper() + gate['reason'][1:])}")
    pairs = result["paired"]
    if pairs:
        seen = pairs["detectable"]
        able = (
            "This many prompts cannot show any difference reliably."
            if seen is None
            else f"This many prompts can show a difference of {fmt.points(seen)} or more."
        )
        if pairs["needed"] and pairs["p_value"] >= 0.05:
            able += f" One like that seen shows on about {fmt.count(pairs['needed'])}."
        st.caption(
            fmt.md(
                f"On the same {pairs['n']} prompts: new minus current {fmt.points(pairs['difference'])} "
                f"(95% from {fmt.points(pairs['low'])} to {fmt.points(pairs['high'])}, "
                f"exact McNemar p {pairs['p_value']:.3f}). {able}"
            )
        )


def plan(scenario: TriageScenario, result: dict[str, Any]) -> None:
    """What to do next and what to tell the chief executive, side by side."""
    left, right = st.columns(2, gap="large")
    with left:
        started = clock(result["decision"], scenario.candidate.model)
    with right:
        st.subheader("To the chief executive", anchor=False)
        due = datetime.combine(started, datetime.min.time()) + timedelta(hours=54)
        st.code(letter(result, scenario.current.model, scenario.candidate.model, due), language=None, wrap_lines=True)


def clock(decision: str, candidate: str) -> date:
    """The checklist by the clock; ticking is kept in the session. The day it started."""
    st.subheader("The 48 hours", anchor=False)
    today = datetime.now().date()  # noqa: DTZ005 - the reader's own clock
    day = st.date_input("Started on", today, key="started_on", width=200)
    started = datetime.combine(day, datetime.min.time()) + timedelta(hours=6)
    for step in checklist(started, decision):
        st.checkbox(
            fmt.md(f"{step.start:%a %H:%M} to {step.end:%a %H:%M}: {step.title}"), key=f"step_{candidate}_{step.title}"
        )
        st.caption(fmt.md(step.what[0].upper() + step.what[1:]))
    return day
