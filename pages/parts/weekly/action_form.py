"""An action of the week by dialog: what is done, by whom and when, and what it should save."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

import streamlit as st

from analytics.history import through
from analytics.promises.actions import ACTIONS, Action, check_action
from data.errors import BadInput
from data.ledger import Ledger
from pages.ui import document_list
from pages.ui import format as fmt
from pages.ui.document_list import Opened

STATUSES = get_args(Action.model_fields["status"].annotation)


@st.dialog("Action", icon=":material/task_alt:", width="medium")
def dialog(view: Ledger, opened: Opened) -> None:
    """Add an action, or change the one it was opened for; what it was promised on stays as it is."""
    held, today = opened.body, through(view).day

    field = opened.keys("action")

    name = st.text_input("What is done", document_list.start_name(opened), key=field("name"), max_chars=200).strip()
    left, right = st.columns(2)
    values: dict[str, Any] = {
        "owner": left.text_input("Owner", held.get("owner", ""), key=field("owner"), placeholder="nobody yet").strip(),
        "due": right.date_input("Due", held.get("due"), key=field("due"), format="YYYY-MM-DD"),
        "expected_usd_month": left.number_input(
            "Expected saving, USD a month",
            value=float(held.get("expected_usd_month", 0.0)),
            step=100.0,
            key=field("expected"),
            help="Below 0 it costs more.",
        ),
        "status": right.selectbox("Status", STATUSES, STATUSES.index(held.get("status", "open")), key=field("status")),
    }
    if values["status"] == "done":
        values["done"] = right.date_input(
            "Done on",
            held.get("done") or today,
            key=field("done"),
            format="YYYY-MM-DD",
            help="What it saves is counted from this day.",
        )
    values["note"] = st.text_input("Note", held.get("note", ""), key=field("note")).strip()
    action, problem = _checked({**{k: v for k, v in held.items() if k != "done"}, **values, "name": name}, today)
    if document_list.wants_saving("Save the action", problem, field) and action:
        document_list.save(ACTIONS, name, action, opened)


def _checked(values: dict[str, Any], today: date) -> tuple[Action | None, str]:
    """The action, decided today where it is new, or what keeps it from being saved."""
    if not values["name"]:
        return None, "Say what is done."
    try:
        return check_action(**{"decided": today, **values}), ""
    except BadInput as wrong:
        return None, str(wrong)


def in_words(action: dict[str, Any]) -> str:
    """An action of the report in a sentence: whose, by when, what it should save and what it did."""
    badge = {"open": ":blue-badge[open]", "done": ":green-badge[done]", "dropped": ":gray-badge[dropped]"}
    said = [action["owner"] or "nobody owns it"]
    if action["status"] == "open" and action["due"]:
        said.append(f"due {fmt.day(date.fromisoformat(action['due']))}")
    if action["done"]:
        said.append(f"done {fmt.day(date.fromisoformat(action['done']))}")
    if expected := action["expected_usd_month"]:
        said.append(
            f"expected to {'save' if expected > 0 else 'cost'} {fmt.usd(abs(expected))} a month"
            + (f", told from {action['told']}" if action["told"] else "")
        )
    if action["note"]:
        said.append(action["note"])
    return f"**{fmt.md(action['name'])}** {badge[action['status']]} {fmt.md('; '.join(said))}."
