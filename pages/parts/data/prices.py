"""What you pay where it differs from the list, and the price timeline of a model."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics import spend
from analytics.scope import Scope
from data import owner, people
from data.ledger import Ledger
from data.prices import report as price_report
from data.prices import second_catalogue
from data.prices.book import PriceBook
from data.state import State
from pages.parts.data import contract_form, price_book
from pages.ui import exports, shell


def show_prices(view: Ledger) -> None:
    """Contract prices to edit, what a model cost over time, and a second catalogue beside the first."""
    st.subheader("Contract prices and discounts", anchor=False)
    st.caption(
        "They win over the log and the list from their first day to the day before their end. Prices are USD "
        "per 1M tokens. Saving reprices the rows it touches, as a new"
        " data version."
    )
    contract_form.manage(view)
    _timeline(view)
    price_book.show_price_book(view)
    _second_catalogue(view)


def _timeline(view: Ledger) -> None:
    """Every price of one model of the log, with the days it holds."""
    st.subheader("Price timeline", anchor=False)
    models = spend.grouped_spend(view, Scope.of(view), ("provider", "model"))
    pairs = [f"{p} / {m}" for p, m in zip(models["provider"], models["model"], strict=True)]
    chosen = st.selectbox("Model", pairs, key="price_of", bind="query-params", width=360)
    if not chosen:
        return
    provider, model = chosen.split(" / ", 1)
    frame = price_report.timeline(PriceBook.load(shell.state()), provider, model)
    rates = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    keep = [
        "book",
        "service_tier",
        "valid_from",
        "valid_to",
        *(["hours"] if frame["hours"].any() else []),
        "tokens_from",
        *rates,
    ]
    for column in ("valid_from", "valid_to"):
        frame[column] = frame[column].map(lambda t: None if t is None or t != t else f"{t:%Y-%m-%d}")
    st.caption(
        "USD per 1M tokens. Tokens from: the whole request takes this price when its input reaches that many tokens."
    )
    exports.table(
        merge_unchanged(frame[keep].astype({"service_tier": str})),
        name=f"prices-{model.replace('/', '-')}",
        units=dict.fromkeys(rates, "USD per 1M tokens"),
    )


def merge_unchanged(timeline: pd.DataFrame) -> pd.DataFrame:
    """The rows of a timeline with those that follow each other at the same price as one: a book that was read again
    begins a price anew that has not changed.
    """
    rows: list[dict[str, Any]] = []
    for row in timeline.astype(object).where(timeline.notna(), None).to_dict("records"):
        days = ("valid_from", "valid_to")
        same = rows and all(rows[-1][name] == value for name, value in row.items() if name not in days)
        if same and row["valid_from"] and rows[-1]["valid_to"] == row["valid_from"]:
            rows[-1]["valid_to"] = row["valid_to"]
        else:
            rows.append(row)
    return pd.DataFrame(rows, columns=timeline.columns)


@shell.cached(reads=("alias", "price_override"))
def _disagreements(view: Ledger, state: State) -> pd.DataFrame:
    book = PriceBook.load(state)
    return price_report.disagreements(book, book.imported) if book.imported else pd.DataFrame()


def _second_catalogue(view: Ledger) -> None:
    st.subheader("A second catalogue", anchor=False)
    given = st.text_input(
        "LiteLLM price file (model_prices_and_context_window.json) on this machine", key="litellm_prices"
    )
    if given and st.button("Import it beside the first", icon=":material/compare:"):
        with shell.errors():
            people.require("paths")
            owner.require_folder(given, shell.ledger().home)
            second_catalogue.install(shell.ledger().home, given)
            st.rerun()
    book = PriceBook.load(shell.state())
    if book.imported:
        frame = _disagreements(view)
        st.caption(
            f"The two catalogues disagree on {len(frame):,} prices. Baton uses the first; where it is wrong, "
            "write a contract price above."
        )
        exports.table(frame, name="catalogue-disagreements")
