"""Every file that was read: its counts, what was skipped or set aside, and why."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from data.ledger import Ledger
from data.loading import batches as loaded
from pages.ui import exports, shell
from pages.ui import format as fmt


@shell.cached
def batches(view: Ledger) -> pd.DataFrame:
    return loaded.batches(view)


@shell.cached
def set_aside(view: Ledger) -> pd.DataFrame:
    return loaded.set_aside(view)


def show_batches(view: Ledger) -> None:
    st.caption(
        "Every file Baton has read. Loaded + duplicate + set aside = read; skipped records carry no usage of their own."
    )
    labels = {"ingested_at": "Loaded at, UTC", "rejected": "Set aside"}
    frame = batches(view)
    counts = dict.fromkeys(("read", "loaded", "duplicate", "rejected", "skipped"), "count")
    exports.table(frame.drop(columns=["note", "batch_id"]), name="batches", labels=labels, units=counts)
    for form, note in frame[["format", "note"]].drop_duplicates().itertuples(index=False):
        if note:
            st.caption(fmt.md(f"{form}: {note}"))
    frame = set_aside(view)
    st.subheader(f"Set aside: {len(frame):,}{' or more' if len(frame) == 1000 else ''} records", anchor=False)
    if frame.empty:
        st.caption("Nothing. Every record that carries usage is in the ledger.")
    else:
        exports.table(frame, name="set-aside", labels={"record_no": "Record", "record": "The record, keys masked"})
