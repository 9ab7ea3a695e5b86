"""Who moves where, as bands between two columns of bars. Plotly's own Sankey takes no click; bars and points do."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui import format as fmt
from pages.ui.charts import Palette

GAP = 0.06  # of all requests, between two bars of a column
BAR = 0.025  # of the chart's width
STEPS = np.linspace(0, 1, 25)  # places at which a band's edge is computed
CLICKS = 9  # points along a band that take a click


class Part(NamedTuple):
    """A bar: the model, where it begins, and how high it is."""

    name: str
    base: float
    height: float


def flow(flows: list[dict[str, Any]], palette: Palette) -> go.Figure:
    """Requests from each logged model (left) to what the policy uses (right); what stays is grey.

    A click on a bar or a band carries the logged models that its requests come from.
    """
    lefts, rights = _column(flows, "old_model"), _column(flows, "target")
    tints = charts.colours(list(dict.fromkeys([*lefts, *rights])), palette)
    figure = charts.blank(palette, height=max(240, 44 * max(len(lefts), len(rights)) + 60), hover="closest")
    at_left, at_right = ({name: part.base for name, part in side.items()} for side in (lefts, rights))
    order = {name: place for place, name in enumerate(rights)}
    for one in sorted(flows, key=lambda f: (order[f["target"]], -f["requests"])):
        begin, end = at_left[one["old_model"]], at_right[one["target"]]
        at_left[one["old_model"]] += one["requests"]
        at_right[one["target"]] += one["requests"]
        _band(figure, one, begin, end, charts.faint(palette.other if one["stays"] else tints[one["target"]]))
    names = []
    for x, side, key in ((0.0, lefts, "old_model"), (1.0, rights, "target")):
        _bars(figure, flows, list(side.values()), x, key, tints)
        names += _names(list(side.values()), x, palette)
    hidden = {"showgrid": False, "showticklabels": False, "zeroline": False, "tickprefix": ""}
    figure.update_xaxes(**hidden, range=[-BAR, 1 + BAR])
    figure.update_yaxes(**hidden, autorange="reversed")
    return figure.update_layout(barmode="overlay", showlegend=False, annotations=names)


def _column(flows: list[dict[str, Any]], key: str) -> dict[str, Part]:
    """The bars of a side in the order of the flows, one below the other."""
    heights: dict[str, float] = {}
    for one in flows:
        heights[one[key]] = heights.get(one[key], 0) + one["requests"]
    gap, base, found = GAP * sum(heights.values()), 0.0, {}
    for name, height in heights.items():
        found[name] = Part(name, base, height)
        base += height + gap
    return found


def _band(figure: go.Figure, one: dict[str, Any], begin: float, end: float, tint: str) -> None:
    bent = STEPS**2 * (3 - 2 * STEPS)  # level at both ends
    upper, high, along = begin + (end - begin) * bent, one["requests"], BAR / 2 + STEPS * (1 - BAR)
    figure.add_scatter(
        x=[*along, *along[::-1]],
        y=[*upper, *(upper[::-1] + high)],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=tint,
        hoverinfo="skip",
    )
    told = f"{fmt.count_of(high, 'request')}, {fmt.usd(one['logged_usd'])} logged{', stay' if one['stays'] else ''}"
    names = f"{charts.label(one['old_model'])} to {charts.label(one['target'])}"
    points = np.linspace(2, len(STEPS) - 3, CLICKS).astype(int)
    figure.add_scatter(
        x=along[points],
        y=upper[points] + high / 2,
        mode="markers",
        marker=charts.UNSEEN,
        customdata=[(f"{names}<br>{told}", one["old_model"])] * CLICKS,
        hovertemplate="%{customdata[0]}<extra></extra>",
    )


def _bars(
    figure: go.Figure, flows: list[dict[str, Any]], parts: list[Part], x: float, key: str, tints: dict[str, str]
) -> None:
    told = [
        (
            f"{charts.label(part.name)}: {fmt.count_of(part.height, 'request')}",
            *dict.fromkeys(f["old_model"] for f in flows if f[key] == part.name),
        )
        for part in parts
    ]
    figure.add_bar(
        x=[x] * len(parts),
        y=[part.height for part in parts],
        base=[part.base for part in parts],
        width=BAR,
        marker={"color": [tints[part.name] for part in parts], "line": {"width": 0}},
        customdata=told,
        hovertemplate="%{customdata[0]}<extra></extra>",
    )


def _names(parts: list[Part], x: float, palette: Palette) -> list[dict[str, Any]]:
    """Inside of the columns, with a halo: without it a thin band strikes its own label through."""
    halo = ", ".join([f"0 0 2px {palette.background}"] * 4)
    return [
        {
            "x": x,
            "y": part.base + part.height / 2,
            "text": charts.label(part.name),
            "xanchor": "right" if x else "left",
            "xshift": -14 if x else 14,
            "showarrow": False,
            "font": {"color": palette.text, "size": 13, "shadow": halo},
        }
        for part in parts
    ]
