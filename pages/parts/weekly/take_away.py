"""The week's review to take away: as a file of every form, and as a message to a chat's webhook.

The webhook's address is read from the environment and never shown or stored.
"""

from __future__ import annotations

import json
import os
from functools import partial

import streamlit as st

from analytics.weekly import report
from data.errors import BatonError
from pages.ui import exports, paper, shell
from pages.ui import format as fmt
from routing.runs import webhook


def take_away(found: dict) -> None:
    """The report in every form, and the message to the chat."""
    with st.container(horizontal=True):
        for label, form, write in (
            ("Report, HTML", "html", report.html),
            ("Markdown", "md", report.markdown),
            ("JSON", "json", partial(json.dumps, indent=2)),
        ):
            exports.download_file(
                label,
                partial(write, found),
                f"baton-review-{found['week']}.{form}",
                key=f"report_{form}",
                snapshot=found["snapshot"],
            )
        paper.download_pdf(
            partial(report.html, found), f"review-{found['week']}", key="report", snapshot=found["snapshot"]
        )
        _webhook_button(found["message"])
        shell.snapshot_link(shell.view())


def _webhook_button(payload: dict) -> None:
    """The button that posts a message, above it so that it stays in reach; says so when the webhook is down."""
    with st.popover("Post to chat", icon=":material/send:"):
        if not os.environ.get(webhook.URL_ENV):
            st.caption(f"Set {webhook.URL_ENV} to a Slack-compatible webhook address and restart to post this.")
        elif st.button("Post it", key="post_weekly", type="primary"):
            try:
                webhook.post(payload)
                st.success("Posted.", icon=":material/check_circle:")
            except BatonError as error:
                st.error(fmt.md(str(error)), icon=":material/error:")
        st.code(payload["text"], language=None, wrap_lines=True)
