"""Why spend moved between two periods: a bridge that closes to the cent.

The cost of a model (a cell) in one period is written as a product,

    days x requests a day x answers per request x share of the answers x paid share
         x (input per answer x cache split x input prices + output per answer x output price)
         x (1 + cost of failed attempts / cost of answers),

and the change of every factor gets its Shapley value: its effect averaged over all orders in which
the factors could have changed. Shapley rather than one fixed order because only then does
swapping the periods negate every driver and no driver depend on where it stands in a list.
A model present in one period only counts as mix: its prices and sizes are taken as unchanged.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.paid_prices import KINDS, paid_prices

CENT = Decimal("0.01")
CELL = ("group", "provider", "model")
COUNTS = ("attempts", "retries", "failed", "gateway")
COLUMNS = (*CELL, *COUNTS, "cost_usd", "failed_cost_usd", *KINDS)

FACTORS = {
    "days": "Length of the period",
    "volume": "Volume",
    "mix": "Model mix",
    "input": "Input tokens per request",
    "output": "Output tokens per request",
    "cache": "Cache",
    "price": "Price",
    "retries": "Retries and failures",
}
LABELS = {**FACTORS, "rest": "Everything else"}
ALLOWANCE = {"allowance": "Allowance in the budget"}


class Driver(NamedTuple):
    """One cause of the change; `usd` is signed, more cost is positive."""

    name: str
    usd: Decimal

    @property
    def label(self) -> str:
        return (LABELS | ALLOWANCE)[self.name]


class Bridge(NamedTuple):
    """start_usd + sum of the drivers = end_usd, exactly, in cents."""

    start_usd: Decimal
    end_usd: Decimal
    drivers: tuple[Driver, ...]

    @property
    def change_usd(self) -> Decimal:
        return self.end_usd - self.start_usd

    @property
    def main(self) -> Driver:
        """The driver with the largest effect in the direction of the change."""
        return self.largest()

    def largest(self, but: tuple[str, ...] = ()) -> Driver:
        """The largest driver that points where the change points, some left out; of no change, simply the largest."""
        sign = (self.change_usd > 0) - (self.change_usd < 0)
        chosen = [driver for driver in self.drivers if driver.name not in but]
        agreeing = [driver for driver in chosen if driver.usd * sign > 0]
        return max(agreeing or chosen, key=lambda driver: abs(driver.usd))


def bridge(
    start: pd.DataFrame, end: pd.DataFrame, start_days: int, end_days: int, rates: pd.DataFrame | None = None
) -> Bridge:
    """The change from `start` to `end` as one bridge; frames as `bridges` takes them, groups ignored."""
    whole = bridges(start.assign(group="all"), end.assign(group="all"), start_days, end_days, rates)
    return whole.get("all") or _closed(Decimal(0), Decimal(0), dict.fromkeys(LABELS, 0.0))


def bridges(
    start: pd.DataFrame, end: pd.DataFrame, start_days: int, end_days: int, rates: pd.DataFrame | None = None
) -> dict[str, Bridge]:
    """One bridge per value of `group`; starts and ends add up to the totals, to a cent per group.

    Work that moves from one group to another is volume in both. Rows may be finer than
    (group, provider, model): the finer they are, the better prices per token kind are recovered.

    Args:
        start, end: priced usage with COLUMNS; tokens are those of answers that were paid for
            (neither failed nor answered by a gateway's cache); cost as Decimal USD.
        start_days, end_days: length of the periods in days.
        rates: list prices, see `unit_prices.paid_prices`.
    """
    names = sorted({*start["group"], *end["group"]}, key=str)
    if not names:
        return {}
    prices = paid_prices(start, end, rates)
    cells = _cells(start, end)
    group = cells.index.get_level_values("group").map({name: n for n, name in enumerate(names)}).to_numpy()
    sides = [_side(cells, side, group, len(names), days, prices) for side, days in ((0, start_days), (1, end_days))]
    _fill_absent(*sides)
    effects = _shapley(*sides)
    effects["rest"] = sides[1]["rest"] - sides[0]["rest"]
    return {
        name: _closed(
            _total(start, name),
            _total(end, name),
            {key: float(effect[group == n].sum()) for key, effect in effects.items()},
        )
        for n, name in enumerate(names)
    }


def _cells(start: pd.DataFrame, end: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, columns (side, measure), floats; absent cells are zero."""
    measures = [column for column in COLUMNS if column not in CELL]
    sides = []
    for frame in (start, end):
        floats = frame[measures].astype(float).fillna(0.0)
        keys = [frame[column].astype(object).where(frame[column].notna(), "unknown") for column in CELL]
        sides.append(floats.groupby(keys, sort=True).sum())
    return pd.concat(sides, axis=1, keys=(0, 1)).fillna(0.0).sort_index()


def _side(
    cells: pd.DataFrame, side: int, group: np.ndarray, groups: int, days: int, prices: dict
) -> dict[str, np.ndarray]:
    """Every factor of one period, per cell; NaN where the period says nothing about it."""
    at = cells[side]
    column = {name: at[name].to_numpy() for name in at.columns}
    answers = column["attempts"] - column["failed"]
    answered_cost = column["cost_usd"] - column["failed_cost_usd"]
    # Failures without a paid answer beside them have no price to hang on: they are "the rest".
    orphan = (answers <= 0) | ((answered_cost == 0) & (column["failed_cost_usd"] != 0))
    rest = np.where(orphan, column["cost_usd"], 0.0)
    answers = np.where(orphan, 0.0, answers)

    per_group = np.bincount(group, column["attempts"] - column["retries"], groups)[group]
    answers_per_group = np.bincount(group, answers, groups)[group]
    requests = np.where(per_group > 0, per_group, answers_per_group)
    paid = np.where((answers > column["gateway"]) | (answered_cost == 0), answers - column["gateway"], answers)
    tokens = np.stack([column[kind] for kind in KINDS], axis=1)
    list_price = np.array([prices[side, provider, model] for _, provider, model in cells.index])
    listed = (tokens * list_price).sum(axis=1)
    inputs = tokens[:, :4].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(listed > 0, answered_cost / listed, 1.0)
        return {
            "rest": rest,
            "days": np.full(len(group), float(days)),
            "volume": requests / days,
            "answers": _ratio(answers_per_group, requests),
            "failed": np.where(answers > 0, _ratio(column["failed_cost_usd"], answered_cost, 0.0), np.nan),
            "mix": _ratio(answers, answers_per_group),
            "gateway": _ratio(answers - paid, answers),
            "input": _ratio(inputs, paid),
            "split": np.where((inputs > 0)[:, None], tokens[:, :4] / inputs[:, None], np.nan),
            "output": _ratio(tokens[:, 4], paid),
            "price": np.where((paid > 0)[:, None], list_price * scale[:, None], np.nan),
            "flat": np.where(paid > 0, np.where(listed > 0, 0.0, answered_cost / paid), np.nan),
        }


def _ratio(above: np.ndarray, below: np.ndarray, nothing: float = np.nan) -> np.ndarray:
    return np.where(below != 0, above / below, nothing)


def _fill_absent(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """What one period does not know is taken as unchanged; what neither knows is neutral."""
    neutral = {"answers": 1.0, "split": 0.25}
    for name in first:
        for one, other in ((first, second), (second, first)):
            one[name] = np.where(np.isnan(one[name]), other[name], one[name])
        for one in (first, second):
            one[name] = np.where(np.isnan(one[name]), neutral.get(name, 0.0), one[name])


def _shapley(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Shapley value of each factor per cell, by evaluating every subset of changed factors.

    A subset is paired with its complement, so that swapping the periods negates each term exactly.
    """
    names = list(FACTORS)
    count = len(names)
    everything = (1 << count) - 1
    sides = (first, second)
    costs = [_cost({name: sides[subset >> n & 1] for n, name in enumerate(names)}) for subset in range(1 << count)]
    effects = {}
    for n, name in enumerate(names):
        effect = np.zeros_like(first["rest"])
        for subset in range(1 << count):
            if subset >> n & 1:
                size = subset.bit_count()
                weight = math.factorial(size - 1) * math.factorial(count - size) / math.factorial(count)
                effect += weight * (costs[subset] - costs[everything ^ subset])
        effects[name] = effect
    return effects


def _cost(chosen: dict[str, dict[str, np.ndarray]]) -> np.ndarray:
    """Cost per cell with every factor taken from the side `chosen` names."""
    cache, price, retries = chosen["cache"], chosen["price"], chosen["retries"]
    per_answer = (
        price["flat"]
        + chosen["input"]["input"] * (cache["split"] * price["price"][:, :4]).sum(axis=1)
        + chosen["output"]["output"] * price["price"][:, 4]
    )
    answers = chosen["days"]["days"] * chosen["volume"]["volume"] * retries["answers"] * chosen["mix"]["mix"]
    return answers * (1 - cache["gateway"]) * per_answer * (1 + retries["failed"])


def _total(frame: pd.DataFrame, group: str) -> Decimal:
    costs = frame.loc[frame["group"] == group, "cost_usd"].dropna()
    return sum((Decimal(cost) for cost in costs), Decimal(0)).quantize(CENT)


def _closed(start_usd: Decimal, end_usd: Decimal, effects: dict[str, float]) -> Bridge:
    """Rounds to cents; what rounding leaves goes to the largest driver, where it shows least."""
    cents = {name: Decimal(repr(round(usd, 9))).quantize(CENT) + 0 for name, usd in effects.items()}
    largest = max(cents, key=lambda name: abs(effects[name]))
    cents[largest] += end_usd - start_usd - sum(cents.values())
    return Bridge(start_usd, end_usd, tuple(Driver(name, cents[name]) for name in LABELS))
