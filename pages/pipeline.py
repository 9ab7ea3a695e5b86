"""Pipeline: one model for everything, or each stage on its own?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from data import wording
from data.ledger import Ledger
from pages.parts.pipeline import charts, fields
from pages.ui import drill, exports, filters, place, scenarios, shell
from pages.ui import format as fmt
from simulations.pipeline import PipelineScenario, simulate_pipeline

QUESTION = "One model for everything, or each stage on its own?"
BRIEF, PAGE = "Example: 1,000 legal documents", "pages/pipeline.py"


def sentence(result: dict[str, Any]) -> str:
    """The answer: dollars, hours and accuracy against one model, with where the accuracy comes from."""
    return f"{result['name']} in stages: " + ", ".join(
        (
            _compared(result["savings_pct"], "cheaper", "dearer"),
            _compared(result["time_saved_pct"], "faster", "slower"),
            _accuracy(result),
        )
    )


def _compared(saved_pct: float | None, less: str, more: str) -> str:
    if saved_pct is None:
        return f"{less} or {more} than nothing cannot be said"
    if not round(saved_pct, 2):
        return f"no {less}"
    return f"{fmt.share(abs(saved_pct) / 100)} {less if saved_pct > 0 else more}"


def _accuracy(result: dict[str, Any]) -> str:
    points = result["accuracy_points"]
    if points is None:
        return "accuracy unknown"
    return f"{fmt.points(points / 100)} of accuracy ({tier(result)})"


def tier(result: dict[str, Any]) -> str:
    """Where the pipeline's accuracy comes from, in a word."""
    basis = result["pipeline"]["accuracy_basis"]
    return "stated" if basis.startswith("stated") else "computed" if basis.startswith("product") else "unknown"


def kpis(result: dict[str, Any]) -> None:
    """Dollars, hours, accuracy and dollars an item, each beside what one model for all takes."""
    single, staged, items = result["single"], result["pipeline"], result["items"]
    tiles = (
        ("Cost", fmt.usd_short(staged["cost_usd"]), fmt.usd_short(single["cost_usd"]), ""),
        ("Hours", f"{staged['hours']:g}", f"{single['hours']:g}", "the longest chain of stages that wait for another"),
        (
            f"Accuracy, {tier(result)}",
            fmt.quality(staged["accuracy"]),
            fmt.quality(single["accuracy"]),
            f"{staged['accuracy_basis']}; nothing here was measured",
        ),
        ("Cost an item", fmt.usd(staged["cost_usd"] / items), fmt.usd(single["cost_usd"] / items), ""),
    )
    for cell, (label, value, before, words) in zip(st.columns(4), tiles, strict=True):
        cell.metric(
            label,
            value,
            delta=f"one model {before}",
            delta_color="off",
            delta_arrow="off",
            border=True,
            help=fmt.md(words) or None,
        )


def logged_stages(view: Ledger, result: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """By the name that a bar carries, the requests of its model, where the log has some."""
    if shell.standing(view) is None:
        return {}
    models = {result["single"]["model"]: result["single"]["model"]} | {s["name"]: s["model"] for s in result["stages"]}
    return {name: {"model": [model]} for name, model in models.items() if filters.in_log(view, "model", model)}


def clicks(key: str, logged: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    """What makes the bars of a chart take a click, where the log has something to open."""
    return {"on_select": drill.open_on_click(key, "explore", logged)} if logged else {}


def draw(view: Ledger, result: dict[str, Any]) -> None:
    """Where the dollars go, when each stage runs, and the table behind both."""
    logged = logged_stages(view, result)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Dollars", anchor=False)
        dearest = max(result["stages"], key=lambda stage: stage["cost_usd"])
        meaning = (
            f"{fmt.usd(result['pipeline']['cost_usd'])} in stages against {fmt.usd(result['single']['cost_usd'])} with "
            f"one model; “{dearest['name']}” costs most, {fmt.usd(dearest['cost_usd'])}."
        )
        shell.chart(charts.dollars(result, shell.palette()), alt=meaning, key="dollars", **clicks("dollars", logged))
        st.caption(fmt.md(meaning))
    with right:
        st.subheader("Hours", anchor=False)
        meaning = (
            f"{result['pipeline']['hours']:g} hours from the first stage to the last, against "
            f"{result['single']['hours']:g} with one model."
        )
        shell.chart(charts.schedule(result, shell.palette()), alt=meaning, key="schedule", **clicks("schedule", logged))
        st.caption(fmt.md(meaning))
    if logged:
        st.caption(fmt.md(f"A click on {wording.either(logged)} opens what the log holds of its model."))
    single = {"name": "one model for all", **result["single"], "starts_at_hour": 0.0}
    labels = {
        "name": "Stage",
        "model": "Model",
        "cost_usd": "Cost",
        "starts_at_hour": "Starts at hour",
        "hours": "Hours",
        "accuracy": "Accuracy",
    }
    with st.expander("Table: stages", icon=":material/table:"):
        table = pd.DataFrame([*result["stages"], single])[list(labels)]
        exports.table(table, name="pipeline", units={"cost_usd": "USD", "accuracy": "share"}, labels=labels)


view = shell.view()
title = st.container()
name, scenario = scenarios.start(PipelineScenario, {BRIEF: "legal_documents"})
top = st.container()
st.subheader("The figures", anchor=False)
typed = scenarios.answer(view, QUESTION, title, top, lambda: fields.figures(name, scenario))
if typed is None:
    place.stop()
result = simulate_pipeline(typed)
with title:
    shell.header(sentence(result), view, stated=True)
with top:
    kpis(result)
    draw(view, result)
    if typed.source:
        st.caption(fmt.md(f"Figures: {typed.source}."))
scenarios.figures(PipelineScenario, name, typed, behind_fields=True)
scenarios.keep(typed, PAGE, key="pipeline")
scenarios.forget(PipelineScenario)
