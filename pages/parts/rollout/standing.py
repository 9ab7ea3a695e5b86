"""Where a rollout stands: its guardrails, what a person may do now, its stages, and the gateway's config."""

from __future__ import annotations

from typing import Literal

import pandas as pd
import streamlit as st

from data.errors import BatonError
from pages.ui import exports, shell, what_if
from pages.ui import format as fmt
from routing.calling.declarations import saved_providers
from routing.rollout.decision import GO_ON, ROLL_BACK, WORDS, Decision
from routing.rollout.moves import advance, begin, roll_back
from routing.rollout.plan import LOOKS, Rollout
from routing.rollout_config import stage_config

STATES = {"within": "held", "beyond": "breached", "open": "not shown yet"}


def headline(name: str, plan: Rollout, found: Decision) -> str:
    """What to do, and the first reason in short."""
    if plan.ended:
        return f"“{name}” is over: {plan.ended}"
    where = f"stage {plan.stage + 1} of {len(plan.stages)}, {plan.now.name}"
    if found.word == GO_ON:
        return f"Go on: “{plan.candidate}” holds every guardrail ({where})"
    more = len(found.reasons) - 1
    first = found.reasons[0].split(": ")[0] + (f", and {fmt.count_of(more, 'more reason')}" if more else "")
    return f"{found.word.capitalize()} ({where}): {first}"


def guardrails(plan: Rollout, found: Decision) -> None:
    """Every reason, and each guardrail at the latest look."""
    if found.word != GO_ON and not plan.ended:
        for reason in found.reasons:
            st.write(fmt.md(f"- {reason[0].upper()}{reason[1:]}."))
    if found.judged:
        st.subheader("Guardrails at the latest look", anchor=False)
        rows = [{"Guardrail": WORDS[one.rail], "State": STATES[one.state], "Seen": one.words} for one in found.judged]
        exports.table(pd.DataFrame(rows), name="rollout-guardrails", wide={"Seen": 560})
    looks = ", ".join(f"{share:g}" for share in LOOKS)
    st.caption(
        f"“{fmt.md(plan.candidate)}” takes over from “{fmt.md(plan.control)}”. A stage is judged at {looks} times its "
        "requests, fixed beforehand: looking more often never raises the odds of a false alarm, "
        f"{100 * plan.level:g} % over the whole plan."
    )


def moves(name: str, plan: Rollout, found: Decision) -> None:
    """Begin, go on, roll back; going on against the evidence needs a reason."""
    if plan.ended:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if plan.since is None:
            if st.button("Begin the first stage", icon=":material/play_arrow:", type="primary", key="rollout_begin"):
                with shell.errors():
                    begin(shell.state(), name, plan)
                    st.rerun()
            return
        why = ""
        if found.word != GO_ON:
            why = st.text_input("Why go on all the same", key="rollout_why", placeholder="goes into the audit trail")
        last = plan.stage == len(plan.stages) - 1
        label = "Finish: the candidate answers everything" if last else "Go on to the next stage"
        ready = found.word == GO_ON or bool(why.strip())
        if st.button(
            label, icon=":material/arrow_forward:", type=_kind(found, GO_ON), disabled=not ready, key="rollout_on"
        ):
            with shell.errors():
                advance(shell.state(), name, plan, found, why)
                st.rerun()
        if st.button("Roll back", icon=":material/undo:", type=_kind(found, ROLL_BACK), key="rollout_back"):
            with shell.errors():
                roll_back(shell.state(), name, plan, why)
                st.rerun()


def _kind(found: Decision, word: str) -> Literal["primary", "secondary"]:
    return "primary" if found.word == word else "secondary"


def stages(plan: Rollout) -> None:
    """The stages, and which of them is now."""
    st.subheader("Stages", anchor=False)
    rows = [
        {
            "Stage": at + 1,
            "Share": stage.name,
            "Requests": stage.requests,
            "Days": stage.days,
            "State": _state(plan, at),
        }
        for at, stage in enumerate(plan.stages)
    ]
    exports.table(pd.DataFrame(rows), name="rollout-stages", units={"Requests": "requests"})


def _state(plan: Rollout, at: int) -> str:
    if at < plan.stage:
        return "done"
    if at > plan.stage:
        return "to come"
    if plan.ended:
        return plan.ended
    return "has not begun" if plan.since is None else f"since {plan.since:%d %b %H:%M} UTC"


def config(name: str, plan: Rollout) -> None:
    """The LiteLLM config of the stage the rollout is in."""
    try:
        text, notes = stage_config(
            name, plan, what_if.policies(), saved_providers(shell.state()), what_if.catalog(shell.state())
        )
    except BatonError as error:  # nothing was asked for yet: what is missing is a hint, not a failure
        st.caption(fmt.md(str(error)))
        return
    st.caption(fmt.md(notes[0]))
    exports.download_file("Download the gateway's config", text, f"{name}-stage-{plan.stage + 1}-litellm.yaml")
