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
from pages.ui.row_choice import choose_row

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
    key, alt = f"sessions_{hash(scope):x}", f"{len(frame)} sessions of the slice, dearest first"
    row = choose_row(frame, key, alt=alt, units=UNITS, labels=LABELS)
    exports.download(frame, name="sessions", key=key)
    if row is not None:
        story(view, frame.iloc[row].to_dict())


@st.dialog("A session, call by call", width="large")
def story(view: Ledger, row: dict) -> None:
    """Whose session it is, and its attempts in time, also those outside of the slice."""
    whose = ", ".join(str(row[name]) for name in ("team", "feature") if row[name])
    st.markdown(f"**{fmt.md(str(row['session_id']))}**" + (f", {fmt.md(whose)}" if whose else ""))
    timeline(session_of(view, row["session_id"]), "In all")
