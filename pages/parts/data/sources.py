"""The sources that bring logs by themselves: how far each has come, and the form to add, pull or forget one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from data import wording
from data.ledger import Ledger
from data.program import as_called
from data.sources.progress import forget_progress
from data.sources.pull import pull_due
from data.sources.pull_command import days_in_words, lines
from data.sources.source import SOURCES
from pages.parts.data import source_form
from pages.ui import document_list, loading, shell
from pages.ui import format as fmt

PULL = "Pull it now"


def answer(view: Ledger) -> str:
    """The section's title: whether logs come by themselves."""
    rows = lines(shell.state())
    if not rows:
        return "No log comes by itself yet: files are loaded by hand"
    bring = "1 source brings logs by itself" if len(rows) == 1 else f"{len(rows)} sources bring logs by themselves"
    failed = sum(bool(row["problem"]) for row in rows)
    unasked = sum(not row["pulled_at"] and not row["problem"] for row in rows)
    said = [f"{failed} failed at the last pull"] * bool(failed) + [f"{unasked} not pulled yet"] * bool(unasked)
    return "; ".join([bring, *said])


def show_sources(view: Ledger) -> None:
    """Each source in words with its menu."""
    rows = lines(shell.state())
    if not rows:
        st.caption(
            as_called("No source yet: files are loaded by hand, or by a cron job that ends in “python -m data ingest”.")
        )
    st.caption(
        as_called(
            "“python -m data pull”, run by cron every few minutes, pulls whatever is due. Keys stay in the environment."
        )
    )
    _manage({row["name"]: in_words(row) for row in rows})


@st.fragment
def _manage(words: dict[str, str]) -> None:
    document_list.rows(
        SOURCES,
        words,
        source_form.dialog,
        add="Add a source",
        after=_forget_progress,
        more=lambda name: {PULL: _pull},
    )


def in_words(row: dict[str, Any]) -> str:
    """A source in a sentence: what is asked, how far it has come, and what stands in its way."""
    said = [row["words"]]
    if row["watermark"]:
        said.append(f"loaded up to {row['watermark']:%Y-%m-%d %H:%M} UTC")
    if row["pulled_at"]:
        rows = wording.count_of(row["loaded"], "row")
        said.append(f"last success {wording.count_of(round(row['late_hours']), 'hour')} ago, which brought {rows}")
    else:
        said.append("not pulled yet")
    if row["gaps"]:
        said.append(f"days with nothing (UTC): {days_in_words(row['gaps'])}")
    problem = f" :red-badge[failed] {fmt.md(row['problem'])}" if row["problem"] else ""
    return f"**{fmt.md(row['name'])}** {fmt.md('; '.join(said))}.{problem}"


def _pull(name: str) -> list[str]:
    """Ask a source now; what came of it."""
    (done,) = pull_due(shell.ledger(), shell.state(), name)
    loading.tell_alerts()
    return [done.problem or f"{fmt.count(done.loaded)} of {fmt.count(done.read)} rows were new."]


def _forget_progress(name: str) -> str:
    """A source that is gone has come nowhere: one of its name, or itself brought back, begins anew."""
    if SOURCES.get(shell.state(), name) is None:
        forget_progress(shell.state(), name)
    return ""
