"""The one button that puts what a page answers on the record: its facts as they stand, and what a person adds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd
import streamlit as st

from analytics.coverage import coverage
from analytics.scope import ClosedScope, Scope
from data import people
from data.errors import BatonError
from data.ledger import Ledger
from pages.ui import document_list, shell
from pages.ui import format as fmt
from routing.policies import in_force
from simulations.decisions import drafts, record
from simulations.decisions.record import Draft, Risk

REVIEW_AFTER_DAYS = 90
NOTHING = "nothing"


def ground(view: Ledger, page: str, scope: Scope | None, *, keeps: bool | None = None) -> drafts.Ground:
    """What every draft of a page takes from the store; `scope` is None for typed figures."""
    rules = drafts.compliance(shell.state(), keeps)
    if not isinstance(scope, ClosedScope):
        return drafts.Ground(page, view.snapshot(), compliance=rules)
    told = fmt.days(scope.start, scope.last)
    chosen = "; ".join(f"{name} {' or '.join(values)}" for name, values in scope.filters)
    known = shell.standing(view)
    parts = [f"{coverage(view, scope).basis} covered"]
    if known:
        parts.append(f"{fmt.share(known.priced_share)} of attempts priced")
    if known and known.without_caveat_share is not None:
        parts.append(f"{fmt.share(known.without_caveat_share)} of dollars without a caveat")
    if known and known.sample:
        parts.append("sample company, not your data")
    return drafts.Ground(page, view.snapshot(), f"{told}{f' ({chosen})' if chosen else ''}", ", ".join(parts), rules)


def record_button(made: Callable[[], Draft], *, key: str) -> None:
    """The button and its dialog; nothing for who may not save. `made` is asked when the dialog opens."""
    if not people.acting().may("documents"):
        return
    if saved := st.session_state.pop(f"recorded_{key}", ""):
        st.toast(fmt.md(f"{saved} is on the record."), icon=":material/check_circle:")
    if st.button("Record the decision", icon=":material/history_edu:", key=f"record_{key}"):
        _dialog(made(), key)


@st.dialog("Record the decision", width="large")
def _dialog(draft: Draft, key: str) -> None:
    st.write(fmt.md(draft.answer))
    figures = fmt.count_of(len(draft.facts), "figure")
    st.caption(fmt.md(f"{figures} and what else could be had are kept as they stand now, from {draft.origin}."))

    def field(name: str) -> str:
        return f"decision_{key}_{name}"

    today = date.today()  # noqa: DTZ011 - the reader's own day
    name = st.text_input("Name", f"{draft.kind.capitalize()}, {today:%-d %b %Y}", key=field("name"), max_chars=200)
    because = st.text_area("Why", key=field("because"), placeholder="what decided it, in your words", max_chars=2000)
    left, middle, right = st.columns(3)
    owner = left.text_input("Owner", key=field("owner"), placeholder="nobody yet")
    review_on = middle.date_input("Review on", today + timedelta(days=REVIEW_AFTER_DAYS), key=field("review"))
    held = in_force.in_force(shell.state())
    approvers = right.number_input("Signatures", 1, 5, held.limits.approvers if held else 1, key=field("approvers"))
    kept = [NOTHING, *(one.name for one in record.newest_first(shell.state()))]
    replaces = st.selectbox("Replaces", kept, key=field("replaces")) if len(kept) > 1 else NOTHING
    risks = _risks(draft, field("risks"))
    taken = "" if name.strip() not in kept else f"“{name.strip()}” is on the record already; give it another name."
    if not document_list.wants_saving("Record it", taken or ("" if name.strip() else "Give it a name."), field):
        return
    try:
        words = {"owner": owner, "because": because, "review_on": review_on, "approvers": int(approvers)}
        record.record(
            shell.state(),
            draft.model_copy(update={"risks": risks}),
            name,
            replaces="" if replaces == NOTHING else replaces,
            **words,
        )
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return
    st.session_state[f"recorded_{key}"] = name.strip()
    st.rerun()


def _risks(draft: Draft, key: str) -> tuple[Risk, ...]:
    """The risks of the draft, to change and to add to, each with who watches it."""
    st.markdown("Risks, and who watches each")
    edited = st.data_editor(
        pd.DataFrame([one.model_dump() for one in draft.risks], columns=["text", "owner"]).astype("string"),
        column_config={
            "text": st.column_config.TextColumn("Risk", width=520, max_chars=400),
            "owner": st.column_config.TextColumn("Who watches it", width=160, max_chars=120),
        },
        num_rows="dynamic",
        hide_index=True,
        key=key,
    )
    rows = edited.fillna("").to_dict("records")
    return tuple(Risk(text=row["text"].strip(), owner=row["owner"].strip()) for row in rows if row["text"].strip())
