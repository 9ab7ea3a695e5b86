"""Four steps for who has just loaded a first log; the last one is the log's own biggest finding."""

from __future__ import annotations

import streamlit as st

from analytics.scope import Scope
from data.ledger import Ledger
from pages.parts.savings.findings import all_savings
from pages.ui import format as fmt
from pages.ui import links, shell

STEP = "tour_step"
STEPS = 4


def begin() -> None:
    """The tour starts at the next run."""
    st.session_state[STEP] = 1


def begin_after_first_load() -> None:
    """Once a visit, when a load has just brought records."""
    if STEP not in st.session_state and any(report["loaded"] for report in st.session_state.get("load_reports", [])):
        begin()


@st.fragment
def tour(view: Ledger, scope: Scope) -> None:
    """The step that is on, with the way to the next and out; nothing while no tour is on."""
    step = st.session_state.get(STEP, 0)
    if not 1 <= step <= STEPS:
        return
    with st.container(border=True, key="tour"):
        st.markdown(f"**{step} of {STEPS}.** {_words(view, scope, step)}")
        with st.container(horizontal=True, gap="small"):
            if step < STEPS:
                st.button("Next", key="tour_next", type="primary", on_click=_go, args=(step + 1,))
            st.button("Done" if step == STEPS else "Close", key="tour_close", on_click=_go, args=(STEPS + 1,))
            if step == STEPS:
                _to_the_finding(view, scope)


def _go(step: int) -> None:
    st.session_state[STEP] = step


def _words(view: Ledger, scope: Scope, step: int) -> str:
    known = shell.standing(view)
    if step == 1:
        priced = fmt.share(known.priced_share) if known else fmt.MISSING
        return fmt.md(
            f"The title is the answer; the grey line below it is what that stands on. Here {priced} of attempts have a "
            "known price. What is not known is a dash, never a zero. “Explain” opens the formula."
        )
    if step == 2:
        return fmt.md(
            "The button with the days changes the period and what it is compared with. Click a bar to narrow to it: a "
            "filter becomes a chip, its cross removes it, and so does Back. Explore goes down to single requests."
        )
    if step == 3:
        return fmt.md(
            "Whatever you see you can take along: under “Table” are CSV, Markdown for a chat and the chart as a "
            "picture. Views, at the left, keeps a page as it is for everybody; Find (Ctrl+K) goes to any name."
        )
    found = all_savings(view, scope).findings
    if not found:
        return "No waste was found in this log: what you spend goes where it should, as far as the log can tell."
    best = next((finding for finding in found if finding.confidence != "low"), found[0])
    sure = f"{best.confidence} confidence" + (", to be tested first" if best.confidence == "low" else "")
    return fmt.md(f"Your biggest finding: {best.title}. {fmt.usd(best.usd_month)} a month, {sure}.")


def _to_the_finding(view: Ledger, scope: Scope) -> None:
    if all_savings(view, scope).findings:
        links.page_link("pages/savings.py", "Open the findings", ":material/content_cut:", {})
    else:
        links.page_link("pages/explore.py", "Look around in Explore", ":material/bar_chart:", {})
