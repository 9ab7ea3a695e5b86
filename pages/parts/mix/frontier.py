"""What quality costs: the frontier of cheapest mixes on the page."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import exports, shell, what_if_charts
from pages.ui import format as fmt
from simulations.mixes.frontier import Frontier, as_rows


def show(line: Frontier, today: tuple[float, float | None], shown: dict[str, Any], tier: str) -> None:
    """The chart, what it means, and its table; a click on a point loads its mix."""
    st.subheader("What quality costs", anchor=False)
    lines = line._asdict()
    chosen = (shown["proposed"]["annual_cost_usd"], shown["proposed"]["quality"])
    figure = what_if_charts.frontier(
        as_rows(line), today, lines, chosen if chosen[1] is not None else None, shell.palette()
    )
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
            {**row, "tier": tier, "models": ", ".join(f"{m} {fmt.share(s)}" for m, s in row["models"].items())}
            for row in as_rows(line)
        ]
        exports.table(
            pd.DataFrame(rows), name="frontier", units={"floor": "share", "quality": "share", "annual_cost_usd": "USD"}
        )
