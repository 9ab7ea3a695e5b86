"""Providers by form: each in a line with its menu; a dialog for endpoint, key variable, models and limits."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from data import owner
from data.errors import BatonError
from data.prices.book import PriceBook
from pages.ui import document_list, shell
from pages.ui import format as fmt
from pages.ui.document_list import Opened
from routing.calling.declarations import PROVIDERS, Provider, checked_provider, require_owner
from routing.calling.offer_prices import with_book_prices

NO_KEY = "none needed"
PROTOCOLS = ("openai", "anthropic", "gemini")
HOSTINGS = {
    "api": "the model's maker",
    "cloud": "an own account at a cloud",
    "host": "a third party",
    "self": "own machines",
}
MODEL_COLUMNS = ("model", "upstream", "input_usd_per_mtok", "output_usd_per_mtok")


@st.fragment
def manage() -> None:
    """The declared providers in words; only a save runs the page anew."""
    words = {name: in_words(one) for name, one in PROVIDERS.all(shell.state()).items()}
    document_list.rows(PROVIDERS, words, dialog, add="Add a provider")


def in_words(provider: Provider) -> str:
    """A provider in a line: its models, where they are, by which key, what they lack."""
    models = ", ".join(offer.model for offer in provider.models)
    key = f"key from {provider.key_env}" if provider.key_env else "no key"
    free = [offer.model for offer in provider.models if offer.price.input is None or offer.price.output is None]
    lacks = f"; no price for {', '.join(free)}" if free else ""
    unset = "; that variable is not set here" if provider.key_env and not os.environ.get(provider.key_env) else ""
    told = f"{models} at {provider.base_url} ({HOSTINGS[provider.hosting]}), {key}{unset}{lacks}."
    return f"**{fmt.md(provider.name)}** {fmt.md(told)}"


@st.dialog("Provider", icon=":material/cable:", width="large")
def dialog(opened: Opened) -> None:
    """Add a provider, or change the one it was opened for."""
    held = opened.body

    field = opened.keys("provider")

    table = _endpoint(held, opened, field) | _limits(held, field)
    table["models"] = _models(held, field)
    if table["hosting"] != "self":
        st.caption("Prices left empty are taken from the price book, where it knows the model.")
    provider, problem = _checked(held | table)
    if document_list.wants_saving("Save the provider", problem, field) and provider:
        priced, unknown = with_book_prices(
            provider, PriceBook.load(shell.state()), datetime.now(UTC).replace(tzinfo=None)
        )
        lacks = f"No price is known for {', '.join(unknown)}: a run under a cap refuses it." if unknown else ""
        document_list.save(PROVIDERS, priced.name, priced, opened, lambda: lacks)


def _endpoint(held: dict[str, Any], opened: Opened, field: Any) -> dict[str, Any]:
    """Where it is and who answers there."""
    left, right = st.columns(2)
    name = held.get("name", "")
    keys = [NO_KEY, *_variables(held.get("key_env"))]
    asked = held.get("key_env") or NO_KEY
    key = right.selectbox(
        "Key variable",
        keys,
        keys.index(asked),
        key=field("key"),
        accept_new_options=True,
        help="The NAME of an environment variable that the owner of this machine allows, never the key.",
    )
    hostings = list(HOSTINGS)
    made = {
        "name": left.text_input(
            "Name", name if opened.replaces or not name else f"{name}-copy", key=field("name"), placeholder="openai"
        ).strip(),
        "base_url": left.text_input(
            "Base URL", held.get("base_url", ""), key=field("url"), placeholder="https://api.openai.com/v1"
        ).strip(),
        "protocol": right.selectbox(
            "Protocol", PROTOCOLS, PROTOCOLS.index(held.get("protocol", "openai")), key=field("protocol")
        ),
        "hosting": left.selectbox(
            "Hosted by",
            hostings,
            hostings.index(held.get("hosting", "api")),
            format_func=HOSTINGS.__getitem__,
            key=field("hosting"),
        ),
        "origin": right.text_input(
            "Country of the maker", held.get("origin") or "", key=field("origin"), placeholder="US", max_chars=2
        ).strip()
        or None,
    }
    return made | {"key_env": None if key == NO_KEY else key}


def _limits(held: dict[str, Any], field: Any) -> dict[str, Any]:
    one, two, three = st.columns(3)
    return {
        "requests_per_minute": one.number_input(
            "Requests a minute", 0.0, None, held.get("requests_per_minute"), key=field("rpm"), placeholder="no limit"
        ),
        "tokens_per_minute": two.number_input(
            "Tokens a minute", 0.0, None, held.get("tokens_per_minute"), key=field("tpm"), placeholder="no limit"
        ),
        "concurrency": three.number_input("At once", 1, 500, held.get("concurrency", 8), key=field("at_once")),
    }


def _models(held: dict[str, Any], field: Any) -> list[dict[str, Any]]:
    """The models, one a row; what the table does not show of a model is kept."""
    before = {offer["model"]: offer for offer in held.get("models", [])}
    shown = pd.DataFrame(
        [{name: one.get(name) for name in MODEL_COLUMNS} for one in before.values()], columns=MODEL_COLUMNS
    )
    money = ["input_usd_per_mtok", "output_usd_per_mtok"]
    shown[money] = shown[money].astype(float)
    edited = st.data_editor(
        shown.astype({"model": "string", "upstream": "string"}),
        column_config={
            "model": st.column_config.TextColumn("Model, as policies name it", required=True, width=220),
            "upstream": st.column_config.TextColumn("Its name there", width=200, help="Empty: the same."),
            "input_usd_per_mtok": st.column_config.NumberColumn("Input, USD per 1M", min_value=0),
            "output_usd_per_mtok": st.column_config.NumberColumn("Output, USD per 1M", min_value=0),
        },
        num_rows="dynamic",
        hide_index=True,
        key=field("models"),
    )
    rows = [
        {name: value for name, value in row.items() if not pd.isna(value) and value != ""}
        for row in edited.to_dict("records")
    ]
    return [{**_unshown(before.get(row["model"], {})), **row} for row in rows if row.get("model")]


def _unshown(offer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in offer.items() if name not in MODEL_COLUMNS}


def _variables(held: str | None) -> list[str]:
    """Variables that are set here and may be sent to a provider; the one that is kept first."""
    found = sorted(name for name in os.environ if owner.key_allowed(name))
    return list(dict.fromkeys([*([held] if held else []), *found]))


def _checked(table: dict[str, Any]) -> tuple[Provider | None, str]:
    """The provider, or what keeps it from being saved; never repeats a value, which may be a key in a wrong field."""
    if not table["name"]:
        return None, "Give the provider a name, such as openai."
    if not table["models"]:
        return None, "Name at least one model."
    try:
        provider = checked_provider({name: value for name, value in table.items() if value is not None})
        require_owner(provider)
    except BatonError as error:
        return None, str(error)
    return provider, ""
