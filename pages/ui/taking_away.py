"""What leaves the screen and must explain itself elsewhere: a table as Markdown for a chat, a chart as a picture.

Both carry what the page around them said: what is shown, of which days and filters, and by which data version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from textwrap import wrap
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from analytics.registry import DIMENSIONS
from analytics.scope import ClosedScope, Scope
from data import wording
from data.version import provenance
from pages.ui import charts

MARKDOWN_ROWS = 100  # what a chat still shows as a table
HEAD = 112  # pixels for title, what it stands on and the legend, above the chart
FONT = "Arial, Helvetica, sans-serif"  # of the system: a picture is drawn without the page's own font
PER_LINE = 150  # signs of small text that fit the width
BUTTONS = {"displayModeBar": True, "displaylogo": False, "modeBarButtons": [["toImage"]], "responsive": True}
_WRITTEN: dict[str, Callable[[Any], str]] = {
    "USD": wording.usd_cents,
    "USD whole": wording.usd,
    "USD small": wording.usd,
    "tokens": wording.count,
    "count": wording.count,
}


class About(NamedTuple):
    """What a table says of itself: its name, what it stands on, the days for its file's name; and the chart it is
    behind, with the chart's own name where that is another.
    """

    title: str
    told: str
    days: str = ""
    draw: Callable[[charts.Palette], go.Figure] | None = None
    chart: str = ""


def about(
    title: str,
    scope: Scope,
    snapshot: int,
    *,
    sample: bool = False,
    draw: Callable[[charts.Palette], go.Figure] | None = None,
) -> About:
    """The words of a table or chart of a scope's rows on a data version; `sample`: the rows are invented."""
    told, days = [], ""
    if isinstance(scope, ClosedScope):
        told.append(f"{wording.days(scope.start, scope.last)}, days in {scope.time_zone}")
        days = f"{scope.start}-to-{scope.last}"
    told += [f"{_label(name)} is {' or '.join(values)}" for name, values in scope.filters]
    told += [f"{_label(name)} is not {' or '.join(values)}" for name, values in scope.excluded]
    told += ["sample company, not your data"] if sample else []
    told.append(provenance(snapshot))
    return About(title, "; ".join(told), days, draw)


def _label(name: str) -> str:
    return DIMENSIONS[name].label if name in DIMENSIONS else name


def markdown(frame: pd.DataFrame, said: About, units: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """The table under its title, with a foot that says what it stands on; what is missing is an en dash."""
    numbers = [column for column in frame.columns if pd.api.types.is_numeric_dtype(frame[column]) or column in units]
    heads = [wording.markdown(labels.get(column, column)) for column in frame.columns]
    lines = [heads, ["---:" if column in numbers else "---" for column in frame.columns]]
    shown = frame.head(MARKDOWN_ROWS)
    lines += [
        [cell_text(value, units.get(column, "")) for column, value in zip(frame.columns, row, strict=True)]
        for row in shown.itertuples(index=False, name=None)
    ]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    more = f"\n\n{wording.count(len(frame) - len(shown))} more rows are in the CSV." if len(frame) > len(shown) else ""
    return f"**{wording.markdown(said.title)}**\n\n{table}{more}\n\n_{wording.markdown(said.told)}_"


def cell_text(value: Any, unit: str) -> str:
    """A cell as text: numbers by their unit, days as ISO days, names safe in Markdown."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return wording.MISSING
    if unit and not isinstance(value, str):
        return _WRITTEN[unit](value) if unit in _WRITTEN else wording.measure(value, unit)
    if isinstance(value, date):
        return value.isoformat() if type(value) is date else f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    if isinstance(value, float):
        return f"{value:,.6g}"
    return wording.markdown(value)


def picture(said: About) -> go.Figure:
    """The chart with its title above and what it stands on below, on white, as a slide or a letter takes it."""
    if said.draw is None:
        raise ValueError("nothing to draw")
    figure = said.draw(charts.LIGHT)
    title, foot = ("<br>".join(wrap(charts.escape(text), PER_LINE)) for text in (said.chart or said.title, said.told))
    height = (figure.layout.height or 320) + HEAD - 16
    return figure.update_layout(
        title={
            "text": f"<b>{title}</b><br><span style='font-size:12px;color:{charts.LIGHT.other}'>{foot}</span>",
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 1 - 14 / height,
            "yref": "container",
            "yanchor": "top",
            "font": {"size": 18},
        },
        font_family=FONT,
        margin_t=HEAD,
        height=height,
        paper_bgcolor=charts.LIGHT.background,
        plot_bgcolor=charts.LIGHT.background,
    )
