"""Routing: what would this policy have done to the logged traffic?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from analytics.coverage import coverage
from analytics.promises.promise_offer import Offer
from analytics.registry import DIMENSIONS
from pages.parts.lab.trial_link import edited_name, prediction_link
from pages.parts.replay.answer import (
    kpis,
    limits,
    money,
    moves,
    show_left_out,
    verdict,
    worthwhile,
)
from pages.parts.replay.answer import title as title_of
from pages.parts.replay.editor import choose, compare, editor
from pages.parts.replay.questions import Question, replay_policy, replayed_beside
from pages.parts.replay.versions import versions_panel
from pages.ui import filters, place, promising, recording, scenarios, shell, what_if
from pages.ui import format as fmt
from routing.policies.checks import dead_ends, lints
from routing.policies.policy import CURRENT
from routing.policies.text import write_policy
from simulations.decisions import drafts
from simulations.replay.replay import Assumed
from simulations.replay.repricing import Repricing
from simulations.replay.summary import NO_TARGET_PRICE

BY = ("team", "task_type", "day", "data_class", "criticality")
QUESTION = "What would a routing policy have done to last month's traffic?"


def may_be_promised(said: dict[str, Any]) -> bool:
    """Whether all that the policy moves has a price, and a month can be told from whole days."""
    unpriced = any(part["reason"] == NO_TARGET_PRICE for part in said["not_compared"])
    return said["savings_pct"] is not None and not unpriced and bool(coverage(view, scope).covered_days)


def offers(said: dict[str, Any]) -> list[Offer]:
    """What the policy saves in a month, with its P10 to P90."""
    covered = coverage(view, scope)
    told = scope.between(covered.start, covered.end).leaving_out(covered.missing)
    if not covered.is_whole:  # a month is told from whole days, in the dollars as in their number
        said = replay_policy(view, told, question)
    usd, spread = float(said["savings_usd"]), said["range"]["savings_usd"]
    month, low, high = (value * covered.per_month() for value in (usd, spread["p10"], spread["p90"]))
    name = f"Policy “{policy.name}”, {told.last:%-d %b %Y}"
    return [Offer("policy", name, month, low, high, told, f"{fmt.share(said['moved_share'])} of requests move.")]


view = shell.view()
shell.needs_data(view, QUESTION)
title = st.container()
scope = filters.scope_bar(view, default="28d")
policy, changed = choose()
name = st.session_state["policy_name"]
top = st.container()  # the answer stands above the finer choices
with st.expander("Assumptions", icon=":material/tune:"), st.container(horizontal=True, vertical_alignment="bottom"):
    known = what_if.policies()
    compared = st.session_state.get("compared", list(known)[:4])
    own_prices = what_if.own_price_inputs(
        [policy, *(known[n] for n in compared if n in known)],
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
question = Question(write_policy(policy), own_prices, terms, assumed, by)
others = tuple(write_policy(known[n]) for n in compared if n in known)
replayed = scenarios.answer(
    view,
    QUESTION,
    title,
    top,
    lambda: replayed_beside(view, scope, question, others),
)
if replayed is None:
    place.stop()
said, found, beside = replayed
with title:
    routes = any(target != CURRENT for rule in policy.rules for target in rule.targets)
    told = title_of(said, found, coverage(view, scope).span, routes)
    shell.header(told, view, scope=scope)
    if changed:
        st.caption("Edited in this session, not saved yet.")
with top:
    limits(said)
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
worthwhile(found, said["quality"]["tier"])
show_left_out(said)
for target, words in said["ending"].items():
    st.warning(
        fmt.md(f"“{policy.name}” sends work to {target}, which {words}: name another."), icon=":material/event_busy:"
    )
for sentence in lints(policy):
    st.warning(fmt.md(f"A way round: {sentence}."), icon=":material/rule:")
for sentence in dead_ends(policy, what_if.catalog(shell.state(), own_prices))[:3]:
    st.warning(fmt.md(f"Under this policy, {sentence}."), icon=":material/block:")
st.subheader("Change the policy", anchor=False)
editor(policy, name)
versions_panel(view, scope, own_prices, name)
st.subheader("Alternatives side by side", anchor=False)
compare(view, scope, own_prices, beside)
with st.container(horizontal=True, vertical_alignment="center"):
    recording.record_button(
        lambda: drafts.of_policy(said, found, policy, told, QUESTION, recording.ground(view, "routing", scope)),
        key="policy",
    )
    if may_be_promised(said):
        promising.promise_button(view, lambda: offers(said), key="policy")
    filters.link("pages/mix.py", "Find the cheapest mix", ":material/tune:", scope)
    filters.link("pages/self_host.py", "Price own machines", ":material/dns:", scope)
    filters.link(
        "pages/lab.py",
        "Try it on real calls",
        ":material/science:",
        scope,
        **prediction_link(edited_name(policy) if changed else policy.name, said),
    )
    shell.snapshot_link(view)
