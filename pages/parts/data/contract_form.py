"""Contract prices: each in a sentence with its menu; a dialog that asks what the contract states and for whom."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from analytics import spend
from analytics.scope import Scope
from data import wording
from data.errors import BadInput
from data.ledger import Ledger
from data.loading import reprice
from data.prices.contracts import OVERRIDES, Override
from data.prices.price_row import MEDIA_RATES
from data.prices.service_tiers import SERVICE_TIERS
from pages.ui import document_list, shell
from pages.ui import format as fmt
from pages.ui.document_list import Opened

ASKED_PRICES = {"fresh_input": "Input", "cache_read": "Cached input", "output": "Output"}
PER_MTOK = "USD per 1M tokens"
DISCOUNT, PRICES, PREPAID, FEES = "A discount", "Prices", "Prepaid", "Tool fees only"
EVERY_MODEL = ""
Field = Callable[[str], str]


@shell.cached
def models_in_log(view: Ledger) -> list[tuple[str, str]]:
    """Provider and model of the log, the dearest first."""
    found = spend.grouped_spend(view, Scope.of(view), ("provider", "model"))
    return [(str(p), str(m)) for p, m in zip(found["provider"], found["model"], strict=True)]


@st.fragment
def manage(view: Ledger) -> None:
    """The contract lines in words; a save reprices the rows it touches."""
    words = {name: in_words(one) for name, one in OVERRIDES.all(shell.state()).items()}
    if not words:
        st.caption("No contract price: everything is priced as the log or the list says.")
    document_list.rows(
        OVERRIDES, words, partial(dialog, view), add="Add a contract price", after=lambda name: reprice_rows()
    )


def reprice_rows() -> str:
    """Give the rows already loaded the prices that hold now; what came of it."""
    return document_list.what_changed(reprice.reprice(shell.ledger(), shell.state()), "repriced")


def in_words(line: Override) -> str:
    """A contract line in a sentence: for what, what it states, and when."""
    stated = []
    if line.discount is not None:
        stated.append(f"{wording.percent(float(line.discount))} off the list")
    if line.prices is not None:
        given = ", ".join(
            f"{label.lower()} {fmt.usd(float(price))}"
            for name, label in ASKED_PRICES.items()
            if (price := getattr(line.prices, name)) is not None
        )
        stated.append(f"{given} per 1M tokens")
    if line.prepaid:
        stated.append("prepaid: tokens cost nothing here")
    if line.fees:
        stated.append(f"fees per call: {_listed(line.fees)}")
    tier = f", tier {line.service_tier}" if line.service_tier else ""
    days = f"from {fmt.day(line.start)}" if line.start else "from the beginning"
    days += f" until {fmt.day(line.end)}, excluded" if line.end else ""
    note = f" ({line.note})" if line.note else ""
    whose = f"**{fmt.md(line.provider)}** {fmt.md(line.model or 'every model')}{fmt.md(tier)}"
    return f"{whose}: {fmt.md('; '.join(stated) + ', ' + days + note)}."


@st.dialog("Contract price", icon=":material/sell:", width="medium")
def dialog(view: Ledger, opened: Opened) -> None:
    """Add a contract price, or change the one it was opened for."""
    held = opened.body

    field = opened.keys("contract")

    body, lacks = _whose(view, held, field)
    stated, way_lacks = _stated(held, field)
    with st.expander("More: service tier, media prices, tool fees, note"):
        added = _more(held, field)
    line, problem = _checked(body | stated, added, lacks or way_lacks)
    if document_list.wants_saving("Save the price", problem, field) and line:
        called = f"{line.provider} {line.model or ''}".strip()
        name = opened.name if opened.replaces else document_list.free_name(OVERRIDES, called)
        document_list.save(OVERRIDES, name, line, opened, reprice_rows)


def _checked(body: dict[str, Any], added: dict[str, str], lacks: str) -> tuple[Override | None, str]:
    """The contract line with what was typed under "more", or what keeps it from being saved."""
    if lacks:
        return None, lacks
    try:
        body |= _given({**added, "media": "", "fees": _amounts(added["fees"], "Tool fees")})
        if priced := _amounts(added["media"], "Media prices"):
            if "prices" not in body:
                return None, "Media prices stand beside prices: choose Prices above, or leave them out."
            body["prices"] = body["prices"] | priced
        return OVERRIDES.read("", body), ""
    except BadInput as wrong:
        return None, str(wrong)


def _whose(view: Ledger, held: dict[str, Any], field: Field) -> tuple[dict[str, Any], str]:
    """Provider, model and days, and what they lack."""
    known = models_in_log(view)
    left, right = st.columns(2)
    providers = list(dict.fromkeys([*filter(None, [held.get("provider")]), *(one for one, _ in known)]))
    provider = left.selectbox(
        "Provider",
        providers,
        index=0 if held.get("provider") else None,
        accept_new_options=True,
        key=field("provider"),
        placeholder="openai",
    )
    models = [EVERY_MODEL, *filter(None, [held.get("model")]), *(m for p, m in known if p == provider)]
    model = right.selectbox(
        "Model",
        list(dict.fromkeys(models)),
        index=1 if held.get("model") else 0,
        accept_new_options=True,
        key=field("model"),
        format_func=lambda one: one or "Every model of the provider",
    )
    start = left.date_input("From", held.get("start"), key=field("start"), format="YYYY-MM-DD", help="Empty: always")
    end = right.date_input(
        "Until", held.get("end"), key=field("end"), format="YYYY-MM-DD", help="The first day it no longer holds"
    )
    lacks = "" if provider else "Say which provider the contract is with."
    return _given({"provider": provider, "model": model, "start": start, "end": end}), lacks


def _stated(held: dict[str, Any], field: Field) -> tuple[dict[str, Any], str]:
    """What the contract states: a discount, prices, that capacity is prepaid, or fees alone; and what it lacks."""
    ways = (DISCOUNT, PRICES, PREPAID, FEES)
    now = PRICES if held.get("prices") else PREPAID if held.get("prepaid") else DISCOUNT
    if held.get("fees") and not (held.get("prices") or held.get("prepaid") or held.get("discount")):
        now = FEES
    way = st.segmented_control("It states", ways, default=now, required=True, key=field("way"))
    if way == DISCOUNT:
        before = float(Decimal(str(held["discount"])) * 100) if held.get("discount") else None
        off = st.number_input("Off the list, %", 0.0, 100.0, before, 1.0, format="%g", key=field("discount"))
        return ({"discount": str(Decimal(str(off)) / 100)}, "") if off else ({}, "Give the discount, above 0%.")
    if way == PREPAID:
        return {"prepaid": True}, ""
    return _prices(held, field) if way == PRICES else ({}, "")


def _prices(held: dict[str, Any], field: Field) -> tuple[dict[str, Any], str]:
    """USD per 1M tokens; the rates that are not asked for stay as they are stored."""
    stored = held.get("prices") or {}
    cells = st.columns(len(ASKED_PRICES))
    typed = {
        name: cell.number_input(
            label,
            min_value=0.0,
            value=float(stored[name]) if stored.get(name) is not None else None,
            format="%g",
            key=field(name),
            help=PER_MTOK,
        )
        for cell, (name, label) in zip(cells, ASKED_PRICES.items(), strict=True)
    }
    if typed["fresh_input"] is None or typed["output"] is None:
        return {}, (
            f"A contract price needs both input and output, in {PER_MTOK}; the cache price is the input's when left "
            "out."
        )
    kept = {name: value for name, value in stored.items() if name not in ASKED_PRICES and name not in MEDIA_RATES}
    given = {name: str(Decimal(str(value))) for name, value in typed.items() if value is not None}
    return {"prices": kept | given}, ""


def _more(held: dict[str, Any], field: Field) -> dict[str, str]:
    """The fields that most contracts leave empty, as they were typed."""
    tiers = ["", *dict.fromkeys([*filter(None, [held.get("service_tier")]), *SERVICE_TIERS])]
    tier = st.selectbox(
        "Service tier",
        tiers,
        index=1 if held.get("service_tier") else 0,
        accept_new_options=True,
        key=field("tier"),
        format_func=lambda one: one or "Every tier",
    )
    media_before = {k: v for k, v in (held.get("prices") or {}).items() if k in MEDIA_RATES}
    media = st.text_input(
        f"Media prices, {PER_MTOK}",
        _listed(media_before),
        key=field("media"),
        placeholder="image_output 60, audio_input 1",
    )
    fees = st.text_input(
        "Tool fees, USD per call", _listed(held.get("fees") or {}), key=field("fees"), placeholder="web_search 0.01"
    )
    note = st.text_input("Note", held.get("note", ""), key=field("note"))
    return {"service_tier": tier or "", "media": media, "fees": fees, "note": note}


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _listed(amounts: dict[str, Any]) -> str:
    """`{"web_search": "0.01"}` -> web_search 0.01."""
    return ", ".join(f"{name} {Decimal(str(amount)):f}" for name, amount in amounts.items())


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
