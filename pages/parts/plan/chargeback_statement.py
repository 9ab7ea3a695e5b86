"""The chargeback statement on the plan: who pays what of a month, and the rules by which shared costs are split."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import streamlit as st

from analytics.billing import chargeback
from analytics.billing.month_budgets import against_budgets, message
from analytics.billing.shared_costs import SHARED, SPLITS, UNTAGGED
from analytics.history import logged_days
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State
from data.version import file_name
from pages.parts.plan.scope_words import scope_of, scope_text
from pages.ui import editing, exports, paper, posting, shell
from pages.ui import format as fmt


@shell.cached(reads=("shared_cost", "budget"))
def statement(view: Ledger, state: State, month: date) -> chargeback.Statement:
    return chargeback.statement(view, state, month)


@shell.cached
def months(view: Ledger) -> list[date]:
    """The first days of the months of which anything is logged, newest first."""
    return sorted({day.date().replace(day=1) for day in logged_days(view)}, reverse=True)


def chargeback_statement(view: Ledger) -> None:
    """The month's statement, its files, and the shared costs."""
    st.subheader("Chargeback: who pays for the month", anchor=False)
    every, last = months(view), chargeback.last_month(view)
    month = st.selectbox(
        "Month",
        every,
        index=next((place for place, month in enumerate(every) if month <= last), 0),
        format_func=lambda day: f"{day:%B %Y}",
        key="chargeback_month",
        width=180,
    )
    with shell.errors():
        found = statement(view, month)
        dearest = found.charges[0] if found.charges else None
        sentence = f"{found.month:%B %Y} cost {found.money(found.total_usd)}"
        if dearest:
            sentence += f", of which {dearest.team} pays {found.money(dearest.total_usd)}"
        against = list(filter(None, [against_budgets(found)]))
        shared = [f"{found.money(usd)} of {name} is split {rule}" for name, rule, usd in found.shared]
        st.caption(
            fmt.md(". ".join([sentence, *against, *shared, *found.notes]) + ". The lines add up to the total exactly.")
        )
        table = chargeback.table(found)
        units = dict.fromkeys(table.columns[1:], "USD")
        exports.table(table, name=f"chargeback-{found.month:%Y-%m}", units=units, whole=True)
        _downloads(found)
    _shared_costs()


def _downloads(found: chargeback.Statement) -> None:
    with st.container(horizontal=True):
        for label, write, name, kind in (
            ("Statement, HTML", chargeback.html, "", "html"),
            ("Every line, CSV", chargeback.csv_text, "-lines", "csv"),
        ):
            exports.download_file(
                label,
                partial(write, found),
                file_name(f"chargeback-{found.month:%Y-%m}{name}", kind, found.snapshot),
                key=f"chargeback_{kind}",
                snapshot=found.snapshot,
            )
        name = f"chargeback-{found.month:%Y-%m}"
        paper.download_pdf(partial(chargeback.html, found), name, key="chargeback", snapshot=found.snapshot)
        posting.post_button(message(found), "chargeback")


def _shared_costs() -> None:
    """What belongs to no one team, and how it is split."""
    with st.expander("Shared costs and how they are split", icon=":material/call_split:"):
        st.caption(
            f"What names no team is split by each team's own spend, unless a row named {UNTAGGED} says otherwise. Any "
            "other row needs its filters; what several are about belongs to the first by name."
        )
        editing.documents(
            SHARED,
            {
                "filters": st.column_config.TextColumn("Rows", help="team=platform; feature=gateway"),
                "split": st.column_config.SelectboxColumn("Split", options=list(SPLITS), default="spend"),
                "weights": st.column_config.TextColumn("Weights", help="Of a fixed split: search=60; support=40"),
            },
            to_row=lambda body: {
                "filters": scope_text(body.get("filters", {})),
                "split": body.get("split", "spend"),
                "weights": "; ".join(f"{team}={weight:g}" for team, weight in body.get("weights", {}).items()),
            },
            to_body=to_body,
            after=lambda: "Saved; statements follow it from now on.",
            key="shared_costs",
        )


def to_body(row: dict, stored: dict) -> dict:
    """A row of the table as a shared cost."""
    body: dict[str, Any] = {"split": row.get("split", "spend")}
    if filters := row.get("filters", ""):
        body["filters"] = scope_of(filters)
    if weights := row.get("weights", ""):
        try:
            body["weights"] = {team: float(part[0]) for team, part in scope_of(weights).items()}
        except ValueError as error:
            raise BadInput(f"{weights!r} are no weights; write them as search=60; support=40.") from error
    return body
