"""Rollout: may a policy take over, stage by stage, by what the gateway's own log says?"""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from pages.parts.rollout import new_plan, standing
from pages.ui import format as fmt
from pages.ui import place, shell
from routing.rollout.decision import decide
from routing.rollout.evidence import evidence
from routing.rollout.plan import ROLLOUTS

QUESTION = "May a policy take over from another, stage by stage?"

view = shell.view()
plans = ROLLOUTS.all(shell.state())
title = st.container()
if not plans:
    with title:
        shell.header(QUESTION, view)
    st.write(
        "Plan it in stages with guardrails. Baton writes the gateway's config for each, reads the gateway's log as it "
        "arrives in the ledger, and says go on, hold or roll back, with its reasons. Missing data never goes on."
    )
else:
    asked = place.read("rollout")
    if asked and asked not in plans:
        st.warning(fmt.md(f"There is no rollout {asked} here; this is another."))
    name = st.selectbox("Rollout", list(plans), index=list(plans).index(asked) if asked in plans else 0)
    if name != asked:
        st.query_params["rollout"] = name
    plan = plans[name]
    found = decide(plan, evidence(view, plan), datetime.now(UTC))
    with title:
        shell.header(standing.headline(name, plan, found), view)
    standing.guardrails(plan, found)
    standing.moves(name, plan, found)
    standing.stages(plan)
    standing.config(name, plan)
with st.expander("Plan a rollout", icon=":material/add:", expanded=not plans or "candidate" in st.query_params):
    new_plan.form(view)
