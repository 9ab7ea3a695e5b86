"""How one request was read: the record, the columns it gave, what stayed unread, and the lines of its price."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from data import people
from data.loading.explain import Explanation, Origin, with_record
from pages.ui import format as fmt
from pages.ui import shell


def price(told: Explanation) -> None:
    """What it costs, a line per kind of token, tool and request."""
    if told.price is None:
        return
    lines = told.price.paid or told.price.listed
    if not lines:
        st.caption(fmt.md(f"No price line: the cost is {told.price.basis}."))
        return
    note = "" if told.price.paid else " It was charged what the log says; these are list prices."
    st.markdown(f"**Its price**, found by {fmt.md(told.price.matched_by)}.{note}")
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "Of": line.bucket.replace("_", " "),
                    "Quantity": f"{line.quantity:,} {line.unit}",
                    "Rate, USD": fmt.MISSING if line.rate_usd is None else f"{line.rate_usd:f}",
                    "USD": fmt.MISSING if line.usd is None else f"{line.usd:f}",
                    "Source": line.source,
                }
                for line in lines
            ]
        ),
        hide_index=True,
        alt=f"{len(lines)} price lines of the request",
    )


def columns(told: Explanation) -> None:
    """Every column of the row that holds something."""
    facts = [(name, str(value)) for name, value in told.columns.items()]
    st.markdown("**What it says**")
    st.dataframe(
        pd.DataFrame(facts, columns=["Column", "As read"]),
        hide_index=True,
        height=240,
        alt=f"{len(facts)} columns of the row that hold something",
    )


def record(told: Explanation, origin: Origin | str) -> None:
    """The record itself with what stayed unread in it, to those who may load logs: it may hold prompts."""
    if isinstance(origin, str):
        st.caption(fmt.md(origin))
        return
    if not people.acting().may("load"):
        st.caption("Its record is not shown: it may hold prompts, which takes the role operator.")
        return
    where = f"record {told.record_no:,} of {origin.path.name}"
    if not st.button(
        f"Show {fmt.md(where)}", icon=":material/description:", key=f"record_of_{told.columns['event_id']}"
    ):
        return
    with st.spinner("Reading the file"):
        found, why_not = with_record(shell.state(), told, origin)
    if why_not:
        st.caption(fmt.md(why_not))
        return
    for name, value in found.unread.items():
        st.caption(fmt.md(f"Unread: {name} = {value:,g}"))
    if found.record:
        st.code(found.record, language="json", wrap_lines=True)
    else:
        st.caption(f"The format counts its own records; the row is number {told.record_no:,} of them.")
