"""From the log to an optimisation problem: what every model would cost and be worth on every segment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from analytics.coverage import coverage
from analytics.scope import ClosedScope, Scope
from data.errors import BadInput, NoData
from data.ledger import Ledger
from data.schema import TOKENS
from routing.policies.choice import CLOSED_WEIGHTS, first_refusal, resolve
from routing.policies.policy import Policy
from simulations.mixes.constraint_words import words
from simulations.mixes.optimise import Problem
from simulations.replay.policy_query import active, folding
from simulations.replay.quality import Scale, scales, score_of
from simulations.replay.repricing import Market
from simulations.replay.traffic import BANDS, fold

Which = frozenset[int]  # positions of constraints
KEPT, FREE = "\0kept", "\0free"  # beside the words of constraints, which never start so
OTHER_WORK = "embeddings, images, audio and chat do not trade places"
MOST_SEGMENTS = 400  # the smallest beyond that are put together: they weigh nothing, and a frontier stays under 2 s


@dataclass(frozen=True)
class Programme:
    """The problem, the segments behind its rows, and what to say about them.

    `yearly` is the factor from the whole days that the log covers (`scope`) to a year; `lifted` maps the words of
    each constraint to what is allowed without it; `excluded` are requests that no what-if can price, with their logged
    USD. `kept` is what the policy in force would allow, `free` what would be allowed without any constraint. `groups`
    are the priced groups of the log, `segment` the row of the problem that each became part of, folded by `policy`
    and `edges`. `ended` are models that no work may move to, since they end within a year, each with the words for it.
    """

    problem: Problem
    segments: pd.DataFrame
    scale: Scale | None
    yearly: float
    note: str | None
    lifted: dict[str, np.ndarray]
    excluded: dict[str, tuple[int, Decimal]]
    kept: np.ndarray
    free: np.ndarray
    groups: pd.DataFrame
    segment: np.ndarray
    scope: ClosedScope
    policy: Policy
    edges: tuple[int, ...]
    ended: dict[str, str]

    @property
    def current_shares(self) -> np.ndarray:
        """The mix as logged."""
        shares = np.zeros_like(self.problem.cost_usd)
        shares[np.arange(len(shares)), self.problem.current] = 1.0
        return shares


def programme(
    view: Ledger,
    scope: Scope,
    market: Market,
    targets: Iterable[str] = (),
    *,
    policy: Policy | None = None,
    held: Policy | None = None,
    scale: str | None = None,
) -> Programme:
    """Fold the scope and price every target on every segment. Targets are added to the models of the log.

    Only the constraints of `policy` are used; those of `held`, the policy in force, are looked at beside them.
    Raises NoData for an empty scope, BadInput for an unknown target or scale.
    """
    for target in targets:
        market.catalog.canonical(target.partition("@")[0])
    rules, enforced, watched = _beside(policy or Policy(name="no constraints", fallback=("current",)), held)
    covered = coverage(view, scope)
    yearly, edges = covered.per_year(), [*BANDS, *market.edges([*targets, *market.catalog])]
    scope = scope.between(covered.start, covered.end).leaving_out(covered.missing)
    folded = fold(view, scope, folding(rules, edges, rules=False))
    rows, excluded = _priced(folded)
    routes = rows[["model", "provider", "host"]].itertuples(index=False, name=None)
    present = [market.logged_target(*(None if pd.isna(v) else v for v in route)) for route in routes]
    spent = rows["cost_usd"].astype(float).groupby(pd.Series(present)).sum().sort_values(ascending=False)
    names = tuple(dict.fromkeys([*spent.index, *targets]))
    yardstick = _yardstick(market, rows, names, scale)
    problem, masks = _problem(rows, present, names, market, rules, (enforced, watched), yardstick, yearly)
    problem, masks, together, segment = _tail_together(problem, masks, rows)
    kept, free = masks.pop(KEPT), masks.pop(FREE)
    return Programme(
        problem,
        together,
        yardstick,
        yearly,
        "; ".join(filter(None, (f"annualised from {covered.basis}", covered.caution))),
        lifted=masks,
        excluded=excluded,
        kept=kept,
        free=free,
        groups=rows,
        segment=segment,
        scope=scope,
        policy=rules,
        edges=tuple(edges),
        ended={name: words for name in names if (words := market.ending(name))},
    )


def _priced(folded: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, tuple[int, Decimal]]]:
    """The rows with a price and token counts; requests and dollars of the others, by why they are left out.

    Raises NoData when none is left.
    """
    rows = folded[folded["basis"] == "priced"].reset_index(drop=True)
    excluded = {
        str(name): (int(part["calls"].sum()), sum(part["cost_usd"].dropna(), Decimal(0)))
        for name, part in folded.groupby("basis")
        if name != "priced"
    }
    if rows.empty:
        raise NoData(
            "None of the requests in this scope has a price and token counts; a what-if needs both. See Data and "
            "prices."
        )
    return rows, excluded


def _beside(policy: Policy, held: Policy | None) -> tuple[Policy, Which, Which]:
    """The policy with the constraints of the one in force after its own; which are its own, and which are in force."""
    own = frozenset(range(len(policy.constraints)))
    if held is None or held.constraints == policy.constraints:
        return policy, own, own if held else frozenset()
    both = (*policy.constraints, *held.constraints)
    return policy.model_copy(update={"constraints": both}), own, frozenset(range(len(own), len(both)))


def _yardstick(market: Market, rows: pd.DataFrame, names: tuple[str, ...], scale: str | None) -> Scale | None:
    found = scales(market.catalog, rows, names)
    if scale and scale not in [s.name for s in found]:
        raise BadInput(
            f"There is no quality scale `{scale}` for this traffic; known are: "
            f"{', '.join(s.name for s in found) or 'none'}."
        )
    return next((s for s in found if scale in (None, s.name)), None)


def _problem(
    rows: pd.DataFrame,
    present: list[str],
    names: tuple[str, ...],
    market: Market,
    policy: Policy,
    which: tuple[Which, Which],
    scale: Scale | None,
    yearly: float,
) -> tuple[Problem, dict[str, np.ndarray]]:
    size = (len(rows), len(names))
    cost, quality = np.full(size, np.nan), np.full(size, np.nan)
    current = np.array([names.index(target) for target in present])
    for column, target in enumerate(names):
        cost[:, column] = market.cost_usd(rows, target) * yearly
        if scale:
            quality[:, column] = score_of(market.catalog, [target] * len(rows), rows["task_type"], scale.name)
    cost[np.arange(len(rows)), current] = rows["cost_usd"].astype(float) * yearly  # what stays costs what was logged
    allowed, refusals, lifted = _permissions(rows, names, current, market, policy, *which)
    facts = [market.catalog.get(name.partition("@")[0]) for name in names]
    problem = Problem(
        rows["calls"].to_numpy(float) * yearly,
        cost,
        quality,
        allowed,
        current,
        names,
        tuple((f.vendor if f else None) or "unknown" for f in facts),
        tuple((f.origin if f else None) or "unknown" for f in facts),
        tuple(rows["criticality"]),
        refusals,
    )
    return problem, lifted


def _permissions(
    rows: pd.DataFrame,
    names: tuple[str, ...],
    current: np.ndarray,
    market: Market,
    policy: Policy,
    own: Which,
    held: Which,
) -> tuple[np.ndarray, dict[tuple[int, int], str], dict[str, np.ndarray]]:
    """What is allowed where, the reason for each refusal, and what would be allowed without each constraint.

    The constraints `own` hold; `held` are those of the policy in force, which may be others.
    """
    candidates = [resolve(name, {}, market.catalog) for name in names]
    ends = [market.ending(name) for name in names]

    @cache
    def reason(mask: int, tokens: int | None, model: int, logged: bool, which: Which) -> str | None:
        holding = [policy.constraints[i] for i in active(mask) if i in which]
        why = first_refusal(candidates[model], holding, {"input_tokens": tokens}, market.catalog)
        return None if logged and why == CLOSED_WEIGHTS else why  # whatever the catalogue says, it ran there

    apart = rows["separate"].to_numpy(bool)
    no_chat = set(current[apart]) - set(current[~apart])  # columns of models that this log knows for other work only

    def line(mask: int, band: float, separate: bool, here: int, which: Which = own) -> list[str | None]:
        # What answered the logged request had room for it, whatever the catalogue says about its window.
        sizes = [None if pd.isna(band) or m == here else int(band) for m in range(len(names))]
        return [
            OTHER_WORK
            if m != here and (separate or m in no_chat)
            else (m != here and ends[m]) or reason(int(mask), tokens, m, m == here, which)
            for m, tokens in enumerate(sizes)
        ]

    kinds = list(zip(rows["mask"], rows["band"], apart, current, strict=True))
    table = [line(*kind) for kind in kinds]
    refusals = {(s, m): why for s, reasons in enumerate(table) for m, why in enumerate(reasons) if why}
    sets = {words(c): own - {i} for i, c in enumerate(policy.constraints) if i in own}
    lifted = {
        name: np.array([[why is None for why in line(*kind, which)] for kind in kinds])
        for name, which in ({**sets, KEPT: held, FREE: frozenset()}).items()
    }
    return np.array([[why is None for why in reasons] for reasons in table]), refusals, lifted


def _tail_together(
    problem: Problem, lifted: dict[str, np.ndarray], rows: pd.DataFrame
) -> tuple[Problem, dict[str, np.ndarray], pd.DataFrame, np.ndarray]:
    """Segments beyond the largest by cost, put together where permission, criticality and model agree.

    Costs add up and qualities average by requests, so any mix of the smaller problem is a mix of the whole.
    """
    if len(rows) <= MOST_SEGMENTS:
        return problem, lifted, rows, np.arange(len(rows))
    here = problem.cost_usd[np.arange(len(rows)), problem.current]
    small = np.argsort(-here)[MOST_SEGMENTS:]
    group = np.arange(len(rows))
    patterns: dict[tuple[Any, ...], int] = {}
    for s in small:
        known = np.isfinite(problem.cost_usd[s]).tobytes() + np.isfinite(problem.quality[s]).tobytes()
        key = (
            problem.allowed[s].tobytes(),
            problem.criticality[s],
            int(problem.current[s]),
            known,
            *(m[s].tobytes() for m in lifted.values()),
        )
        group[s] = patterns.setdefault(key, int(s))
    keep, place = np.unique(group, return_inverse=True)
    weights = np.bincount(place, problem.weights)
    share = np.divide(problem.weights, weights[place], out=np.zeros(len(rows)), where=weights[place] > 0)

    def fold_sum(values: np.ndarray) -> np.ndarray:
        return np.array([np.bincount(place, column) for column in values.T]).T

    merged = Problem(
        weights,
        fold_sum(problem.cost_usd),
        fold_sum(problem.quality * share[:, None]),
        problem.allowed[keep],
        problem.current[keep],
        problem.models,
        problem.vendors,
        problem.origins,
        tuple(problem.criticality[i] for i in keep),
        {(int(np.searchsorted(keep, s)), m): why for (s, m), why in problem.refusals.items() if group[s] == s},
    )
    together = rows.iloc[keep].reset_index(drop=True)
    sums = [*TOKENS, "tool_fees_usd", "latency_ms_sum", "latency_count"]
    together[sums] = rows[sums].groupby(place).sum(min_count=1)
    return merged, {name: mask[keep] for name, mask in lifted.items()}, together, place
