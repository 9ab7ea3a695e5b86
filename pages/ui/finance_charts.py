"""Figures of the review and the plan: drivers of a change, the fan, the tornado. No Streamlit here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.ui import format as fmt
from pages.ui.charts import UNSEEN, Palette, blank, escape, faint, money_ticks
from pages.ui.line_ends import LineEnd, label_ends

Opens = Sequence[str]  # what a click takes along, by place of a line: its day, its month, or that it lies ahead
NAMED_MONTHS = 3
BAND = 0.16  # opacity of a range
ROW_PX = 68  # a bar with two lines of text above it


def drivers(bridge: dict, palette: Palette) -> go.Figure:
    """The drivers on their own zero line, in the bridge's order; the two totals belong in the title.

    Amounts stand right of bar and zero line: left of a bar they would run into the names on a narrow screen.
    """
    shown = [d for d in bridge["drivers"] if abs(d["usd"]) >= 0.005][::-1]
    figure = blank(palette, height=max(170, 36 * len(shown) + 40), hover="closest", right=90)
    amounts = [float(d["usd"]) for d in shown]
    figure.add_bar(
        y=[d["label"] for d in shown],
        x=amounts,
        orientation="h",
        marker={"color": [palette.more if usd > 0 else palette.less for usd in amounts]},
        customdata=[(None, d["label"]) for d in shown],
        hoverinfo="none",  # "skip" would take the click as well
        showlegend=False,
    )
    figure.add_scatter(
        y=[d["label"] for d in shown],
        x=[max(usd, 0.0) for usd in amounts],
        mode="text",
        text=[f" {fmt.usd_change(usd)}" for usd in amounts],
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    reach = max(map(abs, amounts), default=1.0) * 1.05
    low, high = (-reach if min(amounts, default=0) < 0 else 0), (reach if max(amounts, default=0) > 0 else 0)
    figure.update_xaxes(
        showgrid=False, showticklabels=False, zeroline=True, zerolinecolor=palette.grid, range=[low, high]
    )
    figure.update_yaxes(showgrid=False, tickprefix="", tickformat="")
    return figure


def fan(
    months: pd.DataFrame, palette: Palette, budget_usd: float | None, others: dict[str, pd.DataFrame] | None = None
) -> go.Figure:
    """Cumulated spend of the coming months: P50 dashed, P10 to P90 as a band, the budget solid grey.

    `months`: month, cum_p10, cum_p50, cum_p90; `others`: the same per scenario, drawn as dotted P50 lines.
    """
    figure = blank(palette, height=340, right=150)
    at = [f"{month:%b %Y}" for month in months["month"]]
    if months["cum_p10"].notna().all():
        band(figure, at, months["cum_p10"], months["cum_p90"], palette, at)
    ends = []
    for number, (name, table) in enumerate((others or {}).items()):
        colour = palette.categories[(number + 1) % len(palette.categories)]
        ends.append(line(figure, at, table["cum_p50"], name, colour, "dot"))
    # A click takes the month's name along: the first has begun, and has days to show.
    ends.append(line(figure, at, months["cum_p50"], "Forecast", palette.primary, "dash", at))
    if budget_usd:
        running = [budget_usd * (n + 1) for n in range(len(at))]
        ends.append(line(figure, at, running, "Budget", palette.other, "solid"))
    label_ends(figure, ends)
    highest = max(float(months["cum_p90"].max()) if months["cum_p90"].notna().any() else 0.0, *(end.y for end in ends))
    money_ticks(figure, highest)
    named = at[:: -(-len(at) // NAMED_MONTHS)]  # the rest is said on hover: more would lie over each other on a phone
    figure.update_xaxes(
        type="category",
        tickvals=named,
        ticktext=[month.replace(" ", "<br>") for month in named],
        range=[-0.5, len(at) - 0.9],  # room for the first month beside the lowest tick
    )
    return figure


def band(
    figure: go.Figure, at: Sequence[Any], low: pd.Series, high: pd.Series, palette: Palette, opens: Opens = ()
) -> None:
    """P10 to P90 as a tint, each bound with its dollars; `opens`: what a click on a place of it opens."""
    bound = {"mode": "lines", "line": {"width": 0}, "showlegend": False}
    bound |= {"mode": "lines+markers", "marker": UNSEEN} if opens else {}
    for name, values, fill in (
        ("P90", high, {}),
        ("P10", low, {"fill": "tonexty", "fillcolor": faint(palette.primary, BAND)}),
    ):
        figure.add_scatter(
            x=at,
            y=values,
            **bound,
            **fill,
            customdata=_told(values, opens),
            hovertemplate="%{customdata[0]}<extra>" + name + "</extra>",
        )


def _told(values: Iterable[float], opens: Opens) -> list[tuple[str, str | None]]:
    """What each place says on hover, and what a click on it opens."""
    return [(fmt.usd(value), to) for value, to in zip_longest(values, opens)]


def line(
    figure: go.Figure,
    at: Sequence[Any],
    values: Sequence[float] | pd.Series,
    name: str,
    colour: str,
    dash: str,
    opens: Opens = (),
) -> LineEnd:
    """A line with its dollars on hover, broken where a value is not known; gives its end, where its name goes.

    `opens`: what a click on each of its places opens.
    """
    values = [float(value) for value in values]
    known = [(place, value) for place, value in zip(at, values, strict=True) if math.isfinite(value)]
    figure.add_scatter(
        x=at,
        y=values,
        mode="markers" if len(known) < 2 else "lines+markers" if opens else "lines",
        name=name,
        showlegend=False,
        line={"color": colour, "width": 2.5, "dash": dash},
        marker=UNSEEN if opens and len(known) > 1 else {"color": colour, "size": 9},
        customdata=_told(values, opens),
        hovertemplate="%{customdata[0]}<extra>" + escape(name) + "</extra>",
    )
    return LineEnd(*known[-1], f"{escape(name)} {fmt.usd_short(known[-1][1])}", colour)


def tornado(swings: pd.DataFrame, palette: Palette, base_usd: float, *, gains: bool = False) -> go.Figure:
    """One bar pair per assumption around the base case, the widest on top; both values and both dollars written.

    `swings`: assumption, low, high (words), low_usd, high_usd, sorted by width descending. `gains`: the dollars are
    earned, not spent.
    """
    rows = swings.iloc[::-1]
    figure = blank(palette, height=max(200, ROW_PX * len(rows) + 30), hover="closest", right=16)
    figure.update_layout(barmode="overlay", showlegend=False)
    for column in ("low_usd", "high_usd"):
        away = [float(usd) - base_usd for usd in rows[column]]
        figure.add_bar(
            y=list(range(len(rows))),
            x=away,
            width=0.24,
            orientation="h",
            marker={"color": [palette.more if (usd > 0) != gains else palette.less for usd in away]},
            hoverinfo="skip",
        )
    # The name and both ends stand in lines of their own above the bar: beside it they overlap on a narrow screen.
    for place, row in enumerate(rows.itertuples()):
        ends = sorted([(float(row.low_usd) - base_usd, row.low), (float(row.high_usd) - base_usd, row.high)])
        _line(figure, place, 36, 0, f"<b>{escape(row.assumption)}</b>", palette)
        for side, (usd, words) in enumerate(ends):
            _line(figure, place, 19, side, f"{escape(words)}: {fmt.usd_change(usd)}", palette)
    reach = (
        max(
            (max(abs(float(row.low_usd) - base_usd), abs(float(row.high_usd) - base_usd)) for row in rows.itertuples()),
            default=1.0,
        )
        or 1.0
    )
    figure.update_xaxes(
        showgrid=False,
        showticklabels=False,
        zeroline=True,
        zerolinecolor=palette.text,
        range=[-1.05 * reach, 1.05 * reach],
    )
    figure.update_yaxes(
        showgrid=False,
        showticklabels=False,
        zeroline=False,  # the lowest bar stands at zero: no line through it
        tickprefix="",
        tickformat="",
        range=[-0.4, len(rows) - 0.25],
    )
    return figure


def _line(figure: go.Figure, place: int, above_px: int, side: int, text: str, palette: Palette) -> None:
    """A line of text above the bar at a place, from the left (side 0) or up to the right edge (1)."""
    figure.add_annotation(
        x=side,
        xref="paper",
        xanchor="right" if side else "left",
        y=place,
        yref="y",
        yshift=above_px,
        text=text,
        showarrow=False,
        font={"color": palette.text, "size": 12},
    )
