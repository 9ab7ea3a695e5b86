"""The one row of filters that spend pages share. Everything in it lives in the URL."""

from __future__ import annotations

import streamlit as st

from analytics import coverage, spend
from analytics.history import through
from analytics.registry import DIMENSIONS
from analytics.scope import ClosedScope, Scope
from data.calendar import DAYS_PER_YEAR
from data.ledger import Ledger
from pages.ui import format as fmt
from pages.ui import links, shell

CARRIED = ("team", "model", "task_type", "environment", "feature", "provider")  # a link may name any of these
DAYS = {"7d": 7, "28d": 28, "90d": 90, "12m": DAYS_PER_YEAR}
WINDOWS = {"7d": "7d", "28d": "28d", "90d": "90d", "12m": "12m", "mtd": "MTD", "all": "All"}


@shell.cached
def options(view: Ledger, dimension: str) -> list[str]:
    """Values of a roll-up dimension, by spend, missing as `unknown`."""
    return spend.grouped(view, Scope.of(view), (dimension,))[dimension].tolist()


def span_of(view: Ledger, window: str) -> ClosedScope:
    """The days of a window; `coverage` knows the last whole one."""
    if window == "mtd":
        return coverage.window(view, since=through(view).day.replace(day=1))
    return coverage.window(view, DAYS.get(window))


def scope_bar(
    view: Ledger,
    *,
    dimensions: tuple[str, ...] = ("team", "model", "environment"),
    default: str = "28d",
    windows: tuple[str, ...] = tuple(WINDOWS),
) -> ClosedScope:
    """Draw window and dimension filters in one row, those that came with the link too; returns the chosen scope."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        links.offered("window", windows)
        window = st.segmented_control(
            "Period",
            windows,
            format_func=lambda name: WINDOWS[name],
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
    span = span_of(view, window or default)
    scope = Scope.of(view, span.start, span.end, **{k: tuple(v) for k, v in chosen.items()})
    told = coverage.coverage(view, scope)
    if not told.is_whole:
        basis = f"{told.basis} of this period have" if told.covered_days else "No whole day of this period has"
        st.caption(fmt.md(f"{basis} a log: {told.reason}."))
    return scope


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
