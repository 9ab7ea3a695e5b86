"""Planned events of the plan: in words, each with its menu; added and changed in a dialog."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from analytics.budgets import plan
from analytics.forecasts.planned_events import EVENTS, Event
from analytics.history import through
from data import wording
from data.errors import BadInput
from data.ledger import Ledger
from pages.ui import document_list, shell
from pages.ui import format as fmt
from pages.ui.document_list import Opened

KINDS = ("launch", "migration", "price change", "model swap", "other")


@st.fragment
def manage(view: Ledger) -> None:
    """The events in words; only a save runs the page anew."""
    kept = EVENTS.all(shell.state())
    words = {name: in_words(one) for name, one in sorted(kept.items(), key=lambda pair: (pair[1].on, pair[0]))}
    document_list.rows(EVENTS, words, partial(dialog, view), add="Add an event")


def in_words(event: Event) -> str:
    """An event in a line: what it is, from when, what it does to spend, and in which scenario."""
    effects = []
    if event.change_pct:
        of = "" if event.share == 1 else f" of {wording.percent(event.share)} of spend"
        effects.append(
            f"{wording.percent(abs(event.change_pct) / 100)} {'more' if event.change_pct > 0 else 'less'}{of}"
        )
    if event.usd_per_month:
        effects.append(f"{fmt.usd_change(event.usd_per_month)} a month")
    does = " and ".join(effects) or "no change of spend"
    where = f"scenario {event.scenario}" if event.scenario else "part of the plan"
    return f"**{fmt.md(event.name)}** {fmt.md(f'({event.kind}) from {fmt.day(event.on)}: {does}; {where}')}."


@st.dialog("Planned event", icon=":material/event:", width="medium")
def dialog(view: Ledger, opened: Opened) -> None:
    """Add an event, or change the one it was opened for."""
    held = opened.body

    field = opened.keys("event")

    name = str(held.get("name", ""))
    starts_as = name if opened.replaces or not name else f"{name} copy"
    left, right = st.columns(2)
    values: dict[str, Any] = {
        "name": left.text_input("Name", starts_as, key=field("name")).strip(),
        "kind": right.selectbox("Kind", KINDS, KINDS.index(held.get("kind", "launch")), key=field("kind")),
        "on": left.date_input("From", held.get("on", through(view).day), key=field("on"), format="YYYY-MM-DD"),
        "scenario": right.text_input(
            "Scenario", held.get("scenario", ""), key=field("scenario"), help="Empty: part of the plan as it stands."
        ).strip(),
        "change_pct": left.number_input(
            "Change of spend, %", -100.0, 10_000.0, float(held.get("change_pct", 0.0)), 5.0, key=field("change")
        ),
        "share": right.number_input(
            "Of which share of spend, %",
            0.0,
            100.0,
            float(held.get("share", 1.0)) * 100,
            5.0,
            key=field("share"),
            help="100 for all of it; a model's share for its price change.",
        )
        / 100,
        "usd_per_month": left.number_input(
            "Plus USD a month", value=float(held.get("usd_per_month", 0.0)), step=100.0, key=field("usd")
        ),
    }
    problem = _problem(values)
    if document_list.wants_saving("Save the event", problem, field):
        event = plan.check_event(**values)
        document_list.save(EVENTS, f"{event.scenario}/{event.name}", event, opened)


def _problem(values: dict[str, Any]) -> str:
    """What keeps the event from being saved, in a sentence; empty where nothing does."""
    if not values["name"]:
        return "Give the event a name."
    if values["on"] is None:
        return "Give the day it begins."
    if not values["change_pct"] and not values["usd_per_month"]:
        return "Say what it does to spend: a change in percent, dollars a month, or both."
    try:
        plan.check_event(**values)
    except BadInput as wrong:
        return str(wrong)
    return ""
