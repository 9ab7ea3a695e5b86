"""Savings: where is money wasted? Findings by dollars a month, each with its rows, and who owns what."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import inventory
from analytics.history import through
from analytics.promises import actions, promises
from analytics.registry import DIMENSIONS
from analytics.savings import savings
from analytics.scope import Scope
from data.ledger import Ledger
from data.state import State
from pages.parts.savings.findings import FINDING, all_savings, see_requests, test_it
from pages.ui import charts, drill, exports, filters, shell
from pages.ui import format as fmt
from routing.policies import in_force

ROW_LABELS = {
    "attempts_month": "Attempts a month",
    "spend_usd_month": "Spend a month, USD",
    "saves_usd_month": "Saves a month, USD",
}
CONFIDENCE = {
    "high": "High confidence: measured in this log.",
    "medium": "Medium confidence: it rests on the one assumption below.",
    "low": "Low confidence: test it before you count on it.",
}


@shell.cached(reads=("owner",))
def owner_table(view: Ledger, state: State) -> pd.DataFrame:
    return inventory.in_use(view, state, ("model", "feature", "team"))


UNTESTED = ", once tested"


def answer(saving: savings.Savings) -> str:
    if not saving.days:
        return "Not enough history to find savings: no whole day with a log yet"
    if not saving.findings:
        return "Nothing found to save in the last four weeks"
    if not saving.total_usd_month:
        return f"Up to {fmt.usd_short(saving.untested_usd_month)} a month might be saved; all of it needs a test first"
    best = saving.findings[0]
    more = f"; up to {fmt.usd_short(saving.untested_usd_month)} more once tested" if saving.untested_usd_month else ""
    return (
        f"{fmt.usd_short(saving.total_usd_month)} a month could be saved, {fmt.share(saving.share)} of the "
        f"spend{more}; the largest: {best.title[0].lower()}{best.title[1:]}"
    )


def overview(saving: savings.Savings, scope: Scope) -> None:
    frame = pd.DataFrame(
        [
            {"finding": f.short + (UNTESTED if f.confidence == "low" else ""), "usd_month": f.usd_month}
            for f in saving.findings
        ]
    )
    parts = frame.groupby("finding", as_index=False, sort=False)["usd_month"].sum()
    untested = parts.loc[parts["finding"].str.endswith(UNTESTED), "finding"].tolist()
    rows_of = {
        name: filters.of_scope(scope) | {FINDING: finding.key}
        for name, finding in reversed(list(zip(frame["finding"], saving.findings, strict=True)))
    }
    meaning = savings.sentence(saving)
    shell.chart(
        charts.bars(parts, shell.palette(), by="finding", value="usd_month", unit="USD", pale=untested),
        alt=meaning,
        key="findings",
        on_select=drill.open_on_click("findings", "explore", rows_of),
    )
    st.caption(fmt.md(meaning))


def show(number: int, finding: savings.Finding, saving: savings.Savings, scope: Scope) -> None:
    """One finding: what, how sure, what to do, the rows, and the way to a decision."""
    with st.container(border=True):
        st.markdown(f"**{fmt.md(finding.title)}**")
        alone = (
            f"; alone it would save {fmt.usd(finding.gross_usd_month)}"
            if finding.gross_usd_month > finding.usd_month * 1.01
            else ""
        )
        amount = f"{fmt.usd(finding.usd_month)} a month"
        told = f"Up to {amount}, once tested" if finding.is_untested else amount
        st.write(fmt.md(f"{told}, of {fmt.usd(finding.spend_usd_month)}{alone}."))
        st.write(fmt.md(finding.action))
        st.caption(fmt.md(f"{CONFIDENCE[finding.confidence]} {finding.assumption}"))
        if finding.test:
            st.caption(fmt.md(f"What would raise it: {finding.test}"))
        with st.expander("Rows behind it", icon=":material/table:", key=f"rows_{number}", on_change="rerun") as opened:
            labels = {name: DIMENSIONS[name].label for name in finding.cells.columns if name in DIMENSIONS} | ROW_LABELS
            if opened.open:
                units = {"attempts_month": "attempts", "spend_usd_month": "USD", "saves_usd_month": "USD"}
                exports.table(finding.cells, name=f"saving-{number + 1}", key=f"{number}", labels=labels, units=units)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                fmt.md(
                    f"Its requests: {fmt.count_of(finding.attempts, 'attempt')}, {fmt.usd(finding.spend_usd)} in "
                    f"{fmt.count_of(saving.days, 'day')}."
                ),
                width="content",
            )
            see_requests(finding, scope)
            if finding.page == "routing":
                narrowed = scope
                for name in ("model", "team"):
                    if name in finding.filters:
                        narrowed = narrowed.with_filter(name, *finding.filters[name])
                filters.link(
                    "pages/policy_replay.py", "Replay a policy on their models", ":material/alt_route:", narrowed
                )
            if finding.trial:
                test_it(finding, scope)
            with st.popover("Make it an action", icon=":material/add_task:"):
                decide(number, finding, saving)


def decide(number: int, finding: savings.Finding, saving: savings.Savings) -> None:
    """Puts the finding on the action list of the weekly review, with its number, the days that was told from, and its
    rows, so that its saving can be measured."""
    listed = [a for a in actions.all_actions(shell.state()) if finding.key == a.finding or finding.title == a.name]
    if listed:
        st.caption(
            fmt.md(
                f"It is on the action list of the weekly review: {fmt.usd(listed[0].expected_usd_month)} a month"
                + (f", told from {listed[0].told_days}." if listed[0].told_days else ".")
            )
        )
        return
    owner = st.text_input("Owner", key=f"owner_{number}", placeholder="nobody yet")
    due = st.date_input("Due", value=None, key=f"due_{number}")
    if st.button("Put it on the list", key=f"decide_{number}", type="primary"):
        with shell.errors():
            decided = actions.check_action(
                name=finding.title,
                owner=owner.strip(),
                due=due,
                note=finding.action,
                expected_usd_month=round(finding.usd_month, 2),
                decided=through(view).day,
                finding=finding.key,
                told_from=saving.scope.start if saving.scope else None,
                told_to=saving.scope.end if saving.scope else None,
                filters=saving.filters_of(finding),
            )
            actions.ACTIONS.save(shell.state(), decided.name, promises.add_witness(view, shell.state(), decided))
            st.rerun()


def debt_in_words(debt: dict[str, float | None]) -> str:
    """What nobody owns, and what goes to it in a month, where a month can be told."""
    goes = f"{fmt.usd(debt['unowned_usd_month'])} a month goes to such models"
    if debt["unowned_usd_month"] is None:
        goes = "what goes to such models in a month cannot be told from less than a day"
    return (
        f"{debt['unowned']} of {debt['items']} models, features and teams in use lack an owner or an owner of their "
        f"connection to the next system; {goes}. That is integration debt: nobody will be asked when it breaks."
    )


def owners(view: Ledger) -> None:
    st.subheader("Who owns what", anchor=False)
    table = owner_table(view)
    debt = inventory.debt(table)
    st.write(fmt.md(debt_in_words(debt)))
    columns = ["kind", "name", "owner", "connection_owner", "last_seen", "cost_usd_month", "note"]
    shown = table[columns]
    edited = st.data_editor(
        shown,
        hide_index=True,
        width="stretch",
        placeholder=fmt.MISSING,
        key=f"owners_{shell.state().version('owner')}",
        disabled=["kind", "name", "last_seen", "cost_usd_month"],
        height=320,
        column_config={
            "kind": "Kind",
            "name": "Name",
            "owner": "Owner",
            "connection_owner": "Owner of the connection",
            "last_seen": st.column_config.DateColumn("Last seen"),
            "cost_usd_month": st.column_config.NumberColumn("USD a month", format="dollar"),
            "note": "Note",
        },
    )
    typed = ["owner", "connection_owner", "note"]
    changed = edited[(edited[typed] != shown[typed]).any(axis=1)]
    with st.container(horizontal=True):
        if st.button("Save owners", icon=":material/save:", disabled=changed.empty):
            for row in changed.to_dict("records"):
                inventory.assign(
                    shell.state(),
                    row["kind"],
                    row["name"],
                    owner=row["owner"] or "",
                    connection_owner=row["connection_owner"] or "",
                    note=row["note"] or "",
                )
            st.rerun()
        exports.download(table, name="inventory")


view = shell.view()
shell.needs_data(view, "Where is money wasted?")
shell.needs_prices(view)
title = st.container()
scope = filters.filter_bar(view)
saving = all_savings(view, scope)
with title:
    shell.header(answer(saving), view, scope=saving.scope)
if saving.findings:
    kept = in_force.in_force(shell.state())
    st.caption(
        fmt.md(
            "No offer breaks "
            + (f"“{kept.name}”, the policy in force." if kept else f"{in_force.shipped_constraints().name}.")
        )
    )
    overview(saving, scope)
    for number, finding in enumerate(saving.findings):
        show(number, finding, saving, scope)
elif saving.days:
    st.info("No request in these four weeks matches, or nothing in them is wasted by the rules Baton knows.")
owners(view)
shell.snapshot_link(view)
