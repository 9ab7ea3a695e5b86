"""What a replay says: dollars, moves, refusals, quality by its tier, latency, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from data import wording
from data.schema import TOKENS
from simulations.replay.answered import latency, quality, yardstick
from simulations.replay.cost_range import cache_bounds, cost_range
from simulations.replay.reliability import Known
from simulations.replay.replay import CURRENT, KEPT, MOVED, REFUSED, VERIFIER, Replay
from simulations.replay.repricing import EQUAL_TOKENS, Market
from simulations.replay.service import limit_verdicts, service_of

NO_TARGET_PRICE = "no price for the model it would move to"


def summary(
    result: Replay, market: Market, *, scale: str | None = None, by: tuple[str, ...] = (), known: Known | None = None
) -> dict[str, Any]:
    """Everything as plain values; money in USD over the scope (not a year), shares 0 to 1.

    `logged_cost_usd` and `policy_cost_usd` cover the requests whose cost is known both ways; what is
    left out stands in `not_compared` with its reason. `known` is each model's record in the log (`reliability`);
    without it P50, P95, failures and the mean wait for calls made at once are unknown.
    """
    service = service_of(result, known or {})
    groups, answers = result.groups, answers_of(result)
    told = figures(result, market, answers, scale=scale, known=known)
    logged, policy_usd = told["logged_cost_usd"], told["policy_cost_usd"]
    refused = groups[(groups["outcome"] == REFUSED)]
    return {
        "policy": result.policy.name,
        **{name: told[name] for name in ("requests", "logged_cost_usd", "policy_cost_usd")},
        "savings_usd": logged - policy_usd,
        "savings_pct": round(float((logged - policy_usd) / logged) * 100, 2) if logged else None,
        "moved_share": _moved_share(answers, "requests", float(groups["calls"].sum())),
        "moved_token_share": _moved_share(answers, "tokens", float(answers["tokens"].sum())),
        "refused_requests": int(refused["calls"].sum()),
        "refused_cost_usd": sum(refused["cost_usd"].dropna(), Decimal(0)),
        "not_compared": told["not_compared"],
        "by_model": by_model(result, answers),
        "flows": flow_chart(answers),
        "by": {dimension: _by(groups[groups["comparable"]], dimension) for dimension in by},
        "refusals": _refusals(result),
        "ending": {name: words for name in result.policy.targets if (words := _ending(market, name))},
        "review": _review(result),
        "quality": told["quality"],
        "latency": told["latency"],
        "service": service,
        "limits": limit_verdicts(result.policy.limits, service),
        "cache": cache_bounds(result),
        "range": cost_range(result, market, float(policy_usd), float(logged)),
        "assumptions": _assumptions(result, market),
    }


def figures(
    result: Replay, market: Market, answers: pd.DataFrame, *, scale: str | None = None, known: Known | None = None
) -> dict[str, Any]:
    """What of a `summary` one way is compared with another by: dollars, quality, waiting, and what is left out of them.

    `answers`: as `answers_of` gives them.
    """
    groups = result.groups
    compared = groups[groups["comparable"]]
    return {
        "requests": int(float(groups["calls"].sum())),
        "logged_cost_usd": sum(compared["cost_usd"], Decimal(0)),
        "policy_cost_usd": sum(compared["policy_cost_usd"], Decimal(0))
        + Decimal(repr(_review(result)["cost_usd"] or 0.0)),
        "not_compared": not_compared(result),
        "quality": quality(result, answers, market, yardstick(result, market, scale)),
        "latency": latency(result, known or {}),
    }


def _ending(market: Market, target: str) -> str:
    """Why a policy should name another target; what is left as logged is no advice."""
    return "" if target == CURRENT else market.ending(target)


def answers_of(result: Replay) -> pd.DataFrame:
    """Flows that answer, with their group's model, calls and task type; requests nobody moves answer as before."""
    groups = result.groups
    flows = result.flows[
        (result.flows["answers"] > 0) & groups["outcome"].iloc[result.flows["group"]].eq(MOVED).to_numpy()
    ]
    kept = groups.index[groups["outcome"] == KEPT]
    still = pd.DataFrame(
        {"group": kept, "target": CURRENT, "new_model": groups.loc[kept, "model"], "answers": 1.0, "stays": True}
    )
    both = pd.concat([flows[["group", "target", "new_model", "answers", "stays"]], still], ignore_index=True)
    needed = groups[["model", "task_type", "basis", "calls", "cost_usd", *TOKENS]]
    rows = needed.iloc[both["group"].to_numpy()].reset_index(drop=True)
    both["old_model"], both["task_type"], both["basis"] = (
        rows["model"].fillna("unknown"),
        rows["task_type"],
        rows["basis"],
    )
    both["new_model"] = both["new_model"].fillna("unknown")
    both["requests"] = rows["calls"].to_numpy(float) * both["answers"]
    both["tokens"] = rows[list(TOKENS)].to_numpy(float, na_value=0.0).sum(axis=1) * both["answers"]
    both["logged_usd"] = rows["cost_usd"].astype(float).to_numpy() * both["answers"]
    return both


