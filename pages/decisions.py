"""Decisions: what was decided, on what facts, and who signed?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial

import pandas as pd
import streamlit as st

from data import people
from data.errors import BatonError
from data.version import file_name
from pages.ui import exports, links, paper, shell, what_if
from pages.ui import format as fmt
from routing.policies import in_force
from simulations.decisions import editions, handover
from simulations.decisions.record import LONGEST_REASON, Decision, Verdict, due, newest_first, sign

ICONS = {"open": ":material/hourglass_empty:", "approved": ":material/check_circle:", "rejected": ":material/cancel:"}
VERDICTS: dict[Verdict, tuple[str, str]] = {
    "approved": ("Approve", ":material/check:"),
    "rejected": ("Reject", ":material/close:"),
}


def answer(found: list[Decision], waiting: list[Decision]) -> str:
    """The title: how many, what waits."""
    if not found:
        return "No decision is on the record yet"
    open_ = sum(one.standing == "open" for one in found)
    parts = [f"{fmt.count_of(len(found), 'decision')} on the record"]
    parts += [f"{open_} wait{'s' * (open_ == 1)} for signatures"] if open_ else ["all signed"]
    parts += [f"{len(waiting)} due for review"] if waiting else []
    return ": ".join([parts[0], ", ".join(parts[1:])])


def table(found: list[Decision], waiting: list[Decision]) -> None:
    rows = [
        {
            "name": one.name,
            "status": one.standing,
            "answer": one.told.answer,
            "review": f"{one.review_on or 'no day'}{', due' if one in waiting else ''}",
            "recorded": f"{one.at[:10]} by {one.by}",
        }
        for one in found
    ]
    labels = {"name": "Decision", "status": "Status", "answer": "Answer", "review": "Review", "recorded": "Recorded"}
    exports.table(pd.DataFrame(rows), name="decisions", labels=labels, wide={"name": 160, "answer": 420})


def show(one: Decision) -> None:
    """One record: who signed, its facts, what else could be had, its risks; and the ways it leaves."""
    st.subheader(fmt.md(one.told.answer), anchor=False)
    st.write(fmt.md(one.told.question))
    given = fmt.md(" ".join(editions.signature_lines(one)))
    st.markdown(f"{ICONS[one.standing]} **{one.standing.capitalize()}.** {given}")
    if one.because:
        st.write(fmt.md(f"Why: {one.because}"))
    signing(one)
    take_away(one)
    for number, (heading, facts) in enumerate(editions.facts_by_section(one)):
        st.markdown(f"**{heading}**")
        rows = [(f.label, f.value, f.tier or ("from the log" if one.told.days else "stated")) for f in facts]
        small_table(rows, ("Figure", "Value", "Trust"), f"facts-{number}")
    if one.told.alternatives:
        st.markdown("**What else could be had**")
        small_table([(a.name, a.told) for a in one.told.alternatives], ("Way", "What it means"), "alternatives")
    if one.told.risks:
        st.markdown("**Risks**")
        small_table([(r.text, r.owner or "nobody yet") for r in one.told.risks], ("Risk", "Who watches it"), "risks")
    for heading, lines in (("Compliance", one.told.compliance), ("What is assumed", one.told.assumptions)):
        if lines:
            st.markdown(f"**{heading}**")
            st.markdown("\n".join(f"- {fmt.md(line)}" for line in lines))
    st.caption(fmt.md(editions.stands_on(one)))


def small_table(rows: Sequence[tuple[str, ...]], heads: tuple[str, ...], key: str) -> None:
    """A small table without ways out: the record leaves as a whole."""
    lines = [heads, ("---",) * len(heads), *(tuple(fmt.md(cell) for cell in row) for row in rows)]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def signing(one: Decision) -> None:
    """Approve or reject, for those who may."""
    if one.standing != "open" or not people.acting().may("reviews"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input(
            "Reason", key=f"reason_{one.name}", placeholder="needed to reject", width=320, max_chars=LONGEST_REASON
        )
        for verdict, (label, icon) in VERDICTS.items():
            if st.button(label, icon=icon, key=f"{verdict}_{one.name}"):
                with shell.errors():
                    sign(shell.state(), one.name, verdict, reason)
                    st.rerun()


def take_away(one: Decision) -> None:
    """The record as files, in the edition that is chosen."""
    edition = st.segmented_control(
        "Edition",
        list(editions.EDITIONS),
        format_func=lambda name: editions.EDITIONS[name].label,
        default="whole",
        required=True,
        key="edition",
    )
    with st.container(horizontal=True):
        for label, form, write in (("Page, HTML", "html", editions.html), ("Markdown", "md", editions.markdown)):
            exports.download_file(
                label,
                partial(write, one, edition),
                file_name(f"decision-{edition}", form, one.told.data_version),
                key=f"decision_{form}",
                icon=":material/description:",
            )
        paper.download_pdf(
            partial(editions.html, one, edition),
            f"decision-{edition}",
            key="decision",
            snapshot=one.told.data_version,
        )


def pack() -> None:
    """The hand-over pack of a policy."""
    st.subheader("Hand-over pack", anchor=False)
    st.caption(
        "How the system is built, what it costs, what guards it, what is watched, what to do when it fails, what was "
        "decided and what may go wrong: one sealed page from this store."
    )
    known = list(what_if.policies())
    try:
        held = in_force.in_force(shell.state())
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        held = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Of the policy", known, known.index(held.name) if held else 0, key="pack_of", width=420)

        def text() -> str:
            return handover.handover(shell.view(), shell.state(), name)

        exports.download_file(
            "Hand-over, HTML",
            text,
            file_name("handover", "html", shell.snapshot()),
            key="pack_html",
            icon=":material/inventory_2:",
        )
        paper.download_pdf(text, "handover", key="pack", snapshot=shell.snapshot())


view, found = shell.view(), newest_first(shell.state())
waiting = due(found, date.today())  # noqa: DTZ011 - the reader's own day
shell.header(answer(found, waiting), view)
if found:
    table(found, waiting)
    names = [one.name for one in found]
    links.forget_unoffered("decision", names)
    chosen = st.selectbox("Look at", names, key="decision", bind="query-params")
    show(next(one for one in found if one.name == chosen))
else:
    st.write(
        "“Record the decision” stands on Model mix, Routing, Self-host, New model, Budget plan and the Live lab's "
        "results: it keeps the answer with its figures, what else could be had, the risks and who signs."
    )
    st.page_link("pages/mix.py", label="Find a mix to decide on", icon=":material/tune:")
pack()
