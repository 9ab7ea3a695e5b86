"""A table of which a row can be chosen; the choice holds for one run, so that what it opens does not open again."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from pages.ui import exports
from pages.ui import format as fmt


def choose_row(
    frame: pd.DataFrame, key: str, *, alt: str, units: Mapping[str, str], labels: Mapping[str, str]
) -> int | None:
    """Draw a frame as a table; the place of the row that was chosen just now, None where none was."""
    chosen_before = st.session_state.setdefault(f"{key}_chosen", 0)
    choice = st.dataframe(
        exports.shown(frame, units),
        hide_index=True,
        column_config=exports.columns(frame, units=units, labels=labels),
        placeholder=fmt.MISSING,
        alt=alt,
        on_select="rerun",
        selection_mode="single-row",
        key=f"{key}_{chosen_before}",
    )
    if not choice.selection.rows:
        return None
    st.session_state[f"{key}_chosen"] = chosen_before + 1  # a new table has no choice left
    return choice.selection.rows[0]
