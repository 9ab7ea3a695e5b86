"""Names written at the ends of lines, so that a chart of a few lines needs no legend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import plotly.graph_objects as go

PLOT_PX, LABEL_PX = 240, 17  # of a chart some 300 px high without its axis, and of a line of text


class LineEnd(NamedTuple):
    """Where a line ends, and what is written there in its colour."""

    x: Any
    y: float
    text: str
    colour: str


def label_ends(figure: go.Figure, ends: Iterable[LineEnd], highest: float = 0.0) -> None:
    """Write the names right of the line ends, from below, each pushed up where it would touch the one under it.

    `highest`: the top of the chart, where it is above every end.
    """
    rising = sorted(ends, key=lambda end: end.y)
    peak = max(highest, *(end.y for end in rising), 0.0) or 1.0
    placed = float("-inf")
    for end in rising:
        wanted = end.y / peak * PLOT_PX
        placed = max(wanted, placed + LABEL_PX)
        figure.add_annotation(
            x=end.x,
            y=end.y,
            text=end.text,
            xanchor="left",
            xshift=8,
            yshift=placed - wanted,
            showarrow=False,
            font={"color": end.colour},
        )
