"""The mix as routing rules: how few say it, what fewer would cost, and the way to the Routing page with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import streamlit as st

from analytics.scope import Scope
from pages.ui import exports, filters, shell
from pages.ui import format as fmt
from routing.policies.saved_policies import keep_new
from routing.policies.text import write_policy
from simulations.mixes.as_policy import Compiled


def as_rules(scope: Scope, compiled: Callable[[int | None], Compiled]) -> None:
    """`compiled(most)` is the mix as a policy of at most so many rules; behind a switch, since it takes a while."""
    if not st.toggle("Turn it into a routing policy", key="as_rules", bind="query-params"):
        return
    with st.spinner("Looking for the fewest rules"):
        whole = compiled(None)
    count = len(whole.simpler)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        usual = f"Mix of {scope.end - timedelta(days=1):%-d %b %Y}" if scope.end else "Mix of the log"
        name = st.text_input("Name of the policy", usual, key="policy_of_mix", width=360)
        most = st.number_input("Rules at most", 1, count, count, key="most_rules", width=160)
        opened = st.button("Save and open in Routing", icon=":material/alt_route:", key="save_rules")
    shown = whole if most == count else compiled(int(most))
    st.write(fmt.md(shown.words))
    with st.expander("The rules, and what fewer of them cost", icon=":material/rule:"):
        exports.table(
            pd.DataFrame([step._asdict() for step in whole.simpler]),
            name="rules-and-cost",
            units={"rules": "rules", "cost_usd": "USD", "quality": "share"},
            labels={"rules": "Rules", "cost_usd": "USD a year", "quality": "Quality"},
        )
        st.code(write_policy(shown.policy), language="yaml")
    if opened:
        with shell.errors():
            keep_new(shell.state(), shown.policy.model_copy(update={"name": name.strip()}))
            st.switch_page("pages/policy_replay.py", query_params={**filters.choices_of(scope), "policy": name.strip()})
