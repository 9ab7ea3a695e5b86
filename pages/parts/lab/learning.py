"""Learn from the grades of a run: a difficulty score between two of its models, or the reason why there is none."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import exports, links, shell
from pages.ui import format as fmt
from routing.grading.difficulty_training import Learned, policy_of
from routing.learn_command import FEATURES, learn_from, learned_rows
from routing.policies.saved_policies import POLICIES
from routing.runs.graded_answers import graded_tasks
from routing.runs.store import list_runs

FEATURE_LABELS = {
    "log": "Columns of the log, so that the policy can be replayed",
    "all": "Also the words of prompts, for the lab and code before a gateway",
}


def learning_panel(run_id: str) -> None:
    """The form, and what the last training said; nothing where fewer than two models were graded alone."""
    models = sorted({model for task in graded_tasks(shell.state(), [run_id]) for model in task.passed})
    if len(models) < 2:
        return
    with st.expander("Learn from these grades: a difficulty score", icon=":material/school:"):
        others = {rid: run for rid, run in list_runs(shell.state()).items() if rid != run_id}
        names = {rid: f"{run['name']}, {run['created_at'][:16].replace('T', ' ')} UTC" for rid, run in others.items()}
        left, right = st.columns(2)
        cheap = left.selectbox("For easy tasks", models, key=f"learn_cheap_{run_id}")
        dear = right.selectbox("For hard tasks", [m for m in models if m != cheap], key=f"learn_dear_{run_id}")
        features = st.radio(
            "Tell easy from hard by", list(FEATURES), format_func=FEATURE_LABELS.__getitem__, key=f"learn_by_{run_id}"
        )
        more = st.multiselect("Also learn from", list(names), format_func=names.__getitem__, key=f"learn_more_{run_id}")
        asked = (run_id, *more, cheap, dear, features)
        if st.button("Learn", icon=":material/school:", key=f"learn_{run_id}"):
            st.session_state.pop("learned", None)
            with shell.errors(), st.spinner("Training, and testing against 199 deals of shuffled grades"):
                st.session_state["learned"] = (asked, learn_from(shell.state(), [run_id, *more], cheap, dear, features))
        kept = st.session_state.get("learned")
        if kept and kept[0] == asked:
            _outcome(*kept[1])


def _outcome(found: Learned, left_out: list[str]) -> None:
    """What was learned, how it was tested, and the policy to keep where it is worth one."""
    words = fmt.md(f"{found.words[0].upper()}{found.words[1:]}.")
    st.success(words, icon=":material/check:") if found.worth_it else st.warning(words, icon=":material/block:")
    rows = [
        {"answered_by": model, "quality": rated.quality, "cost_usd": rated.usd}
        for model, rated in [*found.singles.items(), ("the score, on tasks it had not seen", found.router)]
    ]
    labels = {"answered_by": "Answered by", "quality": "Passes", "cost_usd": "Cost a task"}
    units = {"quality": "share", "cost_usd": "USD small"}
    exports.table(pd.DataFrame(rows), name="learned", units=units, labels=labels)
    st.caption(fmt.md(found.test_words))
    for reason in left_out:
        st.caption(fmt.md(f"{reason}."))
    if not found.worth_it:
        return
    table = pd.DataFrame(learned_rows(found), columns=["A request", "Points"])
    exports.table(table, name="difficulty", wide={"A request": 320})
    st.caption("Added up and held between 0 and 100: the points of quality that the model for hard tasks gains.")
    name = st.text_input("Keep it as the policy", f"{found.cheap} or {found.dear}"[:120], key="learn_name").strip()
    if st.button("Save the policy", icon=":material/save:", key="learn_save", disabled=not name):
        with shell.errors():
            POLICIES.save(shell.state(), name, policy_of(found, name))
            st.success(fmt.md(f"“{name}” is saved."))
    if name in POLICIES.all(shell.state()):
        with st.container(horizontal=True):
            links.page_link("pages/policy_replay.py", "Replay it on the log", ":material/route:", {"policy": name})
            links.page_link("pages/lab.py", "Try it on tasks it has not seen", ":material/science:", {"policy": name})
