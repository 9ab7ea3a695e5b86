"""The cheapest mix that keeps its promises: a linear programme over segment x model.

Variables are shares of a segment's requests answered by a model. Compliance and context windows take
variables away; quality floors, capacities, caps, minimum shares and a limit on what may move are
rows. Solved by scipy's HiGHS; the duals of the rows are what each promise costs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from pydantic import Field
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from data.errors import BadInput, NoData
from simulations.scenario import Part

CENT = 1e-6  # of a cost: what rounding in a log makes of two equal prices


class Demands(Part):
    """What the mix must keep. Shares are of requests; quality is 0 to 1; capacity is requests a year.

    `vendor_cap` and `origin_cap` bound named groups, `any_vendor_cap` bounds every vendor (resilience:
    0.8 keeps a fifth elsewhere), `min_share` keeps that much on a model or vendor. `max_latency_ms` bounds the mean
    wait by each model's own `latency_ms`, `max_p50_ms` and `max_p95_ms` the wait that half and 95 % of the answers
    stay within by the share of each model's answers that take longer (`later_than_p50`, `later_than_p95`), and
    `max_failure_share` what fails by its own `failure_share`; a model without a record is then left out.
    """

    quality_floor: float | None = Field(None, ge=0, le=1)
    floor_by_criticality: dict[str, float] = {}
    capacity: dict[str, float] = {}
    vendor_cap: dict[str, float] = {}
    origin_cap: dict[str, float] = {}
    any_vendor_cap: float | None = Field(None, ge=0, le=1)
    min_share: dict[str, float] = {}
    max_moved_share: float | None = Field(None, ge=0, le=1)
    max_latency_ms: float | None = Field(None, gt=0)
    latency_ms: dict[str, float] = {}
    max_p50_ms: float | None = Field(None, gt=0)
    later_than_p50: dict[str, float] = {}
    max_p95_ms: float | None = Field(None, gt=0)
    later_than_p95: dict[str, float] = {}
    max_failure_share: float | None = Field(None, ge=0, le=1)
    failure_share: dict[str, float] = {}

    @property
    def service(self) -> list[Service]:
        """The promises that stand on every model's record in the log."""
        asked = (
            ("max_latency_ms", "limit on the mean latency", self.latency_ms, self.max_latency_ms),
            ("max_p50_ms", "limit on the P50 latency", self.later_than_p50, self.max_p50_ms and 0.5),
            ("max_p95_ms", "limit on the P95 latency", self.later_than_p95, self.max_p95_ms and 0.05),
            ("max_failure_share", "limit on failures", self.failure_share, self.max_failure_share),
        )
        return [Service(field, name, record, bound) for field, name, record, bound in asked if bound is not None]


class Service(NamedTuple):
    """A promise of speed or of few failures: its field, its name, each model's record, the mean that bounds it."""

    field: str
    name: str
    record: dict[str, float]
    bound: float


@dataclass(frozen=True)
class Problem:
    """Segments and models with their figures.

    `weights` requests a year per segment; `cost_usd` a year if the model took the whole segment;
    `quality` 0 to 1 (NaN unknown); `allowed` by compliance and context window; `current` the column
    of the segment's present model (-1 none); labels per segment and per model.
    """

    weights: np.ndarray
    cost_usd: np.ndarray
    quality: np.ndarray
    allowed: np.ndarray
    current: np.ndarray
    models: tuple[str, ...]
    vendors: tuple[str, ...]
    origins: tuple[str, ...]
    criticality: tuple[str, ...]
    refusals: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def judged(self) -> np.ndarray:
        """The weights that count for quality: 0 where no model that may serve the segment has a known quality.

        Such work stays as it is, and no quality is claimed for it.
        """
        known = (self.allowed & np.isfinite(self.cost_usd) & np.isfinite(self.quality)).any(1)
        return np.where(known, self.weights, 0.0) if known.any() else self.weights


class Row(NamedTuple):
    """One promise as `coefficients . x <= bound`, with its name; `scale` turns the bound into what people say."""

    name: str
    coefficients: np.ndarray
    bound: float
    scale: float


