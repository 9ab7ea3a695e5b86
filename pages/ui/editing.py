"""Documents of one kind as rows of a small table to edit; what has many fields is edited in a dialog instead
(`pages.ui.document_list`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from data.documents import Documents
from data.errors import BadInput, BatonError
from pages.ui import format as fmt
from pages.ui import shell


def documents(
    kept: Documents,
    columns: Mapping[str, Any],
    *,
    to_row: Callable[[dict], dict],
    to_body: Callable[[dict, dict], dict],
    after: Callable[[], str],
    key: str,
) -> None:
    """Edit the documents of one kind as rows (one column is `name`); `to_body` gets the row and the stored body.

    `after` runs once when something changed and returns the sentence to show. No column may be `required`: the widget
    would keep back a row that lacks it, and what was typed there would be gone without a word.
    """
    stored = shell.state().all(kept.kind)
    rows = pd.DataFrame(
        [{"name": name, **to_row(body)} for name, body in stored.items()], columns=["name", *columns], dtype=object
    )
    edited = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        key=f"{key}_{shell.state().version(kept.kind)}",
        column_config={"name": st.column_config.TextColumn("Name", width="small"), **columns},
        placeholder=fmt.MISSING,
    )
    if message := st.session_state.pop(f"{key}_message", ""):
        st.success(fmt.md(message), icon=":material/check_circle:")
    if not st.button("Save changes", key=f"{key}_save", icon=":material/save:"):
        return
    try:
        kept.replace(shell.state(), _bodies(edited, stored, to_body))
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return
    with st.spinner("Applying it to the rows already loaded"):
        st.session_state[f"{key}_message"] = after()
    st.rerun()


def _bodies(edited: pd.DataFrame, stored: Mapping[str, dict], to_body: Callable[[dict, dict], dict]) -> dict[str, dict]:
    """The rows as documents by name; BadInput for a row without a name and for a name that stands twice."""
    found: dict[str, dict] = {}
    for number, whole in enumerate(edited.to_dict("records"), 1):
        row = {str(k): v for k, v in whole.items() if not _is_empty(v)}
        name = str(row.pop("name", "")).strip()
        if not name and row:
            raise BadInput(f"Row {number} has no name; give it one, or delete the row.")
        if name in found:
            raise BadInput(f"“{name}” stands twice, the second time in row {number}; one name, one row.")
        if name:
            found[name] = to_body(row, stored.get(name, {}))
    return found


def _is_empty(value: object) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())
