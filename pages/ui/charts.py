"""Frames become Plotly figures. No Streamlit here: a figure can be tested as data.

House rules: no toolbar, horizontal grid only, bars from zero, lines without markers, direct labels
where five lines or fewer, at most eight series and Other, forecast and budget dashed.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import date, timedelta
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from analytics.registry import DIMENSIONS, HOUR
from pages.ui import format as fmt
from pages.ui.line_ends import LineEnd, label_ends

OTHER = "Other"
FEW_BARS = 7  # bars of time that each get their name
FEW_LINES, SHORT_NAME = 5, 18  # lines that each get their name at their end, and signs that fit there
UNSEEN = {"size": 12, "opacity": 0}  # a line's points take a click only where they have a marker
HOUR_WORDS = "%-d %b %Y, %H:%M"
GRAIN_DAYS = {HOUR: 1 / 24, "day": 1, "week": 7, "month": 30}
MS_PER_DAY = 86_400_000
TOP = 8  # series that a theme has a colour for
FONT = '"Source Sans", sans-serif'  # the one Streamlit ships
CONFIG = {"displayModeBar": False, "responsive": True}


class Palette(NamedTuple):
    """The colours of one theme; see .streamlit/config.toml, where the same ones are set."""

    text: str
    grid: str
    background: str
    primary: str
    more: str  # more cost
    less: str  # less cost
    other: str
    categories: tuple[str, ...]


LIGHT = Palette(
    "#0A111A",
    "#E8EBF0",
    "#FFFFFF",
    "#2F5DAA",
    "#B4531F",
    "#0B8A78",
    "#6B7280",
    ("#2F5DAA", "#0B8A78", "#B4531F", "#7B4FB3", "#A8337A", "#5B7F1E", "#8A6A12", "#2C7FA8"),
)
DARK = Palette(
    "#E6EAF0",
    "#262E39",
    "#12161C",
    "#7DA7F0",
    "#F0935C",
    "#3CC2AC",
    "#9AA3B0",
    ("#7DA7F0", "#3CC2AC", "#F0935C", "#B79AE8", "#EC86BE", "#A9CC66", "#DDB54A", "#6FC3E8"),
)


def colours(names: list[str], palette: Palette) -> dict[str, str]:
    """A colour per series, in order; Other is always grey."""
    chosen = [n for n in names if n != OTHER]
    return {n: palette.categories[i % len(palette.categories)] for i, n in enumerate(chosen)} | {OTHER: palette.other}


def blank(
    palette: Palette, *, height: int = 320, right: int = 24, unit: str = "USD", hover: str = "x unified"
) -> go.Figure:
    """An empty figure in the house style; `unit` sets the y ticks, `right` leaves room for line labels."""
    # One dictionary, validated once: every update_* call on a figure costs milliseconds of server time.
    written = {"tickfont": {"color": palette.text}, "title": {"font": {"size": 13}}}
    axis = {"zeroline": True, "fixedrange": True, "automargin": True, **written}
    return go.Figure(
        layout={
            "height": height,
            "margin": {"l": 8, "r": right, "t": 16, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": palette.text, "size": 13, "family": FONT},
            "hovermode": hover,
            "bargap": 0.25,
            "dragmode": False,
            "hoverlabel": {"bgcolor": palette.background, "font": {"color": palette.text}},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "font": {"color": palette.text}},
            "xaxis": axis
            | {
                "showgrid": False,
                "zeroline": False,
                "ticklabelstandoff": 6,
                "hoverformat": "%-d %b %Y",
                "tickformatstops": [
                    {"dtickrange": [None, MS_PER_DAY - 1], "value": "%H:%M\n%-d %b"},
                    {"dtickrange": [MS_PER_DAY, MS_PER_DAY * 27], "value": "%-d %b"},
                    {"dtickrange": [MS_PER_DAY * 27, None], "value": "%b\n%Y"},
                ],
            },
            "yaxis": axis
            | {
                "gridcolor": palette.grid,
                "zerolinecolor": palette.grid,
                "rangemode": "tozero",
                "tickprefix": "$" if unit.startswith("USD") else "",
                "tickformat": ".1%" if unit == "share" else "~s",
            },
        }
    )


def top_and_other(frame: pd.DataFrame, by: str, value: str, top: int = TOP) -> pd.DataFrame:
    """Keep the `top` largest values of `by`, fold the rest into Other. Only for additive values."""
    if frame.empty or frame[by].nunique() <= top:
        return frame
    drawn = frame.assign(
        **{value: frame[value].astype(float)}
    )  # a chart's numbers; the table behind it keeps its decimals
    largest = drawn.groupby(by)[value].sum().nlargest(top).index
    folded = drawn.assign(**{by: drawn[by].where(drawn[by].isin(largest), OTHER)})
    keys = [c for c in frame.columns if c != value]
    return folded.groupby(keys, as_index=False, sort=False)[value].sum(min_count=1)


def money_ticks(figure: go.Figure, highest: float, lowest: float = 0.0) -> None:
    """Ticks as $40K and $1.2M: Plotly's own would write $40k."""
    span = max(highest, 0) - min(lowest, 0)
    if not span > 0:
        figure.update_yaxes(tickvals=[0], ticktext=[fmt.usd_tick(0)], tickprefix="")
        return
    rough = span / 5
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough)
    ticks = [step * i for i in range(math.floor(min(lowest, 0) / step), math.ceil(max(highest, 0) / step) + 1)]
    figure.update_yaxes(tickvals=ticks, ticktext=[fmt.usd_tick(t) for t in ticks], tickprefix="")


