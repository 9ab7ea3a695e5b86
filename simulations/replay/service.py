"""How fast and how surely a policy's requests are answered, by each model's own record, and the limits it promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from data import wording
from routing.policies.policy import Limits
from simulations.replay.reliability import AtOnce, Known, chained_wait, mixed_wait
from simulations.replay.replay import KEPT, MOVED, REFUSED, VERIFIER, Replay

Figures = dict[str, float | None]
Waits = dict[tuple[AtOnce, ...], float]
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95}
INDEPENDENT = (
    "a cascade's waits add up, a vote or a cross-check waits for its slowest answer, each drawn as if it knew of no "
    "other; what a person takes is not in it"
)
LIMITS = {
    "max_p50_ms": ("p50_ms", "P50 latency"),
    "max_p95_ms": ("p95_ms", "P95 latency"),
    "max_failure_share": ("failure_share", "failures"),
}


def service_of(result: Replay, known: Known) -> dict[str, Any]:
    """P50 and P95 latency in ms and the share of attempts that fail, `baseline` and `policy`; None unknown.

    Of the requests that the policy answers, each by the record of its model in this log, so that a policy that moves
    nothing changes nothing. `note` says what a wait of several calls stands on, or why it is unknown.
    """
    groups, flows = result.groups, result.flows
    answered = ((groups["basis"] != KEPT) & (groups["outcome"] != REFUSED)).to_numpy()
    moved = (groups["outcome"] == MOVED).to_numpy() & answered
    models, calls = groups["model"].fillna("unknown"), groups["calls"].to_numpy(float)
    place = flows["group"].to_numpy(int)
    mine = moved[place] & (calls[place] > 0)
    still = pd.Series(calls[answered & ~moved], models[answered & ~moved])
    asked = pd.Series((flows["calls"].to_numpy(float) * calls[place])[mine], flows["new_model"][mine])
    chains = _chains(flows[mine].assign(requests=calls[place][mine]))
    unknown = "" if known else "no record of these models in a log"
    if chains is None:
        unknown = "how long a verifier takes is in no log"
    waits: Waits = {((str(name),),): float(n) for name, n in still.groupby(level=0).sum().items()}
    for chain, n in (chains or {}).items():
        waits[chain] = waits.get(chain, 0.0) + n
    several = any(sum(map(len, chain)) > 1 for chain in waits)
    return {
        "baseline": _figures(_counts(pd.Series(calls[answered], models[answered])), known),
        "policy": {name: None if chains is None else chained_wait(waits, known, at) for name, at in QUANTILES.items()}
        | {"failure_share": _failures(_counts(pd.concat([still, asked])), known)},
        "note": unknown or (INDEPENDENT if several else ""),
    }


def _chains(flows: pd.DataFrame) -> Waits | None:
    """Requests by what is asked, one after another, before an answer stands; None where that is not known.

    A cascade's later model is asked when the earlier ones have answered. All samples of a vote, and all models of a
    cross-check, are asked at once.
    """
    if flows["target"].eq(VERIFIER).any():
        return None
    found: Waits = {}
    before: tuple[AtOnce, ...] = ()
    columns = flows[["place", "way", "new_model", "calls", "answers", "requests"]]
    checked = flows[flows["way"] == "cross_check"].groupby("group", sort=False)
    for models, requests in zip(checked["new_model"].agg(tuple), checked["requests"].first(), strict=True):
        found[(models,)] = found.get((models,), 0.0) + requests
    for place, way, model, calls, answers, requests in columns[columns["way"] != "cross_check"].itertuples(
        index=False, name=None
    ):
        before = before if way == "cascade" and place else ()
        chain = (*before, (str(model),) * (round(calls) if way == "vote" else 1))
        found[chain] = found.get(chain, 0.0) + answers * requests
        before = chain
    return {chain: n for chain, n in found.items() if n > 0}


def _counts(answers: pd.Series) -> dict[str, float]:
    """Answers or calls by model."""
    return {str(name): float(n) for name, n in answers.groupby(level=0).sum().items() if n > 0}


def _figures(counts: Mapping[str, float], known: Known) -> Figures:
    """The figures of answers counted by model, one call each."""
    waits: Figures = {name: mixed_wait(counts, known, at) for name, at in QUANTILES.items()}
    return waits | {"failure_share": _failures(counts, known)}


def _failures(counts: Mapping[str, float], known: Known) -> float | None:
    """Of all attempts that these answers take: a model that fails half of them is asked twice for an answer."""
    if not counts or any(name not in known or known[name].failure_share >= 1 for name in counts):
        return None
    attempts = {name: count / (1 - known[name].failure_share) for name, count in counts.items()}
    return sum(n * known[name].failure_share for name, n in attempts.items()) / sum(attempts.values())


def limit_verdicts(limits: Limits, service: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every limit of a policy with what it is today and under it; `kept` is None where nobody can tell."""
    found = []
    for field, (name, words) in LIMITS.items():
        most = getattr(limits, field)
        if most is None:
            continue
        before, after = service["baseline"][name], service["policy"][name]
        kept = None if after is None else after <= most
        note = service["note"] if after is None else ""
        found.append({"limit": words, "most": most, "baseline": before, "policy": after, "kept": kept, "note": note})
    return found


def limit_terms(limits: Limits) -> str:
    """What a policy promises of speed and failures, as a clause; empty where it promises nothing."""
    stated = [(words, getattr(limits, field)) for field, (_, words) in LIMITS.items()]
    return ", ".join(f"{words} at most {_said(words)(most)}" for words, most in stated if most is not None)


def _said(limit: str) -> Callable[[float | None], str]:
    return wording.share if limit == LIMITS["max_failure_share"][1] else wording.milliseconds


def limit_words(one: Mapping[str, Any]) -> str:
    """A limit and what the policy does to it, as a clause."""
    said = _said(one["limit"])
    if one["policy"] is None:
        why = f", {one['note']}" if one.get("note") else ""
        return f"{one['limit']} at most {said(one['most'])}: unknown under this policy{why}"
    verb = "kept" if one["kept"] else "broken"
    return f"{one['limit']} at most {said(one['most'])}: {verb}, {said(one['policy'])}"
