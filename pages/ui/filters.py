"""The one row of period and filters that pages share. Everything in it lives in the address (`pages.ui.place`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

from analytics import coverage, spend
from analytics.registry import DIMENSIONS
from analytics.scope import ClosedScope, Scope
from data.ledger import Ledger
from pages.ui import format as fmt
from pages.ui import links, period, place, shell

OFFERED = 500  # values of a dimension that the list to choose from holds, the dearest first
NAMED = 2  # values a chip names before it counts
USUAL = "usual_window"  # the period a page shows unless asked, for the links that leave it
WORDS = {"is": "is", "not": "is not"}
Asked = TypeVar("Asked", bound=Scope)


@shell.cached
def options(view: Ledger, dimension: str) -> list[str]:
    """Values of a dimension, by spend, missing as `unknown`."""
    return [name for name, _ in by_spend(view, dimension)]


@shell.cached
def by_spend(view: Ledger, dimension: str) -> list[tuple[str, float]]:
    """The dearest values of a dimension with their USD over all of the log; 0 where the cost is unknown."""
    frame = spend.grouped_spend(view, Scope.of(view), (dimension,), limit=OFFERED)
    return list(zip(frame[dimension], frame["cost_usd"].fillna(0).astype(float), strict=True))


@shell.cached
def in_log(view: Ledger, dimension: str, value: str) -> bool:
    """Whether any row has the value."""
    return bool(spend.totals(view, Scope.of(view).with_filter(dimension, value), ("attempts",))["attempts"])


def scope_bar(view: Ledger, *, default: str = "28d") -> ClosedScope:
    """Draw period and filters in one row; returns the chosen scope."""
    return compared_bar(view, default=default, compares=False)[0]


def compared_bar(
    view: Ledger, *, default: str = "28d", compares: bool = True
) -> tuple[ClosedScope, ClosedScope | None]:
    """Draw period, comparison and filters in one row; returns the scope and the earlier one it is compared with."""
    st.session_state[USUAL] = default
    scope = narrow(view, period.chosen_days(view, default))
    earlier = period.earlier(view, scope, default) if compares else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        period.control(view, scope, default, earlier, compares)
        strange = chips(view)
    _warn_of(view, strange)
    told = coverage.coverage(view, scope)
    if not told.is_whole:
        basis = f"{told.basis} of this period have" if told.covered_days else "No day of this period has"
        st.caption(fmt.md(f"{basis} a whole log: {told.reason}."))
    return scope, earlier


def filter_bar(view: Ledger) -> Scope:
    """Draw the filters alone, for a page that chooses its own days; returns the scope over all of the log."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        strange = chips(view)
    _warn_of(view, strange)
    return narrow(view, Scope.of(view))


def narrow(view: Ledger, scope: Asked) -> Asked:
    """The scope with the filters of the address."""
    for dimension, word, values in place.filters(view):
        scope = scope.with_filter(dimension, *values) if word == "is" else scope.excluding(dimension, *values)
    return scope


def chips(view: Ledger) -> dict[str, list[str]]:
    """A chip for each filter of the address, with its cross, and the way to one more.

    Returns by dimension the values that no row of the log has.
    """
    found = place.filters(view)
    strange = {dimension: _chip(view, dimension, word, values) for dimension, word, values in found}
    with st.popover("Filter", icon=":material/add:", type="tertiary", key="add_filter", on_change="rerun") as more:
        if more.open:
            _more(view)
    if len(found) > 1:
        st.button("Clear all", key="clear_filters", type="tertiary", on_click=place.clear_filters)
    return strange


def _warn_of(view: Ledger, strange: dict[str, list[str]]) -> None:
    """Nothing that a link asks for is left out in silence."""
    for name in place.unknown(view):
        st.warning(
            fmt.md(f"The link filters by {name}, which is no dimension of this ledger; all of its values are in.")
        )
    for dimension, values in strange.items():
        if values:
            st.warning(fmt.md(f"The log has no {DIMENSIONS[dimension].label.lower()} {' or '.join(values)}."))


def _chip(view: Ledger, dimension: str, word: str, values: Sequence[str]) -> list[str]:
    """Draw one; returns its values that no row of the log has."""
    shown = ", ".join(values[:NAMED]) + (f" and {len(values) - NAMED} more" if len(values) > NAMED else "")
    strange = [value for value in values if not in_log(view, dimension, value)]
    st.button(
        f"{DIMENSIONS[dimension].label} {WORDS[word]} **{fmt.md(shown)}**",
        key=f"chip_{word}_{dimension}",
        icon=":material/close:",
        icon_position="right",
        help=fmt.md(f"{', '.join(values)}. Click to remove."),
        on_click=place.go,
        kwargs={place.key_of(dimension, word): None},
    )
    return strange


def _more(view: Ledger) -> None:
    """Choose a dimension and its values, each with its spend beside it."""
    dimension = st.selectbox(
        "Dimension", place.dimensions(view), format_func=lambda name: DIMENSIONS[name].label, key="_dimension"
    )
    word = st.segmented_control(
        "How", list(WORDS), format_func=WORDS.__getitem__, default="is", required=True, key="_word"
    )
    known = dict(by_spend(view, dimension))
    st.multiselect(
        "Values",
        list(known),
        key=f"_values_{dimension}",
        format_func=lambda value: f"{value}  ·  {fmt.usd_short(known[value])}",
        placeholder="Type to search",
        filter_mode="fuzzy",
        select_all=False,
    )
    if len(known) == OFFERED:
        st.caption(f"The {OFFERED} dearest are listed; any other value can be named in the address.")
    st.button("Apply", type="primary", on_click=_apply, args=(dimension, word))


def _apply(dimension: str, word: str) -> None:
    if values := st.session_state.get(f"_values_{dimension}"):
        place.narrow(dimension, *values, word=word)
        st.session_state["add_filter"] = False


def link(page: str, label: str, icon: str, scope: Scope, **params: str) -> None:
    """A link to another page on exactly this slice and period."""
    links.page_link(page, label, icon, {**choices_of(scope), **params})


def choices_of(scope: Scope) -> dict[str, str | Sequence[str]]:
    """The slice and the period as the parameters of a link."""
    usual = {"window": window} if (window := st.session_state.get(USUAL)) else {}
    return {**usual, **place.period_to_carry(), **of_scope(scope)}


def of_scope(scope: Scope) -> dict[str, str | Sequence[str]]:
    """A scope's filters as the parameters of a link."""
    return {**dict(scope.filters), **{place.key_of(name, "not"): values for name, values in scope.excluded}}


def what_ifs(scope: Scope) -> None:
    """From a spend view: the three what-ifs on exactly this slice."""
    link("pages/mix.py", "Find a cheaper mix for this slice", ":material/tune:", scope)
    link("pages/policy_replay.py", "Replay a policy on it", ":material/alt_route:", scope)
    link("pages/self_host.py", "Price own machines for it", ":material/dns:", scope)
