"""Why spend moved between two periods: a bridge that closes to the cent.

The cost of a model on one kind of work (a cell) in one period is written as a product,

    days x requests a day for the work x share of them asked of the model x answers per request x paid share
         x (input per answer x cache split x input prices + output per answer x output price)
         x (1 + cost of failed attempts / cost of answers),

and the change of every factor gets its Shapley value: its effect averaged over all orders in which
the factors could have changed. Shapley rather than one fixed order because only then does
swapping the periods negate every driver and no driver depend on where it stands in a list.
The effect of a work's requests is then told apart into all requests of the group (volume) and the work's share
of them (work mix), so that a shift between features is no longer output, and every other driver of a whole is the
sum of it over its parts, for parts made of whole kinds of work.
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
FLOAT_SHARE = Decimal("1e-9")  # of the sums: what floating point may lose of them
CELL = ("group", "work", "provider", "model")
COUNTS = ("attempts", "retries", "failed", "gateway")
COLUMNS = ("group", "provider", "model", *COUNTS, "cost_usd", "failed_cost_usd", *KINDS)

FACTORS = {
    "days": "Length of the period",
    "volume": "Volume",
    "work": "Work mix",
    "mix": "Model mix",
    "input": "Input tokens per request",
    "output": "Output tokens per request",
    "cache": "Cache",
    "price": "Price",
    "retries": "Retries and failures",
}
LABELS = {**FACTORS, "rest": "Everything else"}
CHANGED = tuple(name for name in FACTORS if name not in ("volume", "work"))  # beside the requests of a work
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
    (group, work, provider, model): the finer they are, the better prices per token kind are recovered.

    Args:
        start, end: priced usage with COLUMNS, and `work`, the kind of work, where it is known; tokens are those of
            answers that were paid for (neither failed nor answered by a gateway's cache); cost as Decimal USD.
        start_days, end_days: length of the periods in days.
        rates: list prices, see `unit_prices.paid_prices`.
    """
    names = sorted({*start["group"], *end["group"]}, key=str)
    if not names:
        return {}
    prices = paid_prices(start, end, rates)
    cells = _cells(start, end)
    group = cells.index.get_level_values("group").map({name: n for n, name in enumerate(names)}).to_numpy()
    work = cells.index.droplevel(["provider", "model"]).factorize()[0]
    first, second = (_side(cells, side, work, days, prices) for side, days in ((0, start_days), (1, end_days)))
    _tell_fallbacks(first, second)
    _fill_absent(first, second)
    effects = _shapley(first, second)
    effects |= _volume_and_work(effects.pop("requests"), first, second, group, work)
    effects["rest"] = second["rest"] - first["rest"]
    return {
        name: _closed(
            _total(start, name),
            _total(end, name),
            {key: float(effects[key][group == n].sum()) for key in LABELS},
        )
        for n, name in enumerate(names)
    }


