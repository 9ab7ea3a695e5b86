"""The row of figures at the top of a page: tiles of one height, whether or not a figure has a change to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.registry import HOUR
from pages.ui import shell

EVERY = {HOUR: "h", "day": "D", "week": "W-MON", "month": "MS"}  # a grain in pandas' word
WIDE, HIGH, INSET = 200, 36, 3  # a small line's own pixels; it is stretched to its tile


class Tile(NamedTuple):
    """One place in the row."""

    place: DeltaGenerator

    def metric(self, label: str, value: str, *, trend: Sequence[float | None] = (), **how: Any) -> None:
        """The figure under its name; `how` as for st.metric: delta, help and the like.

        `trend`: the figure bar by bar of the chart below, drawn as a small line without words.
        """
        drawn = small_line(trend, shell.palette().primary)
        if not drawn:
            self.place.metric(label, value, border=True, height="stretch", **how)
            return
        with self.place.container(border=True, height="stretch", gap="xsmall"):
            st.metric(label, value, **how)
            st.image(drawn, width="stretch", alt=f"{label} over the period, as a line")


def row(count: int = 4, first: float = 1) -> list[Tile]:
    """Tiles side by side, the first `first` times as wide as the others."""
    return [Tile(place) for place in st.columns((first, *[1] * (count - 1)))]


def courses(frame: pd.DataFrame, grain: str) -> dict[str, list[float | None]]:
    """The measures of a frame by its column `grain`, place by place; None where a place has no row or no value."""
    every = frame.set_index(pd.DatetimeIndex(frame[grain])).drop(columns=grain).asfreq(EVERY[grain])
    return {str(name): [None if pd.isna(value) else float(value) for value in every[name]] for name in every}


def small_line(values: Sequence[float | None], colour: str) -> str:
    """The values as a line from zero, as SVG, a gap where one is missing; no text for fewer than two."""
    known = [float(value) for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(0.0, *known), max(0.0, *known)
    rise = (HIGH - 2 * INSET) / ((high - low) or 1)
    path, pen = [], "M"
    for number, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        x, y = number * WIDE / (len(values) - 1), HIGH - INSET - (float(value) - low) * rise
        path.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}">'
        f'<path d="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/></svg>'
    )
