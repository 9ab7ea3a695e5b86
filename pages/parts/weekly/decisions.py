"""What the week decides: the list of actions."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from analytics.promises.actions import ACTIONS
from data.ledger import Ledger
from pages.parts.weekly.action_form import dialog, in_words
from pages.ui import document_list, exports, shell
from pages.ui import format as fmt

# What the file holds of an action: what people wrote, and what came of it.
COLUMNS = (
    *("name", "owner", "due", "expected_usd_month", "status", "saved_usd_month"),
    *("note", "decided", "done", "told", "told_from", "told_to"),
)


def decisions(found: dict) -> None:
    """The list of actions, to change and to add to."""
    st.subheader("6. Decisions", anchor=False)
    if not found["actions"]:
        st.caption("No action yet: add one here, or from a finding on the Savings page.")
    _manage(shell.view(), {action["name"]: in_words(action) for action in found["actions"]})
    if found["actions"]:
        exports.download(pd.DataFrame(found["actions"], columns=[*COLUMNS]), name=f"actions-{found['week']}")
    debt = found["inventory"]
    st.caption(
        fmt.md(
            f"{debt['unowned']} of {debt['items']} models, features and teams in use lack an owner or a "
            "connection owner. The Savings page lists them."
        )
    )


@st.fragment
def _manage(view: Ledger, words: dict[str, str]) -> None:
    document_list.rows(ACTIONS, words, partial(dialog, view), add="Add an action")
