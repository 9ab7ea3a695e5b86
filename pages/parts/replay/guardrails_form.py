"""Guardrails of a policy by form: caps, checkpoints, what goes to a person, what no answer may do; and what a run will
do with them, in plain words, as they are typed.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from data.errors import BatonError
from pages.ui import format as fmt
from routing.policies import in_words
from routing.policies.conditions import Part
from routing.policies.policy import Policy
from routing.policies.table import change_policy

NOBODY = "nobody"


def guardrails_form(policy: Policy, name: str) -> Policy | None:
    """The policy as the fields say, once it is applied; None before. What is wrong is said in place."""

    def key(field: str) -> str:
        return f"rails_{field}_{name}"

    made = {
        "limits": _limits(policy, key),
        "guardrails": _rails(policy, key),
        "review": _review(policy, key),
        "planner": _planner(policy, key),
    }
    try:
        changed = change_policy(policy, **made)
    except BatonError as error:
        for line in str(error).splitlines():
            st.error(fmt.md(line), icon=":material/error:")
        return None
    _in_words(changed)
    return changed if st.button("Apply the guardrails", icon=":material/play_arrow:", key=key("apply")) else None


def _limits(policy: Policy, key: Any) -> dict[str, Any]:
    """Caps and checkpoints of a run, and what answers keep; what is left empty is no limit."""
    held = policy.limits
    one, two, three, four = st.columns(4)
    usd = one.number_input("Spend cap, USD", 0.0, None, held.max_usd, key=key("usd"), placeholder="none")
    hours = two.number_input(
        "Hard stop, hours", 0.0, None, held.max_minutes and held.max_minutes / 60, key=key("hours"), placeholder="none"
    )
    attempts = three.number_input("Calls an answer", 1, 20, held.max_attempts, key=key("attempts"))
    approvers = four.number_input("People who approve", 1, 5, held.approvers, key=key("approvers"))
    stops = [f"{at:g}h" for at in held.checkpoints] + [f"{100 * at:g}%" for at in held.checkpoint_shares]
    points = one.text_input(
        "Checkpoints",
        ", ".join(stops),
        key=key("checkpoints"),
        placeholder="8h, 16h, 50%",
        help="Hours, or shares of the tasks, at which the run waits for a person; 0h is before it begins.",
    )
    halt = two.number_input(
        "Halt below, %", 0.0, 100.0, _percent(held.halt_below_confidence), key=key("halt"), placeholder="never"
    )
    p95 = three.number_input("P95, ms", 0.0, None, held.max_p95_ms, key=key("p95"), placeholder="not promised")
    failures = four.number_input(
        "Failures, % at most", 0.0, 100.0, _percent(held.max_failure_share), key=key("failures"), placeholder="any"
    )
    return _given(
        held,
        max_usd=usd,
        max_minutes=hours and hours * 60,
        max_attempts=attempts,
        approvers=approvers,
        checkpoints=_words(points),
        checkpoint_shares=(),  # typed among the checkpoints
        halt_below_confidence=_share(halt),
        max_p95_ms=p95,
        max_failure_share=_share(failures),
    )


def _rails(policy: Policy, key: Any) -> dict[str, Any]:
    """What no answer may do; what has no field here, such as a JSON schema, is changed in the YAML."""
    held = policy.guardrails
    left, right = st.columns(2)
    forbidden = left.text_input(
        "Forbidden actions", ", ".join(held.forbidden_actions), key=key("forbidden"), placeholder="sign a contract"
    )
    must = right.text_input("An answer must match", held.output_must_match or "", key=key("must"), placeholder="any")
    never = left.text_area(
        "No answer may match, a line each", "\n".join(held.output_must_not_match), key=key("never"), height=80
    )
    with right:
        personal = st.toggle("Withhold answers with personal data", held.block_pii, key=key("pii"))
        injected = st.toggle("Withhold what carries a prompt injection", held.block_injection, key=key("injection"))
    return _given(
        held,
        forbidden_actions=_words(forbidden),
        output_must_match=must,
        output_must_not_match=tuple(line.strip() for line in never.splitlines() if line.strip()),
        block_pii=personal,
        block_injection=injected,
    )


def _review(policy: Policy, key: Any) -> dict[str, Any] | None:
    held = policy.review
    left, right = st.columns(2)
    below = left.number_input(
        "To a person below, %",
        0.0,
        100.0,
        _percent(held.confidence_below) if held else None,
        key=key("review"),
        placeholder="none",
        help="Answers less sure than this are looked at by somebody.",
    )
    usd = right.number_input(
        "A person costs, USD an answer", 0.0, None, held.cost_usd if held else None, key=key("review_usd")
    )
    return None if below is None else _given(held, confidence_below=_share(below), cost_usd=usd)


def _planner(policy: Policy, key: Any) -> str | None:
    offered = [NOBODY, *dict.fromkeys([*([policy.planner] if policy.planner else []), *policy.targets])]
    chosen = st.selectbox(
        "Planner", offered, index=1 if policy.planner else 0, key=key("planner"), help="It plans a run in words first."
    )
    return None if chosen == NOBODY else chosen


def _in_words(policy: Policy) -> None:
    """What a live run does under it, by the clock, and what no answer may do."""
    st.markdown("**What a live run will do**")
    lines = [*in_words.run_by_the_clock(policy), *in_words.rails(policy), *in_words.promises(policy)]
    st.markdown("\n".join(f"- {fmt.md(line)}" for line in lines))


def _given(held: Part | None, **values: Any) -> dict[str, Any]:
    """What was filled in, beside what is held and has no field; a typed 0 is a value, and the policy says whether it
    may be one."""
    values = dict(held or ()) | values
    return {name: value for name, value in values.items() if not (value is None or value is False or value in ("", ()))}


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
