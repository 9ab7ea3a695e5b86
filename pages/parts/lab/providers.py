"""The providers that the live lab may call: declared, tested, and more of them."""

from __future__ import annotations

import asyncio

import pandas as pd
import streamlit as st

from data import people
from data.errors import BatonError
from pages.ui import exports, shell
from pages.ui import format as fmt
from routing.calling.client import probe
from routing.calling.declarations import PROVIDERS, read_providers_text, save_provider, saved_providers

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


def providers() -> None:
    """Declared providers, a connection test, and a field to declare more."""
    state = shell.state()
    if message := st.session_state.pop("providers_said", ""):
        st.success(fmt.md(message), icon=":material/check_circle:")
    declared = saved_providers(state)
    if declared:
        rows = [
            (p.name, p.base_url, ", ".join(o.model for o in p.models), p.hosting, p.origin, p.key_env or "none needed")
            for p in declared
        ]
        exports.table(
            pd.DataFrame(rows, columns=["Provider", "Base URL", "Models", "Hosting", "Origin", "Key variable"]),
            name="providers",
        )
        _remove([p.name for p in declared])
        if st.button("Test the connections", icon=":material/cable:", help="One tiny call per model"):
            with st.spinner("Asking every model for one word"):
                tested = [row for p in declared for row in asyncio.run(probe(p))]
            for row in tested:
                words = f"{row['provider']}, {row['model']}: {row['detail']}" + (
                    f" in {fmt.milliseconds(row['latency_ms'])}" if row["ok"] else ""
                )
                (st.success if row["ok"] else st.error)(fmt.md(words))
    with st.expander("Declare providers", icon=":material/add:", expanded=not declared):
        text = st.text_area("TOML, one [[provider]] per endpoint", EXAMPLE, height=170, key="lab_providers")
        if st.button("Save providers", icon=":material/save:"):
            try:
                read = read_providers_text(text)
                for provider in read:
                    save_provider(state, provider)
            except BatonError as error:
                st.error(fmt.md(str(error)), icon=":material/error:")
                return
            st.session_state["providers_said"] = f"Saved: {', '.join(provider.name for provider in read)}."
            st.rerun()


def _remove(names: list[str]) -> None:
    """Take a provider away, once it is confirmed; runs that used it keep their results."""
    with st.popover("Remove a provider", icon=":material/delete:"):
        name = st.selectbox("Provider", names, key="provider_gone")
        st.caption("Its runs keep their results; policies that need it cannot run until it is declared again.")
        if st.button(f"Remove {fmt.md(name)}", type="primary", key="provider_remove"):
            with shell.errors():
                people.require("endpoints")
                PROVIDERS.forget(shell.state(), name)
                st.session_state["providers_said"] = f"Removed: {name}."
                st.rerun()
