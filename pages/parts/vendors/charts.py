"""Figures of the Vendors page: minutes of an outage, days of failures, shares by vendor. No Streamlit here."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui import format as fmt
from pages.ui.charts import Palette
from simulations.buying.desk import Way

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
    figure.layout.xaxis.tickformatstops = []  # an update would keep those of whole days
    figure.update_xaxes(tickformat="%H:%M\n%-d %b", hoverformat="%-d %b %H:%M")
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
            mode="lines+markers",
            marker=charts.UNSEEN,
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
            y=[charts.label(name) for name in rows["name"]],
            x=rows[column],
            orientation="h",
            name=label,
            marker={"color": tint},
            text=[fmt.share(value) for value in rows[column]],
            textposition="outside",
            cliponaxis=False,
            customdata=[(None, name) for name in rows["name"]],
            hoverinfo="none",  # "skip" would take the click as well
        )
    return charts.horizontal(figure, palette)


def ways(priced: Sequence[Way], palette: Palette) -> go.Figure:
    """USD a month of every way to buy, its months to come from P10 to P90 as a line; forbidden ones grey."""
    figure = charts.blank(palette, height=80 + 44 * len(priced), hover="closest", right=90)
    costs = [way.usd_per_month or 0.0 for way in priced]
    spans = [way.cost or {"p10": usd, "p90": usd} for way, usd in zip(priced, costs, strict=True)]
    figure.add_bar(
        y=[charts.label(way.name) for way in priced],
        x=costs,
        orientation="h",
        marker={"color": [palette.other if way.forbidden else palette.primary for way in priced]},
        error_x={
            "type": "data",
            "array": [max(0.0, span["p90"] - usd) for span, usd in zip(spans, costs, strict=True)],
            "arrayminus": [max(0.0, usd - span["p10"]) for span, usd in zip(spans, costs, strict=True)],
            "color": palette.text,
            "thickness": 1,
        },
        text=[fmt.usd_short(usd) for usd in costs],
        textposition="inside",
        insidetextanchor="start",
        hoverinfo="skip",
    )
    return charts.horizontal(figure, palette).update_yaxes(autorange="reversed")
