"""Governance: who decided what, is it allowed, and is the record whole?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from data.schema import PROTECTION
from data.version import file_name
from pages.ui import exports, shell, what_if
from pages.ui import format as fmt
from routing.policies import in_force, in_words
from routing.policies.checks import dead_ends, lints
from routing.policies.policy import Policy
from routing.runs.audit import audit_lines
from routing.runs.reviews import RUN_KINDS, reviews
from simulations.mixes.constraint_words import words as rule_words

NONE_IN_FORCE = "none"


def constraint_rows(policies: dict[str, Policy]) -> list[dict]:
    return [
        {"policy": name, "rule": rule_words(constraint), "because": constraint.because}
        for name, policy in policies.items()
        for constraint in policy.constraints
    ]


def regime_rows(policies: dict[str, Policy]) -> list[dict]:
    """Central and audited where sensitive data may flow, free for the rest."""
    rows = []
    for name, policy in policies.items():
        named = {v for c in policy.constraints for v in getattr(c.when.get("data_class"), "values", ())}
        guarded = {name for name in named if name in PROTECTION and PROTECTION[name].sensitive}
        limits = policy.limits
        checkpoints = [f"{h:g} h" for h in limits.checkpoints] + [f"{100 * s:g}%" for s in limits.checkpoint_shares]
        rows.append(
            {
                "policy": name,
                "regime": "central, audited" if guarded else "free",
                "covers": ", ".join(sorted(guarded)) or "no sensitive data",
                "checkpoints": ", ".join(checkpoints) or "none",
                "hard stop": _hard_stop(policy),
                "halts below": limits.halt_below_confidence,
                "to a person below": policy.review.confidence_below if policy.review else None,
            }
        )
    return rows


def _hard_stop(policy: Policy) -> str:
    """At what cost and after what time a run under a policy ends, whatever else."""
    limits = policy.limits
    parts = [f"{fmt.usd(limits.max_usd)}"] if limits.max_usd is not None else []
    parts += [f"{limits.max_minutes / 60:g} h"] if limits.max_minutes is not None else []
    return " or ".join(parts) or "none of its own"


def in_short(detail: dict) -> str:
    """An entry's detail in a line: why first, then what it is about; the download has all of it."""
    keys = (
        "reason",
        "decision",
        "status",
        "policy",
        "task",
        "picked",
        "model",
        "provider",
        "name",
        "kind",
        "files",
        "rows",
    )
    return "; ".join(
        f"{key} {', '.join(map(str, detail[key])) if isinstance(detail[key], list) else detail[key]}"
        for key in keys
        if detail.get(key)
    )


def in_force_controls(policies: dict[str, Policy]) -> None:
    """Which policy is in force, who may lift it, and the form that marks another."""
    held, who = None, ""
    with shell.errors():
        held, who = in_force.in_force(shell.state()), in_force.who_may_lift(shell.state())
        words = (
            f"“{held.name}” is in force; {who or 'nobody is named who'} may lift it."
            if held
            else f"No policy is in force; until one is, advice keeps to {in_force.shipped_constraints().name}:"
        )
        st.write(fmt.md(words))
        for rule in (held or in_force.shipped_constraints()).constraints:
            st.write(fmt.md(f"- {rule_words(rule)}"))
    with st.form("in_force_form"), st.container(horizontal=True, vertical_alignment="bottom"):
        options = [NONE_IN_FORCE, *policies]
        chosen = options.index(held.name) if held else 0
        name = st.selectbox("Policy in force", options, index=chosen, key="in_force", width=420)
        lifter = st.text_input("Who may lift it", who, key="lifted_by", placeholder="Legal", width=220)
        if st.form_submit_button("Put it in force", icon=":material/gavel:"):
            with shell.errors():
                in_force.mark(shell.state(), None if name == NONE_IN_FORCE else name, lifter)
                st.rerun()


view, state = shell.view(), shell.state()
standing = state.audit_standing()
ok = standing.holds
entries = state.audit()
policies = what_if.policies()
rows = constraint_rows(policies)
shell.header(
    f"{fmt.count_of(len(rows), 'constraint')} in {fmt.count_of(len(policies), 'policy', 'policies')}; the audit trail "
    f"of {fmt.count_of(len(entries), 'entry', 'entries')} holds"
    if ok
    else standing.sentence.split(":")[0],
    view,
)
if not ok:
    st.error(standing.sentence, icon=":material/error:")

st.subheader("In force: what the company holds now", anchor=False)
in_force_controls(policies)
st.subheader("Constraints: what no rule or fallback may do", anchor=False)
exports.table(pd.DataFrame(rows, columns=["policy", "rule", "because"]), name="constraints")
for policy in policies.values():
    for sentence in lints(policy):
        st.warning(fmt.md(f"“{policy.name}”, {sentence}."), icon=":material/rule:")
gaps = [(name, gap) for name, policy in policies.items() for gap in dead_ends(policy, what_if.catalog(shell.state()))]
if gaps:
    with st.expander(f"Requests that would be refused ({len(gaps)})", icon=":material/block:"):
        st.caption(
            "A constraint leaves these without a model. They are refused with this reason, never sent elsewhere."
        )
        exports.table(pd.DataFrame(gaps, columns=["policy", "request and reason"]), name="refused-requests")

st.subheader("Run policies: central for sensitive data, free for the rest", anchor=False)
regimes = regime_rows(policies)
exports.table(
    pd.DataFrame(regimes),
    name="run-policies",
    units={"halts below": "share", "to a person below": "share"},
)
st.caption(
    "Free policies hold no constraint on customer or regulated data: use them for internal and public work only."
)
with st.expander("What a live run does under each policy, in words", icon=":material/schedule:"):
    for policy in policies.values():
        lines = [*in_words.run_by_the_clock(policy), *in_words.rails(policy), *in_words.promises(policy)]
        st.markdown(f"**{fmt.md(policy.name)}**\n" + "\n".join(f"- {fmt.md(line)}" for line in lines))

st.subheader("Approvals", anchor=False)
approvals = [i for i in reviews(state) if i["kind"] in RUN_KINDS]
if approvals:
    frame = pd.DataFrame(approvals[::-1])[
        ["opened_at", "run_id", "kind", "reason", "decision", "decided_by", "decided_at"]
    ]
    frame = frame.assign(
        **{column: frame[column].str[:16].str.replace("T", " ") for column in ("opened_at", "decided_at")}
    )
    exports.table(
        frame,
        name="approvals",
        labels={"opened_at": "Asked (UTC)", "run_id": "Run", "decided_by": "By", "decided_at": "Decided (UTC)"},
    )
else:
    st.caption("No run has asked for approval yet.")

st.subheader("Audit trail", anchor=False)
if ok:
    st.caption(standing.sentence)
with st.container(horizontal=True):
    if st.button("Verify now", icon=":material/verified:"):
        st.toast(state.audit_standing().sentence)
    exports.download_file("Download as JSON lines", lambda: audit_lines(state), file_name("audit", "jsonl"))
events = sorted({e.event for e in entries})
chosen = st.multiselect("Events", events, key="events", bind="query-params", placeholder="all events")
shown = [e for e in entries if not chosen or e.event in chosen][:500]
trail = pd.DataFrame(
    [(e.seq, e.at[:19].replace("T", " "), e.actor or "Baton", e.event, in_short(e.detail)) for e in shown],
    columns=["No", "At (UTC)", "Who", "Event", "What"],
)
exports.table(trail, name="audit-trail")
if len(entries) > len(shown):
    st.caption(f"The latest {len(shown)} of {len(entries)} entries; the download has all of them.")
