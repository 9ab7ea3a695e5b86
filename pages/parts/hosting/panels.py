"""The parts of the Self-host page below its charts: details, measurements, options, assumptions, scenarios."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import streamlit as st

from data.version import sign
from pages.parts.hosting import charts as hosting_charts
from pages.ui import exports, paper, scenarios, shell
from pages.ui import format as fmt
from simulations.hosting.assumptions import in_words
from simulations.hosting.breakeven import breakeven
from simulations.hosting.breakeven_scenario import BreakevenScenario
from simulations.hosting.capacity import predict
from simulations.hosting.fleet import PROMISE
from simulations.hosting.fleet_plan import Plan
from simulations.hosting.serving_point import ServingPoint
from simulations.hosting.study import Study
from simulations.scenario import saved_scenarios, write_scenario

RENTS: tuple[Literal["reserved", "on_demand"], ...] = ("reserved", "on_demand")


def behind(frame: pd.DataFrame, name: str) -> None:
    """The table behind a chart, with its CSV."""
    with st.expander("Table and CSV", icon=":material/table:"):
        units = {c: "USD" for c in frame.columns if c.endswith("_usd")}
        exports.table(frame, name=name, units=units)


def details(plan: Plan, quote: tuple[str, tuple[float, float, float]] | None) -> Plan:
    """What most people leave as it is: objective, growth, people's work on quality, the host's prices."""
    with st.expander("Objective, growth, quality and host", icon=":material/tune:"):
        return _rent_and_host(_growth_and_quality(_objective(plan)), quote)


def _objective(plan: Plan) -> Plan:
    cells = st.columns(4)
    ttft = cells[0].number_input(
        "P95 time to first token, ms",
        50,
        600_000,
        None,
        key="ttft_ms",
        bind="query-params",
        placeholder=f"{PROMISE.ttft_ms:,.0f} where that can be held",
    )
    tpot = cells[1].number_input("P95 time per output token, ms", 5, 1000, 50, key="tpot_ms", bind="query-params")
    months = cells[2].slider("Months", 12, 60, 36, 6, key="months", bind="query-params")
    spare = cells[3].number_input(
        "Spare replicas",
        0,
        8,
        1,
        key="spare",
        bind="query-params",
        help="N+1: one replica more than the busiest hour needs.",
    )
    return plan._replace(ttft_ms=ttft, tpot_ms=tpot, months=months, spare=spare)


def _growth_and_quality(plan: Plan) -> Plan:
    cells = st.columns(4)
    growth = cells[0].number_input("Traffic growth a year, %", -50, 1000, 0, key="growth", bind="query-params")
    batch = cells[1].slider("Share that can wait for the night, %", 0, 90, 0, key="batchable", bind="query-params")
    gap = cells[2].number_input("Extra failures of the open model, %", 0.0, 50.0, 0.0, key="gap", bind="query-params")
    usd = cells[3].number_input(
        "Cost of one failure, USD",
        0.0,
        1000.0,
        0.0,
        key="failure_usd",
        bind="query-params",
        help="Review by a person, or a retry on the API.",
    )
    return plan._replace(
        growth_per_year=growth / 100, batchable_share=batch / 100, quality_gap=gap / 100, usd_per_failure=usd
    )


def _rent_and_host(plan: Plan, quote: tuple[str, tuple[float, float, float]] | None) -> Plan:
    """How machines are rented, and what a host of the same model asks; `quote` is the cheapest of the price book."""
    cells = st.columns(4)
    rent = cells[0].selectbox("Rent", RENTS, format_func=lambda k: k.replace("_", " "), key="rent", bind="query-params")
    start = quote[1] if quote else (0.0, 0.0, 0.0)
    labels = ("Host: USD per 1M input", "cached input", "output")
    host = tuple(
        cell.number_input(label, 0.0, 1000.0, usd_per_mtok, format="%.4f", key=f"host_{plan.model}_{n}")
        for n, (cell, label, usd_per_mtok) in enumerate(zip(cells[1:], labels, start, strict=True))
    )
    st.caption(
        fmt.md(
            f"Host prices: the cheapest in the price book is {quote[0]}."
            if quote
            else "No host of this model is in the price book; type prices to get the column."
        )
    )
    return plan._replace(rent_kind=rent, host_usd=(host[0], host[1], host[2]) if any(host) else None)


def options(study: Study) -> None:
    """Four columns side by side, and the splits between own machines and the API."""
    st.subheader("Options side by side", anchor=False)
    rows = [{"option": hosting_charts.NAMES[name], **option} for name, option in study.result["options"].items()]
    frame = pd.DataFrame(rows).drop(columns="first_year_usd")
    units = {
        "total_usd": "USD whole",
        "present_cost_usd": "USD whole",
        "gpus": "count",
        "utilisation": "share",
        "usd_per_gpu_hour": "USD per 1M tokens",
        "usd_per_mtok_reserved": "USD per 1M tokens",
        "usd_per_mtok_usage": "USD per 1M tokens",
    }
    labels = {
        "option": "Option",
        "total_usd": f"{study.result['months']} months",
        "present_cost_usd": "Present value",
        "gpus": "GPUs",
        "utilisation": "Used",
        "usd_per_gpu_hour": "GPU-hour",
        "usd_per_mtok_reserved": "1M tokens, paid",
        "usd_per_mtok_usage": "1M tokens, busy",
    }
    exports.table(frame, name="options", units=units, labels=labels)
    irr = (
        "n/a"
        if study.result["irr"] is None
        else "over 1,000%"
        if study.result["irr"] > 10
        else fmt.share(study.result["irr"])
    )
    st.caption(
        fmt.md(
            f"NPV {fmt.usd(study.result['npv_usd'])}, IRR {irr}, discounted payback "
            f"{_months(study.result['discounted_payback_months'])}. A million tokens over all paid hours "
            "compares with the API; over the busy hours alone own machines always look cheaper."
        )
    )
    with st.expander("Own base load, bursts to the API: every split", icon=":material/call_split:"):
        splits = pd.DataFrame([s._asdict() for s in study.splits])
        exports.table(
            splits.head(40),
            name="splits",
            units={"burst_share": "share", "usd_per_month": "USD"},
            labels={"replicas": "Own replicas, busy", "burst_share": "Work on the API", "usd_per_month": "USD a month"},
        )


def serving(study: Study) -> None:
    """What one replica does, where that comes from, and what the replay saw."""
    point, seen = study.point, study.fleet.latencies.percentiles()
    with st.expander("What a replica serves, and the replay", icon=":material/memory:"):
        st.write(
            fmt.md(
                f"{point.layout} in {point.precision}: {point.output_tokens_per_s_per_gpu:,.0f} output "
                f"tokens a second and GPU at {point.batch:,.0f} in flight, "
                f"P10 to P90 {point.low / point.count:,.0f} to {point.high / point.count:,.0f}. Tier: "
                f"{point.tier}. {point.evidence}."
            )
        )
        st.write(
            fmt.md(
                f"Weights {point.weights_gib:,.0f} GiB, cache {point.cache_kib_per_token:,.1f} KiB a token, "
                f"room for {point.batch_limit:,.0f} sequences."
            )
        )
        st.write(
            fmt.md(
                f"Busiest hours replayed on {study.fleet.replicas} replicas (floor {study.fleet.floor}): "
                + ", ".join(
                    f"{k.replace('_ms', '').replace('_', ' ').upper()} {fmt.milliseconds(v)}" for k, v in seen.items()
                )
                + "."
            )
        )
        _serving_curve(point)


def _serving_curve(point: ServingPoint) -> None:
    """What the replica would do with fewer or more requests in flight."""
    curve = [
        predict(
            point.model,
            point.gpu,
            point.count,
            point.layout,
            point.precision,
            point.input_length,
            point.output_length,
            concurrency,
        )
        for concurrency in (1, 4, 16, 64, 256)
    ]
    labels = {
        "concurrency": "In flight",
        "output_tokens_per_s": "Output tokens/s",
        "low": "P10",
        "high": "P90",
        "tpot_ms": "Time per token, ms",
        "ttft_ms": "First token, ms (no promise)",
        "ttft_low_ms": "First token, P10",
        "ttft_high_ms": "First token, P90",
        "tier": "Tier",
    }
    frame = pd.DataFrame([predicted._asdict() for predicted in curve])
    exports.table(frame[list(labels)].round(1), name="serving-curve", labels=labels)


def assumptions(study: Study) -> None:
    """Every figure with source and date."""
    with st.expander("Assumptions and their sources", icon=":material/fact_check:"):
        sources(study.result)


def sources(result: dict[str, Any]) -> None:
    """The table of every figure of a break-even, with where it comes from."""
    exports.table(pd.DataFrame([{**a, "name": in_words(a["name"])} for a in result["assumptions"]]), name="assumptions")


def scenario(study: Study, board: str) -> None:
    """Keep this scenario, compare it with kept ones, take it away."""
    st.subheader("Keep, compare, take away", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", study.scenario.name, key=f"scenario_name_{study.scenario.name}", width=360)
        if st.button("Save scenario", icon=":material/save:"):
            with shell.errors():
                scenarios.save(study.scenario.model_copy(update={"name": name}))
                st.toast(fmt.md(f"Saved “{name}”."))
        from_version = shell.snapshot()
        scenario = sign(write_scenario(study.scenario), from_version)
        exports.download_file("YAML", scenario, "self-host.yaml", snapshot=from_version)
        icon = ":material/description:"
        exports.download_file("HTML for the board", board, "self-host.html", icon=icon, snapshot=from_version)
        paper.download_pdf(lambda: board, "self-host", key="self_host", snapshot=from_version)
    kept = saved_scenarios(BreakevenScenario).all(shell.state())
    chosen = st.multiselect("Compare with saved scenarios", list(kept), key="compare", bind="query-params")
    rows = [_row("this one", study.result)]
    for other in chosen:
        with shell.errors():
            rows.append(_row(other, breakeven(kept[other])))
    if len(rows) > 1:
        exports.table(
            pd.DataFrame(rows), name="scenarios", units={"npv_usd": "USD", "p50_usd": "USD", "chance_never": "share"}
        )


def _row(name: str, result: dict) -> dict:
    return {
        "scenario": name,
        "option": result["option"],
        "payback_months": result["payback_months"],
        "npv_usd": result["npv_usd"],
        "p50_usd": result["p50"],
        "chance_never": result["chance_never_pays_back"],
    }


def _months(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} months"
