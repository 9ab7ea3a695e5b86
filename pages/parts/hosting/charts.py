"""Figures of the Self-host page: money over months, value over volume, replicas against arrivals, the tornado."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from data.calendar import HOURS_PER_WEEK
from pages.ui import charts, finance_charts
from pages.ui import format as fmt
from pages.ui.charts import Palette
from pages.ui.line_ends import LineEnd, label_ends
from simulations.hosting.assumptions import in_unit, in_words

NAMES = {"api": "API", "host": "Same model at a host", "rented": "Rented GPUs", "bought": "Bought GPUs"}


def over_months(cash_flow: pd.DataFrame, palette: Palette) -> go.Figure:
    """Running cost of every option; where an own line crosses the API's, it has paid back."""
    options = [o for o in NAMES if f"{o}_usd" in cash_flow]
    figure, ends = charts.blank(palette, height=360, right=210), []
    tints = dict(zip(NAMES, (palette.primary, *palette.categories[1:4]), strict=True))
    for option in options:
        total = cash_flow[f"{option}_usd"].cumsum()
        figure.add_scatter(
            x=cash_flow["month"],
            y=total,
            mode="lines+markers" if option == "api" else "lines",
            marker=charts.UNSEEN,
            name=NAMES[option],
            showlegend=False,
            line={
                "color": tints[option],
                "width": 2.5,
                "dash": "solid" if option in ("api", "host") else "dash" if option == "rented" else "dot",
            },
            customdata=[(fmt.usd(v), option) for v in total],  # the option, for a click
            hovertemplate="%{customdata[0]}<extra>" + NAMES[option] + "</extra>",
        )
        end = float(total.iloc[-1])
        ends.append(LineEnd(cash_flow["month"].iloc[-1], end, f"{NAMES[option]} {fmt.usd_short(end)}", tints[option]))
    label_ends(figure, ends)
    highest = max((float(trace.y.max()) for trace in figure.data), default=0.0)
    charts.money_ticks(figure, highest)
    figure.update_xaxes(title_text="Month", dtick=6, range=[0, int(cash_flow["month"].iloc[-1])])
    return figure


def running_saving(cash_flow: pd.DataFrame, payback: float | None, palette: Palette) -> go.Figure:
    """Running saving of a purchase: what was paid comes back where the line crosses zero."""
    drawn, saved = charts.blank(palette, height=300, hover="closest"), cash_flow["cumulative_saving_usd"]
    drawn.add_scatter(
        x=cash_flow["month"],
        y=saved,
        mode="lines",
        showlegend=False,
        line={"color": palette.primary, "width": 2.5},
        customdata=[fmt.usd(v) for v in saved],
        hovertemplate="month %{x}: %{customdata}<extra></extra>",
    )
    drawn.add_hline(y=0, line={"color": palette.text, "width": 1})
    if payback:
        drawn.add_vline(x=payback, line={"color": palette.less, "dash": "dot", "width": 2})
        drawn.add_annotation(
            x=payback,
            y=1,
            yref="paper",
            text=f"paid back, month {payback:.1f}",
            xanchor="left",
            xshift=6,
            showarrow=False,
            font={"color": palette.less},
        )
    charts.money_ticks(drawn, float(saved.max()), float(saved.min()))
    drawn.update_yaxes(rangemode="normal")
    drawn.update_xaxes(title_text="Month", dtick=6, range=[0, int(cash_flow["month"].iloc[-1])])
    return drawn