def _moved_share(answers: pd.DataFrame, column: str, whole: float) -> float:
    return round(float(answers.loc[~answers["stays"].astype(bool), column].sum()) / whole, 6) if whole else 0.0


def by_model(result: Replay, answers: pd.DataFrame) -> list[dict[str, Any]]:
    """Per model.

    Requests and dollars logged, requests and dollars under the policy (verifiers and discarded attempts included).
    Dollars are those of the requests that are compared; None for a model of whose requests none is.
    """
    groups = result.groups
    compared = groups["comparable"]
    before = groups.assign(model=groups["model"].fillna("unknown"), usd=groups["cost_usd"].where(compared, Decimal(0)))
    before["known"] = compared & (groups["calls"] > 0)
    before = before.groupby("model").agg(requests=("calls", "sum"), usd=("usd", "sum"), known=("known", "any"))
    moved = result.flows[(groups["outcome"].eq(MOVED) & compared).iloc[result.flows["group"]].to_numpy()]
    kept = groups[groups["outcome"].eq(KEPT) & compared]
    kept = kept.assign(model=kept["model"].fillna("unknown"))
    after_usd = (
        moved.groupby("new_model")["cost_usd"]
        .sum()
        .add(kept.groupby("model")["policy_cost_usd"].sum().astype(float), fill_value=0)
    )
    after_requests = answers.groupby("new_model")["requests"].sum()
    names = sorted(
        {*before.index, *after_usd.index, *after_requests.index},
        key=lambda name: (-float(after_usd.get(name, 0)), name),
    )
    return [
        {
            "model": name,
            "logged_requests": int(before["requests"].get(name, 0)),
            "logged_cost_usd": None if _only_unknown(name, before) else float(before["usd"].get(name, 0)),
            "policy_requests": round(float(after_requests.get(name, 0)), 2),
            "policy_cost_usd": None
            if after_requests.get(name, 0) > 0 and name not in after_usd
            else round(float(after_usd.get(name, 0)), 6),
        }
        for name in names
    ]


def _only_unknown(name: str, before: pd.DataFrame) -> bool:
    """Whether a model answered requests in the log and the cost of none is known both ways."""
    return bool(name in before.index and before["requests"][name] > 0 and not before["known"][name])


def flow_chart(answers: pd.DataFrame) -> list[dict[str, Any]]:
    """Requests and logged dollars (None unknown) from each model to each target, largest first.

    `stays` marks what does not move.
    """
    answers = answers.assign(target=np.where(answers["target"] == CURRENT, answers["old_model"], answers["target"]))
    by = answers.groupby(["old_model", "target", "stays"], as_index=False)
    table = by[["requests", "logged_usd"]].sum(min_count=1).sort_values("requests", ascending=False)
    rows = table.round({"requests": 2, "logged_usd": 6}).to_dict("records")
    return [{**row, "logged_usd": None if pd.isna(row["logged_usd"]) else row["logged_usd"]} for row in rows]


