"""The live lab's forms: a new run, and the providers it may call."""

from __future__ import annotations

import asyncio

import pandas as pd
import streamlit as st

from data.errors import BadInput, BatonError
from pages.ui import exports, shell, what_if
from pages.ui import format as fmt
from routing.endpoints import read_providers_text, save_provider, saved_providers
from routing.launch import launch
from routing.ledger_tasks import sampled_tasks
from routing.local_models import missing
from routing.providers import probe
from routing.run_commands import build_spec, local_policies
from routing.run_store import create_run
from routing.tasks import TaskSet, parse_tasks, shipped_tasks

EXAMPLE = """[[provider]]
name = "openai"
base_url = "https://api.openai.com/v1"
key_env = "OPENAI_API_KEY"   # the NAME of the variable, never the key
models = [{ model = "gpt-5.2", input_usd_per_mtok = 1.75, output_usd_per_mtok = 14, output_field = "max_completion_tokens" }]
"""


def offer_local() -> None:
    """The first step for a newcomer: a real model, free, without a key."""
    st.write("Try a routing policy on real models, under a spend cap, and see what it does to quality and cost. It takes five minutes and no key:")
    st.code("make local-models", language=None)
    reason = missing()
    note = "starts a small language model on this machine and declares it here. Leave it running in its terminal, then reload this page."
    st.caption(fmt.md(f"It {note}" + (f" Not installed yet: {reason}." if reason else "")))


def new_run() -> None:
    """Choose policies, tasks and limits, and start."""
    providers = saved_providers(shell.state())
    mine, local = what_if.policies(), {p.name: p for p in local_policies()}
    offered = {o.model.lower() for p in providers for o in p.models}
    reachable = {name: p for name, p in {**local, **mine}.items() if {t.partition("@")[0].lower() for t in p.targets} <= offered}
    if not reachable:
        st.info("None of the policies can reach its models: declare the providers they name, below.", icon=":material/info:")
        return
    with st.form("new-run", border=True):
        chosen = st.multiselect("Policies to compare", list(reachable), default=list(reachable)[:3], key="lab_policies")
        left, middle, right = st.columns(3)
        source = left.selectbox("Tasks", ("Baton's own 60 tasks", "From a file", "Sampled from the ledger"), key="lab_tasks")
        count = left.number_input("How many tasks", 1, 5000, 60, key="lab_count")
        upload = left.file_uploader("Task file (YAML, JSON, JSONL)", type=["yaml", "yml", "json", "jsonl"], key="lab_file")
        cap = middle.number_input("Spend cap, USD", 0.0, 10_000.0, 0.05, step=0.01, format="%.2f", key="lab_cap", help="Reserved before each call; 0 lets free models answer only.")
        minutes = middle.number_input("Time limit, minutes", 1.0, 1800.0, 60.0, key="lab_minutes")
        concurrency = middle.number_input("Tasks at a time", 1, 100, 4, key="lab_concurrency")
        margin = right.number_input("Margin, points", 1, 50, 5, key="lab_margin", help="Stated beforehand: how much worse than the first policy still counts as good enough.")
        repeats = right.number_input("Times each task is asked", 1, 20, 1, key="lab_repeats")
        record = right.checkbox("Keep every response, so that the run can be replayed", key="lab_record")
        name = right.text_input("Name", "Lab run", key="lab_name")
        go = st.form_submit_button("Start the run", type="primary", icon=":material/play_arrow:")
    if not go:
        return
    with shell.errors():
        if not chosen:
            raise BadInput("Choose at least one policy to try.")
        tasks = _tasks(source, upload, int(count))
        spec = build_spec(
            [reachable[n] for n in chosen], tasks, providers, name=name, max_usd=f"{cap:.6f}", max_minutes=minutes,
            concurrency=int(concurrency), margin=margin / 100, repeats=int(repeats), record=record,
        )  # fmt: skip
        run_id = create_run(shell.state(), name, spec, "dashboard")
        launch(shell.state(), run_id)
        st.query_params["run"] = run_id
        st.rerun()


def _tasks(source: str, upload: object, count: int) -> TaskSet:
    if source == "From a file":
        if upload is None:
            raise BadInput("Choose a task file first.")
        try:
            found = parse_tasks(upload.getvalue().decode("utf-8"), upload.name)
        except UnicodeDecodeError as error:
            raise BadInput(f"{upload.name} is not UTF-8 text; save it as UTF-8.") from error
    elif source == "Sampled from the ledger":
        found = sampled_tasks(shell.view(), count)
    else:
        found = shipped_tasks()
    return found.model_copy(update={"tasks": found.tasks[:count]})


def providers() -> None:
    """Declared providers, a connection test, and a field to declare more."""
    state = shell.state()
    declared = saved_providers(state)
    if declared:
        rows = [(p.name, p.base_url, ", ".join(o.model for o in p.models), p.hosting, p.origin, p.key_env or "none needed") for p in declared]
        exports.table(pd.DataFrame(rows, columns=["Provider", "Base URL", "Models", "Hosting", "Origin", "Key variable"]), name="providers")
        if st.button("Test the connections", icon=":material/cable:", help="One tiny call per model"):
            with st.spinner("Asking every model for one word"):
                tested = [row for p in declared for row in asyncio.run(probe(p))]
            for row in tested:
                words = f"{row['provider']}, {row['model']}: {row['detail']}" + (f" in {fmt.milliseconds(row['latency_ms'])}" if row["ok"] else "")
                (st.success if row["ok"] else st.error)(fmt.md(words))
    with st.expander("Declare providers", icon=":material/add:", expanded=not declared):
        text = st.text_area("TOML, one [[provider]] per endpoint", EXAMPLE, height=170, key="lab_providers")
        if st.button("Save providers", icon=":material/save:"):
            try:
                for provider in read_providers_text(text):
                    save_provider(state, provider, "dashboard")
            except BatonError as error:
                st.error(fmt.md(str(error)), icon=":material/error:")
                return
            st.rerun()
