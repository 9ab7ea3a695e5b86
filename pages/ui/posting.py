"""A message to the team's chat: shown before it leaves, posted to the webhook whose address the environment holds.

The address is read there and never shown or stored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import streamlit as st

from data.errors import BatonError
from pages.ui import format as fmt
from routing.runs import webhook


def post_button(payload: Mapping[str, str], key: str) -> None:
    """The button that posts a message, above it so that it stays in reach; says so when the webhook is down."""
    with st.popover("Post to chat", icon=":material/send:"):
        if not os.environ.get(webhook.URL_ENV):
            st.caption(f"Set {webhook.URL_ENV} to a Slack-compatible webhook address and restart to post this.")
        elif st.button("Post it", key=f"post_{key}", type="primary"):
            try:
                webhook.post(payload)
                st.success("Posted.", icon=":material/check_circle:")
            except BatonError as error:
                st.error(fmt.md(str(error)), icon=":material/error:")
        st.code(payload["text"], language=None, wrap_lines=True)
