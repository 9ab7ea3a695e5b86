"""Figures of a pipeline: dollars by stage beside one model for all, and when each stage runs. No Streamlit here.

Every bar carries the name of its stage, or of the one model, for a click.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from pages.ui import charts
from pages.ui import format as fmt
from pages.ui.charts import Palette

SINGLE, STAGED = "One model", "Pipeline"


def dollars(result: dict[str, Any], palette: Palette) -> go.Figure:
    """Two bars: all dollars of one model, and the pipeline's, stage upon stage."""
    figure = charts.blank(palette, height=220, hover="closest", right=90)
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    tints = charts.colours([stage["name"] for stage in result["stages"]], palette)
    parts = [(SINGLE, result["single"]["cost_usd"], result["single"]["model"], palette.other)]
    parts += [(STAGED, stage["cost_usd"], stage["name"], tints[stage["name"]]) for stage in result["stages"]]
    for row, usd, name, tint in parts:
        figure.add_bar(
            y=[row],
            x=[usd],
            orientation="h",
            name=charts.label(name),
            marker={"color": tint, "line": {"color": palette.background, "width": 1}},
            customdata=[(f"{charts.label(name)}: {fmt.usd(usd)}", name)],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )
    for row, total in ((SINGLE, result["single"]["cost_usd"]), (STAGED, result["pipeline"]["cost_usd"])):
        figure.add_annotation(
            x=total,
            y=row,
            text=fmt.usd_short(total),
            xanchor="left",
            xshift=6,
            showarrow=False,
            font={"color": palette.text},
        )
    return charts.horizontal(figure, palette).update_yaxes(autorange="reversed")


def schedule(result: dict[str, Any], palette: Palette) -> go.Figure:
    """A bar from start to end for every stage, under the one that one model for all would fill."""
    tints = charts.colours([stage["name"] for stage in result["stages"]], palette)
    rows = [(SINGLE, 0.0, result["single"]["hours"], palette.other)]
    rows += [(s["name"], s["starts_at_hour"], s["hours"], tints[s["name"]]) for s in result["stages"]]
    figure = charts.blank(palette, height=70 + 36 * len(rows), hover="closest", right=60)
    figure.add_bar(
        y=[charts.label(name) for name, *_ in rows],
        x=[hours for _, _, hours, _ in rows],
        base=[start for _, start, _, _ in rows],
        orientation="h",
        marker={"color": [tint for *_, tint in rows]},
        text=[f"{hours:g} h" for _, _, hours, _ in rows],
        textposition="outside",
        cliponaxis=False,
        customdata=[(None, result["single"]["model"]), *((None, stage["name"]) for stage in result["stages"])],
        hoverinfo="none",  # "skip" would take the click as well
        showlegend=False,
    )
    return charts.horizontal(figure, palette).update_yaxes(autorange="reversed")