def not_compared(result: Replay) -> list[dict[str, Any]]:
    """Why requests are in neither total.

    Refused, without a price in the log, without tokens, target without a price.
    """
    left = result.groups[~result.groups["comparable"]].copy()
    left["reason"] = np.select(
        [left["outcome"] == REFUSED, left["basis"] == "unmetered", left["cost_usd"].isna()],
        ["refused by the policy's constraints", "no token counts in the log", "no price for the logged request"],
        NO_TARGET_PRICE,
    )
    table = left.groupby("reason").agg(
        requests=("calls", "sum"), logged=("cost_usd", lambda part: sum(part.dropna(), Decimal(0)))
    )
    return [
        {"reason": name, "requests": int(row["requests"]), "logged_cost_usd": row["logged"]}
        for name, row in table.iterrows()
    ]


def _refusals(result: Replay) -> list[dict[str, Any]]:
    """Targets taken away by constraints, with the reason and how many requests that concerns."""
    calls = result.groups["calls"].to_numpy(float)
    rows = result.refusals.assign(requests=calls[result.refusals["group"].to_numpy(int)])
    table = (
        rows.groupby(["target", "reason"], as_index=False)["requests"].sum().sort_values("requests", ascending=False)
    )
    return table[table["requests"] > 0].to_dict("records")


def _by(compared: pd.DataFrame, dimension: str) -> list[dict[str, Any]]:
    table = compared.groupby(dimension).agg(
        requests=("calls", "sum"), logged_cost_usd=("cost_usd", "sum"), policy_cost_usd=("policy_cost_usd", "sum")
    )
    return [{dimension: name, **row} for name, row in zip(table.index, table.to_dict("records"), strict=True)]


def _review(result: Replay) -> dict[str, Any]:
    """Human review: priced in where the share is known, otherwise what each percent of the requests would cost."""
    rule, calls = result.policy.review, float(result.groups["calls"].sum())
    if rule is None or rule.cost_usd is None:
        return {
            "requests": None,
            "cost_usd": None,
            "usd_per_percent": None,
            "note": "" if rule is None else "a review has no price in this policy",
        }
    share, percent = result.assumed.review_share, calls * 0.01 * rule.cost_usd
    if share is None:
        words = (
            f"share of answers below {rule.confidence_below:g} is unknown until a live run; every percent of "
            f"them costs {wording.usd(percent)} in this span"
        )
        return {"requests": None, "cost_usd": None, "usd_per_percent": percent, "note": words}
    words = f"{wording.share(share)} of answers assumed to fall below {rule.confidence_below:g}"
    return {
        "requests": calls * share,
        "cost_usd": calls * share * rule.cost_usd,
        "usd_per_percent": percent,
        "note": words,
    }


def pair_words(market: Market, pairs: Iterable[tuple[str | None, str]]) -> list[str]:
    """What was measured of the tokens of these pairs (old model, target), with its range and on what."""
    found = []
    for old, new in sorted({(old, target.partition("@")[0]) for old, target in pairs if old}):
        if pair := market.pairs.get((old, new)):
            counts, writes = (f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in pair)
            found.append(
                f"{new} counts {counts} times the tokens of {old} for the same text and writes {writes} times as many: "
                f"measured on {wording.count_of(pair.output.calls, 'call')} of this log that both answered"
            )
    return found


def _assumptions(result: Replay, market: Market) -> list[str]:
    words = [f"prices of {market.at:%Y-%m-%d} for what moves; what stays keeps its logged cost"]
    moved = result.flows[~result.flows["stays"].astype(bool)]
    pairs = {
        (result.groups["model"].iloc[g], t)
        for g, t in zip(moved["group"], moved["target"], strict=True)
        if t not in (CURRENT, VERIFIER)
    }
    named = {(None if pd.isna(old) else str(old), target) for old, target in pairs}
    if any(not market.verbosity(old, target).known for old, target in named):
        words.append(EQUAL_TOKENS)
    words += pair_words(market, named)
    if any(rule.cascade for rule in result.policy.rules):
        words.append(
            f"a cascade's first answers are accepted {wording.share(result.assumed.acceptance)} of the time where no"
            " live run says otherwise"
        )
    if any(rule.way == "vote" for rule in result.policy.rules):
        words.append("every sample of a vote is paid in full, its input included")
    return words