def _cells(start: pd.DataFrame, end: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, columns (side, measure), floats; absent cells are zero."""
    measures = [column for column in COLUMNS if column not in CELL]
    sides = []
    for frame in (start, end):
        frame = frame if "work" in frame else frame.assign(work="all")
        floats = frame[measures].astype(float).fillna(0.0)
        keys = [frame[column].astype(object).where(frame[column].notna(), "unknown") for column in CELL]
        sides.append(floats.groupby(keys, sort=True).sum())
    return pd.concat(sides, axis=1, keys=(0, 1)).fillna(0.0).sort_index()


def _side(cells: pd.DataFrame, side: int, work: np.ndarray, days: int, prices: dict) -> dict[str, np.ndarray]:
    """Every factor of one period, per cell; NaN where the period says nothing about it."""
    at = cells[side]
    column = {name: at[name].to_numpy() for name in at.columns}
    answers = column["attempts"] - column["failed"]
    answered_cost = column["cost_usd"] - column["failed_cost_usd"]
    # Failures without a paid answer beside them have no price to hang on: they are "the rest".
    orphan = (answers <= 0) | ((answered_cost == 0) & (column["failed_cost_usd"] != 0))
    rest = np.where(orphan, column["cost_usd"], 0.0)
    answers = np.where(orphan, 0.0, answers)

    asked = column["attempts"] - column["retries"]
    asked_of_work, answers_of_work = (np.bincount(work, each)[work] for each in (asked, answers))
    requests = np.where(asked_of_work > 0, asked_of_work, answers_of_work)
    asked = np.where(asked_of_work > 0, asked, answers)
    paid = np.where((answers > column["gateway"]) | (answered_cost == 0), answers - column["gateway"], answers)
    tokens = np.stack([column[kind] for kind in KINDS], axis=1)
    list_price = np.array([prices[side, provider, model] for *_, provider, model in cells.index])
    listed = (tokens * list_price).sum(axis=1)
    inputs = tokens[:, :4].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(listed > 0, answered_cost / listed, 1.0)
        return {
            "rest": rest,
            "days": np.full(len(work), float(days)),
            "requests": requests / days,
            "asked": asked,
            "got": answers,
            "mix": _ratio(asked, requests),
            "answers": _ratio(answers, asked),
            "failed": np.where(answers > 0, _ratio(column["failed_cost_usd"], answered_cost, 0.0), np.nan),
            "mix by answers": _ratio(answers, answers_of_work),
            "answers of work": _ratio(answers_of_work, requests),
            "gateway": _ratio(answers - paid, answers),
            "input": _ratio(inputs, paid),
            "split": np.where((inputs > 0)[:, None], tokens[:, :4] / inputs[:, None], np.nan),
            "output": _ratio(tokens[:, 4], paid),
            "price": np.where((paid > 0)[:, None], list_price * scale[:, None], np.nan),
            "flat": np.where(paid > 0, np.where(listed > 0, 0.0, answered_cost / paid), np.nan),
        }


def _ratio(above: np.ndarray, below: np.ndarray, nothing: float = np.nan) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(below), nothing), where=below != 0)


def _tell_fallbacks(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Models that answer where nobody asked them: their answers are retries of other models' requests.

    Where such a model is asked first in the other period, its share of the answers is what can be compared.
    """
    unasked = [(side["asked"] <= 0) & (side["got"] > 0) for side in (first, second)]
    either, chosen = unasked[0] | unasked[1], [(side["asked"] > 0) & (side["got"] > 0) for side in (first, second)]
    compared = either & (chosen[0] | chosen[1])
    for side in (first, second):
        answers = _ratio(side["got"], side["requests"] * side["days"])
        side["mix"] = np.where(compared, side["mix by answers"], np.where(either, 1.0, side["mix"]))
        side["answers"] = np.where(compared, side["answers of work"], np.where(either, answers, side["answers"]))


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

    `requests` holds what one request a day more of the work costs. A subset is paired with its complement, so that
    swapping the periods negates each term exactly.
    """
    names = ("requests", *CHANGED)
    count, everything = len(names), (1 << len(names)) - 1
    sides = (first, second)
    each = [_cost({name: sides[s >> n & 1] for n, name in enumerate(CHANGED)}) for s in range(1 << len(CHANGED))]
    weights = [
        math.factorial(size - 1) * math.factorial(count - size) / math.factorial(count) for size in range(1, count + 1)
    ]
    effects = {name: np.zeros_like(first["rest"]) for name in names}
    for subset in range(1, 1 << count):
        weight, other = weights[subset.bit_count() - 1], everything ^ subset
        cost, without = (sides[chosen & 1]["requests"] * each[chosen >> 1] for chosen in (subset, other))
        for n, name in enumerate(CHANGED, start=1):
            if subset >> n & 1:
                effects[name] += weight * (cost - without)
        if subset & 1:
            # Every subset stands beside its complement here, so both orders of the periods give the same sum.
            effects["requests"] += weight * (each[subset >> 1] + each[other >> 1]) / 2
    return effects


def _volume_and_work(
    per_request: np.ndarray,
    first: dict[str, np.ndarray],
    second: dict[str, np.ndarray],
    group: np.ndarray,
    work: np.ndarray,
) -> dict[str, np.ndarray]:
    """The effect of each work's requests, told apart: all requests of the group, and the work's share of them."""
    _, once = np.unique(work, return_index=True)
    totals = [np.bincount(group[once], side["requests"][once], group.max() + 1)[group] for side in (first, second)]
    shares = [_ratio(side["requests"], total, 0.0) for side, total in zip((first, second), totals, strict=True)]
    return {
        "volume": per_request * (totals[1] - totals[0]) * (shares[0] + shares[1]) / 2,
        "work": per_request * (shares[1] - shares[0]) * (totals[0] + totals[1]) / 2,
    }


def _cost(chosen: dict[str, dict[str, np.ndarray]]) -> np.ndarray:
    """Cost per cell of one request a day of its work, every factor taken from the side `chosen` names."""
    cache, price, retries = chosen["cache"], chosen["price"], chosen["retries"]
    per_answer = (
        price["flat"]
        + chosen["input"]["input"] * (cache["split"] * price["price"][:, :4]).sum(axis=1)
        + chosen["output"]["output"] * price["price"][:, 4]
    )
    answers = chosen["days"]["days"] * retries["answers"] * chosen["mix"]["mix"]
    return answers * (1 - cache["gateway"]) * per_answer * (1 + retries["failed"])


def _total(frame: pd.DataFrame, group: str) -> Decimal:
    costs = frame.loc[frame["group"] == group, "cost_usd"].dropna()
    return sum((Decimal(cost) for cost in costs), Decimal(0)).quantize(CENT)


def _closed(start_usd: Decimal, end_usd: Decimal, effects: dict[str, float]) -> Bridge:
    """Rounds to cents; what rounding leaves goes to the largest driver, where it shows least.

    More than rounding is a fault of the method and never shown as a driver: it raises ArithmeticError.
    """
    cents = {name: Decimal(repr(round(usd, 9))).quantize(CENT) + 0 for name, usd in effects.items()}
    largest = max(cents, key=lambda name: abs(effects[name]))
    left = end_usd - start_usd - sum(cents.values())
    if abs(left) > CENT * len(LABELS) + FLOAT_SHARE * (abs(start_usd) + abs(end_usd)):
        raise ArithmeticError(f"the drivers leave {left} of a change of {end_usd - start_usd} USD unexplained")
    cents[largest] += left
    return Bridge(start_usd, end_usd, tuple(Driver(name, cents[name]) for name in LABELS))
