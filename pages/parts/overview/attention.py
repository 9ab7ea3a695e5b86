"""What needs attention, each with its dollars and the page that goes further."""

from __future__ import annotations

import streamlit as st

from analytics.scope import ClosedScope
from analytics.weekly import attention
from analytics.weekly.weeks import week_of_day
from data.ledger import Ledger
from data.state import State
from pages.ui import format as fmt
from pages.ui import links, shell


@shell.cached(reads=attention.READS)
def needs(view: Ledger, state: State, scope: ClosedScope, trail_ends: str) -> attention.Attention:
    """`trail_ends` names the newest entry of the audit trail, in which everything that we changed is written."""
    return attention.attention(view, state, scope)


WAYS_ON = {  # what needs attention -> the page that goes further, and what its link says
    "incident": ("pages/weekly.py", "See the week"),
    "silence": ("pages/data_and_prices.py", "See the sources"),
    "caveat": ("pages/data_and_prices.py", "See the caveats"),
    "model change": ("pages/weekly.py", "See what changed"),
    "budget": ("pages/plan.py", "See the budget"),
    "price change": ("pages/plan.py", "See the plan"),
    "ending": ("pages/plan.py", "Name a successor"),
}
SHOWN = 5


def what_needs_attention(view: Ledger, scope: ClosedScope) -> None:
    """Open incidents, budgets at risk, what is announced, silent sources and grown caveats, each with its way on."""
    found, unjudged = needs(view, scope, shell.trail_ends())
    if not found:
        st.caption(
            f"Nothing known: {unjudged}."
            if unjudged
            else "Nothing: no open anomaly, no budget at risk, no announced change, no silent source, no model that "
            "answers otherwise than before."
        )
        return
    for one in found[:SHOWN]:
        page, label = WAYS_ON[one.kind]
        with st.container(gap="xsmall"):
            st.write(fmt.md(one.sentence))
            week = {"week": week_of_day(one.on)} if one.kind == "incident" and one.on else {}
            section = {"section": "Coverage"} if page == "pages/data_and_prices.py" else {}
            section |= {"part": "Budgets"} if one.kind == "budget" else {}
            links.page_link(page, label, ":material/arrow_forward:", week | section)
    more = f" {len(found) - SHOWN} more weigh less." if len(found) > SHOWN else ""
    st.caption(attention.RULE + more)
    links.page_link("pages/alerts.py", "Be told of these", ":material/notifications:", {})
