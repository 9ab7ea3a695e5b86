"""What is edited in a table: rows with typed columns, and the documents of one kind as such rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from data.documents import Documents
from data.errors import BatonError
from pages.ui import format as fmt
from pages.ui import shell


def frame(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[str], *, dates: Sequence[str] = (), numbers: Sequence[str] = ()
) -> pd.DataFrame:
    """Rows as a table of these columns to edit: days without a time, numbers that may be missing."""
    made = pd.DataFrame(rows, columns=list(columns))
    for column in dates:
        made[column] = pd.to_datetime(made[column]).dt.date
    return made.astype(dict.fromkeys(numbers, float))


def table(rows: pd.DataFrame, columns: Mapping[str, Any], *, key: str, **more: Any) -> list[dict[str, Any]]:
    """Rows to edit, add to and take away from; as they are then, each without its empty cells."""
    edited = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        key=key,
        column_config=columns,
        placeholder=fmt.MISSING,
        **more,
    )
    return [{str(k): v for k, v in row.items() if not _empty(v)} for row in edited.to_dict("records")]


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

    `after` runs once when something changed and returns the sentence to show.
    """
    stored = shell.state().all(kept.kind)
    rows = pd.DataFrame(
        [{"name": name, **to_row(body)} for name, body in stored.items()], columns=["name", *columns], dtype=object
    )
    named = {"name": st.column_config.TextColumn("Name", required=True, width="small"), **columns}
    edited = table(rows, named, key=f"{key}_{shell.state().version(kept.kind)}")
    if message := st.session_state.pop(f"{key}_message", ""):
        st.success(fmt.md(message), icon=":material/check_circle:")
    if not st.button("Save changes", key=f"{key}_save", icon=":material/save:"):
        return
    try:
        bodies = {}
        for row in edited:
            if name := str(row.pop("name", "")).strip():
                bodies[name] = to_body(row, stored.get(name, {}))
        kept.replace(shell.state(), bodies)
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return
    with st.spinner("Applying it to the rows already loaded"):
        st.session_state[f"{key}_message"] = after()
    st.rerun()


def _empty(value: object) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def what_changed(change: object, done: str) -> str:
    """What a save did to the rows already loaded: `change.rows` of them were `done`."""
    rows = getattr(change, "rows", 0)
    return (
        f"{fmt.count(rows)} rows {done}; a new data version was made."
        if rows
        else "Saved; no row already loaded is touched by it."
    )
