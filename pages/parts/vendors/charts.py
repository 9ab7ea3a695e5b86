"""Figures of the Vendors page: minutes of an outage, days of failures, shares by vendor. No Streamlit here."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui import format as fmt
from pages.ui.charts import Palette

MOST_BARS = 120


def minutes(table: pd.DataFrame, palette: Palette) -> go.Figure:
    """Requests that asked what is out first, taken by others and failed, over the outage."""
    step = max(1, -(-len(table) // MOST_BARS))
    drawn = table.groupby(table.index // step).agg({"minute": "first", "taken": "sum", "failed": "sum"})
    figure = charts.blank(palette, height=280, unit="requests")
    figure.update_layout(barmode="stack", bargap=0.05)
    for column, label, tint in (("taken", "Answered by others", palette.primary), ("failed", "Fail", palette.more)):
        figure.add_bar(
            x=drawn["minute"],
            y=drawn[column],
            name=label,
            marker={"color": tint},
            customdata=[fmt.count(round(v)) for v in drawn[column]],
            hovertemplate="%{customdata} requests<extra>" + label + "</extra>",
        )
    figure.update_xaxes(tickformat="%H:%M<br>%-d %b", hoverformat="%-d %b %H:%M")
    return figure


def days(table: pd.DataFrame, palette: Palette) -> go.Figure:
    """Requests a day that fail on the first try, and that go elsewhere."""
    figure = charts.blank(palette, height=280, unit="requests")
    for column, label, tint, dash in (
        ("failed", "Failed on the first try", palette.more, "solid"),
        ("rerouted", "Go elsewhere", palette.primary, "dash"),
    ):
        figure.add_scatter(
            x=table["day"],
            y=table[column],
            mode="lines",
            name=label,
            line={"color": tint, "width": 2.5, "dash": dash},
            hovertemplate="%{y:,.0f} requests<extra>" + label + "</extra>",
        )
    return figure


def shares(table: pd.DataFrame, palette: Palette) -> go.Figure:
    """Shares of requests and of dollars by name, the largest on top."""
    rows = table.iloc[:8].iloc[::-1]
    figure = charts.blank(palette, height=70 + 52 * len(rows), unit="share", hover="closest", right=60)
    figure.update_layout(barmode="group", bargroupgap=0.08, legend={"traceorder": "reversed"})
    for column, label, tint in (
        ("usd_share", "Dollars", palette.other),
        ("requests_share", "Requests", palette.primary),
    ):
        figure.add_bar(
            y=[charts._label(name) for name in rows["name"]],
            x=rows[column],
            orientation="h",
            name=label,
            marker={"color": tint},
            text=[fmt.share(value) for value in rows[column]],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    return charts.horizontal(figure, palette)
