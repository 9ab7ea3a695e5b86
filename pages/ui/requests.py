"""The requests of a slice as a table: a hundred a page, the order chosen, each row with its story."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import requests
from analytics.requests import ORDERS, PAGE_ROWS
from analytics.scope import Scope
from data.caveats import BY_CODE
from data.errors import NoData
from data.ledger import Ledger
from data.loading import explain
from pages.ui import exports, request_reading, shell
from pages.ui import format as fmt
from pages.ui.row_choice import choose_row

MOST_PAGES = 100  # deeper pages cost more each; a filter finds a row sooner
ORDER_LABELS = {"time": "Newest", "cost": "Dearest", "tokens": "Most tokens", "latency": "Slowest"}
LABELS = {
    "requested_at": "Time, UTC",
    "input_tokens": "Input",
    "output_tokens": "Output",
    "cost_usd": "Cost, USD",
    "cost_basis": "Basis",
    "latency_ms": "Latency",
    "session_id": "Session",
    "source": "Format",
}
UNITS = {"cost_usd": "USD small", "input_tokens": "tokens", "output_tokens": "tokens", "latency_ms": "ms"}


@shell.cached
def count_requests(view: Ledger, scope: Scope, caveat: str | None) -> int:
    return requests.count(view, scope, caveat)


@shell.cached
def rows_of(view: Ledger, scope: Scope, caveat: str | None, order: str, number: int) -> pd.DataFrame:
    return requests.page(view, scope, order=order, number=number, caveat=caveat)


@shell.cached
def session_of(view: Ledger, session_id: str) -> pd.DataFrame:
    return requests.session(view, session_id)


@st.fragment
def table(view: Ledger, scope: Scope, *, caveat: str | None = None) -> None:
    """Draw the requests of a scope; choosing a row opens how it was read and its session."""
    count = count_requests(view, scope, caveat)
    if not count:
        st.caption("No request matches.")
        return
    key = f"{hash((scope, caveat)):x}"
    pages = -(-count // PAGE_ROWS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.segmented_control(
            "Order",
            list(ORDERS),
            format_func=lambda name: ORDER_LABELS[name],
            default="time",
            required=True,
            key="requests_order",
            label_visibility="collapsed",
        )
        number = 1
        if pages > 1:
            number = st.pagination(min(pages, MOST_PAGES), key=f"requests_page_{key}_{order}", max_visible_pages=5)
    frame = rows_of(view, scope, caveat, order, number)
    first = (number - 1) * PAGE_ROWS + 1
    deep = f"; the first {fmt.count(MOST_PAGES * PAGE_ROWS)} can be paged, narrow the filters for the rest"
    st.caption(
        f"{fmt.count(first)} to {fmt.count(first + len(frame) - 1)} of {fmt.count(count)} attempts"
        + (deep if pages > MOST_PAGES else "")
        + ". Choose a row to see how it was read."
    )
    row = choose_row(
        frame.assign(caveats=[_caveats(codes) for codes in frame["caveats"]]),
        f"requests_{key}_{order}_{number}",
        alt=f"{len(frame)} attempts of the slice, {ORDER_LABELS[order].lower()} first",
        units=UNITS,
        labels=LABELS,
    )
    exports.download(frame, name="requests", key=f"requests_{key}")
    if row is not None:
        story(view, frame.iloc[row].to_dict())


def _caveats(codes: object) -> str:
    known = [] if codes is None or isinstance(codes, float) else list(codes)  # type: ignore[call-overload]
    return ", ".join(BY_CODE[code].label if code in BY_CODE else str(code) for code in known)


@st.dialog("How this request was read", width="large")
def story(view: Ledger, row: dict) -> None:
    """How one attempt was read: its record, columns and price, what was assumed, and the session it belongs to."""
    st.markdown(
        f"**{fmt.md(str(row['model'] or fmt.MISSING))}**, {fmt.day(row['requested_at'])} "
        f"{row['requested_at']:%H:%M:%S} UTC: {fmt.md(fmt.usd(row['cost_usd']))} ({fmt.md(str(row['cost_basis']))})"
    )
    try:
        told, origin = explain.explain_row(shell.ledger(), shell.state(), row["event_id"])
    except NoData as gone:
        st.warning(fmt.md(str(gone)), icon=":material/info:")
        return
    for known in told.caveats:
        st.warning(fmt.md(f"{known.label.capitalize()}: {known.sentence} {known.remedy}"), icon=":material/info:")
    request_reading.price(told)
    request_reading.columns(told)
    request_reading.record(told, origin)
    if row["session_id"] and row["session_id"] == row["session_id"]:
        frame = session_of(view, row["session_id"])
        if len(frame) > 1:
            timeline(frame, "Its session")


def timeline(frame: pd.DataFrame, name: str) -> None:
    """The attempts of one session in time, under what they come to; what nobody knows the cost of is not $0."""
    whole = frame["cost_usd"].sum(min_count=1)
    st.markdown(f"**{name}: {fmt.count_of(len(frame), 'attempt')}, {fmt.md(fmt.usd(whole))}**")
    brief = frame[["requested_at", "model", "input_tokens", "output_tokens", "cost_usd", "status"]]
    st.dataframe(
        exports.shown(brief, UNITS),
        hide_index=True,
        placeholder=fmt.MISSING,
        column_config=exports.columns(brief, units=UNITS, labels=LABELS),
        alt="The attempts of the session in time",
    )
