"""What a replay says: the sentence, its tiles, who moves where, and what was left out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from pages.ui import drill, exports, flow_chart, shell, tiles, what_if, what_if_charts
from pages.ui import format as fmt
from routing.policies.policy import CURRENT, Policy
from simulations.replay.answered import slower
from simulations.replay.off_policy import estimates
from simulations.replay.service import limit_words
from simulations.replay.summary import NO_TARGET_PRICE
from simulations.replay.worth import Worth, as_rows


def title(said: dict[str, Any], found: Worth, span: str, routes: bool = True) -> str:
    """The verdict first where a policy that routes is no better than doing without a router; then dollars and latency.

    Two lines hold one verdict or one wait beside the dollars, so the graver of them stands there. A policy that only
    forbids (`routes` is False) is no router, and is not judged as one.
    """
    if found.better is False and routes:
        return f"“{_name(said)}” is {found.verdict}; {answer(said, span, named=False)}"
    parts = [answer(said, span)]
    slow = said["latency"]
    if words := slower(slow["baseline_ms"], slow["policy_ms"]):
        parts.append(words)
    return "; ".join(parts)


def answer(said: dict[str, Any], span: str, named: bool = True) -> str:
    """Dollars, direction, and what could not be priced."""
    saving, apart = float(said["savings_usd"]), sum(part["requests"] for part in said["not_compared"])
    name = _name(said)
    open_ = f"; {fmt.count(apart)} request{'s' * (apart != 1)} unpriced" if apart else ""
    if any(part["reason"] == NO_TARGET_PRICE for part in said["not_compared"]) and abs(saving) < 0.005:
        return f"“{name}” moves {fmt.count_of(apart, 'request')} to a model without a price yet"
    if said["savings_pct"] is None:
        return f"“{name}” cannot be priced on this traffic"
    if abs(saving) < 0.005:
        return f"The same {fmt.usd_short(said['logged_cost_usd'])} {span} under “{name}”{open_}"
    under = f" under “{name}”" if named else ""
    return (
        f"{fmt.usd_short(abs(saving))} {'less' if saving > 0 else 'more'} {span} "
        f"({fmt.share(abs(said['savings_pct']) / 100)}){under}{open_}"
    )


def _name(said: dict[str, Any]) -> str:
    return said["policy"] if len(said["policy"]) <= 48 else said["policy"][:46] + "…"


def kpis(said: dict[str, Any]) -> None:
    """Logged, policy, saving with its range, refused."""
    cells = tiles.row()
    span = said["range"]["savings_usd"]
    cells[0].metric(
        "As logged",
        fmt.usd_short(said["logged_cost_usd"]),
        help="cost of the requests that can be priced both ways",
    )
    change = fmt.delta(fmt.share_change(-said["savings_pct"] / 100)) if said["savings_pct"] else None
    cells[1].metric(
        "Under the policy",
        fmt.usd_short(said["policy_cost_usd"]),
        delta=change,
        delta_color="inverse",
        delta_description="vs as logged" if change else None,
    )
    what_if.saving_tile(cells[2], "Saving", float(said["savings_usd"]), span)
    cells[3].metric(
        "Refused requests",
        fmt.count(said["refused_requests"]),
        help="no model is left for them under the constraints",
    )
    st.caption(
        fmt.md(
            f"{fmt.share(said['moved_share'])} of requests move, with {fmt.share(said['moved_token_share'])} "
            f"of all tokens. " + what_if.saving_range(span, said["range"]["chance_of_saving"])
        )
    )


def verdict(said: dict[str, Any], scope: Scope, policy: Policy, own_prices: what_if.OwnPrices) -> None:
    """Quality with its tier, latency, review: what dollars do not say."""
    what_if.tier_badge(said["quality"]["tier"])
    st.write(fmt.md(what_if.quality_words(said["quality"])))
    observed = said["quality"].get("observed")
    if observed:
        st.caption(
            fmt.md(
                f"The log's own scores of what was answered then: mean {fmt.share(observed['mean_score'])} "
                f"over {fmt.count(observed['n'])} answers. They say nothing about other models."
            )
        )
    if st.button(
        "Estimate quality from logged propensities",
        icon=":material/query_stats:",
        help="works where the router explored and wrote down its odds, as the live lab does",
    ):
        with shell.errors():
            for found in estimates(
                shell.view(), scope, policy, what_if.market(shell.view(), shell.state(), scope, own_prices)
            ):
                st.write(
                    fmt.md(
                        f"{found.method}: {fmt.quality(found.value)} ({fmt.quality(found.low)} to "
                        f"{fmt.quality(found.high)}, 95%), {found.effective_samples:.0f} effective samples "
                        f"of {fmt.count(found.n)}."
                    )
                )
    slow = said["latency"]
    if slow["policy_ms"] is not None and slow["baseline_ms"] is not None:
        st.write(
            fmt.md(
                f"Mean latency {fmt.milliseconds(slow['baseline_ms'])} before, "
                f"{fmt.milliseconds(slow['policy_ms'])} after, {slow['note']}."
            )
        )
    elif slow["unseen_models"]:
        st.write(fmt.md(f"Latency after: unknown, this log has never seen {', '.join(slow['unseen_models'])}."))
    _service(said["service"])
    if said["review"]["note"]:
        st.write(fmt.md(f"Human review: {said['review']['note']}."))
    st.caption(fmt.md("Assumes: " + "; ".join(said["assumptions"]) + "."))


def _service(service: dict[str, Any]) -> None:
    """P50, P95 and failures before and after, where the log knows them before."""
    units = {"P50": ("p50_ms", fmt.milliseconds), "P95": ("p95_ms", fmt.milliseconds)}
    units["Attempts that fail"] = ("failure_share", fmt.share)
    before, after = service["baseline"], service["policy"]
    known = [
        f"{label} {words(before[name])} before, {'unknown' if after[name] is None else words(after[name])} after"
        for label, (name, words) in units.items()
        if before[name] is not None
    ]
    if known:
        note = f"; {service['note']}" if service["note"] else ""
        st.write(fmt.md("; ".join(known) + f", by each model's own record in this log{note}."))


def limits(said: dict[str, Any]) -> None:
    """What the policy promises of speed and failures: broken in red, unknown in yellow, kept in one line."""
    for one in said["limits"]:
        sentence = fmt.md(f"{limit_words(one)}.")
        if one["kept"]:
            st.caption(sentence)
        elif one["kept"] is None:
            st.warning(sentence, icon=":material/help:")
        else:
            st.error(sentence, icon=":material/timer_off:")


def show_left_out(said: dict[str, Any]) -> None:
    """What is in neither total, and what the constraints took away."""
    if said["not_compared"]:
        st.subheader("Not compared", anchor=False)
        for part in said["not_compared"]:
            st.write(
                fmt.md(
                    f"{fmt.count_of(part['requests'], 'request')}, {fmt.usd(part['logged_cost_usd'])} logged: "
                    f"{part['reason']}."
                )
            )
    if said["refusals"]:
        st.subheader("Taken away by constraints and context windows", anchor=False)
        rows = [
            {**row, "target": "the model as logged" if row["target"] == CURRENT else row["target"]}
            for row in said["refusals"]
        ]
        exports.table(
            pd.DataFrame(rows),
            name="refusals",
            units={"requests": "requests"},
            labels={"target": "Model", "reason": "Reason", "requests": "Requests"},
        )


NAMES = {
    "policy": "this policy",
    "today": "today",
    "single": "{name} for everything",
    "blind": "the same shares, by lot",
}


def worthwhile(found: Worth, tier: str) -> None:
    """The policy beside one model for everything, the same shares drawn blindly, and today."""
    st.subheader("Is a router worth it?", anchor=False)
    st.write(fmt.md(found.sentence[0].upper() + found.sentence[1:] + "."))
    rows = [{**row, "name": NAMES[row["kind"]].format(name=row["name"])} for row in as_rows(found)]
    labels = {
        "name": "What answers",
        "cost_usd": "Cost",
        "quality": f"Quality ({tier.replace('_', ' ')})",
        "latency_ms": "Mean latency",
        "compared": "Priced",
    }
    apart = {"shared": "Policy answers too", "shared_usd": "Cost there", "shared_policy_usd": "Policy there"}
    if any(row["shared"] not in (None, 1.0) for row in rows):
        labels |= apart
    usd = dict.fromkeys(("cost_usd", "shared_usd", "shared_policy_usd"), "USD")
    units = usd | {"quality": "share", "latency_ms": "ms", "compared": "share", "shared": "share"}
    exports.table(pd.DataFrame(rows, columns=list(labels)), name="worth", units=units, labels=labels)
    blind = next((row for row in rows if row["kind"] == "blind"), None)
    drawn = f" (95% of draws cost {fmt.usd(blind['low'])} to {fmt.usd(blind['high'])})" if blind else ""
    st.caption(
        fmt.md(
            "One model answers all that the policy's constraints and its context window let it; the rest goes to the "
            f"fallback. By lot every conversation gets a model in the policy's shares{drawn}. Ways are compared on the "
            "requests that both answer at a known price."
        )
    )


def moves(said: dict[str, Any]) -> None:
    st.subheader("Who moves where", anchor=False)
    going = sum(f["requests"] for f in said["flows"] if not f["stays"])
    meaning = (
        f"{fmt.count(going)} of {fmt.count(said['requests'])} requests change model; grey stays. Width is requests."
    )
    drawn = flow_chart.flow(said["flows"], shell.palette())
    shell.chart(drawn, alt=meaning, key="flow", on_select=drill.narrow_on_click("flow", "model"))
    st.caption(fmt.md(f"{meaning} A click on a band or a bar narrows the page to the models its requests come from."))
    with st.expander("Table: moves", icon=":material/table:"):
        labels = {
            "old_model": "From",
            "target": "To",
            "stays": "Stays",
            "requests": "Requests",
            "logged_usd": "Logged, USD",
        }
        exports.table(
            pd.DataFrame(said["flows"]),
            name="moves",
            units={"requests": "requests", "logged_usd": "USD"},
            labels=labels,
        )


def money(said: dict[str, Any], by: str) -> None:
    st.subheader("Dollars by model", anchor=False)
    first = said["by_model"][0]
    now, then = (
        "an unknown amount" if first[key] is None else fmt.usd(first[key])
        for key in ("policy_cost_usd", "logged_cost_usd")
    )
    meaning = f"{first['model']} would cost {now} against {then} logged."
    drawn = what_if_charts.before_after(said["by_model"], shell.palette())
    shell.chart(drawn, alt=meaning, key="by_model", on_select=drill.narrow_on_click("by_model", "model"))
    st.caption(fmt.md(meaning))
    with st.expander(f"Table: by model, and by {DIMENSIONS[by].label.lower()}", icon=":material/table:"):
        units = {
            "logged_cost_usd": "USD",
            "policy_cost_usd": "USD",
            "requests": "requests",
            "logged_requests": "requests",
            "policy_requests": "requests",
        }
        exports.table(pd.DataFrame(said["by_model"]), name="policy-by-model", units=units)
        exports.table(pd.DataFrame(said["by"][by]), name=f"policy-by-{by}", units=units)
