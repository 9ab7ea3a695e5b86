"""The figures of a pipeline as fields: one row for one model for all, one row for each stage."""

from __future__ import annotations

from typing import Any

import streamlit as st

from data.errors import BadInput
from data.yaml_text import validate
from pages.ui import scenarios, shell, what_if
from simulations.pipeline import PipelineScenario, Stage, Work

MOST_STAGES = 12
WIDTHS = (2.9, 3.3, 2, 1.8, 1.8, 3.3)


def figures(name: str, scenario: PipelineScenario) -> PipelineScenario:
    """The scenario as typed on the page, starting from `scenario`. Raises BadInput for a stage without a price."""
    key = scenarios.version(scenario)
    known = [*what_if.catalog(shell.state())]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        items = st.number_input(
            "Items, such as documents", 1, 1_000_000_000, scenario.items, key=f"items_{key}", width=200
        )
        whole = st.number_input(
            "Accuracy of the whole, %",
            0.0,
            100.0,
            _percent(scenario.accuracy),
            1.0,
            key=f"accuracy_{key}",
            width=200,
            placeholder="from the stages",
            help="as somebody stated or measured it; left empty, the product of the stages' accuracies",
        )
        count = st.number_input("Stages", 1, MOST_STAGES, len(scenario.stages), key=f"stages_{key}", width=140)
    cells = st.columns(WIDTHS, vertical_alignment="bottom")
    cells[0].markdown("**One model for all**")
    single = _work(cells, "One model for all", scenario.single, known, f"single_{key}")
    stages = [
        _stage(place, scenario.stages[place] if place < len(scenario.stages) else None, known, f"{place}_{key}")
        for place in range(int(count))
    ]
    typed = {"items": int(items), "single": single, "stages": stages, "accuracy": _share(whole)}
    return validate(PipelineScenario, {**scenario.model_dump(mode="json"), **typed}, None, name)


def _stage(place: int, stage: Stage | None, known: list[str], key: str) -> dict[str, Any]:
    """One stage's row; a further one begins after the one before."""
    cells = st.columns(WIDTHS, vertical_alignment="bottom")
    row = {
        "name": cells[0].text_input("Stage", stage.name if stage else f"stage {place + 1}", key=f"name_{key}").strip()
    }
    if not row["name"]:
        raise BadInput("A stage has no name; give each stage one of its own.")
    row |= _work(cells, row["name"], stage, known, key)
    if place == 0:
        return row
    ways: dict[str, list[str] | None] = {"after the one before": None, "at once": []}
    if stage and stage.after:
        ways = {f"after {' and '.join(stage.after)}": [*stage.after], **ways}
    at_once = stage is not None and stage.after == ()
    begins = cells[5].selectbox(
        "Begins", list(ways), list(ways).index("at once") if at_once else 0, key=f"begins_{key}"
    )
    return {**row, "after": ways[begins]}


def _work(cells: Any, name: str, work: Work | None, known: list[str], key: str) -> dict[str, Any]:
    """Model, price, hours and accuracy of one row; priced by tokens where the scenario is."""
    row: dict[str, Any] = {}
    told = work.model if work else None
    row["model"] = cells[1].selectbox(
        "Model",
        list(dict.fromkeys([*([told] if told else []), *known])),
        key=f"model_{key}",
        accept_new_options=True,
    )
    row |= _price(cells[2], work, name, key)
    row["hours"] = cells[3].number_input("Hours", 0.0, 1e6, work.hours if work else 0.0, 0.5, key=f"hours_{key}")
    accuracy = _percent(work.accuracy) if work else None
    row["accuracy"] = _share(
        cells[4].number_input("Accuracy, %", 0.0, 100.0, accuracy, 1.0, key=f"share_{key}", placeholder="unknown")
    )
    return row


def _price(cell: Any, work: Work | None, name: str, key: str) -> dict[str, Any]:
    if work and work.tokens_per_item is not None:
        tokens = cell.number_input("Tokens an item", 1.0, 1e9, work.tokens_per_item, key=f"tokens_{key}")
        price = cell.number_input(
            "USD per 1M tokens", 0.0, 1e4, work.usd_per_mtok, format="%.3f", key=f"price_{key}", placeholder="unknown"
        )
        if price is None:
            raise BadInput(f"“{name}” has no price per million tokens; type it.")
        return {"tokens_per_item": tokens, "usd_per_mtok": price}
    usd = cell.number_input(
        "USD for all items", 0.0, 1e12, work.cost_usd if work else None, 100.0, key=f"usd_{key}", placeholder="unknown"
    )
    if usd is None:
        raise BadInput(f"“{name}” has no price, so the pipeline has no total; type what it costs for all items.")
    return {"cost_usd": usd}


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 6)


def _share(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 8)
