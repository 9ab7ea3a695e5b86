"""What a person approves with a plan or a checkpoint: models, rules and constraints in words, tasks, money, names."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import exports, shell
from pages.ui import format as fmt
from routing.policies import in_words
from routing.policies.table import rule_rows, score_words
from routing.runs.reviews import approvers_needed
from routing.runs.spec import checked_spec
from routing.runs.store import read_run
from simulations.mixes.constraint_words import words as constraint_words


def plan_card(item: dict) -> None:
    """The run behind an item, so that nobody approves blindly."""
    spec, number = checked_spec(read_run(shell.state(), item["run_id"])["spec"]), item["review_id"]
    _money(item["body"])
    for policy in spec.policies:
        st.markdown(f"**{fmt.md(policy.name)}**: {fmt.md(', '.join(policy.targets))}")
        if policy.difficulty is not None:
            st.write(fmt.md(f"- {score_words(policy.difficulty)}"))
        for constraint in policy.constraints:
            st.write(fmt.md(f"- {constraint_words(constraint)}"))
        for sentence in in_words.rails(policy):
            st.write(fmt.md(f"- {sentence}"))
    with st.expander(f"Rules and the {fmt.count_of(len(spec.tasks.tasks), 'task')}", icon=":material/list:"):
        rules = [{"policy": policy.name, **row} for policy in spec.policies for row in rule_rows(policy)]
        if rules:
            exports.table(pd.DataFrame(rules), name="plan-rules", key=f"plan-rules-{number}")
        tasks = [
            (t.id, t.task_type, t.data_class, t.prompt or str(t.messages[-1].get("content", "")))
            for t in spec.tasks.tasks
        ]
        frame = pd.DataFrame(tasks, columns=["Task", "Type", "Data", "Asked"])
        exports.table(frame, name="plan-tasks", key=f"plan-tasks-{number}")
    needed = approvers_needed(shell.state(), item)
    if needed > 1:
        signed = ", ".join(one["by"] for one in item["body"].get("signed", [])) or "nobody yet"
        st.info(
            fmt.md(f"{needed} people must approve this, none of them who asked for the run. Approved by: {signed}.")
        )


def _money(body: dict) -> None:
    """The worst cost against the cap, said where it is above."""
    worst, cap = (None if body.get(key) is None else float(body[key]) for key in ("worst_case_usd", "cap_usd"))
    if worst is not None and cap is not None and worst > cap:
        told = (
            f"At worst one answer to every task costs {fmt.usd(worst)}, above the cap of {fmt.usd(cap)}: the run may "
            "stop at the cap before it is done. It never spends more."
        )
        st.warning(fmt.md(told))
