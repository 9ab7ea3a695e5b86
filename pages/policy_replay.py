"""Routing: what would this policy have done to the logged traffic?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from data.errors import BatonError
from data.ledger import Ledger
from data.state import State
from pages.parts.lab import form as lab_form
from pages.ui import exports, filters, shell, what_if, what_if_charts
from pages.ui import format as fmt
from routing.policies.checks import dead_ends, lints
from routing.policies.policy import CURRENT, Policy
from routing.policies.saved_policies import POLICIES
from routing.policies.table import WAYS, constraint_rows, edited, rule_rows
from routing.policies.text import read_policy, write_policy
from simulations.replay.off_policy import estimates
from simulations.replay.replay import Assumed, replay
from simulations.replay.repricing import Repricing
from simulations.replay.summary import NO_TARGET_PRICE, summary

BY = ("team", "task_type", "day", "data_class", "criticality")
QUESTION = "What would a routing policy have done to last month's traffic?"


@shell.cached(reads=what_if.PRICED)
def replayed(
    view: Ledger,
    state: State,
    scope: Scope,
    text: str,
    own_prices: what_if.OwnPrices,
    terms: Repricing,
    assumed: Assumed,
    by: str,
) -> dict[str, Any]:
    market = what_if.market(view, state, scope, own_prices, terms)
    result = replay(view, scope, read_policy(text), market, by=(by,), assumed=assumed)
    return summary(result, market, by=(by,))


def answer(said: dict[str, Any], days: int) -> str:
    """The title: dollars, direction, and what could not be priced."""
    saving, apart = float(said["savings_usd"]), sum(part["requests"] for part in said["not_compared"])
    name = said["policy"] if len(said["policy"]) <= 48 else said["policy"][:46] + "…"
    open_ = f"; {fmt.count(apart)} requests unpriced" if apart else ""
    if any(part["reason"] == NO_TARGET_PRICE for part in said["not_compared"]) and abs(saving) < 0.005:
        return f"“{name}” moves {fmt.count(apart)} requests to a model without a price yet"
    if said["savings_pct"] is None:
        return f"“{name}” cannot be priced on this traffic"
    if abs(saving) < 0.005:
        return f"The same {fmt.usd_short(said['logged_cost_usd'])} in {days} days under “{name}”{open_}"
    return (
        f"{fmt.usd_short(abs(saving))} {'less' if saving > 0 else 'more'} in {days} days "
        f"({fmt.share(abs(said['savings_pct']) / 100)}) under “{name}”{open_}"
    )


def kpis(said: dict[str, Any]) -> None:
    """Logged, policy, saving with its range, refused."""
    cells = st.columns(4)
    span = said["range"]["savings_usd"]
    cells[0].metric(
        "As logged",
        fmt.usd_short(said["logged_cost_usd"]),
        border=True,
        help="cost of the requests that can be priced both ways",
    )
    change = fmt.delta(fmt.share_change(-said["savings_pct"] / 100)) if said["savings_pct"] else None
    cells[1].metric(
        "Under the policy",
        fmt.usd_short(said["policy_cost_usd"]),
        delta=change,
        delta_color="inverse",
        border=True,
        delta_description="vs as logged" if change else None,
    )
    what_if.saving_tile(cells[2], "Saving", float(said["savings_usd"]), span)
    cells[3].metric(
        "Refused requests",
        fmt.count(said["refused_requests"]),
        border=True,
        help="no model is left for them under the constraints",
    )
    st.caption(
        fmt.md(
            f"{fmt.share(said['moved_share'])} of requests move, with {fmt.share(said['moved_token_share'])} "
            f"of all tokens. " + what_if.saving_range(span, said["range"]["chance_of_saving"])
        )
    )


def verdict(said: dict[str, Any], scope: Scope, policy: Policy, own_prices: what_if.OwnPrices) -> None:
    """Quality with its tier, latency, review: what dollars do not say."""
    what_if.tier_badge(said["quality"]["tier"])
    st.write(fmt.md(what_if.quality_words(said["quality"])))
    observed = said["quality"].get("observed")
    if observed:
        st.caption(
            fmt.md(
                f"The log's own scores of what was answered then: mean {fmt.share(observed['mean_score'])} "
                f"over {fmt.count(observed['n'])} answers. They say nothing about other models."
            )
        )
    if st.button(
        "Estimate quality from logged propensities",
        icon=":material/query_stats:",
        help="works where the router explored and wrote down its odds, as the live lab does",
    ):
        with shell.errors():
            for found in estimates(view, scope, policy, what_if.market(view, shell.state(), scope, own_prices)):
                st.write(
                    fmt.md(
                        f"{found.method}: {fmt.quality(found.value)} ({fmt.quality(found.low)} to "
                        f"{fmt.quality(found.high)}, 95%), {found.effective_samples:.0f} effective samples "
                        f"of {fmt.count(found.n)}."
                    )
                )
    slow = said["latency"]
    if slow["policy_ms"] is not None and slow["baseline_ms"] is not None:
        st.write(
            fmt.md(
                f"Mean latency {fmt.milliseconds(slow['baseline_ms'])} before, "
                f"{fmt.milliseconds(slow['policy_ms'])} after, {slow['note']}."
            )
        )
    elif slow["unseen_models"]:
        st.write(fmt.md(f"Latency after: unknown, this log has never seen {', '.join(slow['unseen_models'])}."))
    if said["review"]["note"]:
        st.write(fmt.md(f"Human review: {said['review']['note']}."))
    st.caption(fmt.md("Assumes: " + "; ".join(said["assumptions"]) + "."))


def left_out(said: dict[str, Any]) -> None:
    """What is in neither total, and what the constraints took away."""
    if said["not_compared"]:
        st.subheader("Not compared", anchor=False)
        for part in said["not_compared"]:
            st.write(
                fmt.md(
                    f"{fmt.count(part['requests'])} requests, {fmt.usd(part['logged_cost_usd'])} logged: "
                    f"{part['reason']}."
                )
            )
    if said["refusals"]:
        st.subheader("Taken away by constraints and context windows", anchor=False)
        rows = [
            {**row, "target": "the model as logged" if row["target"] == CURRENT else row["target"]}
            for row in said["refusals"]
        ]
        exports.table(
            pd.DataFrame(rows),
            name="refusals",
            units={"requests": "requests"},
            labels={"target": "Model", "reason": "Reason", "requests": "Requests"},
        )


def moves(said: dict[str, Any]) -> None:
    st.subheader("Who moves where", anchor=False)
    going = sum(f["requests"] for f in said["flows"] if not f["stays"])
    meaning = (
        f"{fmt.count(going)} of {fmt.count(said['requests'])} requests change model; grey stays. Width is requests."
    )
    shell.chart(what_if_charts.flow(said["flows"], shell.palette()), alt=meaning, key="flow")
    st.caption(fmt.md(meaning))
    with st.expander("Table: moves", icon=":material/table:"):
        labels = {
            "old_model": "From",
            "target": "To",
            "stays": "Stays",
            "requests": "Requests",
            "logged_usd": "Logged, USD",
        }
        exports.table(
            pd.DataFrame(said["flows"]),
            name="moves",
            units={"requests": "requests", "logged_usd": "USD"},
            labels=labels,
        )


def money(said: dict[str, Any], by: str) -> None:
    st.subheader("Dollars by model", anchor=False)
    first = said["by_model"][0]
    meaning = (
        f"{first['model']} would cost {fmt.usd(first['policy_cost_usd'])} against "
        f"{fmt.usd(first['logged_cost_usd'])} logged."
    )
    shell.chart(what_if_charts.before_after(said["by_model"], shell.palette()), alt=meaning, key="by_model")
    st.caption(fmt.md(meaning))
    with st.expander(f"Table: by model, and by {DIMENSIONS[by].label.lower()}", icon=":material/table:"):
        units = {
            "logged_cost_usd": "USD",
            "policy_cost_usd": "USD",
            "requests": "requests",
            "logged_requests": "requests",
            "policy_requests": "requests",
        }
        exports.table(pd.DataFrame(said["by_model"]), name="policy-by-model", units=units)
        exports.table(pd.DataFrame(said["by"][by]), name=f"policy-by-{by}", units=units)


def choose() -> tuple[Policy, bool]:
    """The policy of the page: chosen by name (in the URL), possibly changed in the editor of this session."""
    known = what_if.policies()
    asked = st.query_params.get("policy")
    name = st.selectbox(
        "Policy", list(known), index=list(known).index(asked) if asked in known else 0, key="policy_name", width=420
    )
    if asked != name:
        st.query_params["policy"] = name
    draft = st.session_state.get("policy_draft")
    return (draft[1], True) if draft and draft[0] == name else (known[name], False)


def editor(policy: Policy, name: str) -> None:
    """A form and a YAML text over the same object; applying either replays it, saving keeps it."""
    form, text = st.tabs(["Form", "YAML"])
    with form:
        st.caption(
            fmt.md(
                "Conditions: task_type=coding; criticality=high,normal; input_tokens>100000. Empty is every "
                "request. The first rule that matches wins."
            )
        )
        columns: dict[str, ColumnConfig | str | None] = {
            "way": st.column_config.SelectboxColumn("How", options=WAYS, required=True),
            "when": st.column_config.TextColumn("When", width="large"),
            "models": st.column_config.TextColumn(
                "Models", width="large", help="gpt-5.2, or minimax-m2, claude-opus-4-6, or a 60%, b 40%"
            ),
            "confidence_floor": st.column_config.NumberColumn("Floor", min_value=0, max_value=1),
            "samples": st.column_config.NumberColumn("Samples", min_value=1, max_value=25),
            "name": "Name",
        }
        rules = st.data_editor(
            pd.DataFrame(rule_rows(policy), columns=["name", "when", "way", "models", "confidence_floor", "samples"]),
            num_rows="dynamic",
            hide_index=True,
            column_config=columns,
            key=f"rules_{name}",
        )
        limits = st.data_editor(
            pd.DataFrame(constraint_rows(policy), columns=["when", "forbid", "require", "because"]).astype(object),
            num_rows="dynamic",
            hide_index=True,
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
            apply(name, lambda: edited(policy, _filled(rules), _filled(limits), fallback=targets))
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
        st.download_button(
            "Download YAML",
            write_policy(policy),
            file_name="baton-policy.yaml",
            mime="application/yaml",
            on_click="ignore",
            icon=":material/download:",
        )


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


def compare(view: Ledger, scope: Scope, own_prices: what_if.OwnPrices) -> None:
    """Policies side by side: what the same compliance question costs when answered differently."""
    known = what_if.policies()
    names = st.multiselect("Compare policies", list(known), default=list(known)[:4], key="compared")
    rows = []
    for name in names:
        said = replayed(view, scope, write_policy(known[name]), own_prices, Repricing(), Assumed(), "team")
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


view = shell.view()
shell.needs_data(view, QUESTION)
title = st.container()
scope = filters.scope_bar(view, dimensions=("team", "task_type"), default="28d")
policy, changed = choose()
name = st.session_state["policy_name"]
top = st.container()  # the answer stands above the finer choices
with st.expander("Assumptions", icon=":material/tune:"), st.container(horizontal=True, vertical_alignment="bottom"):
    known = what_if.policies()
    own_prices = what_if.own_price_inputs(
        [policy, *(known[n] for n in st.session_state.get("compared", list(known)[:4]) if n in known)],
        what_if.catalog(shell.state()),
    )
    length = st.number_input(
        "Output length of the new model",
        0.1,
        10.0,
        1.0,
        0.1,
        help="over the old one's; 1 takes token counts as equal, with half to double as the range",
    )
    accepted = st.number_input(
        "Cascade accepts", 0.0, 1.0, 0.8, 0.05, help="share of first answers that reach the confidence floor"
    )
    reviewed = st.number_input(
        "Share reviewed", 0.0, 1.0, None, 0.01, placeholder="unknown", help="share of answers that go to a person"
    )
terms = Repricing(verbosity=None if length == 1.0 else length)
assumed = Assumed(acceptance=accepted, review_share=reviewed)
by = st.session_state.get("split_by") or "team"
said = replayed(view, scope, write_policy(policy), own_prices, terms, assumed, by)
with title:
    shell.header(answer(said, scope.length_days), view)
    if changed:
        st.caption("Edited in this session, not saved yet.")
with top:
    kpis(said)
    moves(said)
st.segmented_control(
    "Split the table by", BY, format_func=lambda n: DIMENSIONS[n].label, default="team", required=True, key="split_by"
)
left, right = st.columns(2, gap="large")
with left:
    money(said, by)
with right:
    st.subheader("What dollars do not say", anchor=False)
    verdict(said, scope, policy, own_prices)
left_out(said)
for sentence in lints(policy):
    st.warning(fmt.md(f"A way round: {sentence}."), icon=":material/rule:")
for sentence in dead_ends(policy, what_if.catalog(shell.state(), own_prices))[:3]:
    st.warning(fmt.md(f"Under this policy, {sentence}."), icon=":material/block:")
st.subheader("Change the policy", anchor=False)
editor(policy, name)
st.subheader("Alternatives side by side", anchor=False)
compare(view, scope, own_prices)
with st.container(horizontal=True):
    filters.link("pages/mix.py", "Find the cheapest mix", ":material/tune:", scope)
    filters.link("pages/self_host.py", "Price own machines", ":material/dns:", scope)
    filters.link(
        "pages/lab.py",
        "Try it on real calls",
        ":material/science:",
        scope,
        **({"policy": policy.name} if changed else lab_form.prediction_link(policy.name, said)),
    )
    shell.snapshot_link(view)
