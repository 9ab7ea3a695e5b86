"""A self-host scenario resolved: every figure with its source, from the file, the catalogues, or what serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from data.errors import BadInput, NoData
from data.facts.gpus import find_gpu, typical_price
from data.facts.hosting import hosting_facts
from simulations.hosting.assumptions import Assumption, fixed, spread
from simulations.hosting.breakeven_scenario import FROM_FACTS, STAFF, TYPED, Bought, BreakevenScenario, Prices, Range
from simulations.hosting.capacity import SIGMA, ServingPoint
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.hosting.operating_point import operating_point

SECONDS_PER_MONTH = 730 * 3600


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


def resolve(scenario: BreakevenScenario, measurements: Sequence[ServingMeasurement] = ()) -> Case:
    """All figures of a scenario, `measurements` being the user's own; raises BadInput or NoData where one is missing and no catalogue has it."""
    found = {name: Assumption(name, *hosting_facts()[name][1:8]) for name in FROM_FACTS}
    found |= {name: fixed(name, 1.0 if name in ("throughput_factor", "rented_hours_share") else 0.0) for name in TYPED}
    found["api_usd_per_month"] = _api_bill(scenario)
    found["host_price_decline"] = found["api_price_decline"]._replace(name="host_price_decline")
    if scenario.host:
        found["host_usd_per_month"] = scenario.host.monthly("host_usd_per_month", scenario.traffic)
    serving, warnings = None, []
    if scenario.traffic and not scenario.traffic.from_log:
        shape = f"{scenario.traffic.shape}, " if scenario.traffic.shape else ""
        warnings.append(
            f"The volume is typed and its shape is stated ({shape}peak {scenario.traffic.peak_to_mean:.3g} x mean); a log's own minutes decide better."
        )
    if scenario.bought and scenario.bought.capex_usd:
        found |= _stated(scenario.bought, found["api_usd_per_month"].value, scenario.months)
    elif scenario.replica:
        serving = _serving(scenario, measurements)
        found |= _hardware(scenario, serving)
    if scenario.traffic and scenario.quality.gap_share:
        usd = scenario.traffic.requests_per_month * scenario.quality.gap_share * scenario.quality.usd_per_failure
        found["quality_gap_usd_per_month"] = fixed(
            "quality_gap_usd_per_month", usd, "USD/month", "gap share x USD per failure"
        )
    for field, name in STAFF.items():
        if (figure := getattr(scenario.staff, field)) is not None:
            found[name] = figure.named(name, found[name].unit)
    for name, figure in scenario.assumptions.items():
        found[name] = figure.named(name, found[name].unit if name in found else "")
    return Case(
        scenario, found, scenario.replica is None or scenario.replica.replicas is None, serving, tuple(warnings)
    )


def _api_bill(scenario: BreakevenScenario) -> Assumption:
    saving = scenario.bought and scenario.bought.saving_usd_per_year
    if saving and scenario.api == Prices():
        most = saving.value if saving.high is None else saving.high
        return fixed(
            "api_usd_per_month",
            most / 12,
            "USD/month",
            "the part of the bill that the stated saving ends; the bill itself is not given",
        )
    return scenario.api.monthly("api_usd_per_month", scenario.traffic)


def _stated(bought: Bought, api_usd: float, months: int) -> dict[str, Assumption]:
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
    figures = {name: fixed(name, 0.0, source="the stated saving has it, or no staff is stated") for name in contained}
    figures |= {
        name: fixed(name, 1.0, source="the whole installation is one unit")
        for name in ("load_replicas", "gpus_per_replica")
    }
    figures["depreciation_years"] = fixed("depreciation_years", months / 12, "years", "written off over the horizon")
    saving = bought.saving_usd_per_year
    running = api_usd - saving.value / 12
    spread_of = [v if v is None else api_usd - v / 12 for v in (saving.high, saving.low)]
    low, high = (running if v is None else v for v in spread_of)
    figures["other_own_usd_per_month"] = Assumption(
        "other_own_usd_per_month", running, low, high, "USD/month", "API bill less the stated saving"
    )
    figures["usd_per_gpu"] = bought.capex_usd.named("usd_per_gpu", "USD, the whole installation")
    return figures


def _serving(scenario: BreakevenScenario, measurements: Sequence[ServingMeasurement]) -> ServingPoint | None:
    replica, traffic = scenario.replica, scenario.traffic
    if not replica.model or traffic is None:
        return None
    fresh = max(1.0, traffic.input_tokens - traffic.cached_tokens)
    return operating_point(
        replica.model,
        replica.gpu,
        replica.gpus,
        replica.layout,
        replica.precision,
        fresh,
        traffic.output_tokens,
        replica.tpot_ms,
        measurements=measurements,
    )


def _hardware(scenario: BreakevenScenario, serving: ServingPoint | None) -> dict[str, Assumption]:
    replica, gpu = scenario.replica, find_gpu(scenario.replica.gpu)
    stated = replica.replicas is not None
    load = (
        replica.replicas
        if stated
        else replica.load_replicas
        if replica.load_replicas is not None
        else fluid_load(scenario, serving)
    )
    kw = gpu.provisioned_kw or gpu.tdp_w / 1000 + hosting_facts()["node_overhead_kw"].value
    figures = {
        "load_replicas": fixed("load_replicas", load, "replicas busy at the peak"),
        "gpus_per_replica": fixed("gpus_per_replica", replica.gpus),
        "spare_replicas": fixed("spare_replicas", 0 if stated else replica.spare),
        "kw_per_gpu": fixed("kw_per_gpu", kw, "kW", gpu.source, gpu.as_of),
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
    if scenario.bought is not None:
        figures["usd_per_gpu"] = _price(scenario.bought.usd_per_gpu, "usd_per_gpu", gpu.gpu, "purchase")
    return figures


def fluid_load(scenario: BreakevenScenario, serving: ServingPoint | None) -> float:
    """Replicas busy at the peak if work could be cut freely: the floor of every fleet."""
    traffic, replica = scenario.traffic, scenario.replica
    if traffic is None:
        raise BadInput("The replica's load is unknown: give traffic, or load_replicas from the fleet replay.")
    rate = traffic.requests_per_month / SECONDS_PER_MONTH * traffic.peak_to_mean
    if replica.prefill_tokens_per_s and replica.decode_tokens_per_s:
        return rate * (
            traffic.input_tokens / replica.prefill_tokens_per_s + traffic.output_tokens / replica.decode_tokens_per_s
        )
    speed = replica.requests_per_s or (serving.requests_per_s if serving else None)
    if speed is None:
        raise BadInput(
            "The replica's speed is unknown: name its model, or give prefill_tokens_per_s and decode_tokens_per_s."
        )
    return rate / speed


def _price(typed: Range | None, name: str, gpu: str, kind: str) -> Assumption:
    unit = "USD/GPU" if kind == "purchase" else "USD/GPU-hour"
    if typed is not None:
        if typed.value <= 0:
            raise BadInput(f"{name} is {typed.value:g}; give a positive number of USD.")
        return typed.named(name, unit)
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
