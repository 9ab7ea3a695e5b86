"""The sources that bring logs by themselves: how far each has come, and the form to add, pull or forget one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from data.errors import BadInput
from data.ledger import Ledger
from data.sources.progress import forget_progress
from data.sources.pull import pull_due
from data.sources.pull_command import days_in_words, lines
from data.sources.source import KINDS, SOURCES
from pages.ui import exports, loading, shell
from pages.ui import format as fmt

A_DATABASE = "postgresql://reader@db.example:5432/litellm"
NO_PASSWORD = "Without a password: set PGPASSWORD where Baton runs, or write it into ~/.pgpass."


def show_sources(view: Ledger) -> None:
    rows = lines(shell.state())
    if rows:
        told = [row | {"gaps": days_in_words(row["gaps"])} for row in rows]
        frame = pd.DataFrame(told)[
            ["name", "words", "watermark", "pulled_at", "late_hours", "loaded", "gaps", "problem"]
        ]
        labels = {
            "name": "Source",
            "words": "What",
            "watermark": "Loaded up to (UTC)",
            "pulled_at": "Last success (UTC)",
            "late_hours": "Hours ago",
            "loaded": "Rows of the last pull",
            "gaps": "Days with nothing (UTC)",
            "problem": "Problem",
        }
        exports.table(frame, name="sources", labels=labels, wide={"words": 320, "gaps": 200, "problem": 260})
    else:
        st.caption("No source yet: files are loaded by hand, or by a cron job that ends in `python -m data ingest`.")
    st.caption(
        "`python -m data pull`, run by cron every few minutes, pulls whatever is due. Keys stay in the environment."
    )
    if rows:
        _work_on([row["name"] for row in rows])
    with st.expander("Add a source", icon=":material/add:", expanded=not rows):
        _add()


def _work_on(names: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Source", names, key="source_chosen", width=240)
        if st.button("Pull it now", key="source_pull", icon=":material/download:"):
            with shell.errors(), st.spinner(f"Asking {name}"):
                (done,) = pull_due(shell.ledger(), shell.state(), name)
                loading.tell_alerts()
                said = done.problem or f"{fmt.count(done.loaded)} of {fmt.count(done.read)} rows were new."
                st.session_state["source_said"] = said
                st.rerun()
        if st.button("Forget it", key="source_forget", icon=":material/delete:"):
            with shell.errors():
                SOURCES.forget(shell.state(), name)
                forget_progress(shell.state(), name)
                st.rerun()
    if said := st.session_state.pop("source_said", ""):
        st.info(fmt.md(said), icon=":material/info:")


def _add() -> None:
    kind = st.selectbox("Kind", list(KINDS), format_func=lambda one: KINDS[one].label, key="source_kind", width=320)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of the source", key="source_name", width=180)
        way = KINDS[kind].way
        if way == "folder":
            body = {"path": st.text_input("Folder or pattern on the server", key="source_path", width=380)}
        elif way == "table":
            url = st.text_input(
                "Address", key=f"source_url_{kind}", placeholder=A_DATABASE, width=380, help=NO_PASSWORD
            )
            body = {"base_url": url.strip()}
        else:
            usual = KINDS[kind]
            url = st.text_input("Address", key=f"source_url_{kind}", placeholder=usual.base_url, width=280)
            key = st.text_input("Variable with its key", key=f"source_key_{kind}", placeholder=usual.key_env, width=220)
            body = {"base_url": url.strip(), "key_env": key.strip()}
        hours = st.number_input("Every hours", 0.05, 744.0, 1.0, key="source_hours", width=130)
        if st.button("Add the source", key="source_add", icon=":material/add:", type="primary"):
            with shell.errors():
                if name.strip() in SOURCES.all(shell.state()):
                    raise BadInput(f"There is a source {name.strip()!r} already; choose another name.")
                asked = {k: v for k, v in body.items() if v}
                SOURCES.save(shell.state(), name, {"kind": kind, "every_hours": hours, **asked})
                st.rerun()
