"""Figures of the what-if pages: who moves where, before and after, the frontier with its reference lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui import format as fmt
from pages.ui.charts import Palette

LEVEL = 0.01  # of quality: less than this between the best and the worst is one height
MOST_TICKS = 5  # that stand beside each other on a phone


def before_after(
    rows: list[dict[str, Any]],
    palette: Palette,
    *,
    name: str = "model",
    before: str = "logged_cost_usd",
    after: str = "policy_cost_usd",
    labels: tuple[str, str] = ("As logged", "Policy"),
    unit: str = "USD",
) -> go.Figure:
    """Two bars per name, the same order for both, values at their ends; what is unknown has no bar and says so."""
    ordered = sorted(rows, key=lambda row: max(float(row[before] or 0), float(row[after] or 0)))[-12:]
    figure = charts.blank(palette, height=54 * len(ordered) + 70, unit=unit, right=80, hover="closest")
    figure.update_layout(barmode="group", bargroupgap=0.08)
    for key, label, tint in ((after, labels[1], palette.primary), (before, labels[0], palette.other)):
        values = [None if row[key] is None else float(row[key]) for row in ordered]
        figure.add_bar(
            y=[charts.label(row[name]) for row in ordered],
            x=[value or 0.0 for value in values],
            orientation="h",
            name=label,
            marker={"color": tint},
            text=["unknown" if v is None else fmt.usd_short(v) if unit == "USD" else fmt.share(v) for v in values],
            textposition="outside",
            cliponaxis=False,
            customdata=[(None, row[name] if row[before] else None) for row in ordered],  # never logged: no rows
            hoverinfo="none",  # "skip" would take the click as well
        )
    figure.update_layout(legend={"traceorder": "reversed"})
    return charts.horizontal(figure, palette)


def log_ticks(low: float, high: float) -> list[float]:
    """Three or more round values between two positive ones, as few digits as that takes."""
    for digits in ((1, 2, 5), range(1, 10), (n / 2 for n in range(2, 20)), (n / 10 for n in range(10, 100))):
        steps = list(digits)
        powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        ticks = [float(step * 10.0**power) for power in powers for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 3:
            return inside[:: -(-len(inside) // MOST_TICKS)]
    return [low] if low == high else [low, high]


def _service_words(point: dict[str, Any]) -> str:
    """Speed and failures of a mix in a tooltip; a mix with a model that the log has not seen has none."""
    half, late, fails = (point[name] for name in ("p50_ms", "p95_ms", "failure_share"))
    waits = "latency unknown" if late is None else f"P50 {fmt.milliseconds(half)}, P95 {fmt.milliseconds(late)}"
    failing = "failures unknown" if fails is None else f"{fmt.share(fails)} of attempts fail"
    return f"{waits}, {failing} (each model's own in this log)"


def frontier(
    points: list[dict[str, Any]],
    today: tuple[float, float | None],
    lines: dict[str, Any],
    chosen: tuple[float, float] | None,
    palette: Palette,
) -> go.Figure:
    """Annual cost (x) against quality (y): the cheapest mixes, what blind mixing and single models reach, today and
    the chosen mix.
    """
    figure = charts.blank(palette, height=380, unit="share", hover="closest", right=30)
    figure.update_yaxes(rangemode="normal", title_text="quality")
    costs = [today[0], *(p["annual_cost_usd"] for p in points), *(cost for cost, _ in lines["single_models"].values())]
    ticks = log_ticks(min(costs), max(costs))
    figure.update_xaxes(
        title_text="USD a year",
        type="log",
        tickvals=ticks,
        ticktext=[fmt.usd_tick(t) for t in ticks],
        showgrid=False,
    )
    _blind_lines(figure, lines, palette)
    words = [
        f"{fmt.usd_short(p['annual_cost_usd'])} a year, quality {fmt.quality(p['quality'])} ({p['tier']})<br>"
        + ", ".join(f"{m} {fmt.share(s)}" for m, s in list(p["models"].items())[:4])
        + f"<br>{_service_words(p)}"
        for p in points
    ]
    figure.add_scatter(
        x=[p["annual_cost_usd"] for p in points],
        y=[p["quality"] for p in points],
        mode="lines+markers",
        name="cheapest mix",
        line={"color": palette.primary, "width": 2.5},
        marker={"size": 8, "color": palette.primary},
        customdata=words,
        hovertemplate="%{customdata}<extra></extra>",
    )
    _single_points(figure, lines, palette)
    if today[1] is not None:
        _mark(figure, today[0], today[1], "today", palette.more, "circle")
    if chosen:
        _mark(figure, chosen[0], chosen[1], "this mix", palette.less, "square")
    reached = [value for trace in figure.data for value in trace.y if value is not None]
    if reached and max(reached) - min(reached) < LEVEL:  # all alike: the axis would go from nothing to twice of all
        figure.update_yaxes(range=[min(reached) - 5 * LEVEL, max(reached) + 2 * LEVEL])
    return figure


def _blind_lines(figure: go.Figure, lines: dict[str, Any], palette: Palette) -> None:
    """What mixing reaches without looking at the request."""
    if lines["mixing_hull"]:
        corners_x, corners_y = zip(*lines["mixing_hull"], strict=True)
        xs = np.geomspace(corners_x[0], corners_x[-1], 80)  # straight in dollars, so curved on this axis
        ys = np.interp(xs, corners_x, corners_y)
        figure.add_scatter(
            x=xs,
            y=ys,
            mode="lines",
            name="mixing at random",
            line={"color": palette.other, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    shares_x, shares_y = zip(*lines["random_same_shares"], strict=True)
    figure.add_scatter(
        x=shares_x,
        y=shares_y,
        mode="lines",
        name="same shares, blindly",
        line={"color": palette.other, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )


def _single_points(figure: go.Figure, lines: dict[str, Any], palette: Palette) -> None:
    """Each model alone, and the best one for each segment."""
    for name, (cost, quality) in lines["single_models"].items():
        best = name == lines["best_single"]
        _mark(
            figure,
            cost,
            quality,
            f"{name} alone" + (" (best single)" if best else ""),
            palette.categories[3],
            "diamond",
        )
    cost, quality = lines["best_per_segment"]
    _mark(figure, cost, quality, "best model per segment", palette.categories[4], "star")


def _mark(figure: go.Figure, x: float, y: float, label: str, colour: str, symbol: str) -> None:
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        name=label,
        marker={"size": 12, "color": colour, "symbol": symbol},
        hovertemplate=f"{charts.label(label)}: {fmt.usd_short(x)} a year, quality {fmt.quality(y)}<extra></extra>",
    )
