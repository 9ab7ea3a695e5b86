"""The promise ledger on the weekly review: what was acted on, and what came of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics.promises import promises
from analytics.weekly.weeks import week_of
from data.calendar import DAYS_PER_WEEK
from data.ledger import Ledger
from data.state import State
from pages.ui import exports, shell
from pages.ui import format as fmt
from routing.runs import predictions


@shell.cached(reads=promises.READS)
def measure_promises(view: Ledger, state: State, week: str) -> list[promises.Measured]:
    until = week_of(week) + pd.Timedelta(days=DAYS_PER_WEEK)
    return promises.ledger_of_promises(view, state, until)


def promise_ledger(found: dict) -> None:
    """Every promise acted on with its verdict, and the running score."""
    st.subheader("7. What came of promises", anchor=False)
    _tried_in_the_lab()
    every = measure_promises(shell.view(), found["week"])
    told = promises.score_sentence(every, promises.waiting(shell.state()))
    if not every:
        st.caption(fmt.md(f"{told} Mark an action as done, and what it saves is measured."))
        return
    st.write(fmt.md(told))
    rows = [
        {
            "Promise": one.action.name,
            "Done": one.action.done or one.action.decided,
            "Promised": one.action.expected_usd_month,
            "Measured": one.saved_usd_month,
            "Verdict": one.verdict,
            "Why": one.sentence + (f"; {one.changed}" if one.changed else ""),
        }
        for one in every
    ]
    units = {"Promised": "USD", "Measured": "USD"}
    exports.table(pd.DataFrame(rows), name=f"promises-{found['week']}", units=units, wide={"Promise": 200, "Why": 330})
    verdicts = dict.fromkeys(one.verdict for one in every)
    st.caption(fmt.md("; ".join(f"{name}: {promises.VERDICTS[name]}" for name in verdicts) + ". USD a month."))


def _tried_in_the_lab() -> None:
    """What replays said of policies beside what the lab found."""
    tried = predictions.predictions(shell.state())
    if tried:
        st.write(fmt.md(predictions.score_sentence(tried)))
        frame = pd.DataFrame(predictions.as_rows(tried), columns=predictions.COLUMNS)
        exports.table(frame, name="lab-predictions", wide={"Verdict": 260})
