"""A self-host scenario resolved: every figure with its source, from the file, the catalogues, or what serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from data.calendar import SECONDS_PER_MONTH
from data.errors import BadInput, NoData
from data.facts.gpus import find_gpu, typical_price
from data.facts.hosting import hosting_facts
from simulations.hosting.assumptions import Assumption, fixed_figure, spread
from simulations.hosting.breakeven_scenario import (
    FROM_FACTS,
    STAFF,
    TYPED,
    BreakevenScenario,
    Prices,
    Range,
    Rented,
    Replica,
    Traffic,
)
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.hosting.operating_point import operating_point
from simulations.hosting.serving_point import SIGMA, ServingPoint

RESERVED_MONTHS = 36  # the term that the catalogue's reserved quotes are for


class Case(NamedTuple):
    """A scenario resolved: every figure, how replicas count, what serves, and what to be warned of."""

    scenario: BreakevenScenario
    figures: dict[str, Assumption]
    whole: bool
    serving: ServingPoint | None
    warnings: tuple[str, ...]

    @property
    def base(self) -> dict[str, float]:
        """The middle value of every figure."""
        return {name: a.value for name, a in self.figures.items()}


def resolve(
    scenario: BreakevenScenario,
    measurements: Sequence[ServingMeasurement] = (),
    serving: ServingPoint | None = None,
) -> Case:
    """All figures of a scenario. `serving` is its replica's operating point where somebody has found it already;
    else it is searched, by the user's own `measurements` first.

    Raises BadInput or NoData where a figure is missing and no catalogue has it.
    """
    found = {name: Assumption(name, *hosting_facts()[name][1:8]) for name in FROM_FACTS}
    found |= {
        name: fixed_figure(name, 1.0 if name in ("throughput_factor", "rented_hours_share") else 0.0) for name in TYPED
    }
    found["api_usd_per_month"] = _api_bill(scenario)
    found["host_price_decline"] = found["api_price_decline"]._replace(name="host_price_decline")
    if scenario.host:
        found["host_usd_per_month"] = scenario.host.monthly("host_usd_per_month", scenario.traffic)
    if scenario.bought and scenario.bought.capex_usd and scenario.bought.saving_usd_per_year:
        serving = None
        found |= _stated(
            scenario.bought.capex_usd,
            scenario.bought.saving_usd_per_year,
            found["api_usd_per_month"].value,
            scenario.months,
        )
    elif scenario.replica:
        serving = serving or _serving(scenario.replica, scenario.traffic, measurements)
        found |= _hardware(scenario, scenario.replica, serving)
    if scenario.traffic and scenario.quality.gap_share:
        usd = scenario.traffic.requests_per_month * scenario.quality.gap_share * scenario.quality.usd_per_failure
        found["quality_gap_usd_per_month"] = fixed_figure(
            "quality_gap_usd_per_month", usd, "USD/month", "gap share x USD per failure"
        )
    for field, name in STAFF.items():
        if (figure := getattr(scenario.staff, field)) is not None:
            found[name] = figure.as_assumption(name, found[name].unit)
    for name, figure in scenario.assumptions.items():
        found[name] = figure.as_assumption(name, found[name].unit if name in found else "")
    whole = scenario.replica is None or scenario.replica.replicas is None
    return Case(scenario, found, whole, serving, _warnings(scenario.traffic))


def _warnings(traffic: Traffic | None) -> tuple[str, ...]:
    if traffic is None or traffic.from_log:
        return ()
    shape = f"{traffic.shape}, " if traffic.shape else ""
    return (
        f"The volume is typed and its shape is stated ({shape}peak {traffic.peak_to_mean:.3g} x mean); "
        "a log's own minutes decide better.",
    )


def _api_bill(scenario: BreakevenScenario) -> Assumption:
    saving = scenario.bought and scenario.bought.saving_usd_per_year
    if saving and scenario.api == Prices():
        most = saving.value if saving.high is None else saving.high
        return fixed_figure(
            "api_usd_per_month",
            most / 12,
            "USD/month",
            "the part of the bill that the stated saving ends; the bill itself is not given",
        )
    return scenario.api.monthly("api_usd_per_month", scenario.traffic)


def _stated(capex: Range, saving: Range, api_usd: float, months: int) -> dict[str, Assumption]:
    """One sum buys one unit that carries the load; its running costs follow from the stated saving."""
    contained = (
        "kw_per_gpu",
        "support_share_per_year",
        "network_share_of_purchase",
        "residual_share",
        "api_price_decline",
        "host_price_decline",
        "engineers_one_off",
        "ongoing_fte",
        "spare_replicas",
    )
    figures = {
        name: fixed_figure(name, 0.0, source="the stated saving has it, or no staff is stated") for name in contained
    }
    figures |= {
        name: fixed_figure(name, 1.0, source="the whole installation is one unit")
        for name in ("load_replicas", "gpus_per_replica")
    }
    figures["depreciation_years"] = fixed_figure(
        "depreciation_years", months / 12, "years", "written off over the horizon"
    )
    running = api_usd - saving.value / 12
    spread_of = [v if v is None else api_usd - v / 12 for v in (saving.high, saving.low)]
    low, high = (running if v is None else v for v in spread_of)
    figures["other_own_usd_per_month"] = Assumption(
        "other_own_usd_per_month", running, low, high, "USD/month", "API bill less the stated saving"
    )
    figures["usd_per_gpu"] = capex.as_assumption("usd_per_gpu", "USD, the whole installation")
    return figures


def _serving(
    replica: Replica, traffic: Traffic | None, measurements: Sequence[ServingMeasurement]
) -> ServingPoint | None:
    if not replica.model or traffic is None:
        return None
    deployment = Deployment.from_names(replica.model, replica.gpu, replica.gpus, replica.layout, replica.precision)
    fresh = max(1.0, traffic.input_tokens - traffic.cached_tokens)
    shape = RequestShape(fresh, 0, traffic.output_tokens)
    return operating_point(deployment, shape, replica.tpot_ms, tuple(measurements))


def _hardware(scenario: BreakevenScenario, replica: Replica, serving: ServingPoint | None) -> dict[str, Assumption]:
    gpu, stated = find_gpu(replica.gpu), replica.replicas is not None
    kw = gpu.provisioned_kw or gpu.tdp_w / 1000 + hosting_facts()["node_overhead_kw"].value
    figures = {
        "load_replicas": fixed_figure("load_replicas", _load(scenario, replica, serving), "replicas busy at the peak"),
        "gpus_per_replica": fixed_figure("gpus_per_replica", replica.gpus),
        "spare_replicas": fixed_figure("spare_replicas", 0 if stated else replica.spare),
        "kw_per_gpu": fixed_figure("kw_per_gpu", kw, "kW", gpu.source, gpu.as_of),
    }
    if not stated:
        sigma, source = (
            (serving.sigma, f"{serving.tier}: {serving.evidence}")
            if serving
            else (SIGMA["calibrated roofline"], "error band of the calibrated roofline")
        )
        figures["throughput_factor"] = spread("throughput_factor", 1.0, sigma, "x predicted", source)
    if scenario.rented is not None:
        figures["rent_usd_per_gpu_hour"] = _price(
            scenario.rented.usd_per_gpu_hour, "rent_usd_per_gpu_hour", gpu.gpu, scenario.rented.kind
        )
        figures["rent_term_months"] = fixed_figure("rent_term_months", _term(scenario, scenario.rented), "months")
    if scenario.bought is not None:
        figures["usd_per_gpu"] = _price(scenario.bought.usd_per_gpu, "usd_per_gpu", gpu.gpu, "purchase")
    return figures


def _term(scenario: BreakevenScenario, rented: Rented) -> int:
    """Months a rented GPU is paid for at least; a fleet that follows the load within the day has no term."""
    if rented.term_months is not None:
        return rented.term_months
    follows = scenario.assumptions.get("rented_hours_share", Range(value=1.0)).value < 1
    return RESERVED_MONTHS if rented.kind == "reserved" and not follows else 0


def _load(scenario: BreakevenScenario, replica: Replica, serving: ServingPoint | None) -> float:
    """Replicas busy at the peak: stated, replayed, or the least that could be if work were cut freely."""
    if replica.replicas is not None:
        return replica.replicas
    if replica.load_replicas is not None:
        return replica.load_replicas
    if scenario.traffic is None:
        raise BadInput("The replica's load is unknown: give traffic, or load_replicas from the fleet replay.")
    seconds = seconds_per_request(replica, scenario.traffic)
    if seconds is None and serving is not None:
        seconds = 1 / serving.requests_per_s
    if seconds is None:
        raise BadInput(
            "The replica's speed is unknown: name its model, or give prefill_tokens_per_s and decode_tokens_per_s."
        )
    return requests_per_second(scenario.traffic) * scenario.traffic.peak_to_mean * seconds


def requests_per_second(traffic: Traffic) -> float:
    """The mean rate."""
    return traffic.requests_per_month / SECONDS_PER_MONTH


def seconds_per_request(replica: Replica, traffic: Traffic) -> float | None:
    """How long one mean request keeps a replica busy, by the speeds that the scenario states.

    None where it states none.
    """
    if replica.prefill_tokens_per_s and replica.decode_tokens_per_s:
        return traffic.input_tokens / replica.prefill_tokens_per_s + traffic.output_tokens / replica.decode_tokens_per_s
    return 1 / replica.requests_per_s if replica.requests_per_s else None


def _price(typed: Range | None, name: str, gpu: str, kind: str) -> Assumption:
    unit = "USD/GPU" if kind == "purchase" else "USD/GPU-hour"
    if typed is not None:
        if typed.value <= 0:
            raise BadInput(f"{name} is {typed.value:g}; give a positive number of USD.")
        return typed.as_assumption(name, unit)
    try:
        quote = typical_price(gpu, kind)
    except NoData as missing:
        raise NoData(f"{missing} ({name})") from None
    # Quotes of one GPU differ by about a third either way.
    return Assumption(
        name,
        quote.usd,
        quote.usd * 0.7,
        quote.usd * 1.3,
        unit,
        f"{quote.provider}, {quote.source}",
        quote.as_of,
        quote.verified,
    )
