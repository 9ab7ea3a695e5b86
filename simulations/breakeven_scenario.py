"""The self-host question as a file, and the figures it resolves to.

What the file leaves out comes from the catalogues (`data/catalog/hosting_facts.csv`, GPU prices and
specifications) with their source and date; what it says may be a number or {value, low, high}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, model_validator

from data.errors import BadInput, NoData
from data.gpus import find_gpu, typical_price
from data.hosting_facts import hosting_facts
from simulations.assumptions import Assumption, fixed, spread
from simulations.capacity import SIGMA, ServingPoint
from simulations.measured_curves import ServingMeasurement
from simulations.operating_point import operating_point
from simulations.scenario import Part, Scenario

SECONDS_PER_MONTH = 730 * 3600
MTOK = 1e6
FROM_FACTS = (
    "electricity_usd_per_kwh", "pue", "colocation_usd_per_kw_month", "gpu_power_utilisation", "support_share_per_year",
    "network_share_of_purchase", "residual_share", "depreciation_years", "discount_rate", "api_price_decline", "rent_drift",
    "engineer_salary_usd_per_year", "engineers_one_off", "weeks_one_off", "ongoing_fte",
)  # fmt: skip
STAFF = {"engineers": "engineers_one_off", "weeks": "weeks_one_off", "salary_usd_per_year": "engineer_salary_usd_per_year", "ongoing_fte": "ongoing_fte"}
TYPED = ("growth_per_year", "host_price_decline", "migration_usd", "throughput_factor", "burst_share", "rented_hours_share", "other_own_usd_per_month", "quality_gap_usd_per_month")


class Range(Part):
    """A figure with its 10th and 90th percentile."""

    value: float
    low: float | None = None
    high: float | None = None
    source: str = ""
    as_of: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not (self.low if self.low is not None else self.value) <= self.value <= (self.high if self.high is not None else self.value):
            raise ValueError(f"low, value and high must rise: {self.low}, {self.value}, {self.high}")
        return self

    def named(self, name: str, unit: str) -> Assumption:
        """The figure as an assumption."""
        low, high = (self.value if v is None else v for v in (self.low, self.high))
        return Assumption(name, self.value, low, high, unit, self.source or "typed in the scenario", self.as_of)


Figure = Annotated[Range, BeforeValidator(lambda v: {"value": v} if isinstance(v, (int, float)) and not isinstance(v, bool) else v)]


class Traffic(Part):
    """Mean traffic that would move. Tokens are of one request; cached tokens are part of the input."""

    requests_per_month: float = Field(ge=0)
    input_tokens: float = Field(ge=0)
    cached_tokens: float = Field(0, ge=0)
    output_tokens: float = Field(ge=1)
    peak_to_mean: float = Field(2.5, ge=1)
    from_log: bool = False

    @model_validator(mode="after")
    def _cache_within_input(self) -> Self:
        if self.cached_tokens > self.input_tokens:
            raise ValueError(f"cached_tokens {self.cached_tokens:g} exceed input_tokens {self.input_tokens:g}")
        return self


class Prices(Part):
    """What an API or a host charges: a monthly bill, or USD per million tokens."""

    model: str = ""
    provider: str = ""
    usd_per_month: Figure | None = None
    input_usd_per_mtok: float | None = Field(None, ge=0)
    cached_input_usd_per_mtok: float | None = Field(None, ge=0)
    output_usd_per_mtok: float | None = Field(None, ge=0)

    def monthly(self, name: str, traffic: Traffic | None) -> Assumption:
        """USD a month at this traffic; raises BadInput when neither a bill nor prices are given."""
        if self.usd_per_month is not None:
            return self.usd_per_month.named(name, "USD/month")
        if traffic is None or self.input_usd_per_mtok is None or self.output_usd_per_mtok is None:
            raise BadInput(f"{name.split('_')[0]}: give usd_per_month, or traffic with input_usd_per_mtok and output_usd_per_mtok.")
        cached_price = self.input_usd_per_mtok if self.cached_input_usd_per_mtok is None else self.cached_input_usd_per_mtok
        each = (traffic.input_tokens - traffic.cached_tokens) * self.input_usd_per_mtok + traffic.cached_tokens * cached_price
        each += traffic.output_tokens * self.output_usd_per_mtok
        return fixed(name, traffic.requests_per_month * each / MTOK, "USD/month", "traffic x prices per million tokens")


class Replica(Part):
    """One replica: what runs where. Speeds are predicted unless `prefill_` and `decode_tokens_per_s` are stated.

    `load_replicas` is the busy replicas at the peak and `mean_replicas` on average (both from the fleet
    replay); `replicas` a stated average, fractions allowed, not rounded and without spares.
    """

    model: str = ""
    gpu: str
    gpus: int = Field(1, ge=1)
    layout: str | None = None
    precision: str = ""
    tpot_ms: float = Field(50, gt=0)
    load_replicas: float | None = Field(None, ge=0)
    replicas: float | None = Field(None, ge=0)
    mean_replicas: float | None = Field(None, ge=0)
    spare: int = Field(1, ge=0)
    prefill_tokens_per_s: float | None = Field(None, gt=0)
    decode_tokens_per_s: float | None = Field(None, gt=0)
    requests_per_s: float | None = Field(None, gt=0)


class Rented(Part):
    """Rented GPUs; the price comes from the catalogue unless typed."""

    usd_per_gpu_hour: Figure | None = None
    kind: Literal["on_demand", "reserved", "spot"] = "reserved"


class Bought(Part):
    """Bought GPUs: a price per GPU, or one sum with the yearly saving that somebody states for it."""

    usd_per_gpu: Figure | None = None
    capex_usd: Figure | None = None
    saving_usd_per_year: Figure | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.capex_usd is None) != (self.saving_usd_per_year is None):
            raise ValueError("give capex_usd and saving_usd_per_year together, or neither")
        if self.capex_usd is not None and self.usd_per_gpu is not None:
            raise ValueError("give capex_usd or usd_per_gpu, not both")
        return self


class Staff(Part):
    """People: one-off engineers for weeks, and full-time equivalents that stay."""

    engineers: Figure | None = None
    weeks: Figure | None = None
    salary_usd_per_year: Figure | None = None
    ongoing_fte: Figure | None = None


class Quality(Part):
    """The weaker model's failures: share of requests, and what one costs in review or retry."""

    gap_share: float = Field(0, ge=0, le=1)
    usd_per_failure: float = Field(0, ge=0)


