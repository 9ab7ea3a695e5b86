"""When do own GPUs pay? The answer from a scenario: four options, payback, NPV, IRR, break-even, odds.

`python -m simulations breakeven FILE --json`. The saving of an option is the API's cost less its
own, month by month; NPV counts what bought hardware is still worth at the end, payback does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data import wording
from data.calendar import DAYS_PER_MONTH
from simulations.hosting import finance, uncertainty
from simulations.hosting.breakeven_scenario import BreakevenScenario
from simulations.hosting.case import Case, requests_per_second, resolve, seconds_per_request
from simulations.hosting.costs import (
    costs,
    gpus,
    one_off_staff_usd,
    options_of,
    owned_usd_per_gpu_hour,
    saving,
)
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.hosting.serving_point import ServingPoint

VOLUMES = np.geomspace(0.01, 100, 161)  # x today's traffic


def breakeven(
    scenario: BreakevenScenario,
    measurements: Sequence[ServingMeasurement] = (),
    *,
    serving: ServingPoint | None = None,
    paths_log2: int = 12,
    seed: int = 0,
) -> dict[str, Any]:
    """The whole answer as plain data; `paths_log2` 12 draws 4,096 Sobol paths.

    `serving` is the operating point where it is known. Raises BadInput or NoData as `resolve` does.
    """
    case = resolve(scenario, measurements, serving)
    x, months = case.base, scenario.months
    chosen = main_option(case)
    flows = saving(x, chosen, months, whole=case.whole)
    unstaffed = saving({**x, "engineers_one_off": 0.0, "ongoing_fte": 0.0}, chosen, months, whole=case.whole)
    odds = uncertainty.odds(case, chosen, paths_log2=paths_log2, seed=seed)
    swings = uncertainty.npv_swings(case, chosen)
    volume = breakeven_volume(case, chosen)
    return {
        "name": scenario.name,
        "months": months,
        "option": chosen,
        "answer": sentence(chosen, float(finance.payback_months(flows.cash)), odds),
        "payback_months": _number(finance.payback_months(flows.cash)),
        "payback_without_staff_months": _number(finance.payback_months(unstaffed.cash)),
        "discounted_payback_months": _number(
            finance.payback_months(finance.present_values(flows.cash, x["discount_rate"]))
        ),
        "npv_usd": float(finance.present_value(flows.worth, x["discount_rate"])),
        "irr": finance.internal_rate(flows.worth),
        "one_off_staff_usd": float(one_off_staff_usd(x)),
        "options": {option: _option(case, x, option) for option in options_of(x)},
        "p10": odds.saving["p10"],
        "p50": odds.saving["p50"],
        "p90": odds.saving["p90"],
        "payback": odds.payback,
        "chance_never_pays_back": odds.chance_never,
        "chance_of_loss": odds.chance_of_loss,
        "tornado": [swing._asdict() for swing in swings],
        "measure_first": uncertainty.measure_first(swings),
        "breakeven_volume": volume,
        "per_day": _per_day(case, x),
        "serving": case.serving and case.serving._asdict(),
        "warnings": list(case.warnings),
        "assumptions": [a._asdict() for a in case.figures.values()],
        "cash_flow": _cash_flow(case, x),
    }


def main_option(case: Case) -> str:
    """The option the headline is about: the cheaper of rented and bought, else a host, else the API itself."""
    x, offered = case.base, options_of(case.base)

    def present_cost(option: str) -> float:
        return float(
            finance.present_value(costs(x, option, case.scenario.months, whole=case.whole), x["discount_rate"])
        )

    own = [option for option in ("rented", "bought") if option in offered]
    return min(own, key=present_cost) if own else offered[-1]


def breakeven_volume(case: Case, option: str) -> dict[str, float | None] | None:
    """The least multiple of today's traffic from which NPV stays positive.

    `multiple` is None where none up to `searched_to` does; None for the whole where no replica is described.

    Fixed costs and whole replicas make the curve saw-toothed: the last crossing counts.
    """
    if option in ("api", "host") or case.scenario.replica is None or not case.figures["api_usd_per_month"].value:
        return None
    asked = volumes(case)
    values, furthest = npv_at(case, option, asked), float(asked[-1])
    if values[-1] <= 0:
        return {"multiple": None, "tokens_per_month": None, "utilisation": None, "searched_to": furthest}
    losing = np.flatnonzero(values <= 0)
    if not len(losing):
        return {"multiple": 0.0, "tokens_per_month": 0.0, "utilisation": None, "searched_to": furthest}
    low, high = asked[losing[-1]], asked[losing[-1] + 1]
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if npv_at(case, option, np.array([middle]))[0] > 0 else (middle, high)
    tokens = tokens_per_month(case)
    return {
        "multiple": float(high),
        "tokens_per_month": tokens and tokens * float(high),
        "utilisation": utilisation(case, float(high)),
        "searched_to": furthest,
    }


def volumes(case: Case) -> np.ndarray:
    """Multiples of today's traffic that can be told: as far as fleets were replayed, else by rule of three."""
    known = case.scenario.replica.load_at if case.scenario.replica else ()
    return np.geomspace(known[0][0], known[-1][0], 121) if known else VOLUMES


