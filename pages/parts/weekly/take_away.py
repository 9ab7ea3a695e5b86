"""The week's review to take away: as a file of every form, and as a message to a chat's webhook."""

from __future__ import annotations

import json
from functools import partial

import streamlit as st

from analytics.weekly import report
from pages.ui import exports, paper, posting, shell


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
        posting.post_button(found["message"], "weekly")
        shell.snapshot_link(shell.view())
