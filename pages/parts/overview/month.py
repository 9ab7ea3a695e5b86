"""The month so far with its forecast: the picture of the page's title."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analytics.forecasts import forecast
from analytics.forecasts.month_so_far import MonthSoFar, month_so_far
from analytics.scope import Scope
from data.ledger import Ledger
from data.state import State
from pages.ui import charts, drill, exports, shell
from pages.ui import format as fmt
from pages.ui.finance_charts import band, line
from pages.ui.line_ends import LineEnd, label_ends


@shell.cached(reads=forecast.READS)
def follow_month(view: Ledger, state: State, scope: Scope) -> MonthSoFar:
    return month_so_far(view, scope, forecast.events_ahead(view, state, scope))


def month_chart(view: Ledger, scope: Scope, outlook: forecast.Outlook, budget_usd: float | None) -> None:
    """Cumulated spend of the month of the newest data, its fan, the month before and the budget of a month."""
    month, name = follow_month(view, scope.at_any_time()), f"{outlook.start:%B}"
    st.subheader(f"{name} so far, and where it ends", anchor=False)
    ends = f"{fmt.usd(outlook.actual_usd)} so far" if outlook.is_known else "what it has cost is not known"
    if outlook.p10 is not None and outlook.days_left:
        ends += f"; it ends between {fmt.usd_short(outlook.p10)} and {fmt.usd_short(outlook.p90)} in 8 of 10 cases"
    if month.before is not None:
        ends += f"; the month before cost {fmt.usd_short(float(month.before.iloc[-1]))}"
    shell.chart(
        figure(month, outlook, budget_usd, shell.palette()),
        alt=f"{name}: {ends}.",
        key="month",
        on_select=drill.day_on_click("month", "plan"),
    )
    st.caption(
        fmt.md(
            f"{ends[0].upper()}{ends[1:]}." + (f" {outlook.trust}" if outlook.p10 is None and outlook.days_left else "")
        )
    )
    with st.expander("Table: the month by day", icon=":material/table:"):
        exports.table(
            as_table(month),
            name=f"month-{outlook.start:%Y-%m}",
            units=dict.fromkeys(("seen", "p10", "p50", "p90"), "USD"),
            labels={"day": "Day", "seen": "Spent, USD", "p10": "P10", "p50": "P50", "p90": "P90"},
            said=exports.words_about(
                f"{name} so far, and where it ends: {ends}",
                view,
                scope.between(outlook.start, outlook.end),
                lambda tints: figure(month, outlook, budget_usd, tints),
            ),
        )


def figure(
    month: MonthSoFar, outlook: forecast.Outlook, budget_usd: float | None, palette: charts.Palette
) -> go.Figure:
    """Days of the month across, cumulated dollars up."""
    drawn, ends = charts.blank(palette, height=300, right=128), []
    before, ahead = month.before, month.ahead
    longest = max((outlook.end - outlook.start).days, 0 if before is None else len(before))
    days = list(pd.date_range(outlook.start, periods=longest))
    if len(ahead) and ahead["p10"].notna().all():
        band(drawn, list(ahead["day"]), ahead["p10"], ahead["p90"], palette, [drill.AHEAD] * len(ahead))
    if before is not None:
        then = _days_of(before.index)
        ends.append(line(drawn, days[: len(before)], before, "Last month", palette.other, "dash", then))
    if budget_usd:
        ends.append(line(drawn, days, [budget_usd] * len(days), "Budget", palette.more, "solid"))
    if month.seen.notna().any():
        opens = _days_of(month.seen.index)
        spent = line(drawn, list(month.seen.index), month.seen, "So far", palette.primary, "solid", opens)
        ends += [] if len(ahead) else [spent]
    if len(ahead):
        opens = [drill.AHEAD] * len(ahead)
        ends.append(line(drawn, list(ahead["day"]), ahead["p50"], "Forecast", palette.primary, "dot", opens))
    at_right = [LineEnd(days[-1], end.y, end.text, end.colour) for end in ends]
    label_ends(drawn, at_right)
    charts.money_ticks(drawn, max([end.y for end in ends] + [float(ahead["p90"].max()) if len(ahead) else 0.0]))
    drawn.update_xaxes(range=[days[0], days[-1]])
    return drawn


def _days_of(index: pd.Index) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in index]


def as_table(month: MonthSoFar) -> pd.DataFrame:
    """The same by day: spent where it is known, the quantiles where it is not."""
    seen = pd.DataFrame({"day": month.seen.index.date, "seen": month.seen.to_numpy()})
    ahead = month.ahead
    if len(ahead) and month.seen.get(pd.Timestamp(ahead["day"].iloc[0])) == ahead["p50"].iloc[0]:
        ahead = ahead.iloc[1:]  # where the path begins: known, and there already
    return seen.merge(ahead, on="day", how="outer").sort_values("day")
