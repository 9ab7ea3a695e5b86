"""The findings of a scope, and the requests of one of them, for the pages that show either."""

from __future__ import annotations

import streamlit as st

from analytics.coverage import coverage
from analytics.history import recent
from analytics.savings import savings
from analytics.scope import ClosedScope, Scope
from data.ledger import Ledger
from data.state import State
from pages.ui import filters, links, place, shell
from pages.ui import format as fmt
from routing.policies import in_force

FINDING = "finding"  # the parameter of a link to the requests of a finding


@shell.cached(reads=in_force.READS)
def all_savings(view: Ledger, state: State, scope: Scope) -> savings.Savings:
    return savings.findings(view, recent(view, scope), state, in_force.forbidden(state))


def see_requests(finding: savings.Finding, scope: Scope) -> None:
    """The link to exactly the rows that a finding counts."""
    choices = filters.of_scope(scope) | {FINDING: finding.key}
    links.page_link("pages/explore.py", "See these requests", ":material/bar_chart:", choices)


def test_it(finding: savings.Finding, scope: Scope) -> None:
    """The link to the lab, on the models to compare and on samples of exactly this work."""
    choices = filters.of_scope(scope) | {FINDING: finding.key, "trial": ",".join(finding.trial)}
    links.page_link("pages/lab.py", "Test it", ":material/science:", choices)


def requests_asked(view: Ledger) -> ClosedScope | None:
    """The rows of the finding that the link names, told above; None without one, or where it is not found any more."""
    key = place.read(FINDING)
    if not key:
        return None
    saving = all_savings(view, filters.narrow(view, Scope.of(view)))
    finding = saving.finding(key)
    if finding is None or saving.scope is None:
        st.warning("The link names a finding that is not found any more; these are all requests.")
        return None
    told, span = coverage(view, saving.scope), fmt.days(saving.scope.start, saving.scope.last)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.write(
            fmt.md(
                f"The requests of a finding: {finding.title}. {fmt.usd(finding.spend_usd)} on "
                f"{fmt.count_of(finding.attempts, 'attempt')} {told.span}, {span}."
            )
        )
        st.button("All requests", icon=":material/close:", on_click=place.go, kwargs={FINDING: None})
    return saving.requests_of(finding)
