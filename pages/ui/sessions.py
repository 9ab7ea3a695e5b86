"""The sessions of a slice, the dearest first; a row opens its calls in time."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import requests
from analytics.requests import PAGE_ROWS
from analytics.scope import Scope
from data.ledger import Ledger
from pages.ui import exports, shell
from pages.ui import format as fmt
from pages.ui.requests import session_of, timeline

LABELS = {
    "session_id": "Session",
    "began": "Began, UTC",
    "minutes": "Minutes",
    "attempts": "Attempts",
    "models": "Models",
    "team": "Team",
    "feature": "Feature",
    "cost_usd": "Cost, USD",
}
UNITS = {"cost_usd": "USD small", "minutes": "ratio", "attempts": "attempts"}
SHOWN = ("cost_usd", "attempts", "minutes", "began", "team", "feature", "models", "session_id")


@shell.cached
def dearest(view: Ledger, scope: Scope) -> pd.DataFrame:
    return requests.sessions(view, scope)[[*SHOWN]]


@st.fragment
def table(view: Ledger, scope: Scope) -> None:
    """Draw the dearest sessions of a scope; choosing a row opens its calls."""
    frame = dearest(view, scope)
    if frame.empty:
        st.caption("No request of these days names its session.")
        return
    more = f"The {PAGE_ROWS} dearest sessions" if len(frame) == PAGE_ROWS else fmt.count_of(len(frame), "session")
    st.caption(f"{more}, dearest first. Choose a row to see its calls in time.")
    opened = st.session_state.setdefault("sessions_opened", 0)
    choice = st.dataframe(
        exports.plain(frame),
        hide_index=True,
        column_config=exports.columns(frame, units=UNITS, labels=LABELS),
        placeholder=fmt.MISSING,
        alt=f"{len(frame)} sessions of the slice, dearest first",
        on_select="rerun",
        selection_mode="single-row",
        key=f"sessions_{hash(scope):x}_{opened}",
    )
    exports.download(frame, name="sessions", key=f"sessions_{hash(scope):x}")
    if choice.selection.rows:
        st.session_state["sessions_opened"] = opened + 1  # a new table has no choice left that would open again
        story(view, frame.iloc[choice.selection.rows[0]].to_dict())


@st.dialog("A session, call by call", width="large")
def story(view: Ledger, row: dict) -> None:
    """Whose session it is, and its attempts in time, also those outside of the slice."""
    whose = ", ".join(str(row[name]) for name in ("team", "feature") if row[name])
    st.markdown(f"**{fmt.md(str(row['session_id']))}**" + (f", {fmt.md(whose)}" if whose else ""))
    timeline(session_of(view, row["session_id"]), "In all")