class BreakevenScenario(Scenario):
    """API against the same open model at a host, rented and bought GPUs, over 12 to 60 months."""

    kind: Literal["breakeven"]
    months: int = Field(36, ge=12, le=60)
    traffic: Traffic | None = None
    api: Prices
    host: Prices | None = None
    replica: Replica | None = None
    rented: Rented | None = None
    bought: Bought | None = None
    staff: Staff = Staff()
    quality: Quality = Quality()
    assumptions: dict[str, Figure] = {}

    @model_validator(mode="after")
    def _hardware_for_something(self) -> Self:
        stated = self.bought is not None and self.bought.capex_usd is not None
        if self.replica is None and not stated and (self.rented or self.bought):
            raise ValueError("rented or bought GPUs need a replica: say which GPU, and which model or load")
        unknown = sorted(set(self.assumptions) - {*FROM_FACTS, *TYPED, "kw_per_gpu"})
        if unknown:
            raise ValueError(f"unknown assumption {unknown[0]}; known: {', '.join((*FROM_FACTS, *TYPED, 'kw_per_gpu'))}")
        if (life := self.assumptions.get("depreciation_years")) and min(life.value, life.value if life.low is None else life.low) <= 0:
            raise ValueError(f"depreciation_years is {life.value:g}; a life must be positive")
        return self


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
    found["api_usd_per_month"] = scenario.api.monthly("api_usd_per_month", scenario.traffic)
    found["host_price_decline"] = found["api_price_decline"]._replace(name="host_price_decline")
    if scenario.host:
        found["host_usd_per_month"] = scenario.host.monthly("host_usd_per_month", scenario.traffic)
    serving, warnings = None, []
    if scenario.traffic and not scenario.traffic.from_log:
        warnings.append(f"The volume is typed and its shape is stated (peak {scenario.traffic.peak_to_mean:g} x mean); a log's own minutes decide better.")
    if scenario.bought and scenario.bought.capex_usd:
        found |= _stated(scenario.bought, found["api_usd_per_month"].value, scenario.months)
    elif scenario.replica:
        serving = _serving(scenario, measurements)
        found |= _hardware(scenario, serving)
    if scenario.traffic and scenario.quality.gap_share:
        usd = scenario.traffic.requests_per_month * scenario.quality.gap_share * scenario.quality.usd_per_failure
        found["quality_gap_usd_per_month"] = fixed("quality_gap_usd_per_month", usd, "USD/month", "gap share x USD per failure")
    for field, name in STAFF.items():
        if (figure := getattr(scenario.staff, field)) is not None:
            found[name] = figure.named(name, found[name].unit)
    for name, figure in scenario.assumptions.items():
        found[name] = figure.named(name, found[name].unit if name in found else "")
    return Case(scenario, found, scenario.replica is None or scenario.replica.replicas is None, serving, tuple(warnings))


