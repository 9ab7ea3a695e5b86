"""How a mix result is shown, wherever it came from: four numbers, before and after, exposure, exports."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import drill, exports, paper, scenarios, shell, tiles, what_if, what_if_charts
from pages.ui import format as fmt
from simulations.mixes.board_page import board_page
from simulations.mixes.mix import MixScenario


def sentence(result: dict[str, Any]) -> str:
    """The result in one short sentence, for a title."""
    percent, quality = result["savings_pct"], result["quality_change"]
    change = (
        "as today"
        if not percent or abs(percent) < 0.5
        else f"{fmt.share(abs(percent) / 100)} {'less' if percent > 0 else 'more'}"
    )
    words = (
        "quality unknown"
        if quality is None
        else "quality unchanged"
        if abs(quality) < 0.0005
        else f"quality {fmt.points(quality)}"
    )
    return f"{fmt.usd_short(result['proposed']['annual_cost_usd'])} a year, {change}; {words}"


def kpis(result: dict[str, Any], tier: str) -> None:
    """Cost a year and a month, the saving with its range, quality with its tier, what moves."""
    before, after, spread = result["baseline"], result["proposed"], result["ranges"]["savings_usd"]
    cells = tiles.row()
    change = fmt.delta(fmt.share_change(-result["savings_pct"] / 100)) if result["savings_pct"] else None
    cells[0].metric(
        "Cost a year",
        fmt.usd_short(after["annual_cost_usd"]),
        delta=change,
        delta_color="inverse",
        delta_description=f"vs {fmt.usd_short(before['annual_cost_usd'])}" if change else None,
        help=f"{fmt.usd(after['monthly_cost_usd'])} a month",
    )
    what_if.saving_tile(cells[1], "Saving a year", result["savings_usd"], spread)
    quality = result["quality_change"] if abs(result["quality_change"] or 0) >= 0.0005 else None
    cells[2].metric(
        "Quality" if after["quality"] is None else f"Quality, {tier}",
        fmt.share(after["quality"]),
        delta=quality and fmt.delta(fmt.points(quality)),
        delta_description=quality and f"vs {fmt.share(before['quality'])}",
    )
    cells[3].metric(
        "Work that moves",
        fmt.share(result["moved_share"]),
        help="share of the requests that change model or hosting, at least",
    )
    st.caption(fmt.md(" ".join([what_if.saving_range(spread, result["ranges"]["chance_of_saving"]), *speed(result)])))


def body(result: dict[str, Any], *, tier: str, key: str) -> None:
    """Before and after by model, exposure, risks and assumptions."""
    what_if.tier_badge(tier)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Before and after", anchor=False)
        rows = models(result)
        top = max(rows, key=lambda row: row["after_usd"] or 0)
        meaning = (
            f"{top['model']} takes the largest part: {fmt.usd(top['after_usd'])} of "
            f"{fmt.usd(result['proposed']['annual_cost_usd'])} a year."
        )
        figure = what_if_charts.before_after(
            rows, shell.palette(), before="before_usd", after="after_usd", labels=("Today", "Proposed")
        )
        chart = f"models_{key}"
        shell.chart(figure, alt=meaning, key=chart, on_select=drill.narrow_on_click(chart, "model"))
        st.caption(fmt.md(meaning))
    with right:
        st.subheader("Exposure, share of the work", anchor=False)
        exports.table(
            exposure(result),
            name=f"exposure-{key}",
            units={"today": "share", "proposed": "share"},
            labels={"of": "Of", "who": "Who", "today": "Today", "proposed": "Proposed"},
        )
    with st.expander("Table: models before and after", icon=":material/table:"):
        units = dict.fromkeys(("before_usd", "after_usd"), "USD") | dict.fromkeys(
            ("before_share", "after_share", "before_quality", "after_quality"), "share"
        )
        exports.table(pd.DataFrame(models(result)).assign(tier=tier), name=f"mix-{key}", units=units)
    if result["risks"] or result["complexity_change"]:
        more = f" Complexity {fmt.share_change(result['complexity_change'])}." if result["complexity_change"] else ""
        st.write(fmt.md("Risks: " + "; ".join(result["risks"]) + "." + more))
    how_sure(result, key)


def speed(result: dict[str, Any]) -> list[str]:
    """Mean latency before and after as a sentence, where the log has seen the models."""
    before, after = (result[side]["latency_ms"] for side in ("baseline", "proposed"))
    unseen = [m["model"] for m in result["proposed"]["models"] if m["share"] and m.get("latency_ms") is None]
    if before is None:
        return []
    then = (
        f"{fmt.milliseconds(after)} after, by each model's mean in this log"
        if after is not None
        else f"unknown after: this slice has never seen {', '.join(unseen)}"
    )
    return [f"Mean latency {fmt.milliseconds(before)} today, {then}."]


UNKNOWNS = {
    "verbosity": "Output length of the new model, on output cost",
    "tokenizer": "Tokens for the same text",
    "cache_loss": "Cache lost when traffic is split, on input cost",
    "growth": "Traffic in a year over today's",
}


def how_sure(result: dict[str, Any], key: str) -> None:
    """P10, P50 and P90 of cost, saving and quality, and which unknown they come from."""
    with st.expander("How sure: P10, P50, P90, and where they come from", icon=":material/query_stats:"):
        ranges = result["ranges"]
        money = [
            {"figure": words, **ranges[name]}
            for words, name in (("Cost a year after", "annual_cost_usd"), ("Saving a year", "savings_usd"))
        ]
        exports.table(
            pd.DataFrame(money),
            name=f"ranges-{key}",
            units=dict.fromkeys(("p10", "p50", "p90"), "USD whole"),
            labels={"figure": "Figure", "p10": "P10", "p50": "P50", "p90": "P90"},
        )
        quality, points = ranges["quality_change"], result["assumptions"]["quality_points"] * 100
        if quality:
            st.write(
                fmt.md(
                    f"Quality changes by {fmt.points(quality['p10'])} (P10), {fmt.points(quality['p50'])} "
                    f"(P50), {fmt.points(quality['p90'])} (P90): each model's own figure may be {points:g} "
                    "points off."
                )
            )
        rows = [{**row, "name": UNKNOWNS[row["name"]]} for row in ranges["sources"]]
        labels = {
            "name": "Alone, at its P10 to P90",
            "low": "P10",
            "high": "P90",
            "savings_p10": "Saving, P10",
            "savings_p90": "Saving, P90",
        }
        exports.table(
            pd.DataFrame(rows),
            name=f"unknowns-{key}",
            units={"low": "ratio", "high": "ratio", "savings_p10": "USD whole", "savings_p90": "USD whole"},
            labels=labels,
        )


def models(result: dict[str, Any]) -> list[dict[str, Any]]:
    """One row per model: dollars, share and quality on both sides; a mix without a model spends nothing on it."""
    absent = {"annual_cost_usd": 0.0, "share": 0.0}
    before, after = ({m["model"]: m for m in result[side]["models"]} for side in ("baseline", "proposed"))
    return [
        {
            "model": name,
            **{
                f"{side}_{short}": part.get(name, absent).get(field)
                for side, part in (("before", before), ("after", after))
                for short, field in (("usd", "annual_cost_usd"), ("share", "share"), ("quality", "quality"))
            },
        }
        for name in dict.fromkeys([*before, *after])
    ]


def exposure(result: dict[str, Any]) -> pd.DataFrame:
    """Share of the work by vendor, origin and hosting."""
    rows = []
    for fact in ("vendor", "origin", "hosting"):
        before, after = (result[side][f"by_{fact}"] for side in ("baseline", "proposed"))
        rows += [
            {"of": fact, "who": name, "today": before.get(name, 0.0), "proposed": after.get(name, 0.0)}
            for name in dict.fromkeys([*before, *after])
        ]
    return pd.DataFrame(rows)


def take_away(scenario: MixScenario, result: dict[str, Any], made_from: str, *, key: str) -> None:
    """Save by name, and the exports: YAML, CSV by the table, one HTML page for the board."""

    def board() -> None:
        exports.download_file(
            "Page for the board",
            board_page(result, made_from),
            "baton-mix.html",
            icon=":material/description:",
            key=f"html_{key}",
            snapshot=shell.snapshot(),
        )
        paper.download_pdf(lambda: board_page(result, made_from), "mix", key=f"mix_{key}", snapshot=shell.snapshot())

    scenarios.keep(scenario, "pages/mix.py", key=key, downloads=board)
