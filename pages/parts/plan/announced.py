"""What is announced ahead: price changes and ends of models, with who takes over."""

from __future__ import annotations

import streamlit as st

from analytics import spend
from analytics.forecasts import ahead, price_changes, retirements
from analytics.forecasts.forecast import LIVES
from analytics.forecasts.price_changes import PriceChange
from analytics.forecasts.retirements import Ending
from analytics.scope import Scope
from data.ledger import Ledger
from data.state import State
from pages.ui import filters, shell
from pages.ui import format as fmt

PRICES = ("alias", "price_override")
NOBODY = "nobody yet"


@shell.cached(reads=(*PRICES, *LIVES))
def changes(view: Ledger, state: State, scope: Scope) -> tuple[PriceChange, ...]:
    return price_changes.announced_changes(view, state, scope)


@shell.cached(reads=(*PRICES, *LIVES))
def ends(view: Ledger, state: State, scope: Scope) -> tuple[Ending, ...]:
    return retirements.endings(view, state, scope)


def show_announced(view: Ledger, scope: Scope) -> None:
    """Each announced change of the bill with its dollars; what ends without a successor asks for one."""
    st.subheader("Announced ahead", anchor=False)
    dated, ending = changes(view, scope), ends(view, scope)
    if not dated and not ending:
        st.caption("No price change and no end of a model in use is announced.")
        return
    for change in dated:
        if not change.successor:
            st.write(fmt.md(f"{change.text}. It is in the forecast."))
    for one in ending:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.write(fmt.md(f"{one.text}."))
            _successor(view, one)


def _successor(view: Ledger, one: Ending) -> None:
    """Who takes over; named at once, forgotten with the first choice."""
    known = [name for name in filters.options(view, "model") if name not in (one.model, "unknown")]
    if one.successor and one.successor not in known:
        known.append(one.successor)
    chosen = st.selectbox(
        f"Successor of {one.model}",
        [NOBODY, *known],
        index=known.index(one.successor) + 1 if one.successor else 0,
        key=f"successor_{one.provider}_{one.model}",
        accept_new_options=True,
        label_visibility="collapsed",
        help="Its price is what the work costs then. Type another model's name, with its provider as provider/model.",
        width=240,
    )
    heir = "" if chosen == NOBODY else str(chosen)
    if heir.rpartition("/")[2] != one.successor:
        with shell.errors():
            ahead.name_successor(shell.state(), one.model, _seller(view, heir))
            st.rerun()


def _seller(view: Ledger, heir: str) -> str:
    """A model of this log with the provider that answers for it here; another as it was typed."""
    return f"{provider}/{heir}" if (provider := seller_of(view).get(heir)) else heir


@shell.cached
def seller_of(view: Ledger) -> dict[str, str]:
    """The provider of each model of the log that has one, the one with most spend first."""
    frame = spend.grouped_spend(view, Scope.of(view), ("model", "provider")).dropna()
    return dict(zip(frame["model"][::-1], frame["provider"][::-1], strict=True))
