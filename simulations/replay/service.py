"""How fast and how surely a policy's requests are answered, by each model's own record, and the limits it promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from data import wording
from routing.policies.policy import Limits
from simulations.replay.reliability import Known, mixed_wait
from simulations.replay.replay import KEPT, MOVED, REFUSED, VERIFIER, Replay

Figures = dict[str, float | None]
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95}
LIMITS = {
    "max_p50_ms": ("p50_ms", "P50 latency"),
    "max_p95_ms": ("p95_ms", "P95 latency"),
    "max_failure_share": ("failure_share", "failures"),
}


def service_of(result: Replay, known: Known) -> dict[str, Figures]:
    """P50 and P95 latency in ms and the share of attempts that fail, `baseline` and `policy`; None unknown.

    Of the requests that the policy answers, each by the record of its model in this log, so that a policy that moves
    nothing changes nothing. Waits are unknown where one answer takes several calls.
    """
    groups, flows = result.groups, result.flows
    answered = ((groups["basis"] != KEPT) & (groups["outcome"] != REFUSED)).to_numpy()
    moved = (groups["outcome"] == MOVED).to_numpy() & answered
    models, calls = groups["model"].fillna("unknown"), groups["calls"].to_numpy(float)
    place = flows["group"].to_numpy(int)
    mine = moved[place]
    after = pd.concat(
        [
            pd.Series(calls[answered & ~moved], models[answered & ~moved]),
            pd.Series((flows["calls"].to_numpy(float) * calls[place])[mine], flows["new_model"][mine]),
        ]
    )
    asked = np.bincount(place, flows["calls"] * mine, len(groups))
    several = bool((moved & ~np.isclose(asked, 1.0) & (calls > 0)).any()) or bool(
        (flows["target"].eq(VERIFIER).to_numpy() & mine).any()
    )
    return {
        "baseline": _figures(pd.Series(calls[answered], models[answered]), known, several=False),
        "policy": _figures(after, known, several),
    }


def _figures(answers: pd.Series, known: Known, several: bool) -> Figures:
    """The figures of answers counted by model."""
    counts = {str(name): float(n) for name, n in answers.groupby(level=0).sum().items() if n > 0}
    waits: Figures = {name: None if several else mixed_wait(counts, known, at) for name, at in QUANTILES.items()}
    return waits | {"failure_share": _failures(counts, known)}


def _failures(counts: Mapping[str, float], known: Known) -> float | None:
    """Of all attempts that these answers take: a model that fails half of them is asked twice for an answer."""
    if not counts or any(name not in known or known[name].failure_share >= 1 for name in counts):
        return None
    attempts = {name: count / (1 - known[name].failure_share) for name, count in counts.items()}
    return sum(n * known[name].failure_share for name, n in attempts.items()) / sum(attempts.values())


def limit_verdicts(limits: Limits, service: Mapping[str, Figures]) -> list[dict[str, Any]]:
    """Every limit of a policy with what it is today and under it; `kept` is None where nobody can tell."""
    found = []
    for field, (name, words) in LIMITS.items():
        most = getattr(limits, field)
        if most is None:
            continue
        before, after = service["baseline"][name], service["policy"][name]
        kept = None if after is None else after <= most
        found.append({"limit": words, "most": most, "baseline": before, "policy": after, "kept": kept})
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
        return f"{one['limit']} at most {said(one['most'])}: unknown under this policy"
    verb = "kept" if one["kept"] else "broken"
    return f"{one['limit']} at most {said(one['most'])}: {verb}, {said(one['policy'])}"
