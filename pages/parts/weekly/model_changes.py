"""Models that answer otherwise than before, on the weekly review: whose change it is, and what it costs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import exports
from pages.ui import format as fmt


def model_changes(found: dict) -> None:
    """What changed in the quarter without anybody saying so; nothing where nothing did."""
    every = found["model_changes"]
    if not every:
        st.caption(fmt.md(found["no_model_changes"]))
        return
    words = {"provider": "likely by the provider", "ours": "likely by us", "not known": "by whom is not known"}
    counts = {who: sum(one["whose"] == who for one in every) for who in words}
    told = ", ".join(f"{count} {words[who]}" for who, count in counts.items() if count)
    st.markdown(f"**Models that answer otherwise than before: {told}**")
    rows = [
        {"What changed": one["title"], "Since": one["on"], "USD a month": one["usd_month"], "Why": one["why"]}
        for one in every
    ]
    exports.table(
        pd.DataFrame(rows),
        name=f"silent-changes-{found['week']}",
        units={"USD a month": "USD"},
        wide={"What changed": 330, "Why": 230},
    )
    st.caption(fmt.md("Two weeks against the four before; told where it lies far outside of what earlier weeks moved."))
