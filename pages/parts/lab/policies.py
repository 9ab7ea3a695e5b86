"""The policies of a run side by side: quality with its interval, against cost."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.ui import charts, drill, exports, shell
from pages.ui import format as fmt

FAILED_UNDER = "failed_under"  # the parameter of a link to the tasks that one policy did not pass


def _cost_words(usd: float) -> str:
    return (
        "It cost the same."
        if abs(usd) < 5e-7
        else f"It cost {fmt.usd(abs(usd))} {'more' if usd > 0 else 'less'} in this run."
    )


def policies_table(found: dict[str, Any]) -> None:
    rows = [
        {"policy": name, **{k: v for k, v in p.items() if k != "predicted"}} for name, p in found["by_policy"].items()
    ]
    frame = pd.DataFrame(rows)
    _draw(frame[frame["quality"].notna()])
    shown = frame[
        [
            "policy",
            "graded",
            "passed",
            "no_answer",
            "not_graded",
            "failed",
            "refused",
            "blocked",
            "cost_usd",
            "cost_per_task_usd",
            "latency_p50_ms",
        ]
    ]
    labels = {
        "blocked": "Withheld",
        "cost_usd": "Cost",
        "cost_per_task_usd": "Cost a task",
        "latency_p50_ms": "Time of its calls, median",
    }
    exports.table(
        shown,
        name="lab-policies",
        units={"cost_usd": "USD small", "cost_per_task_usd": "USD small", "latency_p50_ms": "ms"},
        labels=labels,
    )
    predictions(found)


def _draw(rated: pd.DataFrame) -> None:
    """The policies that have a quality, as points; a click on one shows the tasks it did not pass."""
    if rated.empty:
        return
    st.subheader("Quality and cost per policy", anchor=False)
    meaning = "; ".join(
        f"{r.policy}: {fmt.share(r.quality)} passed ({fmt.share(r.quality_low)} to "
        f"{fmt.share(r.quality_high)}) at ${1000 * r.cost_per_task_usd:.4g} per 1,000 tasks"
        for r in rated.itertuples()
    )
    shell.chart(
        quality_cost(rated, shell.palette()),
        alt=meaning,
        key="lab-quality",
        on_select=drill.set_on_click("lab-quality", FAILED_UNDER),
    )
    over = fmt.count_of(int(rated["graded_tasks"].max()), "task")
    st.caption(
        fmt.md(f"Bars are 95 % intervals over {over}. {meaning}. A click on a policy shows the tasks it did not pass.")
    )


def quality_cost(frame: pd.DataFrame, palette: charts.Palette) -> go.Figure:
    """Each policy a point: cost a task to the right, share passed up, with its interval."""
    figure = charts.blank(palette, unit="share", hover="closest")
    colours = charts.colours(list(frame["policy"]), palette)
    for row in frame.itertuples():
        name = charts.label(row.policy)
        figure.add_scatter(
            x=[1000 * row.cost_per_task_usd],
            y=[row.quality],
            mode="markers+text",
            text=[name],
            textposition="middle right",
            name=name,
            customdata=[(None, row.policy)],
            showlegend=False,
            marker={"size": 11, "color": colours[row.policy]},
            textfont={"color": palette.text},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [row.quality_high - row.quality],
                "arrayminus": [row.quality - row.quality_low],
                "color": colours[row.policy],
            },
            hovertemplate=f"{name}<br>%{{y:.1%}} passed<br>$%{{x:.4g}} per 1,000 tasks<extra></extra>",
        )
    # Room on the right for the last name, and above for a full score.
    dearest = 1000 * float(frame["cost_per_task_usd"].max()) or 1.0
    figure.update_xaxes(
        title_text="USD per 1,000 tasks", range=[0, 1.35 * dearest], tickformat="$.3~g", nticks=6, showgrid=False
    )
    figure.update_yaxes(title_text="share passed", range=[0, 1.08], tickformat=".0%")
    return figure


def predictions(found: dict[str, Any]) -> None:
    """Was the simulation right? What the replay said beside what was measured, on one line each."""
    for name, policy in found["by_policy"].items():
        said, words = policy["predicted"], []
        if not said:
            continue
        if policy["quality"] is not None and "quality" in said:
            low, high = fmt.share(policy["quality_low"]), fmt.share(policy["quality_high"])
            scale = f" on the scale “{said['scale']}”" if said.get("scale") else ""
            words.append(
                f"quality {fmt.share(said['quality'])}{scale}, measured {fmt.share(policy['quality'])} on "
                f"these tasks ({low} to {high}): "
                f"{'within' if said['quality_within_interval'] else 'outside'} the interval"
            )
        if "cost_per_task_usd" in said and policy["tasks"]:
            ratio = said["cost_ratio"]
            times = f", {'under 0.01' if ratio < 0.01 else f'{ratio:.2f}'} times the prediction" if ratio else ""
            words.append(
                f"{fmt.usd(said['cost_per_task_usd'])} a task, measured {fmt.usd(policy['cost_per_task_usd'])}{times}"
            )
        if words:
            said_words = fmt.md(f"“{name}” was predicted at {'; and at '.join(words)}.")
            st.write(f"**Was the simulation right?** {said_words}")