def value_ticks(figure: go.Figure, unit: str, highest: float) -> None:
    """Ticks of a chart's own unit: money as money, and figures below ten in full, never as 800m for 0.8."""
    if unit.startswith("USD"):
        money_ticks(figure, highest)
    elif unit != "share" and not highest >= 10:
        figure.update_yaxes(tickformat=",.4~f")


def stacked_bars(frame: pd.DataFrame, palette: Palette, *, x: str, by: str, value: str, unit: str) -> go.Figure:
    """Bars over `x`, one colour per value of `by` (largest first, Other last)."""
    figure = blank(palette, height=340, unit=unit)
    figure.update_layout(barmode="stack")
    totals = frame.groupby(by)[value].sum().sort_values(ascending=False)
    names = [n for n in totals.index if n != OTHER] + ([OTHER] if OTHER in totals.index else [])
    tints = colours(names, palette)
    for name in names:
        part = frame[frame[by] == name]
        figure.add_bar(
            x=part[x],
            y=part[value].astype(float),
            name=label(name),
            marker={"color": tints[name]},
            customdata=[(fmt.measure(v, unit), str(name)) for v in part[value]],  # the whole name, for a click
            hovertemplate="%{customdata[0]}<extra>" + label(name) + "</extra>",
        )
    figure.update_layout(legend={"traceorder": "normal"})
    if DIMENSIONS[x].is_time:
        few_bars(figure, list(dict.fromkeys(frame[x])), x)
    if len(frame):
        value_ticks(figure, unit, float(frame.groupby(x)[value].sum().max()))
    return figure


def few_bars(figure: go.Figure, starts: list[date], grain: str) -> None:
    """Name each bar where there are few, which Plotly would give hours of the day, and keep a lone one slim."""
    if grain == HOUR:
        figure.update_xaxes(hoverformat=HOUR_WORDS)
    if not 0 < len(starts) <= FEW_BARS:
        return
    words = [_start_words(start, grain) for start in starts]
    figure.update_xaxes(tickvals=starts, ticktext=words)
    if len(starts) == 1:
        side = timedelta(days=GRAIN_DAYS[grain] * 2)
        figure.update_xaxes(range=[starts[0] - side, starts[0] + side])
        figure.update_traces(width=GRAIN_DAYS[grain] * MS_PER_DAY * 0.75, selector={"type": "bar"})


def _start_words(start: date, grain: str) -> str:
    """A bar of time by its start: 14:00, 20 Nov, Nov 2026."""
    if grain == HOUR:
        return f"{start:%H:%M}<br>{start.day} {start:%b}"
    return f"{start:%b %Y}" if grain == "month" else f"{start.day} {start:%b}"


