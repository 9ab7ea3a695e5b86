"""The self-host question as a file; `breakeven_case` resolves it.

What the file leaves out comes from the catalogues (`data/facts/catalog/hosting_facts.csv`, GPU prices and
specifications) with their source and date; what it says may be a number or {value, low, high}.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from data.calendar import MILLION
from data.errors import BadInput
from simulations.hosting.assumptions import Assumption, fixed_figure
from simulations.scenario import Part, Scenario

FROM_FACTS = (
    "electricity_usd_per_kwh",
    "pue",
    "colocation_usd_per_kw_month",
    "gpu_power_utilisation",
    "support_share_per_year",
    "network_share_of_purchase",
    "residual_share",
    "depreciation_years",
    "discount_rate",
    "api_price_decline",
    "rent_drift",
    "engineer_salary_usd_per_year",
    "engineers_one_off",
    "weeks_one_off",
    "ongoing_fte",
)
STAFF = {
    "engineers": "engineers_one_off",
    "weeks": "weeks_one_off",
    "salary_usd_per_year": "engineer_salary_usd_per_year",
    "ongoing_fte": "ongoing_fte",
}
TYPED = (
    "growth_per_year",
    "host_price_decline",
    "migration_usd",
    "throughput_factor",
    "burst_share",
    "rented_hours_share",
    "rent_term_months",
    "other_own_usd_per_month",
    "quality_gap_usd_per_month",
)


class Range(Part):
    """A figure with its 10th and 90th percentile."""

    value: float
    low: float | None = None
    high: float | None = None
    source: str = ""
    as_of: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (
            not (self.low if self.low is not None else self.value)
            <= self.value
            <= (self.high if self.high is not None else self.value)
        ):
            raise ValueError(f"low, value and high must rise: {self.low}, {self.value}, {self.high}")
        return self

    def as_assumption(self, name: str, unit: str) -> Assumption:
        """The figure as an assumption."""
        low, high = (self.value if v is None else v for v in (self.low, self.high))
        return Assumption(name, self.value, low, high, unit, self.source or "typed in the scenario", self.as_of)


Figure = Annotated[
    Range, BeforeValidator(lambda v: {"value": v} if isinstance(v, (int, float)) and not isinstance(v, bool) else v)
]


class Traffic(Part):
    """Mean traffic that would move. Tokens are of one request; cached tokens are part of the input."""

    requests_per_month: float = Field(ge=0)
    input_tokens: float = Field(ge=0)
    cached_tokens: float = Field(0, ge=0)
    output_tokens: float = Field(ge=1)
    peak_to_mean: float = Field(2.5, ge=1)
    shape: str = ""
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
            return self.usd_per_month.as_assumption(name, "USD/month")
        if traffic is None or self.input_usd_per_mtok is None or self.output_usd_per_mtok is None:
            raise BadInput(
                f"{name.split('_')[0]}: give usd_per_month, or traffic with input_usd_per_mtok and output_usd_per_mtok."
            )
        cached_price = (
            self.input_usd_per_mtok if self.cached_input_usd_per_mtok is None else self.cached_input_usd_per_mtok
        )
        each = (
            traffic.input_tokens - traffic.cached_tokens
        ) * self.input_usd_per_mtok + traffic.cached_tokens * cached_price
        each += traffic.output_tokens * self.output_usd_per_mtok
        return fixed_figure(
            name, traffic.requests_per_month * each / MILLION, "USD/month", "traffic x prices per million tokens"
        )


class Replica(Part):
    """One replica: what runs where. Speeds are predicted unless `prefill_` and `decode_tokens_per_s` are stated.

    `load_replicas` is the busy replicas at the peak and `mean_replicas` on average (both from the fleet replay),
    `load_at` the former at multiples of the traffic, (multiple, replicas); `replicas` a stated average, fractions
    allowed, not rounded and without spares.
    """

    model: str = ""
    gpu: str
    gpus: int = Field(1, ge=1)
    layout: str | None = None
    precision: str = ""
    tpot_ms: float = Field(50, gt=0)
    load_replicas: float | None = Field(None, ge=0)
    load_at: tuple[tuple[float, float], ...] = ()
    replicas: float | None = Field(None, ge=0)
    mean_replicas: float | None = Field(None, ge=0)
    spare: int = Field(1, ge=0)
    prefill_tokens_per_s: float | None = Field(None, gt=0)
    decode_tokens_per_s: float | None = Field(None, gt=0)
    requests_per_s: float | None = Field(None, gt=0)


class Rented(Part):
    """Rented GPUs; the price comes from the catalogue unless typed.

    `term_months`: a GPU is paid for at least so long. Of the kind "reserved" three years, as the catalogue's quotes.
    """

    usd_per_gpu_hour: Figure | None = None
    kind: Literal["on_demand", "reserved", "spot"] = "reserved"
    term_months: int | None = Field(None, ge=0, le=120)


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
    """API against the same open model at a host, rented and bought GPUs, over 12 to 60 months.

    Where a saving is stated the API's bill may be left out: it is then the part of the bill that ends.
    """

    kind: Literal["breakeven"]
    months: int = Field(36, ge=12, le=60)
    traffic: Traffic | None = None
    api: Prices = Prices()
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
            raise ValueError(
                f"unknown assumption {unknown[0]}; known: {', '.join((*FROM_FACTS, *TYPED, 'kw_per_gpu'))}"
            )
        if (life := self.assumptions.get("depreciation_years")) and min(
            life.value, life.value if life.low is None else life.low
        ) <= 0:
            raise ValueError(f"depreciation_years is {life.value:g}; a life must be positive")
        return self