def load_at(case: Case, multiples: np.ndarray) -> np.ndarray:
    """Busy replicas at multiples of today's traffic: between the replayed fleets, else in proportion."""
    known = case.scenario.replica.load_at if case.scenario.replica else ()
    if not known:
        return case.base["load_replicas"] * multiples
    return np.interp(multiples, *np.array(known).T)


def npv_at(case: Case, option: str, multiples: np.ndarray) -> np.ndarray:
    """NPV of the saving at multiples of today's traffic."""
    x = case.base
    scaled: dict[str, float | np.ndarray] = {
        **x,
        **{name: x[name] * multiples for name in ("api_usd_per_month", "quality_gap_usd_per_month")},
        "load_replicas": load_at(case, multiples),
    }
    return finance.present_value(
        saving(scaled, option, case.scenario.months, whole=case.whole).worth, x["discount_rate"]
    )


def tokens_per_month(case: Case) -> float | None:
    """Input and output tokens a month, today."""
    traffic = case.scenario.traffic
    return traffic.requests_per_month * (traffic.input_tokens + traffic.output_tokens) if traffic else None


def utilisation(case: Case, multiple: float = 1.0) -> float | None:
    """Mean load over what the paid replicas could serve at the objective; None without traffic."""
    x, traffic = case.base, case.scenario.traffic
    if traffic is None or "load_replicas" not in x or not x["load_replicas"]:
        return None
    load = float(load_at(case, np.array([multiple]))[0])
    paid = gpus({**x, "load_replicas": load}, 1, whole=case.whole)[-1] / x["gpus_per_replica"]
    mean = case.scenario.replica.mean_replicas if case.scenario.replica else None
    if mean is None:
        mean = x["load_replicas"] / (traffic.peak_to_mean if case.whole else 1.0)
    return float(mean * multiple / x["throughput_factor"] / paid)


def sentence(option: str, payback: float, odds: uncertainty.Odds) -> str:
    """The answer in words."""
    if option == "api":
        return "No other option is described; the API bill stands."
    middle = (
        "never pays back in the middle case"
        if np.isnan(payback)
        else (
            f"pays back in {payback:.1f} months in the middle case"
            if payback
            else "is cheaper from the first month in the middle case"
        )
    )
    return (
        f"{option.capitalize()} capacity {middle}; {wording.odds(odds.chance_never)} chance that it does not within the"
        " horizon."
    )


def _option(case: Case, x: dict[str, float], option: str) -> dict[str, Any]:
    months = case.scenario.months
    flow = costs(x, option, months, whole=case.whole)
    tokens, total = tokens_per_month(case), float(flow.sum())
    own = option in ("rented", "bought")
    machines = own and case.scenario.replica is not None  # a stated installation is one sum, no count of GPUs
    growth = (1 + x["growth_per_year"]) ** ((np.arange(1, months + 1) - 1) / 12)
    per_mtok = total / (tokens * float(growth.sum())) * 1e6 if tokens else None
    busy = utilisation(case) if own else None
    return {
        "total_usd": total,
        "present_cost_usd": float(finance.present_value(flow, x["discount_rate"])),
        "first_year_usd": float(flow[:13].sum()),
        "gpus": float(gpus(x, months, whole=case.whole)[-1]) if machines else None,
        "utilisation": busy,
        "usd_per_gpu_hour": (
            {
                "rented": x.get("rent_usd_per_gpu_hour"),
                "bought": owned_usd_per_gpu_hour(x) if option == "bought" and machines else None,
            }.get(option)
        ),
        "usd_per_mtok_reserved": per_mtok,  # every paid hour over the tokens served: compare this one with the API
        "usd_per_mtok_usage": (
            per_mtok * busy if own and per_mtok and busy else per_mtok
        ),  # busy hours only: always looks cheaper
    }


def _per_day(case: Case, x: dict[str, float]) -> dict[str, float | None]:
    """One mean day in the first month, hardware rent only: what a published day can be checked against."""
    traffic, replica = case.scenario.traffic, case.scenario.replica
    rent = None
    if "rent_usd_per_gpu_hour" in x:
        rent = float(gpus(x, 1, whole=case.whole)[-1] * 24 * x["rent_usd_per_gpu_hour"])
    api = x["api_usd_per_month"] / DAYS_PER_MONTH
    busy = seconds_per_request(replica, traffic) if traffic and replica and replica.decode_tokens_per_s else None
    return {
        "api_usd": api,
        "rent_usd": rent,
        "margin_pct": (api / rent - 1) * 100 if rent else None,
        "fluid_replicas": requests_per_second(traffic) * busy if traffic and busy else None,
    }


def _cash_flow(case: Case, x: dict[str, float]) -> list[dict[str, float]]:
    flows = {option: costs(x, option, case.scenario.months, whole=case.whole) for option in options_of(x)}
    cumulative = np.cumsum(saving(x, main_option(case), case.scenario.months, whole=case.whole).cash)
    return [
        {
            "month": month,
            **{f"{option}_usd": float(flow[month]) for option, flow in flows.items()},
            "cumulative_saving_usd": float(cumulative[month]),
        }
        for month in range(case.scenario.months + 1)
    ]


def _number(value: float | np.ndarray) -> float | None:
    return None if np.isnan(value) else float(value)