class Solution(NamedTuple):
    """Shares (segments x models), USD a year, quality (None if any part is unknown), duals by row name.

    A dual is USD a year for one unit (1.0 of quality or of the share of requests); a point is 0.01 of it.
    """

    shares: np.ndarray
    cost_usd: float
    quality: float | None
    duals: dict[str, float]


class Infeasible(NamedTuple):
    """Why no mix keeps every promise: rows whose removal alone helps, segments no model may serve."""

    blocking: tuple[str, ...]
    stranded: tuple[int, ...]
    best_quality: float | None


def optimise(problem: Problem, demands: Demands) -> Solution | Infeasible:
    """Least annual cost under the demands. Raises NoData for no segments, BadInput for names not in the problem."""
    if not len(problem.weights) or problem.weights.sum() <= 0:
        raise NoData("There is no traffic in this scope to optimise; choose another span or filter.")
    open_ = usable(problem, demands)
    stranded = np.flatnonzero(~open_.any(1))
    if len(stranded):
        return Infeasible((), tuple(int(s) for s in stranded), None)
    rows = promises(problem, demands)
    found = _solve(problem, open_, rows)
    return found if found else _explained(problem, open_, rows)


def usable(problem: Problem, demands: Demands) -> np.ndarray:
    """Where a model may be used: allowed, priced, and of known quality where a floor asks for it."""
    mask = problem.allowed & np.isfinite(problem.cost_usd)
    for promise in demands.service:
        mask = mask & np.array([name in promise.record for name in problem.models])
    asked = np.array(
        [demands.quality_floor is not None or c in demands.floor_by_criticality for c in problem.criticality]
    )
    return mask & (np.isfinite(problem.quality) | ~asked[:, None] | _staying(problem))


def _staying(problem: Problem) -> np.ndarray:
    """The present model of every segment that cannot be judged: the only one it may keep under a quality floor."""
    stays = np.zeros_like(problem.allowed)
    rows = np.flatnonzero((problem.judged == 0) & (problem.current >= 0))
    stays[rows, problem.current[rows]] = True
    return stays


def promises(problem: Problem, demands: Demands) -> list[Row]:
    """The demands as rows."""
    weights, total, judged = problem.weights, float(problem.weights.sum()), problem.judged
    spread = np.repeat(weights[:, None], len(problem.models), axis=1)
    quality = np.nan_to_num(problem.quality) * judged[:, None]
    rows = []
    if demands.quality_floor is not None:
        rows.append(Row("quality floor", -quality, -demands.quality_floor * float(judged.sum()), float(judged.sum())))
    for level, floor in demands.floor_by_criticality.items():
        inside = np.array([c == level for c in problem.criticality])
        part = float(judged[inside].sum())
        if part:
            rows.append(Row(f"quality floor for {level} criticality", -quality * inside[:, None], -floor * part, part))
    for model, requests in demands.capacity.items():
        rows.append(Row(f"capacity of {model}", spread * _column(problem, model), requests, total))
    caps = [("vendor", problem.vendors, v, c) for v, c in demands.vendor_cap.items()]
    caps += [("origin", problem.origins, o, c) for o, c in demands.origin_cap.items()]
    if demands.any_vendor_cap is not None:
        caps += [("vendor", problem.vendors, v, demands.any_vendor_cap) for v in dict.fromkeys(problem.vendors)]
    for kind, labels, name, cap in caps:
        rows.append(Row(f"cap on {kind} {name}", spread * _group(labels, name, kind), cap * total, total))
    for name, share in demands.min_share.items():
        columns = _group(problem.vendors, name, "vendor") if name in problem.vendors else _column(problem, name)
        rows.append(Row(f"minimum share of {name}", -spread * columns, -share * total, total))
    if demands.max_moved_share is not None:
        stays = np.zeros_like(spread)
        kept = problem.current >= 0
        stays[np.flatnonzero(kept), problem.current[kept]] = weights[kept]
        rows.append(Row("limit on what may move", -stays, -(1 - demands.max_moved_share) * total, total))
    for promise in demands.service:
        record = np.array([promise.record.get(name, 0.0) for name in problem.models])
        rows.append(Row(promise.name, spread * record, promise.bound * total, total))
    return rows


def _column(problem: Problem, model: str) -> np.ndarray:
    return _group(problem.models, model, "model")


