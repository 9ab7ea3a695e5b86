"""What the week decides: the list of actions."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.history import through
from analytics.promises import actions
from data.errors import BadInput
from pages.ui import editing, exports, shell
from pages.ui import format as fmt

# Where the number of an action came from, and what it promised: not edited here.
PROMISED = ("kind", "low_usd_month", "high_usd_month", "by", "told_usd", "told_attempts", "told_version")
TOLD = ("finding", "told_from", "told_to")
SHOWN = ("name", "owner", "due", "expected_usd_month", "told", "status", "done", "note")
COLUMNS = (
    *(
        "name",
        "owner",
        "due",
        "expected_usd_month",
        "status",
        "saved_usd_month",
        "note",
        "decided",
        "done",
        "filters",
        "told",
    ),
    *TOLD,
    *PROMISED,
)


def decisions(found: dict) -> None:
    """The list of actions, to change and to add to."""
    st.subheader("6. Decisions", anchor=False)
    saved = editing.frame(
        found["actions"],
        COLUMNS,
        dates=("due", "done"),
        numbers=("expected_usd_month", "saved_usd_month"),
    )
    columns = {
        "name": st.column_config.TextColumn("Action", required=True, width=240),
        "owner": st.column_config.TextColumn("Owner", width=80),
        "due": st.column_config.DateColumn("Due", width=95),
        "note": st.column_config.TextColumn("Note", width=140),
        "expected_usd_month": st.column_config.NumberColumn(
            "Expected", format="dollar", width=90, help="USD a month this should save; below 0 it costs more."
        ),
        "told": st.column_config.TextColumn(
            "Told from", width=110, help="The days that the expected number was told from."
        ),
        "status": st.column_config.SelectboxColumn(
            "Status", options=["open", "done", "dropped"], default="open", required=True, width=80
        ),
        "done": st.column_config.DateColumn("Done on", width=95, help="What it saves is counted from this day."),
    }
    edited = editing.table(
        saved,
        columns,
        key=f"actions_{found['digest']}",
        disabled=["saved_usd_month", "told"],
        height="content",
        row_height=None if saved.empty else exports.WRAPPED,
        column_order=SHOWN,
    )
    if st.button("Save actions", icon=":material/save:"):
        with shell.errors():
            store(saved, edited)
            st.rerun()
    exports.download(saved.drop(columns=["filters", "finding", *PROMISED]), name=f"actions-{found['week']}")
    debt = found["inventory"]
    st.caption(
        fmt.md(
            f"{debt['unowned']} of {debt['items']} models, features and teams in use lack an owner or a "
            "connection owner. The Savings page lists them."
        )
    )


def store(saved: pd.DataFrame, edited: list[dict[str, Any]]) -> None:
    """Check every row before the first is written; forecasts that were promised are not in the table and stay."""
    known = saved.set_index("name")
    told = {name: one for name, one in actions.ACTIONS.all(shell.state()).items() if one.kind == "forecast"}
    checked = []
    for row in edited:
        name = row.get("name", "").strip()
        old = known.loc[name] if name in known.index else None
        status = row.get("status", "open")
        checked.append(
            actions.check_action(
                name=name,
                owner=row.get("owner", "").strip(),
                due=row.get("due"),
                status=status,
                expected_usd_month=row.get("expected_usd_month", 0.0),
                note=row.get("note", "").strip(),
                done=row.get("done", through(shell.view()).day) if status == "done" else None,
                **_untouched(old),
            )
        )
    if taken := [action.name for action in checked if action.name in told]:
        raise BadInput(f"“{taken[0]}” is the name of a forecast that was promised; give the action another.")
    actions.ACTIONS.replace(shell.state(), told | {action.name: action for action in checked})


def _untouched(old: pd.Series | None) -> dict[str, object]:
    """What of an action the table does not edit; a new one is decided today."""
    if old is None:
        return {"decided": through(shell.view()).day}
    kept = {name: old[name] for name in ("decided", *TOLD, *PROMISED) if not pd.isna(old[name])}
    return {**kept, "filters": old["filters"]}
