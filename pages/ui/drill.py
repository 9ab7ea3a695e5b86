"""A click on what is drawn becomes a filter, and on a bar of time the days of that bar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import streamlit as st

from analytics.periods import month_start
from pages.ui import charts, place
from pages.ui.period import DAYS

FOLDED = (charts.OTHER, "everything else")  # no value of the log: there is nothing to narrow to


def narrow_on_click(key: str, dimension: str, over: str | None = None) -> Callable[[], None]:
    """The callback of a chart, by its key, whose marks are values of `dimension` along `over`."""

    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            place.go(**_steps(points[0], dimension, over))

    return clicked


def _steps(point: dict[str, Any], dimension: str, over: str | None) -> dict[str, str | list[str]]:
    name = (point.get("customdata") or [None, None])[1]
    steps: dict[str, str | list[str]] = {} if name is None or name in FOLDED else {dimension: [name]}
    place_on_axis = str(point.get("x"))
    if over in ("day", "week", "month"):
        first = date.fromisoformat(place_on_axis[:10])
        after = month_start(first, -1) if over == "month" else first + timedelta(days=7 if over == "week" else 1)
        last = after - timedelta(days=1)
        steps |= {"window": DAYS, "from": first.isoformat(), "to": last.isoformat()}
    elif over and place_on_axis not in FOLDED:
        steps[over] = [place_on_axis]
    return steps
