"""Quality of a policy from the log itself, where the old router drew at random and wrote its odds down.

Rows need a score and `tags.propensity`, the probability with which the model that answered was
chosen (the live lab and epsilon exploration log it). Without them there is nothing to estimate.
"""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd

from analytics.scope import Scope
from data.dialect import json_text
from data.errors import Refused
from data.ledger import Ledger
from data.schema import TOKENS
from routing.policies.policy import Policy
from simulations.replay.policy_query import rule_and_mask
from simulations.replay.quality import Estimate, doubly_robust, ips, judge_estimate, snips
from simulations.replay.replay import Assumed, choices_of, flows_of
from simulations.replay.repricing import Market
from simulations.replay.traffic import ROUTE, SEGMENT, separate, size_band

ENOUGH_TRIES = 3  # expected tries of a model: 95 of 100 such kinds have at least one
NOTHING_LOGGED = (
    "Quality cannot be estimated: no scored request in this span carries the propensity of its model; "
    "replay a sample in the live lab, or let the router explore and log its odds."
)


def estimates(view: Ledger, scope: Scope, policy: Policy, market: Market) -> tuple[Estimate, ...]:
    """SNIPS, DR and IPS of the policy's mean score. Raises Refused where the log cannot carry an estimate."""
    groups = _scored(view, scope, policy, market)
    flows = flows_of(groups, choices_of(groups, policy, market), policy, market, Assumed())
    flows = flows[flows["answers"] > 0]
    there = flows["new_model"].to_numpy() == groups["model"].fillna("unknown").to_numpy()[flows["group"].to_numpy(int)]
    odds = flows["answers"].where(there, 0.0).groupby(flows["group"]).sum().reindex(range(len(groups)), fill_value=0.0)
    times = groups["attempts"].to_numpy(int)
    reward, logged, evaluated = (
        np.repeat(np.asarray(values, float), times) for values in (groups["score"], groups["propensity"], odds)
    )
    predicted = _predictions(groups)
    here = np.repeat(
        [predicted(model, task) for model, task in zip(groups["model"], groups["task_type"], strict=True)], times
    )
    tasks = groups["task_type"].to_numpy()[flows["group"].to_numpy(int)]
    there_score = [
        share * predicted(model, task)
        for model, task, share in zip(flows["new_model"], tasks, flows["answers"], strict=True)
    ]
    per_group = np.bincount(flows["group"].to_numpy(int), there_score, len(groups))
    ahead = np.repeat(per_group, times)
    supported = np.repeat(_supported(groups, flows), times)
    found = (
        snips(reward, evaluated, logged, supported),
        doubly_robust(reward, evaluated, logged, here, ahead, supported),
        ips(reward, evaluated, logged, supported),
    )
    return tuple(judge_estimate(estimate) for estimate in found)


def _supported(groups: pd.DataFrame, flows: pd.DataFrame) -> np.ndarray:
    """Per group the share of its flows to a model that the old router tried on the same kind of request.

    A kind with so few requests that chance alone may have left a model out is judged by all kinds together.
    """
    model = groups["model"].fillna("unknown")
    kind = groups.groupby([*SEGMENT, "rule", "mask"], dropna=False).ngroup()
    requests = groups["attempts"].groupby(kind).sum()
    tried = set(zip(kind, model, strict=True))
    few = requests[requests * float(groups["propensity"].min()) < ENOUGH_TRIES].index
    everywhere, place = set(model), flows["group"].to_numpy(int)
    there = [
        (number, name) in tried or (number in few and name in everywhere)
        for number, name in zip(kind.to_numpy()[place], flows["new_model"], strict=True)
    ]
    share = flows["answers"].where(there, 0.0).groupby(flows["group"]).sum()
    whole = flows["answers"].groupby(flows["group"]).sum()
    return (share / whole).reindex(range(len(groups)), fill_value=0.0).to_numpy(float)


def _scored(view: Ledger, scope: Scope, policy: Policy, market: Market) -> pd.DataFrame:
    """Scored rows with a propensity, folded by everything the decision needs."""
    rows = scope.usage(view)
    rows = rows.filter(rows.quality_score.notnull(), rows.tags.cast("string").like('%"propensity"%'))
    propensity = json_text(rows.tags, "$.propensity").try_cast("float64")
    keys: dict[str, Any] = {name: rows[name] for name in (*SEGMENT, *ROUTE)}
    keys |= {name: key(rows) for name, key in rule_and_mask(policy).items()}
    keys |= {
        "separate": separate(rows),
        "band": size_band(rows, market.edges(policy.targets)),
        "propensity": propensity,
        "score": rows.quality_score,
    }
    sums = {name: rows[name].sum() for name in (*TOKENS, "tool_fees_usd", "cost_usd")}
    frame = view.frame(
        rows.group_by(**keys).aggregate(attempts=rows.count(), **sums).filter(ibis._.propensity.notnull())
    )
    if frame.empty:
        raise Refused(NOTHING_LOGGED)
    frame["task_type"] = frame["task_type"].fillna("unknown")
    return frame.assign(basis="priced", calls=frame["attempts"])


def _predictions(groups: pd.DataFrame) -> Any:
    """Mean logged score by model and task type, else by model, else overall: the outcome model of DR."""
    weighted = groups.assign(total=groups["score"] * groups["attempts"], model=groups["model"].fillna("unknown"))
    by_task = weighted.groupby(["model", "task_type"])[["total", "attempts"]].sum()
    by_model = weighted.groupby("model")[["total", "attempts"]].sum()
    overall = weighted["total"].sum() / weighted["attempts"].sum()

    def predicted(model: Any, task: str) -> float:
        if (model, task) in by_task.index:
            return float(by_task.loc[(model, task), "total"] / by_task.loc[(model, task), "attempts"])
        return (
            float(by_model.loc[model, "total"] / by_model.loc[model, "attempts"])
            if model in by_model.index
            else float(overall)
        )

    return predicted
