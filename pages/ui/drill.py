"""A click on what is drawn becomes a filter, or the days of a bar of time; on what has no rows, another page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from analytics.periods import month_start
from analytics.registry import HOUR
from pages.ui import charts, links, opening, place
from pages.ui.period import DAYS, GRAINS

FOLDED = (charts.OTHER, "everything else")  # no value of the log: there is nothing to narrow to
COMPUTED = "Worked out, not logged: no requests lie behind it to open."  # why a chart takes no click
AHEAD = "ahead"  # a place of a line that is not logged yet


def narrow_on_click(key: str, dimension: str, over: str | None = None) -> Callable[[], None]:
    """The callback of a chart, by its key, whose marks are values of `dimension` along `over`."""

    def clicked() -> None:
        for point in _clicked(key):
            if steps := _steps(point, dimension, over):
                place.go(**steps)

    return clicked


def day_on_click(key: str, ahead: str) -> Callable[[], None]:
    """The callback of a chart over time whose marks carry their day: the page narrows to it; what lies ahead has no
    rows, and opens the page at the path `ahead`.
    """

    def clicked() -> None:
        for point in _clicked(key):
            for day in _carried(point):
                if day == AHEAD:
                    opening.ask(ahead, {})
                else:
                    place.go(**{"window": DAYS, "from": day, "to": day})

    return clicked


def set_on_click(key: str, parameter: str) -> Callable[[], None]:
    """The callback of a chart whose marks carry a name: the same page with that name as its `parameter`."""

    def clicked() -> None:
        for point in _clicked(key):
            for name in _carried(point):
                place.go(**{parameter: name})

    return clicked


def open_on_click(key: str, path: str, query: Mapping[str, Mapping[str, str | Sequence[str]]]) -> Callable[[], None]:
    """The callback of a chart whose marks carry a name: opens the page at `path` with what `query` has for it."""

    def clicked() -> None:
        for point in _clicked(key):
            for name in _carried(point):
                if name in query:
                    opening.ask(path, links.pack(query[name]))

    return clicked


def _clicked(key: str) -> list[dict[str, Any]]:
    """The mark that was clicked, if one was: where several lie there, the uppermost."""
    return list(st.session_state[key].selection.points)[:1]


def _carried(point: dict[str, Any]) -> list[str]:
    """What a mark says of itself behind the text of its label."""
    return [name for name in list(point.get("customdata") or ())[1:] if name is not None]


def _steps(point: dict[str, Any], dimension: str, over: str | None) -> dict[str, str | list[str]]:
    kept = [name for name in _carried(point) if name not in FOLDED]
    steps: dict[str, str | list[str]] = {dimension: kept} if kept else {}
    place_on_axis = str(point.get("x"))
    if over in GRAINS:
        first = date.fromisoformat(place_on_axis[:10])
        after = month_start(first, -1) if over == "month" else first + timedelta(days=7 if over == "week" else 1)
        last = after - timedelta(days=1)
        steps |= {"window": DAYS, "from": first.isoformat(), "to": last.isoformat()}
        if over == HOUR:
            steps["hour"] = [str(int(place_on_axis[11:13] or 0))]  # Plotly writes midnight without its hour
    elif over and place_on_axis not in FOLDED:
        steps[over] = [place_on_axis]
    return steps
