"""The policy of the Routing page: chosen, edited in tables or as text, compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from analytics.scope import Scope
from data.errors import BatonError
from data.ledger import Ledger
from data.version import sign
from pages.parts.replay.guardrails_form import guardrails_form
from pages.parts.replay.questions import Question, replay_policy
from pages.ui import exports, place, shell, what_if
from pages.ui import format as fmt
from routing.policies.policy import Policy
from routing.policies.saved_policies import POLICIES
from routing.policies.table import WAYS, constraint_rows, edit_policy, rule_rows, score_words
from routing.policies.text import read_policy, write_policy
from simulations.replay.summary import NO_TARGET_PRICE

RULE_COLUMNS: dict[str, ColumnConfig | str | None] = {
    "way": st.column_config.SelectboxColumn("How", options=WAYS, required=True),
    "when": st.column_config.TextColumn("When", width="large"),
    "models": st.column_config.TextColumn(
        "Models", width="large", help="gpt-5.2, or minimax-m2, claude-opus-4-6, or a 60%, b 40%"
    ),
    "confidence_floor": st.column_config.NumberColumn("Floor", min_value=0, max_value=1),
    "samples": st.column_config.NumberColumn("Samples", min_value=1, max_value=25),
    "name": "Name",
}


def choose() -> tuple[Policy, bool]:
    """The policy of the page: chosen by name (in the URL), possibly changed in the editor of this session."""
    known = what_if.policies()
    asked = place.read("policy")
    if asked not in known:
        place.refuse("policy")
    name = st.selectbox(
        "Policy", list(known), index=list(known).index(asked) if asked in known else 0, key="policy_name", width=420
    )
    if asked != name:
        st.query_params["policy"] = name
    draft = st.session_state.get("policy_draft")
    return (draft[1], True) if draft and draft[0] == name else (known[name], False)


def editor(policy: Policy, name: str) -> None:
    """A form and a YAML text over the same object; applying either replays it, saving keeps it."""
    form, rails, text = st.tabs(["Form", "Guardrails", "YAML"])
    with form:
        _form(policy, name)
    with rails:
        if changed := guardrails_form(policy, name):
            apply(name, lambda: changed)
    with text:
        typed = st.text_area("Policy as YAML", write_policy(policy), height=420, key=f"yaml_{name}")
        if st.button("Apply the YAML", icon=":material/play_arrow:", key="apply_yaml"):
            apply(name, lambda: read_policy(typed))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.text_input("Save as", policy.name, key=f"save_as_{name}", width=360)
        if st.button("Save policy", icon=":material/save:", key="save_policy"):
            with shell.errors():
                POLICIES.save(shell.state(), title, {**policy.model_dump(), "name": title})
                st.session_state.pop("policy_draft", None)
                st.toast(fmt.md(f"Saved “{title}”."))
        exports.download_file("Download YAML", sign(write_policy(policy)), "baton-policy.yaml")


def _form(policy: Policy, name: str) -> None:
    """Rules, constraints and fallback in tables."""
    st.caption(
        fmt.md(
            "Conditions: task_type=coding; criticality=high,normal; input_tokens>100000. Empty is every "
            "request. The first rule that matches wins."
        )
    )
    rules = st.data_editor(
        pd.DataFrame(rule_rows(policy), columns=["name", "when", "way", "models", "confidence_floor", "samples"]),
        num_rows="dynamic",
        hide_index=True,
        placeholder=fmt.MISSING,
        column_config=RULE_COLUMNS,
        key=f"rules_{name}",
    )
    if policy.difficulty is not None:
        st.caption(fmt.md(f"In its YAML, {score_words(policy.difficulty)}."))
    limits = st.data_editor(
        pd.DataFrame(constraint_rows(policy), columns=["when", "forbid", "require", "because"]).astype(object),
        num_rows="dynamic",
        hide_index=True,
        placeholder=fmt.MISSING,
        column_config={
            "when": "Constraint holds when",
            "forbid": "Forbid (origin=CN; hosting=api)",
            "require": "Require (hipaa_eligible=true)",
            "because": "Because",
        },
        key=f"constraints_{name}",
    )
    fallback = st.text_input("Fallback, in order", ", ".join(policy.fallback), key=f"fallback_{name}")
    if st.button("Apply the form", icon=":material/play_arrow:", key="apply_form"):
        targets = tuple(word.strip() for word in fallback.split(",") if word.strip())
        apply(name, lambda: edit_policy(policy, _filled(rules), _filled(limits), fallback=targets))


def apply(name: str, make: Any) -> None:
    """Take an edit over, or say what is wrong with it."""
    try:
        st.session_state["policy_draft"] = (name, make())
    except BatonError as error:
        for line in str(error).splitlines():
            st.error(fmt.md(line), icon=":material/error:")
    else:
        st.rerun()


def _filled(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{key: None if pd.isna(value) else value for key, value in row.items()} for row in frame.to_dict("records")]


def compare(view: Ledger, scope: Scope, own_prices: what_if.OwnPrices, replayed: Mapping[str, dict[str, Any]]) -> None:
    """Policies side by side: what the same compliance question costs when answered differently. `replayed`: what is
    known already, by the text of the policy.
    """
    known = what_if.policies()
    names = st.multiselect("Compare policies", list(known), default=list(known)[:4], key="compared")
    rows = []
    for name in names:
        text = write_policy(known[name])
        said = replayed.get(text) or replay_policy(view, scope, Question(text, own_prices))
        apart = sum(part["requests"] for part in said["not_compared"])
        open_ = any(part["reason"] == NO_TARGET_PRICE for part in said["not_compared"])
        rows.append(
            {
                "policy": name,
                "policy_cost_usd": None if open_ else said["policy_cost_usd"],
                "savings_usd": None if open_ else said["savings_usd"],
                "moved_share": said["moved_share"],
                "not_compared": apart,
                "quality": said["quality"]["policy"],
                "tier": said["quality"]["tier"],
            }
        )
    if rows:
        units = {
            "policy_cost_usd": "USD",
            "savings_usd": "USD",
            "moved_share": "share",
            "not_compared": "requests",
            "quality": "share",
        }
        labels = {
            "policy": "Policy",
            "policy_cost_usd": "Cost",
            "savings_usd": "Saving",
            "moved_share": "Moves",
            "not_compared": "Not compared",
            "quality": "Quality",
            "tier": "Tier",
        }
        exports.table(pd.DataFrame(rows), name="policies-compared", units=units, labels=labels)
        st.caption(
            "Cost is unknown (–) until every model a policy moves work to has a price. For own machines the "
            "Self-host page computes one from your arrivals and keeps it; or type one under Assumptions."
        )
