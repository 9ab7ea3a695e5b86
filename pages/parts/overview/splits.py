"""What moved, and where it goes: spend by one dimension, each with its table and its ways out."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import spend
from analytics.coverage import Comparison
from analytics.registry import DIMENSIONS
from analytics.scope import ClosedScope, Scope
from data.ledger import Ledger
from pages.ui import charts, drill, exports, shell
from pages.ui import format as fmt


@shell.cached
def movers(view: Ledger, scope: ClosedScope, by: str, earlier: ClosedScope) -> pd.DataFrame:
    return spend.movers(view, scope, by, earlier=earlier)


@shell.cached
def split(view: Ledger, scope: Scope, by: str) -> pd.DataFrame:
    return spend.grouped_spend(view, scope, (by,), ("cost_usd", "requests", "cost_per_1k_requests_usd"))


def what_moved(view: Ledger, compared: Comparison, by: str) -> None:
    st.subheader("What moved", anchor=False)
    if compared.now is None or compared.before is None:
        st.caption(
            fmt.md(f"{fmt.MISSING} No earlier span to compare with: {compared.note or 'this is all of the log'}.")
        )
        return
    frame = movers(view, compared.now, by, compared.before)
    if frame.empty:
        st.caption(fmt.md(f"Nothing changed against {fmt.days(compared.before.start, compared.before.last)}."))
        return
    first = frame.iloc[0]
    meaning = (
        f"{first['name']} changed by {fmt.usd_change(first['change_usd'])} against "
        f"{fmt.days(compared.before.start, compared.before.last)}; the bars add up to the whole change of "
        f"{fmt.usd_change(frame['change_usd'].sum())}."
    )
    shell.chart(
        charts.movers(frame, shell.palette()), alt=meaning, key="movers", on_select=drill.narrow_on_click("movers", by)
    )
    st.caption(fmt.md(meaning))
    with st.expander("Table: movers", icon=":material/table:"):
        labels = {
            "name": DIMENSIONS[by].label,
            "before_usd": "Before, USD",
            "after_usd": "Now, USD",
            "change_usd": "Change, USD",
        }
        exports.table(
            frame,
            name=f"movers-by-{by}",
            units=dict.fromkeys(("before_usd", "after_usd", "change_usd"), "USD"),
            labels=labels,
            said=exports.words_about(
                f"What moved, by {DIMENSIONS[by].label.lower()}, against "
                f"{fmt.days(compared.before.start, compared.before.last)}",
                view,
                compared.now,
                lambda tints: charts.movers(frame, tints),
            ),
        )


def where_it_goes(view: Ledger, scope: Scope, by: str) -> None:
    frame = split(view, scope, by)
    st.subheader("Where it goes", anchor=False)
    top = charts.top_and_other(frame[[by, "cost_usd"]], by, "cost_usd", top=8)
    whole = frame["cost_usd"].sum()
    first = frame.iloc[0]
    meaning = f"{first[by]} takes {fmt.share(float(first['cost_usd'] / whole) if whole else None)} of the spend."
    figure = charts.bars(top, shell.palette(), by=by, value="cost_usd", unit="USD")
    shell.chart(figure, alt=meaning, key="split", on_select=drill.narrow_on_click("split", by))
    st.caption(fmt.md(meaning))
    with st.expander("Table: spend, requests and cost per 1,000 requests", icon=":material/table:"):
        labels = {
            by: DIMENSIONS[by].label,
            "cost_usd": "Spend, USD",
            "requests": "Requests",
            "cost_per_1k_requests_usd": "USD per 1,000 requests",
        }
        exports.table(
            frame,
            name=f"spend-by-{by}",
            units={"cost_usd": "USD", "requests": "requests", "cost_per_1k_requests_usd": "USD"},
            labels=labels,
            said=exports.words_about(
                f"Where it goes: spend by {DIMENSIONS[by].label.lower()}",
                view,
                scope,
                lambda tints: charts.bars(top, tints, by=by, value="cost_usd", unit="USD"),
            ),
        )
