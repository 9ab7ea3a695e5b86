"""Speed and failures of a mix: what it would wait and fail by each model's own record in this log."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pandas as pd
import streamlit as st

from analytics.coverage import coverage
from analytics.scope import Scope
from data.ledger import Ledger
from pages.ui import exports, what_if
from pages.ui import format as fmt
from simulations.replay.reliability import Known, failure_share


def show(view: Ledger, scope: Scope, result: dict[str, Any]) -> None:
    """Failures today and after in a sentence, and the table of P50, P95 and failures by model behind it."""
    seen = what_if.reliability_by_model(view, scope)
    before, after = (
        failure_share({m["model"]: m["share"] for m in result[side]["models"]}, seen)
        for side in ("baseline", "proposed")
    )
    if before is not None:
        unseen = [
            m["model"]
            for m in result["proposed"]["models"]
            if m["share"] > 0 and m["model"].partition("@")[0] not in seen
        ]
        then = (
            f"unknown for the mix shown, since this log never asked {', '.join(unseen)}"
            if after is None
            else f"{fmt.share(after)} under the mix shown"
        )
        span = coverage(view, scope).span
        st.caption(
            fmt.md(
                f"Attempts that fail, by each model's own rate {span}: {fmt.share(before)} under today's mix, {then}."
            )
        )
    with st.expander("Table: speed and failures of these models in this log", icon=":material/speed:"):
        labels = {
            "model": "Model",
            "share": "Share in the mix",
            "attempts": "Attempts",
            "failure_share": "Fail",
            "p50_ms": "P50 latency",
            "p95_ms": "P95 latency",
        }
        units = {"share": "share", "attempts": "attempts", "failure_share": "share", "p50_ms": "ms", "p95_ms": "ms"}
        table = by_model(result["proposed"]["models"], seen).reindex(columns=list(labels))
        exports.table(table, name="speed-and-failures", units=units, labels=labels)


def by_model(models: list[dict[str, Any]], seen: Known) -> pd.DataFrame:
    """Every model of a mix, wherever it runs, and of the log, with its share of the mix and its record."""
    shares: dict[str, float] = defaultdict(float)
    for line in models:
        shares[line["model"].partition("@")[0]] += line["share"]
    return pd.DataFrame(
        {"model": name, "share": shares[name], **(seen[name]._asdict() if name in seen else {})}
        for name in dict.fromkeys([*shares, *seen])
    )
