"""The providers that the live lab may call: declared, tested, and more of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import streamlit as st

from data.errors import BatonError
from data.prices.book import PriceBook
from pages.parts.lab import provider_form
from pages.ui import format as fmt
from pages.ui import shell
from routing.calling.client import probe
from routing.calling.declarations import (
    Provider,
    read_providers_text,
    require_owner,
    save_provider,
    saved_providers,
)
from routing.calling.litellm_models import read_litellm_models
from routing.calling.offer_prices import with_book_prices

EXAMPLE = """[[provider]]
name = "openai"
base_url = "https://api.openai.com/v1"
key_env = "OPENAI_API_KEY"   # the NAME of the variable, never the key
[[provider.models]]
model = "gpt-5.2"
input_usd_per_mtok = 1.75
output_usd_per_mtok = 14
output_field = "max_completion_tokens"
"""
LITELLM = """model_list:
  - model_name: gpt-5.2
    litellm_params: {model: openai/gpt-5.2, api_key: os.environ/OPENAI_API_KEY}"""


def saved_message() -> None:
    """What the last save did; drawn above the forms, which the save has redrawn and folded."""
    if message := st.session_state.pop("providers_said", ""):
        st.success(fmt.md(message), icon=":material/check_circle:")


def providers() -> None:
    """Declared providers, a connection test, and the ways to declare more: a form, a LiteLLM config, TOML."""
    state = shell.state()
    provider_form.manage()
    declared = saved_providers(state)
    if declared and st.button("Test the connections", icon=":material/cable:", help="One tiny call per model"):
        with st.spinner("Asking every model for one word"):
            tested = [row for p in declared for row in asyncio.run(probe(p))]
        for row in tested:
            words = f"{row['provider']}, {row['model']}: {row['detail']}" + (
                f" in {fmt.milliseconds(row['latency_ms'])}" if row["ok"] else ""
            )
            (st.success if row["ok"] else st.error)(fmt.md(words))
    with st.expander("Add from a LiteLLM config", icon=":material/input:"):
        text = st.text_area("The proxy's config.yaml", height=170, key="lab_litellm", placeholder=LITELLM)
        if st.button("Read its model_list", icon=":material/input:"):
            _save_all(lambda: read_litellm_models(text))
    with st.expander("Declare as TOML", icon=":material/code:"):
        text = st.text_area("TOML, one [[provider]] per endpoint", EXAMPLE, height=170, key="lab_providers")
        if st.button("Save providers", icon=":material/save:"):
            _save_all(lambda: (read_providers_text(text), []))


def _save_all(read: Callable[[], tuple[Sequence[Provider], list[str]]]) -> None:
    """Keep what was read, with prices from the book where it states none; all of it is checked before the first."""
    state, now = shell.state(), datetime.now(UTC).replace(tzinfo=None)
    try:
        providers, left_out = read()
        for provider in providers:
            require_owner(provider)
        book = PriceBook.load(state)
        for provider in providers:
            save_provider(state, with_book_prices(provider, book, now)[0])
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return
    apart = f" Left out: {'; '.join(left_out)}." if left_out else ""
    st.session_state["providers_said"] = f"Saved: {', '.join(provider.name for provider in providers)}.{apart}"
    st.rerun()