def lines(frame: pd.DataFrame, palette: Palette, *, x: str, by: str, value: str, unit: str) -> go.Figure:
    """One line per value of `by`; for ratios, which cannot be stacked."""
    names = list(frame.groupby(by)[value].max().sort_values(ascending=False).index)
    few = len(names) <= FEW_LINES and all(len(str(name)) <= SHORT_NAME for name in names)
    figure = blank(palette, height=340, unit=unit, right=130 if few else 24)
    tints = colours(names, palette)
    for number, name in enumerate(names):
        part = frame[frame[by] == name].sort_values(x)
        figure.add_scatter(
            x=part[x],
            y=part[value].astype(float),
            mode="lines+markers",
            marker=UNSEEN if len(part) > 1 else {"size": 8, "color": tints[name]},
            name=label(name),
            showlegend=not few,
            line={"color": tints[name], "width": 2, "dash": "solid" if number < 8 else "dot"},
            customdata=[(fmt.measure(v, unit), str(name)) for v in part[value]],  # the whole name, for a click
            hovertemplate="%{customdata[0]}<extra>" + label(name) + "</extra>",
        )
    if x == HOUR:
        figure.update_xaxes(hoverformat=HOUR_WORDS)
    if len(frame):
        highest = float(frame[value].astype(float).max())
        value_ticks(figure, unit, highest)
        if frame[x].nunique() > 1:
            figure.update_xaxes(range=[frame[x].min(), frame[x].max()])
        if few:
            last = frame.sort_values(x).dropna(subset=[value]).groupby(by)[value].last().astype(float)
            ends = [LineEnd(frame[x].max(), last[name], label(name), tints[name]) for name in names if name in last]
            label_ends(figure, ends, highest)
    return figure


def grouped_bars(frame: pd.DataFrame, palette: Palette, *, x: str, by: str, value: str, unit: str) -> go.Figure:
    """Bars side by side, for ratios by two dimensions, which must not be stacked."""
    return stacked_bars(frame, palette, x=x, by=by, value=value, unit=unit).update_layout(barmode="group")


def bars(
    frame: pd.DataFrame, palette: Palette, *, by: str, value: str, unit: str, pale: Collection[str] = ()
) -> go.Figure:
    """Horizontal bars, largest on top, the value written at the end; those named in `pale` are in no total."""
    ordered = frame.sort_values(value, ascending=True)
    figure = blank(palette, height=max(160, 34 * len(ordered) + 40), unit=unit, right=90, hover="closest")
    figure.add_bar(
        y=[label(n) for n in ordered[by]],
        x=ordered[value].astype(float),
        orientation="h",
        marker={"color": [faint(palette.primary) if name in pale else palette.primary for name in ordered[by]]},
        text=[fmt.measure(v, unit) for v in ordered[value]],
        customdata=[(None, str(name)) for name in ordered[by]],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="none",
    )
    return horizontal(figure, palette)


def movers(frame: pd.DataFrame, palette: Palette, *, by: str = "name", value: str = "change_usd") -> go.Figure:
    """Horizontal bars around zero, largest move on top: more cost one way, less the other, sign written."""
    ordered = frame.reindex(frame[value].astype(float).abs().sort_values().index)
    figure = blank(palette, height=max(160, 36 * len(ordered) + 40), right=24, hover="closest")
    amounts = ordered[value].astype(float)
    figure.add_bar(
        y=[label(n) for n in ordered[by]],
        x=amounts,
        orientation="h",
        marker={"color": [palette.more if v > 0 else palette.less for v in amounts]},
        text=[fmt.usd_change(v) for v in amounts],
        customdata=[(None, str(name)) for name in ordered[by]],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="none",  # "skip" would take the click as well
    )
    reach = float(amounts.abs().max() or 1) * 2.4  # room for the number written at the bar's end
    return horizontal(
        figure, palette, range=[-reach if (amounts < 0).any() else 0, reach if (amounts > 0).any() else 0]
    )


def horizontal(figure: go.Figure, palette: Palette, **axis: object) -> go.Figure:
    """Turn the axes for horizontal bars: values along x without ticks, names along y."""
    across = {"showgrid": False, "showticklabels": False, "zeroline": True, "zerolinecolor": palette.grid, **axis}
    names = {"showgrid": False, "tickprefix": "", "tickformat": "", "rangemode": "normal", "ticklabelstandoff": 6}
    return figure.update_layout(xaxis=across, yaxis=names)


def faint(colour: str, opacity: float = 0.35) -> str:
    """The colour let through: an opacity for each bar would take its click."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def escape(text: str) -> str:
    """Text from the data with nothing left in it that Plotly reads as HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def label(name: object) -> str:
    """A value from the data as a chart label: Plotly reads a little HTML, so it is escaped; long ones are cut in the
    middle.
    """
    text = escape(str(name))
    return text if len(text) <= 32 else f"{text[:18]}…{text[-12:]}"
