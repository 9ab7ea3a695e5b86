"""The versions of the policy on the Routing page: two of them compared, rules and dollars, and the way back to one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics.scope import Scope
from data.errors import BadInput
from data.ledger import Ledger
from pages.parts.replay.questions import Question, replay_policy
from pages.ui import exports, shell, what_if
from pages.ui import format as fmt
from routing.policies.text import read_policy, write_policy
from routing.policies.versions import Version, difference, restore, versions
from simulations.replay.summary import NO_TARGET_PRICE


def versions_panel(view: Ledger, scope: Scope, own_prices: what_if.OwnPrices, name: str) -> None:
    """Which version, saved when and by whom; what changed between two; the one before is a click away."""
    known = {one.number: one for one in versions(shell.state(), name)}
    if len(known) < 2:
        return
    with st.expander(f"{len(known)} versions", icon=":material/history:"):
        left, right = st.columns(2)
        numbers = list(known)[::-1]
        new = left.selectbox("Version", numbers, format_func=lambda n: _named(known[n]), key=f"version_new_{name}")
        earlier = [n for n in numbers if n != new]
        old = right.selectbox("Against", earlier, format_func=lambda n: _named(known[n]), key=f"version_old_{name}")
        changed = difference(known[old], known[new])
        st.code(changed or "The two versions say the same.", language="diff")
        if st.toggle("What both cost on this traffic", key=f"version_usd_{name}"):
            rows = [_row(view, scope, own_prices, known[number]) for number in (old, new)]
            units = {"policy_cost_usd": "USD", "refused_requests": "requests", "moved_share": "share"}
            labels = {"policy_cost_usd": "Cost", "refused_requests": "Refused", "moved_share": "Moves"}
            exports.table(pd.DataFrame(rows), name="policy-versions", units=units, labels=labels)
        if st.button(f"Take version {old} back", icon=":material/undo:", key=f"version_back_{name}"):
            with shell.errors():
                restore(shell.state(), name, old)
                st.session_state.pop("policy_draft", None)
                st.rerun()


def _named(one: Version) -> str:
    return f"{one.number}: {one.at[:16].replace('T', ' ')} UTC, {one.by}"


def _row(view: Ledger, scope: Scope, own_prices: what_if.OwnPrices, one: Version) -> dict[str, object]:
    """What a version costs; without figures where it is no policy of today or something it names has no price."""
    unknown: dict[str, object] = dict.fromkeys(("policy_cost_usd", "refused_requests", "moved_share"))
    try:
        text = write_policy(read_policy(one.text))
    except BadInput as error:
        st.caption(fmt.md(f"Version {one.number}: {error}"))
        return {"version": one.number, **unknown}
    said = replay_policy(view, scope, Question(text, own_prices))
    open_ = any(part["reason"] == NO_TARGET_PRICE for part in said["not_compared"])
    return {
        "version": one.number,
        "policy_cost_usd": None if open_ else said["policy_cost_usd"],
        "refused_requests": said["refused_requests"],
        "moved_share": said["moved_share"],
    }
