"""What you pay where it differs from the list, and the price timeline of a model."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from analytics import spend
from analytics.scope import Scope
from data import owner, people
from data.errors import BadInput
from data.ledger import Ledger
from data.loading import reprice
from data.prices import contracts, second_catalogue
from data.prices import report as price_report
from data.prices.book import PriceBook
from data.prices.price_row import MEDIA_RATES
from data.state import State
from pages.ui import editing, exports, shell

SHOWN_PRICES = ("fresh_input", "cache_read", "output")
PER_MTOK = "USD per 1M tokens"


def show_prices(view: Ledger) -> None:
    """Contract prices to edit, what a model cost over time, and a second catalogue beside the first."""
    st.subheader("Contract prices and discounts", anchor=False)
    st.caption(
        "They win over the log and the list from their first day to the day before their end. Prices are USD "
        "per 1M tokens; a discount of 0.15 is 15% off the list. Saving reprices the rows it touches, as a new"
        " data version."
    )
    editing.documents(
        contracts.OVERRIDES,
        _contract_columns(),
        to_row=_override_row,
        to_body=_override_body,
        key="overrides",
        after=lambda: editing.what_changed(reprice.reprice(shell.ledger(), shell.state()), "repriced"),
    )
    _timeline(view)
    _second_catalogue(view)


def _contract_columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "provider": st.column_config.TextColumn("Provider", required=True, width="small"),
        "model": st.column_config.TextColumn("Model", width="small", help="empty: every model of the provider"),
        "start": st.column_config.DateColumn("From", width="small"),
        "end": st.column_config.DateColumn("Until", width="small", help="the first day it no longer holds"),
        "discount": number(
            "Discount", min_value=0.0, max_value=1.0, width="small", help="share off the list: 0.15 is 15%"
        ),
        "fresh_input": number("Input", width="small", help=PER_MTOK),
        "cache_read": number("Cached", width="small", help=PER_MTOK),
        "output": number("Output", width="small", help=PER_MTOK),
        "service_tier": st.column_config.TextColumn(
            "Tier", width="small", help="only this service tier, as the ledger names it; empty: every tier"
        ),
        "prepaid": st.column_config.CheckboxColumn(
            "Prepaid", width="small", help="it runs on capacity bought ahead: tokens cost nothing here"
        ),
        "media": st.column_config.TextColumn(
            "Media prices", width="small", help=f"{PER_MTOK}, by kind: image_output 60, audio_input 1"
        ),
        "fees": st.column_config.TextColumn(
            "Tool fees", width="small", help="USD per call, by tool: web_search 0.01, file_search 0.0025"
        ),
        "note": st.column_config.TextColumn("Note", width="small"),
    }


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
        frame[keep].astype({"service_tier": str}),
        name=f"prices-{model.replace('/', '-')}",
        units=dict.fromkeys(rates, "USD per 1M tokens"),
    )


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


def _override_row(body: dict) -> dict:
    prices = body.get("prices") or {}
    day = {k: pd.Timestamp(body[k]).date() for k in ("start", "end") if body.get(k)}
    shown = {k: prices.get(k) for k in SHOWN_PRICES} | {"discount": body.get("discount")}
    numbers = {k: float(v) for k, v in shown.items() if v is not None}
    named = {
        "media": _listed({k: v for k, v in prices.items() if k in MEDIA_RATES}),
        "fees": _listed(body.get("fees") or {}),
    }
    texts = {k: body.get(k) for k in ("provider", "model", "service_tier", "note")}
    return {**texts, "prepaid": bool(body.get("prepaid")), **day, **numbers, **named}


def _listed(amounts: dict) -> str | None:
    """`{"web_search": "0.01"}` -> web_search 0.01."""
    return ", ".join(f"{name} {Decimal(str(amount)):f}" for name, amount in amounts.items()) or None


def _amounts(text: str, what: str) -> dict[str, str]:
    """The reverse of `_listed`; raises BadInput for a part that is no name with an amount."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, amount = part.rpartition(" ")
        try:
            found[name.strip()] = str(Decimal(amount))
        except ArithmeticError as error:
            raise BadInput(f"{what}: {part!r} is no name with an amount; write for example web_search 0.01.") from error
    return found


def _override_body(row: dict, stored: dict) -> dict:
    """The stored line with what the table shows replaced; what it does not show is kept."""
    shown = {k: str(Decimal(str(row.pop(k)))) for k in SHOWN_PRICES if k in row}
    media = _amounts(str(row.pop("media", "")), "Media prices")
    kept = {k: v for k, v in (stored.get("prices") or {}).items() if k not in (*SHOWN_PRICES, *MEDIA_RATES)}
    prices = {**kept, **shown, **media} if shown or media else {}
    if prices and len(prices.keys() & {"fresh_input", "output"}) < 2:
        raise BadInput(
            "A contract price needs both input and output, in USD per 1M tokens; the cache price is the "
            "input's when left out."
        )
    prepaid = {"prepaid": True} if row.pop("prepaid", False) else {}
    fees = _amounts(str(row.pop("fees", "")), "Tool fees")
    body = {k: str(v)[:10] if k in ("start", "end") else str(v) for k, v in row.items()}
    return body | prepaid | ({"fees": fees} if fees else {}) | ({"prices": prices} if prices else {})
