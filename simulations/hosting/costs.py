"""What four ways to run the same work cost, month by month: API, a host, rented GPUs, bought GPUs.

Every function takes a mapping of figures (names below) that are floats, or arrays with one value per
Monte Carlo path; costs come back with months 0 (today, one-off) to `months` on the last axis, in USD.

    api_usd_per_month, host_usd_per_month       month 1, at today's traffic and prices
    growth_per_year, api_price_decline, host_price_decline, rent_drift        shares per year
    load_replicas, throughput_factor            busy replicas at the objective; factor on their speed
    gpus_per_replica, spare_replicas            N+1 is spare_replicas 1
    burst_share                                 share of the API bill that stays there (hybrid)
    rent_usd_per_gpu_hour, rented_hours_share   the share is below 1 where the fleet follows the load
    rent_term_months                            a rented GPU is paid for at least so long; 0 on demand
    usd_per_gpu                                 bought
    kw_per_gpu, gpu_power_utilisation, pue, electricity_usd_per_kwh, colocation_usd_per_kw_month
    network_share_of_purchase, support_share_per_year, residual_share, depreciation_years
    engineers_one_off, weeks_one_off, ongoing_fte, engineer_salary_usd_per_year, migration_usd
    quality_gap_usd_per_month                   review and retries that the weaker model causes
    other_own_usd_per_month                     running costs stated as one figure
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from data.calendar import HOURS_PER_MONTH, WEEKS_PER_YEAR
from simulations.hosting.finance import book_value, capital_recovery

Figures = Mapping[str, float | np.ndarray]
OPTIONS = ("api", "host", "rented", "bought")
ROUNDING = 1e-9  # a load of exactly three replicas needs three


def options_of(x: Figures) -> tuple[str, ...]:
    """The options for which the figures suffice; the API always."""
    needs = {
        "api": "api_usd_per_month",
        "host": "host_usd_per_month",
        "rented": "rent_usd_per_gpu_hour",
        "bought": "usd_per_gpu",
    }
    return tuple(option for option in OPTIONS if needs[option] in x)


def costs(x: Figures, option: str, months: int, *, whole: bool = True, sold: bool = True) -> np.ndarray:
    """Cash out per month of one option, staff and hardware included; `whole` rounds replicas up.

    With `sold`, what bought hardware is worth at the end comes back in the last month.
    """
    month = np.arange(months + 1, dtype=float)
    if option in ("api", "host"):
        return _priced(x, f"{option}_usd_per_month", f"{option}_price_decline", month)
    fleet = gpus(x, months, option, whole=whole)
    hardware = _rent(x, fleet, month) if option == "rented" else _purchase(x, fleet, month, sold=sold)
    return hardware + _own(x, month)


class Saving(NamedTuple):
    """API less an option, month by month: `cash` alone, and with what the hardware is `worth` at the end."""

    cash: np.ndarray
    worth: np.ndarray


def saving(x: Figures, option: str, months: int, *, whole: bool = True) -> Saving:
    """The saving flows of an option against the API."""
    api = costs(x, "api", months)
    cash, worth = (api - costs(x, option, months, whole=whole, sold=sold) for sold in (False, True))
    return Saving(cash, worth)


def gpus(x: Figures, months: int, option: str = "bought", *, whole: bool = True) -> np.ndarray:
    """GPUs paid for in months 1 to `months` (index 0 is 0): the load grown, rounded up, plus spares.

    Bought ones are never fewer than before; rented ones are kept for their term, and follow the load after it.
    """
    growth = _column(1 + x["growth_per_year"]) ** ((np.arange(1, months + 1) - 1) / 12)
    load = _column(x["load_replicas"]) * growth / _column(x["throughput_factor"])
    busy = np.ceil(load - ROUNDING) if whole else load
    count = (busy + np.where(load > 0, _column(x["spare_replicas"]), 0)) * _column(x["gpus_per_replica"])
    term = months if option == "bought" else max(1, round(float(np.max(x.get("rent_term_months", 0)))))
    before = np.zeros((*count.shape[:-1], min(term, months) - 1))
    kept = np.lib.stride_tricks.sliding_window_view(np.concatenate([before, count], axis=-1), min(term, months), -1)
    return np.concatenate([np.zeros((*count.shape[:-1], 1)), kept.max(axis=-1)], axis=-1)


def owned_usd_per_gpu_hour(x: Mapping[str, float]) -> float:
    """What an hour of a bought GPU costs over its life at the discount rate, staff apart: to hold against a rent."""
    price = x["usd_per_gpu"] * (1 + x["network_share_of_purchase"])
    worth = price * x["residual_share"] / (1 + x["discount_rate"]) ** x["depreciation_years"]
    capital = capital_recovery(price - worth, x["discount_rate"], round(x["depreciation_years"] * 12))
    power = x["kw_per_gpu"] * x["gpu_power_utilisation"] * x["pue"] * x["electricity_usd_per_kwh"]
    monthly = capital + x["kw_per_gpu"] * x["colocation_usd_per_kw_month"] + price * x["support_share_per_year"] / 12
    return monthly / HOURS_PER_MONTH + power


def one_off_staff_usd(x: Figures) -> float | np.ndarray:
    """People who build it: engineers x weeks / 52 x loaded salary."""
    return x["engineers_one_off"] * x["weeks_one_off"] / WEEKS_PER_YEAR * x["engineer_salary_usd_per_year"]


def _column(value: float | np.ndarray) -> np.ndarray:
    """A figure per path as a column, so that it meets the months in rows."""
    return np.expand_dims(np.asarray(value, dtype=float), -1)


def _priced(x: Figures, name: str, decline: str, month: np.ndarray) -> np.ndarray:
    years = (month - 1) / 12
    bill = _column(x[name]) * _column(1 + x["growth_per_year"]) ** years * _column(1 - x[decline]) ** years
    return np.where(month > 0, bill, 0.0)


def _rent(x: Figures, fleet: np.ndarray, month: np.ndarray) -> np.ndarray:
    drift = _column(1 + x["rent_drift"]) ** ((month - 1) / 12)
    hours = HOURS_PER_MONTH * _column(x["rented_hours_share"])
    return fleet * hours * _column(x["rent_usd_per_gpu_hour"]) * drift


def _purchase(x: Figures, fleet: np.ndarray, month: np.ndarray, *, sold: bool) -> np.ndarray:
    """Buying the month before the need, and again after its life; running costs while in service."""
    price = _column(x["usd_per_gpu"]) * (1 + _column(x["network_share_of_purchase"]))
    bought, replaced = _bought(np.diff(fleet, axis=-1), np.asarray(x["depreciation_years"], dtype=float))
    spent = bought * price - replaced * price * _column(x["residual_share"])
    buying = np.concatenate([spent, np.zeros_like(spent[..., :1])], axis=-1)
    kw = fleet * _column(x["kw_per_gpu"])
    power = (
        kw
        * _column(x["gpu_power_utilisation"])
        * _column(x["pue"])
        * HOURS_PER_MONTH
        * _column(x["electricity_usd_per_kwh"])
    )
    running = (
        power
        + kw * _column(x["colocation_usd_per_kw_month"])
        + fleet * price * _column(x["support_share_per_year"]) / 12
    )
    if not sold:
        return buying + running
    age = month[-1] - month[:-1]
    value = book_value(bought * price, _column(x["residual_share"]), _column(x["depreciation_years"]), age)
    in_use = age <= np.round(_column(x["depreciation_years"]) * 12)  # older ones were sold when they were replaced
    worth = np.where(in_use, value, 0.0).sum(axis=-1)
    return buying + running - np.expand_dims(worth, -1) * (month == month[-1])


def _bought(added: np.ndarray, life_years: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """GPUs bought by month, and those of them that replace one whose life is over."""
    months, life = added.shape[-1], np.maximum(1, np.round(life_years * 12)).astype(int)
    bought = np.array(np.broadcast_to(added, (*np.broadcast_shapes(added.shape[:-1], life.shape), months)))
    replaced = np.zeros_like(bought)
    for month in range(int(life.min()), months):
        first = np.broadcast_to(month - life, bought.shape[:-1])[..., None]
        worn = np.where(first >= 0, np.take_along_axis(bought, np.maximum(first, 0), -1), 0.0)[..., 0]
        replaced[..., month] = worn
        bought[..., month] += worn
    return bought, replaced


def _own(x: Figures, month: np.ndarray) -> np.ndarray:
    """What both rented and bought machines need: people, migration, the quality gap, the bursts left on the API."""
    once = one_off_staff_usd(x) + x["migration_usd"]
    monthly = x["ongoing_fte"] * x["engineer_salary_usd_per_year"] / 12 + x["other_own_usd_per_month"]
    grown = _column(x["quality_gap_usd_per_month"]) * _column(1 + x["growth_per_year"]) ** ((month - 1) / 12)
    burst = _column(x["burst_share"]) * _priced(x, "api_usd_per_month", "api_price_decline", month)
    return np.where(month > 0, _column(monthly) + grown + burst, _column(once))
