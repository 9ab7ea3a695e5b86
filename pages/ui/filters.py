"""The one row of filters that spend pages share. Everything in it lives in the URL."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

from analytics.registry import DIMENSIONS
from analytics.scope import UNKNOWN, Scope
from data.calendar import DAYS_PER_YEAR
from data.ledger import Ledger
from pages.ui import links, shell

CARRIED = ("team", "model", "task_type", "environment", "feature", "provider")  # a link may name any of these
WINDOWS = {"7d": "7d", "28d": "28d", "90d": "90d", "12m": "12m", "mtd": "MTD", "all": "All"}


@shell.cached
def options(view: Ledger, dimension: str) -> list[str]:
    """Values of a roll-up dimension, by spend, missing as `unknown`."""
    column = DIMENSIONS[dimension].name
    frame = view.sql(
        f"SELECT coalesce({column}, '{UNKNOWN}') AS value FROM {view.name('spend_by_day')} GROUP BY 1 ORDER BY sum(cost_usd) DESC NULLS LAST"
    )
    return frame["value"].tolist()


def window_days(window: str, first: date, last: date) -> tuple[date, date]:
    """Half-open days of a window that ends with the last complete day of data."""
    end = last + timedelta(days=1)
    starts = {
        "7d": end - timedelta(days=7),
        "28d": end - timedelta(days=28),
        "90d": end - timedelta(days=90),
        "12m": end - timedelta(days=DAYS_PER_YEAR),
        "mtd": last.replace(day=1),
        "all": first,
    }
    return starts[window], end


def last_full_day(view: Ledger) -> date:
    """The last day the data cover whole; the last day at all when there is only one."""
    known = shell.facts(view)
    complete = known["last"].hour >= 23 or known["first_day"] == known["last_day"]
    return known["last_day"] if complete else known["last_day"] - timedelta(days=1)


def scope_bar(
    view: Ledger,
    *,
    dimensions: tuple[str, ...] = ("team", "model", "environment"),
    default: str = "28d",
    windows: tuple[str, ...] = tuple(WINDOWS),
) -> Scope:
    """Draw window and dimension filters in one row, those that came with the link too; returns the chosen scope."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        links.offered("window", windows)
        window = st.segmented_control(
            "Period",
            windows,
            format_func=WINDOWS.get,
            default=default,
            required=True,
            key="window",
            bind="query-params",
        )
        chosen = {}
        for name in (
            *dimensions,
            *(n for n in CARRIED if n not in dimensions and (n in st.query_params or st.session_state.get(n))),
        ):
            links.offered(name, known := options(view, name))
            chosen[name] = st.multiselect(
                DIMENSIONS[name].label, known, key=name, bind="query-params", placeholder="All", width=128
            )
    start, end = window_days(window or default, shell.facts(view)["first_day"], last_full_day(view))
    return Scope.of(view, start, end, **{k: tuple(v) for k, v in chosen.items()})


def link(page: str, label: str, icon: str, scope: Scope, **params: str) -> None:
    """A link to another page on exactly this slice, its period included where the other page has another default."""
    period = {"window": st.session_state["window"]} if st.session_state.get("window") else {}
    choices = {**period, **dict(scope.filters), **{k: v for k, v in params.items() if k in links.CHOICES}}
    links.page_link(page, label, icon, choices, **{k: v for k, v in params.items() if k not in links.CHOICES})


def what_ifs(scope: Scope) -> None:
    """From a spend view: the three what-ifs on exactly this slice."""
    link("pages/mix.py", "Find a cheaper mix for this slice", ":material/tune:", scope)
    link("pages/policy_replay.py", "Replay a policy on it", ":material/alt_route:", scope)
    link("pages/self_host.py", "Price own machines for it", ":material/dns:", scope)
