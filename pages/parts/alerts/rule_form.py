"""The form of an alert rule: only the fields that its kind has."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analytics.alerts.rule import KIND_NAMES, KINDS, MEASURED, RULES, WINDOWED, Rule
from analytics.budgets.budget import BUDGETS
from analytics.measures import MEASURES
from analytics.registry import DIMENSIONS
from data import owner
from data.errors import BadInput
from data.ledger import Ledger
from pages.ui import document_list, filters, shell
from pages.ui.document_list import Opened

SCOPES = ("team", "model", "provider", "feature", "project", "environment", "source")
OF_THE_LOG = ("threshold", "change", "failures", "anomaly", "ahead")  # kinds that may be held to some rows


@st.dialog("Alert rule", icon=":material/notifications:", width="large")
def dialog(view: Ledger, opened: Opened) -> None:
    """Add an alert rule, or change the one it was opened for."""
    kept = RULES.read(opened.name, opened.body) if opened.body else None

    field = opened.keys("alert")

    kind = st.selectbox(
        "Tell me when",
        KIND_NAMES,
        index=KIND_NAMES.index(kept.kind) if kept else 0,
        format_func=lambda one: KINDS[one].label,
        key=field("kind"),
        width=360,
    )
    base = kept if kept and kept.kind == kind else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name of the rule", document_list.start_name(opened), key=field("name"), width=220, max_chars=200
        ).strip()
        asked = _what(kind, base, field(kind))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked |= _where(view, kind, base, field(kind))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked |= _whom(kept, field("whom"))
    if kept and kept.note:
        asked["note"] = kept.note
    body = {k: v for k, v in asked.items() if v not in (None, "", (), {})}
    rule, problem = _checked(name, {"kind": kind, **body})
    if document_list.wants_saving("Save the rule", problem, field) and rule:
        document_list.save(RULES, name, rule, opened)


def _checked(name: str, body: dict[str, Any]) -> tuple[Rule | None, str]:
    """The rule, or what keeps it from being saved."""
    if not name:
        return None, "Give the rule a name."
    try:
        return RULES.read(name, body), ""
    except BadInput as wrong:
        return None, str(wrong)


def _what(kind: str, kept: Rule | None, key: str) -> dict[str, Any]:
    """What is watched, and from where on it is told."""
    asked: dict[str, Any] = {}
    unit = KINDS[kind].unit
    if kind in ("threshold", "change"):
        names = list(MEASURES)
        at = names.index(kept.measure) if kept else 0
        asked["measure"] = st.selectbox(
            "Measure", names, index=at, format_func=lambda n: MEASURES[n].label, key=f"{key}_measure", width=200
        )
        unit = MEASURES[asked["measure"]].unit if kind == "threshold" else unit
    if kind == "threshold":
        sides = ("above", "below")
        at = sides.index(kept.side) if kept else 0
        asked["side"] = st.selectbox("Is", sides, index=at, key=f"{key}_side", width=110)
    if unit:
        value = kept.limit if kept and kept.limit is not None else KINDS[kind].limit
        asked["limit"] = st.number_input(
            f"From ({unit})", min_value=0.0, value=value, key=f"{key}_limit", width=210, format="%g"
        )
    if kind in WINDOWED:
        asked["days"] = st.number_input(
            "Over the last days",
            1,
            90,
            kept.days if kept else 7 if kind == "anomaly" else 1,
            key=f"{key}_days",
            width=150,
        )
    return asked


def _where(view: Ledger, kind: str, kept: Rule | None, key: str) -> dict[str, Any]:
    """Of which rows, each of which values, which budget."""
    asked: dict[str, Any] = {}
    if kind in ("budget", "forecast"):
        names = ["", *BUDGETS.all(shell.state())]
        at = names.index(kept.budget) if kept and kept.budget in names else 0
        asked["budget"] = st.selectbox(
            "Budget", names, index=at, format_func=lambda n: n or "Any budget", key=f"{key}_budget", width=220
        )
    if kind in MEASURED:
        options = ["", *(name for name, one in DIMENSIONS.items() if not one.is_time)]
        at = options.index(kept.by) if kept and kept.by in options else 0
        asked["by"] = st.selectbox(
            "For each",
            options,
            index=at,
            format_func=lambda n: DIMENSIONS[n].label if n else "All together",
            key=f"{key}_by",
            width=170,
        )
    if kind in OF_THE_LOG:
        held = dict(kept.filters) if kept else {}
        first = next(iter(held), "")
        options = ["", *SCOPES] if first in ("", *SCOPES) else ["", *SCOPES, first]
        name = st.selectbox(
            "Only for",
            options,
            index=options.index(first),
            format_func=lambda n: DIMENSIONS[n].label if n else "All work",
            key=f"{key}_only",
            width=150,
        )
        if name:
            known = list(dict.fromkeys([*held.get(name, ()), *filters.options(view, name)]))
            chosen = st.multiselect("Which", known, list(held.get(name, ())), key=f"{key}_values_{name}", width=240)
            held = {k: v for k, v in held.items() if k != first} | ({name: tuple(chosen)} if chosen else {})
        asked["filters"] = held if name else {}
    return asked


def _whom(kept: Rule | None, key: str) -> dict[str, Any]:
    """Who is told, and when not."""
    known = list(dict.fromkeys([*(kept.channels if kept else ()), *owner.channels()]))
    channels = st.multiselect(
        "Channels",
        known,
        list(kept.channels) if kept else known[:1],
        key=f"{key}_channels",
        accept_new_options=True,
        placeholder="BATON_ALERT_…",
        width=300,
        help="Names of environment variables that hold the address of a chat, a mailbox or a webhook.",
    )
    hours = [None, *range(24)]

    def hour(label: str, field: str) -> int | None:
        value = getattr(kept, field) if kept else None
        return st.selectbox(
            label,
            hours,
            index=hours.index(value),
            format_func=lambda h: "never" if h is None else f"{h}:00",
            key=f"{key}_{field}",
            width=110,
        )

    return {
        "channels": tuple(channels),
        "quiet_from": hour("Quiet from", "quiet_from"),
        "quiet_until": hour("until", "quiet_until"),
        "urgent": st.checkbox("Urgent: also in quiet hours", kept.urgent if kept else False, key=f"{key}_urgent"),
        "silenced_until": kept.silenced_until if kept else None,
    }
