"""A mix made from the log in words: its answer, what its promises cost, what it leaves out; its shares by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from analytics.promises.promise_offer import Offer
from data import wording
from data.calendar import MONTHS_PER_YEAR
from pages.ui import format as fmt
from simulations.mixes.caches import MixCaches
from simulations.mixes.from_log import current_mix
from simulations.mixes.frontier import Frontier
from simulations.mixes.optimise import Demands, Infeasible
from simulations.mixes.problem_from_log import Programme
from simulations.mixes.shadow_prices import rule_prices, step_prices, vendor_prices


def prices(made: Programme, demands: Demands, answer: Any, lost_usd: Callable[[np.ndarray], float]) -> None:
    """What each rule and promise costs, as sentences; `lost_usd(shares)` are a year's lost prompt caches."""
    if answer is None:
        return
    found = [
        *rule_prices(made.problem, demands, answer, made.lifted, made.free, lost_usd),
        *step_prices(made.problem, demands, answer),
        *vendor_prices(made.problem, demands, answer),
    ]
    if found:
        st.subheader("What the promises cost", anchor=False)
        for price in found:
            st.write(fmt.md(f"{price.sentence[0].upper()}{price.sentence[1:]}."))
        st.caption("Rules with the prompt caches that a mix loses, as in the title; all else before lost caches.")


def by_hand(made: Programme, shown: np.ndarray) -> None:
    """Shares by slider for all the work, or by table for each task type; both begin with today's.

    `shown` are the shares, by segment, of the mix that the page shows.
    """
    st.subheader("Set the mix by hand", anchor=False)
    today = current_mix(made)
    if not np.allclose(shown, made.current_shares):
        st.caption("The fields begin with today's shares, not with those of the mix shown above.")
    sliders, table = st.tabs(["Sliders", "By task type"])
    with sliders, st.form("mix_sliders"):
        chosen = {
            name: st.slider(fmt.md(name), 0, 100, round(today.get(name, 0) * 100), format="%d%%", key=f"share_{name}")
            for name in made.problem.models
        }
        apply, normalise = st.columns([1, 5])
        if apply.form_submit_button("Apply"):
            use({"": {name: value / 100 for name, value in chosen.items()}})
        if normalise.form_submit_button("Normalise and apply"):
            total = sum(chosen.values()) or 1
            use({"": {name: value / total for name, value in chosen.items()}})
    with table:
        tasks = sorted(made.segments["task_type"].unique())
        start = pd.DataFrame(
            [{"task type": task, **{name: round(share * 100, 1) for name, share in today.items()}} for task in tasks]
        )
        edited = st.data_editor(start, hide_index=True, disabled=["task type"], key="task_shares")
        st.caption(
            "Percent of the requests of each task type; every row sums to 100. A model that may not serve a "
            "segment gives its share to the others."
        )
        if st.button("Apply the table"):
            rows = {row["task type"]: {name: row[name] / 100 for name in today} for row in edited.to_dict("records")}
            use({"": next(iter(rows.values())), **rows})
    if st.session_state.get("mix_wish") and st.button("Back to the cheapest mix", icon=":material/undo:"):
        use(None)


def use(wish: dict | None) -> None:
    st.session_state["mix_wish"] = wish
    st.rerun()


def notes(made: Programme) -> None:
    """What the annual figure stands on and what it leaves out."""
    if made.note:
        st.warning(fmt.md(made.note[0].upper() + made.note[1:] + "."), icon=":material/calendar_month:")
    words = {
        "kept": "failed or answered by a gateway's cache",
        "unpriced": "without a price",
        "unmetered": "without token counts",
    }
    left = [
        f"{fmt.count(requests)} requests {words[name]}" for name, (requests, _) in made.excluded.items() if requests
    ]
    source = (
        f"Quality is on the scale “{made.scale.name}” ({made.scale.source}). "
        if made.scale
        else "No quality scale knows these models: cost only. Type a quality with its source on the New model "
        "page, or load graded results. "
    )
    staying = made.problem.weights[made.problem.judged == 0].sum()
    kept = (
        f"{fmt.count(staying)} requests a year stay where they are and have no part in the quality: none of "
        "the models that may serve them has a known one. "
        if staying
        else ""
    )
    st.caption(fmt.md(source + kept + (f"Left out: {'; '.join(left)}." if left else "")))
    if made.ended:
        st.caption(fmt.md(ending(made)))


def ending(made: Programme) -> str:
    """Which models no mix moves work to, since they end, and what becomes of the work they have."""
    names = "; ".join(f"{name} {words}" for name, words in made.ended.items())
    own = made.problem.weights[[made.problem.models[i] in made.ended for i in made.problem.current]].sum()
    text = f"No mix moves work to a model that ends within a year: {names}."
    if not own:
        return text
    return (
        f"{text} {fmt.count(own)} requests a year are on such a model; what a mix leaves there must move all the same."
    )


def offer(made: Programme, shown: dict[str, Any], origin: str) -> Offer:
    """The saving of the mix shown, a month, with its P10 to P90."""
    usd, spread = shown["savings_usd"], shown["ranges"]["savings_usd"]
    month, low, high = (value / MONTHS_PER_YEAR for value in (usd, spread["p10"], spread["p90"]))
    models = ", ".join(f"{m['model']} {fmt.share(m['share'])}" for m in shown["proposed"]["models"])
    name = f"{origin}, {wording.day(made.scope.last)}"
    return Offer("mix", name, month, low, high, made.scope, f"Requests: {models}.")


def halving(line: Frontier | None, keeping: Any, today_usd: float, today_quality: float | None, tier: str) -> str:
    """What the frontier says to the CTO's question; `keeping` is the cheapest mix that keeps today's quality."""
    if today_quality is None:
        return "Today's quality is unknown, so no mix can promise to keep it"
    if line is None or isinstance(keeping, Infeasible) or keeping.quality is None:
        return "No mix of these models keeps today's quality and every promise"
    costs, qualities = [p.cost_usd for p in line.points], [p.quality for p in line.points]
    lost = None if costs[0] > today_usd / 2 else today_quality - float(np.interp(today_usd / 2, costs, qualities))
    then = fmt.usd_short(keeping.cost_usd)
    if lost is not None and lost <= 0:
        return f"Yes: today's quality ({tier}) for {then} a year, {fmt.share(1 - keeping.cost_usd / today_usd)} less"
    best = "no mix costs half" if lost is None else f"half the bill costs {lost * 100:.1f} points of quality"
    saved = 1 - keeping.cost_usd / today_usd
    if saved < 0.005:
        return f"Nothing cheaper keeps today's quality ({tier}); {best}"
    return f"Today's quality ({tier}) for {then} a year, {fmt.share(saved)} less; {best}"


def cache_note(lost: MixCaches) -> None:
    """What the mix does to prompt caches, where it costs a dollar or more."""
    if lost.warm_share is not None and lost.usd >= 1:
        st.caption(
            fmt.md(
                f"Prompt caches: {fmt.share(lost.warm_share)} of the reads stay warm when sessions keep their "
                f"model where they may; the rest costs {fmt.usd_short(lost.usd)} a year and is in the figures. The "
                "chart's lines carry theirs, followed on a part of the conversations."
            )
        )
