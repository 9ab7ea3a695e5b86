"""Models that answer otherwise than before, on the weekly review: whose change it is, and what it costs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import silent_changes
from data.ledger import Ledger
from data.state import State
from pages.ui import exports, shell
from pages.ui import format as fmt


@shell.cached(reads=())
def changed(view: Ledger, state: State, trail_ends: str) -> list[silent_changes.SilentChange]:
    """`trail_ends` names the newest entry of the audit trail, in which everything that can be ours is written."""
    return silent_changes.silent_changes(view, state)


def model_changes(found: dict) -> None:
    """What changed in the last quarter without anybody saying so; nothing where nothing did."""
    newest = shell.state().audit(limit=1)
    every = changed(shell.view(), newest[0].hash if newest else "")
    if not every:
        st.caption("No model answers otherwise than before by more than it changes by itself.")
        return
    theirs = sum(one.whose == "provider" for one in every)
    st.markdown(f"**Models that answer otherwise than before: {theirs} by the provider, {len(every) - theirs} by us**")
    rows = [{"What changed": one.title, "Since": one.on, "USD a month": one.usd_month, "Why": one.why} for one in every]
    exports.table(
        pd.DataFrame(rows),
        name=f"silent-changes-{found['week']}",
        units={"USD a month": "USD"},
        wide={"What changed": 330, "Why": 230},
    )
    st.caption(fmt.md("Two weeks against the four before; told where it lies far outside of what earlier weeks moved."))
