"""What quality costs: the frontier of cheapest mixes on the page."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import exports, shell, what_if_charts
from pages.ui import format as fmt
from simulations.mixes.frontier import Frontier, as_rows
from simulations.replay.reliability import Known, service


def show(line: Frontier, today: tuple[float, float | None], shown: dict[str, Any], tier: str, known: Known) -> None:
    """The chart, what it means, and its table; a click on a point loads its mix."""
    st.subheader("What quality costs", anchor=False)
    lines = line._asdict()
    chosen = (shown["proposed"]["annual_cost_usd"], shown["proposed"]["quality"])
    points = [{**row, "tier": tier, **service(row["models"], known)} for row in as_rows(line)]
    figure = what_if_charts.frontier(points, today, lines, chosen if chosen[1] is not None else None, shell.palette())
    low, high = line.points[0], line.points[-1]
    meaning = (
        f"The cheapest mix costs {fmt.usd_short(low.cost_usd)} a year at {fmt.share(low.quality)} ({tier}), the best "
        f"{fmt.usd_short(high.cost_usd)} at {fmt.share(high.quality)}. Click a point to load its mix."
    )
    shell.chart(figure, alt=meaning, key="frontier", on_select="rerun", selection_mode="points")
    st.caption(
        fmt.md(
            meaning + " Dotted is what mixing models at random reaches without looking at the request; dashed hands out"
            " the same shares blindly. “Best model per segment” is the ceiling of these models, not a goal."
        )
    )
    with st.expander("Table: the frontier", icon=":material/table:"):
        rows = [
            {**point, "models": ", ".join(f"{m} {fmt.share(s)}" for m, s in point["models"].items())}
            for point in points
        ]
        units = dict.fromkeys(("floor", "quality", "failure_share"), "share") | {"annual_cost_usd": "USD"}
        exports.table(pd.DataFrame(rows), name="frontier", units=units | {"p50_ms": "ms", "p95_ms": "ms"})