def over_volume(multiples: np.ndarray, values: np.ndarray, found: float | None, palette: Palette) -> go.Figure:
    """NPV of the saving at multiples of today's traffic, zero and today marked."""
    figure = charts.blank(palette, height=320, hover="closest")
    figure.add_scatter(
        x=multiples,
        y=values,
        mode="lines",
        showlegend=False,
        line={"color": palette.primary, "width": 2.5},
        customdata=[fmt.usd(v) for v in values],
        hovertemplate="%{x:.2f} x today's traffic: NPV %{customdata}<extra></extra>",
    )
    figure.add_hline(y=0, line={"color": palette.text, "width": 1})
    marks = [(1.0, "today", "dash", palette.other)]
    if found and multiples[0] < found < multiples[-1]:
        marks.append((found, f"break-even {found:.2g} x", "dot", palette.less))
    for number, (x, text, dash, colour) in enumerate(marks):
        figure.add_vline(x=x, line={"color": colour, "dash": dash, "width": 2})
        # On a logarithmic axis a line stands at its value, an annotation at its logarithm.
        figure.add_annotation(
            x=np.log10(x),
            y=1,
            yref="paper",
            text=text,
            xanchor="left" if x >= 1 else "right",
            xshift=6 if x >= 1 else -6,
            yshift=-16 * number,
            showarrow=False,
            font={"color": colour},
        )
    figure.update_xaxes(
        type="log",
        title_text="Multiple of today's traffic",
        tickvals=[0.1, 0.2, 0.5, 1, 2, 5, 10],
        ticktext=["0.1", "0.2", "0.5", "1", "2", "5", "10"],
    )
    figure.update_yaxes(rangemode="normal")
    charts.money_ticks(figure, float(max(values)), float(min(values)))
    return figure


def replicas_against_arrivals(load: np.ndarray, paid: int, start: pd.Timestamp, palette: Palette) -> go.Figure:
    """Replicas that each hour's work keeps busy (mean and busiest minute) against those that are paid, last week of
    the data; every hour carries itself, as `2026-11-03 14` UTC.
    """
    hours = len(load) // 60
    by_hour = load[: hours * 60].reshape(-1, 60) if hours else load.reshape(1, -1)
    frame = pd.DataFrame({"mean": by_hour.mean(axis=1), "peak": by_hour.max(axis=1)})
    frame.index = pd.date_range(start, periods=len(frame), freq="h")
    week = frame.tail(HOURS_PER_WEEK)
    hours_of = [(None, f"{hour:%Y-%m-%d %H}") for hour in week.index]  # for a click
    figure = charts.blank(palette, height=320, right=130, unit="count")
    figure.add_scatter(
        x=week.index,
        y=week["peak"],
        mode="lines+markers",
        marker=charts.UNSEEN,
        customdata=hours_of,
        name="Busiest minute",
        line={"color": palette.other, "width": 1},
        hovertemplate="%{y:.2f} busy<extra>busiest minute</extra>",
        showlegend=False,
    )
    figure.add_scatter(
        x=week.index,
        y=week["mean"],
        mode="lines+markers",
        marker=charts.UNSEEN,
        customdata=hours_of,
        name="Hour's mean",
        line={"color": palette.primary, "width": 2.5},
        hovertemplate="%{y:.2f} busy<extra>hour's mean</extra>",
        showlegend=False,
    )
    figure.add_hline(y=paid, line={"color": palette.more, "dash": "dash", "width": 2})
    end = week.index[-1]
    names = (
        LineEnd(end, paid, f"{paid} paid", palette.more),
        LineEnd(end, float(week["peak"].iloc[-1]), "busiest minute", palette.other),
        LineEnd(end, float(week["mean"].iloc[-1]), "hour's mean", palette.primary),
    )
    label_ends(figure, names)
    figure.update_xaxes(range=[week.index[0], end])
    figure.update_yaxes(title_text="Replicas", tickformat="~g")
    return figure


def npv_tornado(swings: pd.DataFrame, palette: Palette) -> go.Figure:
    """NPV with one figure at a time at its P10 and its P90, widest on top (`swings`: see `uncertainty.Swing`)."""
    names = [(words := in_words(name))[0].upper() + words[1:] for name in swings["name"]]
    shown = pd.DataFrame({"assumption": names})
    for end in ("low", "high"):
        shown[end] = [in_unit(*one) for one in zip(swings[f"{end}_value"], swings["unit"], strict=True)]
        shown[f"{end}_usd"] = list(swings[f"npv_at_{end}_usd"])
    return finance_charts.tornado(shown, palette, float(swings["base_usd"].iloc[0]), gains=True)