def _stated(bought: Bought, api_usd: float, months: int) -> dict[str, Assumption]:
    """One sum buys one unit that carries the load; its running costs follow from the stated saving."""
    contained = (
        "kw_per_gpu", "support_share_per_year", "network_share_of_purchase", "residual_share", "api_price_decline", "host_price_decline",
        "engineers_one_off", "ongoing_fte", "spare_replicas",
    )  # fmt: skip
    figures = {name: fixed(name, 0.0, source="the stated saving has it, or no staff is stated") for name in contained}
    figures |= {name: fixed(name, 1.0, source="the whole installation is one unit") for name in ("load_replicas", "gpus_per_replica")}
    figures["depreciation_years"] = fixed("depreciation_years", months / 12, "years", "written off over the horizon")
    saving = bought.saving_usd_per_year
    running = api_usd - saving.value / 12
    spread_of = [v if v is None else api_usd - v / 12 for v in (saving.high, saving.low)]
    low, high = (running if v is None else v for v in spread_of)
    figures["other_own_usd_per_month"] = Assumption("other_own_usd_per_month", running, low, high, "USD/month", "API bill less the stated saving")
    figures["usd_per_gpu"] = bought.capex_usd.named("usd_per_gpu", "USD, the whole installation")
    return figures


def _serving(scenario: BreakevenScenario, measurements: Sequence[ServingMeasurement]) -> ServingPoint | None:
    replica, traffic = scenario.replica, scenario.traffic
    if not replica.model or traffic is None:
        return None
    fresh = max(1.0, traffic.input_tokens - traffic.cached_tokens)
    return operating_point(replica.model, replica.gpu, replica.gpus, replica.layout, replica.precision, fresh, traffic.output_tokens, replica.tpot_ms, measurements=measurements)


def _hardware(scenario: BreakevenScenario, serving: ServingPoint | None) -> dict[str, Assumption]:
    replica, gpu = scenario.replica, find_gpu(scenario.replica.gpu)
    stated = replica.replicas is not None
    load = replica.replicas if stated else replica.load_replicas if replica.load_replicas is not None else fluid_load(scenario, serving)
    kw = gpu.provisioned_kw or gpu.tdp_w / 1000 + hosting_facts()["node_overhead_kw"].value
    figures = {
        "load_replicas": fixed("load_replicas", load, "replicas busy at the peak"),
        "gpus_per_replica": fixed("gpus_per_replica", replica.gpus),
        "spare_replicas": fixed("spare_replicas", 0 if stated else replica.spare),
        "kw_per_gpu": fixed("kw_per_gpu", kw, "kW", gpu.source, gpu.as_of),
    }
    if not stated:
        sigma, source = (serving.sigma, f"{serving.tier}: {serving.evidence}") if serving else (SIGMA["calibrated roofline"], "error band of the calibrated roofline")
        figures["throughput_factor"] = spread("throughput_factor", 1.0, sigma, "x predicted", source)
    if scenario.rented is not None:
        figures["rent_usd_per_gpu_hour"] = _price(scenario.rented.usd_per_gpu_hour, "rent_usd_per_gpu_hour", gpu.gpu, scenario.rented.kind)
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
        return rate * (traffic.input_tokens / replica.prefill_tokens_per_s + traffic.output_tokens / replica.decode_tokens_per_s)
    speed = replica.requests_per_s or (serving.requests_per_s if serving else None)
    if speed is None:
        raise BadInput("The replica's speed is unknown: name its model, or give prefill_tokens_per_s and decode_tokens_per_s.")
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
    return Assumption(name, quote.usd, quote.usd * 0.7, quote.usd * 1.3, unit, f"{quote.provider}, {quote.source}", quote.as_of, quote.verified)
