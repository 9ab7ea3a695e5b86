"""What an operator measured or scored: serving points of their own, and who answers well enough."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from analytics.scope import Scope
from data.errors import BatonError, NoData
from data.facts.models import Catalog, save_edit
from data.ledger import Ledger
from pages.ui import exports, shell
from pages.ui import format as fmt
from simulations.hosting.bench_import import measurement
from simulations.hosting.good_enough import Measured, eligible, measured_quality
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.hosting.study import Study


def good_enough(view: Ledger, scope: Scope, model: str) -> Scope:
    """The scope narrowed to task types where the open model's own scores in this log are close enough, if that is
    asked.
    """
    found = shell.cached(measured_quality)(view, scope, model)
    known = [m for m in found if m.loss is not None]
    with st.expander(f"Is {model} good enough? Its scores in this log", icon=":material/grading:"):
        if not known:
            st.write(
                fmt.md(
                    f"Unknown: this log has too few graded answers of {model} beside those it would replace. "
                    "Try it on own tasks in the Live lab; every task type counts as eligible until then."
                )
            )
            return scope
        _scores(found, model)
        limit = st.number_input(
            "Move only task types that lose at most, points",
            0.0,
            100.0,
            None,
            1.0,
            key="most_lost",
            placeholder="move everything",
            bind="query-params",
        )
        st.caption(
            "Scores of different prompts: an indication, not a paired measurement. A task type without scores"
            " of both counts as unknown and stays on the API once a limit is set."
        )
    if limit is None:
        return scope
    tasks = eligible(found, limit / 100)
    if not tasks:
        raise NoData(
            f"No task type loses at most {limit:g} points on {model} by the scores in this log; the least loses"
            f" {min(m.loss for m in known if m.loss is not None) * 100:.1f}. Raise the limit or choose another model."
        )
    chosen = dict(scope.filters).get("task_type")
    return scope.with_filter("task_type", *(t for t in tasks if not chosen or t in chosen))


def _scores(found: Sequence[Measured], model: str) -> None:
    """The task types with the scores of both sides, in percent."""
    rows = pd.DataFrame([{**m._asdict(), "loss": m.loss and m.loss * 100} for m in found])
    labels = {
        "task_type": "Task type",
        "own_score": model,
        "own_answers": "Its graded answers",
        "other_score": "Models replaced",
        "other_answers": "Theirs",
        "loss": "Lost, points",
    }
    exports.table(
        rows,
        name="measured-quality",
        units={
            "own_score": "share",
            "other_score": "share",
            "own_answers": "count",
            "other_answers": "count",
            "loss": "ratio",
        },
        labels=labels,
    )


def keep_price(study: Study, catalog: Catalog) -> None:
    """The own machines' price per token, kept where Routing and Model mix look for it."""
    name, usd = (
        catalog.spelling(study.point.model),
        study.result["options"][study.result["option"]]["usd_per_mtok_reserved"],
    )
    if not usd or study.result["option"] not in ("rented", "bought"):
        return
    held = catalog[name].self_hosted if name in catalog else {}
    words = (
        f"{name} on own machines costs {fmt.usd(usd)} per 1M tokens here; Routing and Model mix reckon with "
        f"{fmt.usd(held.get('usd_per_mtok'))}."
        if held.get("usd_per_mtok")
        else (
            f"{name} on own machines costs {fmt.usd(usd)} per 1M tokens here; Routing and Model mix do not know it yet."
        )
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.write(fmt.md(words))
        if st.button("Use this price there", icon=":material/sync_alt:"):
            with shell.errors():
                save_edit(shell.state(), name, {"self_hosted": {**held, "usd_per_mtok": round(usd, 6)}})
                st.rerun()


def measurements(gpu: str, count: int, precision: str) -> tuple[ServingMeasurement, ...]:
    """Own bench results, which outrank every prediction."""
    with st.expander("Own measurements (vllm bench serve, AIPerf, GenAI-Perf)", icon=":material/speed:"):
        cells = st.columns([3, 1])
        layout = cells[1].text_input("Layout they ran on", f"tp{count}", key="bench_layout")
        files = cells[0].file_uploader(
            "Results as JSON, measured on the GPU and precision chosen above",
            type="json",
            accept_multiple_files=True,
            key="bench",
            max_upload_size=64,
        )
        found = []
        for file in files:
            try:
                found.append(
                    measurement(
                        _json(file),
                        file.name,
                        gpu=gpu,
                        count=count,
                        layout=layout,
                        precision=precision,
                        as_of=datetime.now(UTC).date().isoformat(),
                    )
                )
            except BatonError as error:
                st.error(fmt.md(str(error)), icon=":material/error:")
        return tuple(found)


def _json(file: UploadedFile) -> object:
    try:
        return json.loads(file.getvalue())
    except (ValueError, RecursionError):
        return None
