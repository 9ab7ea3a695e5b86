"""How each number is known: caveats, bases, sources, models without a price, token readings."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import spend, standing
from analytics.scope import Scope
from data import rollups
from data.ledger import Ledger
from data.loading import batches as loaded
from data.prices import report as price_report
from pages.ui import exports, requests, shell
from pages.ui import format as fmt

HAS_CACHE = {True: "includes the cache", False: "excludes the cache"}
HAS_REASONING = {True: "includes reasoning", False: "excludes reasoning"}


@shell.cached
def caveats(view: Ledger) -> pd.DataFrame:
    return standing.caveats(view)


@shell.cached
def bill_lines(view: Ledger) -> list[str]:
    return standing.bill_lines(view)


@shell.cached
def sources(view: Ledger) -> pd.DataFrame:
    return standing.sources(view)


@shell.cached
def quiet(view: Ledger) -> list[str]:
    """The sources that have stopped logging, in words."""
    return standing.quiet_sources(view)


@shell.cached
def coverage(view: Ledger) -> pd.DataFrame:
    return spend.coverage(view, Scope.of(view))


@shell.cached
def unpriced_models(view: Ledger) -> pd.DataFrame:
    return price_report.unpriced_models(view)


@shell.cached
def token_readings(view: Ledger) -> pd.DataFrame:
    frame = loaded.token_readings(view)
    return frame.assign(
        input_has_cache=frame["input_has_cache"].map(HAS_CACHE),
        output_has_reasoning=frame["output_has_reasoning"].map(HAS_REASONING),
    )


def show_caveats(view: Ledger) -> None:
    """Each caveat with its rows and dollars, what it means, what to do, and the rows themselves."""
    frame = caveats(view)
    st.subheader("What was left unread or assumed", anchor=False)
    if told := bill_lines(view):
        st.caption(f"Beside the rows: {fmt.md('; '.join(told))}. Their amounts are no part of the spend.")
    if frame.empty:
        priced = shell.standing(view)
        which = "every row" if priced is None or priced.priced_share == 1 else "every row with a price"
        st.caption(f"Nothing: every row was read whole, and {which} was priced without an assumption.")
        return
    st.caption("A row may carry two caveats and then counts in both.")
    exports.table(
        frame.drop(columns="code"),
        name="caveats",
        units={"cost_usd": "USD", "rows": "count"},
        labels={"cost_usd": "Spend, USD", "meaning": "What it means", "remedy": "What to do"},
        wide={"meaning": 320, "remedy": 320},
    )
    labels = dict(zip(frame["code"], frame["caveat"], strict=True))
    code = st.selectbox(
        "Rows with this caveat",
        list(labels),
        index=None,
        format_func=lambda one: labels.get(one, one),
        key="caveat",
        bind="query-params",
        placeholder="Choose one",
        width=320,
    )
    if code:
        requests.table(view, Scope.of(view), caveat=code)


def show_coverage(view: Ledger) -> None:
    """How the numbers are known: caveats, bases, sources, what has no price, how tokens were read, the time zone."""
    show_caveats(view)
    st.subheader("How each cost is known", anchor=False)
    st.caption(
        "contract: your price; reported: what the log says; list: the price book on that day; prepaid: capacity bought "
        "ahead, in the provider's bill; unpriced: no price known; unmetered: the log lost the usage."
    )
    exports.table(
        coverage(view),
        name="coverage",
        units={"cost_usd": "USD", "attempts": "attempts"},
        labels={"cost_basis": "Basis", "cost_usd": "Spend, USD"},
    )
    st.subheader("Where it comes from", anchor=False)
    exports.table(
        sources(view),
        name="sources",
        units={"cost_usd": "USD", "attempts": "attempts"},
        labels={"cost_usd": "Spend, USD", "first": "First, UTC", "last": "Last, UTC", "lacks": "Days without its log"},
    )
    for words in quiet(view):
        st.warning(fmt.md(f"{words[0].upper()}{words[1:]}."), icon=":material/sensors_off:")
    _without_price(view)
    st.subheader("How token counts were read", anchor=False)
    readings = token_readings(view)
    if readings.empty:
        st.caption(
            "Every source loaded so far says itself whether its input includes cached tokens and its output "
            "reasoning; nothing had to be inferred."
        )
    else:
        exports.table(
            readings, name="token-semantics", labels={"input_has_cache": "Input", "output_has_reasoning": "Output"}
        )
    _time_zone(view)


def _without_price(view: Ledger) -> None:
    frame = unpriced_models(view)
    st.subheader(f"Models without a price: {len(frame)}", anchor=False)
    if frame.empty:
        st.caption("None: every model in the log has a price on every day it was used.")
    else:
        st.caption(
            "Their cost is unknown, not zero, and no total includes them. Give an alias under Model names, or"
            " a contract price under Prices."
        )
        exports.table(
            frame, name="unpriced", units={"reported_cost_usd": "USD", "attempts": "attempts", "tokens": "tokens"}
        )


def _time_zone(view: Ledger) -> None:
    zone = st.text_input(
        "Reporting time zone",
        value=view.time_zone,
        help="One zone for every day on every page; days are rebuilt when it changes.",
        width=280,
    )
    if zone != view.time_zone and st.button("Change the time zone", icon=":material/schedule:"):
        with shell.errors(), shell.ledger().write() as cursor:
            rollups.set_time_zone(cursor, zone.strip())
            shell.state().append_audit("time zone changed", {"zone": zone.strip()})
        st.rerun()
