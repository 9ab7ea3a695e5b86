"""Live lab: does a routing policy hold on real calls?"""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

from data.errors import BatonError
from pages.parts.lab import candidates
from pages.parts.lab import form as lab_form
from pages.parts.lab import providers as lab_providers
from pages.parts.lab import results as lab_results
from pages.parts.lab import tasks as lab_tasks
from pages.ui import exports, place, shell, what_if
from pages.ui import format as fmt
from routing.calling.declarations import saved_providers
from routing.export import FORMS, export_policy
from routing.runs.launch import launch
from routing.runs.results import summary
from routing.runs.store import list_runs, read_run, want

FORM_LABELS = {"litellm": "LiteLLM proxy", "openrouter": "OpenRouter", "yaml": "Baton (YAML)"}


def controls(run: dict) -> None:
    """Kill switch while it runs; go on or end after an interruption."""
    with st.container(horizontal=True):
        if run["status"] in lab_results.RUNNING:
            # A callback runs before the page is drawn again: the switch must not wait for charts.
            st.button(
                "Stop the run now",
                on_click=want,
                args=(shell.state(), run["run_id"], "stop", "dashboard"),
                type="primary",
                icon=":material/dangerous:",
                help="No new call starts; calls in flight are cancelled.",
            )
        if run["status"] == "interrupted":
            st.warning(
                "The process behind this run is gone, or never started. Finished tasks are kept; calls whose "
                "end nobody saw count as spent."
            )
            if st.button("Go on", icon=":material/play_arrow:"):
                launch(shell.state(), run["run_id"])
                with st.spinner("Going on"):
                    until_taken(run["run_id"])
                st.rerun()
            if st.button("End it", icon=":material/stop:"):
                want(shell.state(), run["run_id"], "stop", shell.state().actor)
                st.rerun()
        if run["status"] == "waiting":
            st.page_link("pages/review.py", label="Decide in the review queue", icon=":material/rate_review:")


def until_taken(run_id: str, seconds: float = 15.0) -> None:
    """Wait until an engine has taken the run; when none does the page says again that it is interrupted."""
    deadline = time.monotonic() + seconds
    while read_run(shell.state(), run_id, with_spec=False)["status"] == "interrupted" and time.monotonic() < deadline:
        time.sleep(0.2)


def take_away() -> None:
    """A policy for the gateway."""
    policies = what_if.policies()
    left, right = st.columns(2)
    name = left.selectbox("Policy", list(policies), key="export_policy")
    form = right.selectbox(
        "For",
        FORMS,
        key="export_form",
        format_func=lambda name: FORM_LABELS[name],
    )
    try:
        text, notes = export_policy(
            policies[name], form, saved_providers(shell.state()), what_if.catalog(shell.state())
        )
    except BatonError as error:  # nothing was asked for yet: what is missing is a hint, not a failure
        st.caption(fmt.md(str(error)))
        return
    for note in notes:
        st.caption(fmt.md(note))
    exports.download_file("Download the config", text, f"{name}-{form}.yaml")


def choose(runs: dict[str, dict]) -> str:
    """The run of the page; a link may name one, otherwise the latest."""
    asked = place.read("run")
    if asked and asked not in runs:
        st.warning(fmt.md(f"There is no run {asked} here; this is the latest."))
    names = {
        rid: f"{r['name']}, {pd.Timestamp(r['created_at']):%d %b %H:%M} UTC, {r['status']}" for rid, r in runs.items()
    }
    shown = asked if asked and asked in runs else next(iter(runs))
    # Not bound to the link by Streamlit: that would write the label, which changes with the status.
    chosen = st.selectbox("Run", list(names), index=list(names).index(shown), format_func=lambda rid: names[rid])
    if chosen != shown:
        st.query_params["run"] = chosen
    return chosen


view = shell.view()
runs, providers = list_runs(shell.state()), saved_providers(shell.state())
asked = place.read("policy")  # from the Routing page: this policy is what the visit is about
trial = candidates.trial()
asked = asked or (trial[-1].name if trial else "")
if asked or not runs:
    st.title(f"Does {f'“{fmt.md(asked)}”' if asked else 'a routing policy'} hold on real calls?", anchor=False)
    if not providers:
        lab_form.offer_local()
else:
    title = st.container()
    run = runs[choose(runs)]
    controls(run)
    if run["status"] in lab_results.RUNNING:
        with title:
            shell.header(lab_results.going(run), view)
        lab_results.progress(run["run_id"], run["status"])
    else:
        found = summary(shell.state(), run["run_id"])
        with title:
            shell.header(lab_results.going(run) if run["status"] == "interrupted" else found["verdict"], view)
        lab_results.body(run["run_id"], found)
lab_tasks.saved_message()
lab_providers.saved_message()
if providers or asked:
    with st.expander("New run", icon=":material/play_arrow:", expanded=not runs or asked is not None):
        lab_form.new_run()
with st.expander("Task sets", icon=":material/checklist:"):
    lab_tasks.editor()
with st.expander("Providers", icon=":material/cable:"):
    lab_providers.providers()
if providers:
    with st.expander("Export a policy to the gateway", icon=":material/output:"):
        take_away()
if asked and runs:
    st.page_link("pages/lab.py", label="Earlier runs", icon=":material/history:")