def _group(labels: tuple[str, ...], name: str, kind: str) -> np.ndarray:
    if name not in labels:
        raise BadInput(f"`{name}` is no {kind} of this simulation; use one of: {', '.join(dict.fromkeys(labels))}.")
    return np.array([label == name for label in labels], float)


def _solve(
    problem: Problem, open_: np.ndarray, rows: list[Row], objective: np.ndarray | None = None
) -> Solution | None:
    """One LP; None when infeasible. Costs are scaled to keep HiGHS's tolerances meaningful."""
    cells = np.flatnonzero(open_.ravel())
    cost = np.nan_to_num(problem.cost_usd).ravel() if objective is None else objective.ravel()
    scale = float(np.abs(cost[cells]).max()) or 1.0
    segments = cells // len(problem.models)
    equal = csr_matrix(
        (np.ones(len(cells)), (segments, np.arange(len(cells)))), shape=(len(problem.weights), len(cells))
    )
    above = csr_matrix(np.array([row.coefficients.ravel()[cells] / row.scale for row in rows])) if rows else None
    bounds = [row.bound / row.scale for row in rows] or None
    result = linprog(
        cost[cells] / scale,
        A_ub=above,
        b_ub=bounds,
        A_eq=equal,
        b_eq=np.ones(len(problem.weights)),
        bounds=(0, 1),
        method="highs",
    )
    if result.status != 0:
        return None
    flat = np.zeros(open_.size)
    flat[cells] = np.clip(result.x, 0, 1)
    shares = flat.reshape(open_.shape)
    shares = _staying_where_equal(problem, open_, rows, shares / shares.sum(1, keepdims=True))
    marginals = result.ineqlin.marginals if rows else []
    duals = {row.name: float(-marginal * scale) for row, marginal in zip(rows, marginals, strict=True)}
    return Solution(shares, total_cost(problem, shares), mean_quality(problem, shares), duals)


def _staying_where_equal(problem: Problem, open_: np.ndarray, rows: list[Row], shares: np.ndarray) -> np.ndarray:
    """The same mix without moves that gain nothing: of two equals the present model keeps the work.

    Left as it is where a promise would break, as when a vendor is full.
    """
    every = np.arange(len(shares))
    here = np.maximum(problem.current, 0)
    stays = (problem.current >= 0) & open_[every, here]
    same = np.isclose(problem.cost_usd, problem.cost_usd[every, here][:, None], rtol=CENT, atol=0)
    same &= (problem.quality == problem.quality[every, here][:, None]) & stays[:, None]
    kept = np.where(same, 0.0, shares)
    kept[every, here] += np.where(same, shares, 0.0).sum(1)
    holds = all((row.coefficients * kept).sum() <= row.bound + 1e-9 * row.scale for row in rows)
    return kept if holds else shares


def total_cost(problem: Problem, shares: np.ndarray) -> float:
    """USD a year of a mix given as shares per segment."""
    return float((np.nan_to_num(problem.cost_usd) * shares).sum())


def mean_quality(problem: Problem, shares: np.ndarray) -> float | None:
    """Request-weighted quality of the work that can be judged; None when a model used there has no known quality."""
    used = shares * problem.judged[:, None]
    if np.isnan(problem.quality[used > 0]).any():
        return None
    return float((np.nan_to_num(problem.quality) * used).sum() / problem.judged.sum())


def best_quality(problem: Problem, open_: np.ndarray, rows: list[Row]) -> Solution | None:
    """The mix of highest quality under the other promises, the cheapest of equals up to rounding."""
    others = [row for row in rows if not row.name.startswith("quality floor")]
    known = open_ & (np.isfinite(problem.quality) | _staying(problem))
    if not known.any(1).all():
        return None
    gain = np.nan_to_num(problem.quality) * problem.judged[:, None] / problem.judged.sum()
    cost = np.nan_to_num(problem.cost_usd)
    return _solve(problem, known, others, -gain + 1e-9 * cost / (cost.max() or 1.0))


def _explained(problem: Problem, open_: np.ndarray, rows: list[Row]) -> Infeasible:
    blocking = tuple(row.name for row in rows if _solve(problem, open_, [r for r in rows if r is not row]))
    top = best_quality(problem, open_, rows)
    return Infeasible(blocking, (), top.quality if top else None)
