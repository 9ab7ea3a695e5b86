"""The self-host question asked of a log: demand, what a replica does, the fleet, the money, in one study."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from analytics.scope import Scope
from data.errors import BadInput, BatonError, NoData
from data.facts.architectures import architectures, find_architecture
from data.facts.gpus import typical_price
from data.facts.hosting import hosting_facts
from data.facts.models import Catalog
from data.ledger import Ledger
from data.prices.book import PriceBook
from simulations.hosting import arrivals, fleet
from simulations.hosting.arrivals import DAYS_PER_MONTH, Demand, Requests
from simulations.hosting.breakeven import breakeven
from simulations.hosting.breakeven_scenario import BreakevenScenario
from simulations.hosting.capacity import ServingPoint
from simulations.hosting.costs import HOURS_PER_MONTH
from simulations.hosting.fleet import Fleet, Hybrid, Objective
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.scenario import from_document

HOSTS = (
    "openrouter",
    "novita",
    "together",
    "fireworks",
    "groq",
    "cerebras",
    "deepseek",
    "minimax",
    "moonshotai",
    "zai",
    "mistral",
)
WORST_HOURS = 2
OUTPUT_WEIGHT = 5.0  # a token written takes a replica about as long as five read
HIGHEST_LOAD = 0.75  # of a replica's fluid capacity, for splits and autoscaling
RUNS = ("fixed", "autoscaled", "hybrid", "spot")


class Plan(NamedTuple):
    """What the user chose. `host_usd` and `api_usd` are USD per million tokens (input, cached input, output).

    Without `api_usd` the API's cost is the log's own bill; with it, the log's tokens at these prices.
    """

    model: str
    gpu: str
    gpus: int = 1
    precision: str = ""
    ttft_ms: float = 2000
    tpot_ms: float = 50
    run: str = "fixed"
    spare: int = 1
    months: int = 36
    growth_per_year: float = 0.0
    batchable_share: float = 0.0
    quality_gap: float = 0.0
    usd_per_failure: float = 0.0
    host_usd: tuple[float, float, float] | None = None
    api_usd: tuple[float, float, float] | None = None
    rent_kind: str = "reserved"
    assumptions: tuple[tuple[str, float], ...] = ()
    measurements: tuple[ServingMeasurement, ...] = ()


class Study(NamedTuple):
    """The answer and what it stands on."""

    result: dict[str, Any]
    scenario: BreakevenScenario
    demand: Demand
    fleet: Fleet
    point: ServingPoint
    splits: list[Hybrid]
    warnings: tuple[str, ...]


def from_log(view: Ledger, scope: Scope, plan: Plan, *, sampled: bool = False, accept_short: bool = False) -> Study:
    """A study of the scope's own minutes. Requests beyond the model's context stay on the API and are said.

    Raises NoData for an empty scope, Refused for less than a day of log (unless accepted) and for an
    objective out of reach, BadInput for a model that does not fit.
    """
    demand = arrivals.demand(view, scope, sampled=sampled)
    monthly_requests = demand.per_month(accept_short=accept_short)
    bill, priced = api_bill(view, scope)
    if not priced and not plan.api_usd:
        raise NoData(
            "None of these requests has a price, so there is no API bill to compare with; add prices on the Data and prices page."
        )
    warnings = demand.warnings()
    if priced < 0.995 and not plan.api_usd:
        warnings.append(f"{priced:.1%} of these requests have a price; the API bill misses the rest.")
    api = priced_by(plan.api_usd) if plan.api_usd else {"usd_per_month": bill / demand.days * DAYS_PER_MONTH}
    starts = fleet.worst_hours(demand.fresh_tokens + OUTPUT_WEIGHT * demand.output_tokens, WORST_HOURS)
    windows = [
        arrivals.requests(
            view, scope, demand.start + timedelta(minutes=m), demand.start + timedelta(minutes=m + 60), sampled=sampled
        )
        for m in starts
    ]
    return _study(plan, demand, windows, monthly_requests, api, warnings)


def from_volume(
    plan: Plan,
    requests_per_month: float,
    input_tokens: float,
    cached_tokens: float,
    output_tokens: float,
    peak_to_mean: float,
    shape: str = "daily",
    dispersion: float = 4.0,
) -> Study:
    """A study of a typed volume with a stated shape; `dispersion` is the mean size of a burst (4 on Azure's chat trace)."""
    if plan.api_usd is None:
        raise BadInput("A typed volume needs the API's prices: USD per million input, cached input and output tokens.")
    demand = arrivals.stated(requests_per_month, input_tokens, cached_tokens, output_tokens, peak_to_mean, shape)
    hour = fleet.worst_hours(demand.requests, 1)[0]
    peak = Demand(demand.start, *(series[hour : hour + 60] for series in demand[1:]))
    return _study(
        plan,
        demand,
        [arrivals.drawn(peak, dispersion=dispersion)],
        requests_per_month,
        priced_by(plan.api_usd),
        [],
        shape=shape,
    )


def _study(
    plan: Plan,
    demand: Demand,
    windows: list[Requests],
    monthly: float,
    api: dict[str, Any],
    warnings: list[str],
    *,
    shape: str = "",
) -> Study:
    objective = Objective(plan.ttft_ms, plan.tpot_ms)
    sizes = [demand.mean(series) for series in (demand.fresh_tokens, demand.cached_tokens, demand.output_tokens)]
    rates, point = fleet.service_rates(
        plan.model,
        plan.gpu,
        plan.gpus,
        None,
        plan.precision,
        sizes[0] + sizes[1],
        sizes[1],
        max(1.0, sizes[2]),
        objective,
        plan.measurements,
    )
    longest = min(find_architecture(plan.model).context, rates.cache_tokens)
    windows, left_out = _within(windows, longest)
    if left_out:
        warnings = [
            *warnings,
            f"{left_out:.1%} of the busiest hours' tokens are in requests longer than {longest:,.0f} tokens; these stay on the API.",
        ]
    interactive = [_thinned(requests, plan.batchable_share) for requests in windows]
    if (most := max(len(requests.at_s) for requests in interactive)) > fleet.MOST_REPLAYED:
        warnings = [
            *warnings,
            f"The busiest hours hold up to {most:,} requests; a random {fleet.MOST_REPLAYED / most:.1%} of them was replayed on as large a part of the fleet.",
        ]
    sized = fleet.size_fleet(interactive, demand, rates, objective, spare=plan.spare)
    load = fleet.off_peak(sized.load, plan.batchable_share)
    busy = max(sized.replicas, math.ceil(load.max() * 0.999)) if plan.batchable_share else sized.replicas
    rent = _rent_per_replica(plan, rates.gpus)
    api_monthly = (
        api.get("usd_per_month") or monthly * sum(s * p for s, p in zip(sizes, plan.api_usd, strict=True)) / 1e6
    )
    splits = fleet.best_hybrid(load, rent, api_monthly, highest_load=HIGHEST_LOAD, spare=plan.spare)
    figures = dict(plan.assumptions) | {"growth_per_year": plan.growth_per_year, "burst_share": left_out}
    replica: dict[str, Any] = {
        "model": plan.model,
        "gpu": plan.gpu,
        "gpus": rates.gpus,
        "layout": point.layout,
        "precision": point.precision,
        "tpot_ms": plan.tpot_ms,
        "load_replicas": busy,
        "mean_replicas": float(load.mean()),
        "spare": plan.spare,
    }
    _run(plan, load, busy, splits, replica, figures)
    if plan.run == "hybrid" and not splits[0].replicas:
        warnings = [
            *warnings,
            "The cheapest split keeps everything on the API; the one shown is the cheapest with own machines.",
        ]
    traffic = {
        "requests_per_month": monthly,
        "input_tokens": sizes[0] + sizes[1],
        "cached_tokens": sizes[1],
        "output_tokens": max(1.0, sizes[2]),
        "peak_to_mean": max(1.0, demand.peak_to_mean()),
        "shape": arrivals.SHAPES.get(shape, ""),
        "from_log": not shape,
    }
    scenario = _scenario(plan, traffic, api, replica, figures)
    result = breakeven(scenario, plan.measurements)
    return Study(
        result, scenario, demand, sized._replace(load=load), point, splits, tuple([*warnings, *result["warnings"]])
    )


def _scenario(
    plan: Plan, traffic: dict[str, Any], api: dict[str, Any], replica: dict[str, Any], figures: dict[str, float]
) -> BreakevenScenario:
    """The study as a scenario that can be saved and run again without the log."""
    body = {
        "kind": "breakeven",
        "name": f"{plan.model} on {replica['gpus']} x {plan.gpu} a replica, {plan.run}",
        "months": plan.months,
        "source": "the ledger's own arrivals" if traffic["from_log"] else "a typed volume",
        "traffic": traffic,
        "api": api,
        "replica": replica,
        "rented": {"kind": plan.rent_kind},
        "bought": {},
        "assumptions": figures,
        "quality": {"gap_share": plan.quality_gap, "usd_per_failure": plan.usd_per_failure},
    }
    if plan.host_usd:
        body["host"] = priced_by(plan.host_usd)
    return from_document(_priced_options(body, plan), BreakevenScenario, "the study")


def _run(
    plan: Plan, load: np.ndarray, busy: int, splits: list[Hybrid], replica: dict[str, Any], figures: dict[str, float]
) -> None:
    """How the fleet is run changes its size, the hours paid, or what stays on the API."""
    facts = hosting_facts()
    if plan.run == "autoscaled":
        paid = fleet.autoscaled_hours(load, plan.spare, int(facts["model_load_minutes"].value), HIGHEST_LOAD)
        figures["rented_hours_share"] = min(1.0, paid / ((busy + plan.spare) * len(load) / 60))
    elif plan.run == "hybrid":
        split = next(s for s in splits if s.replicas)  # none at all would be the API column
        replica["load_replicas"] = split.replicas
        replica["mean_replicas"] *= 1 - split.burst_share
        figures["burst_share"] = max(figures["burst_share"], split.burst_share)
    elif plan.run == "spot":
        held = fleet.with_evictions(
            busy + plan.spare, facts["spot_evictions_per_day"].value, facts["model_load_minutes"].value
        )
        replica["spare"] = held - busy


def _priced_options(body: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """Drop what no catalogue prices: a GPU may be rentable but have no purchase quote, or the other way round."""
    kind = "spot" if plan.run == "spot" else plan.rent_kind
    body["rented"]["kind"] = kind
    for option, quoted in (("rented", kind), ("bought", "purchase")):
        try:
            typical_price(plan.gpu, quoted)
        except NoData:
            del body[option]
    if "rented" not in body and "bought" not in body:
        raise NoData(f"Nobody quotes a price for {plan.gpu}; add one to the GPU price catalogue, with its date.")
    return body


def _rent_per_replica(plan: Plan, gpus: int) -> float:
    """USD a month of one replica at the best known hourly price, for the search of the split."""
    for kind in (plan.rent_kind, "reserved", "on_demand", "own_neocloud"):
        try:
            return typical_price(plan.gpu, kind).usd * gpus * HOURS_PER_MONTH
        except NoData:
            continue
    return math.inf


def _within(windows: list[Requests], longest: float) -> tuple[list[Requests], float]:
    """Requests that fit, and the share of tokens in those that do not."""
    kept, total, dropped = [], 0.0, 0.0
    for requests in windows:
        size = requests.fresh_tokens + requests.cached_tokens + requests.output_tokens
        fits = size <= longest
        total, dropped = total + float(size.sum()), dropped + float(size[~fits].sum())
        if fits.any():
            kept.append(arrivals.ordered(*(series[fits] for series in requests)))
    if not kept:
        raise BadInput(
            f"Every request of the busiest hours is longer than the {longest:,.0f} tokens that a replica holds; take a longer context or more GPUs a replica."
        )
    return kept, dropped / total


def _thinned(requests: Requests, batchable_share: float) -> Requests:
    """The interactive part: every request but a regular share of them."""
    if not batchable_share:
        return requests
    place = np.arange(len(requests.at_s))
    stays = np.floor((place + 1) * (1 - batchable_share)) > np.floor(place * (1 - batchable_share))
    return arrivals.ordered(*(series[stays] for series in requests)) if stays.any() else requests


def priced_by(usd: tuple[float, float, float]) -> dict[str, float]:
    """Prices per million tokens as a scenario writes them."""
    return dict(zip(("input_usd_per_mtok", "cached_input_usd_per_mtok", "output_usd_per_mtok"), usd, strict=True))


def api_bill(view: Ledger, scope: Scope) -> tuple[float, float]:
    """USD that the scope's requests cost, and the share of them that has a price."""
    rows = scope.usage(view)
    frame = view.frame(rows.aggregate(usd=rows.cost_usd.cast("float64").sum(), priced=rows.cost_usd.notnull().mean()))
    usd, priced = frame.iloc[0]
    return (float(usd or 0.0), float(priced)) if priced == priced and priced is not None else (0.0, 0.0)


def suggestions(logged: list[str], catalog: Catalog) -> list[str]:
    """Open models worth choosing: those already in the log, then those with known quality, best first, then the rest."""
    rated = sorted(
        ((max(s.value for s in f.quality), name) for name, f in catalog.items() if f.open_weights and f.quality),
        key=lambda pair: -pair[0],
    )
    return list(
        dict.fromkeys(
            [*open_among(logged), *open_among(name for _, name in rated), *sorted(a.model for a in architectures())]
        )
    )


def open_among(names: Iterable[str]) -> list[str]:
    """Those of the names whose weights are in the catalogue, by their name there."""
    found = []
    for name in names:
        try:
            found.append(find_architecture(name).model)
        except BatonError:
            continue  # a closed model, or one whose architecture nobody has entered
    return list(dict.fromkeys(found))


def api_quote(
    book: PriceBook, provider: str | None, model: str, at: datetime | None = None
) -> tuple[float, float, float]:
    """List price of an API model today, USD per million input, cached input and output tokens; raises NoData when it has none."""
    rates = book.price_usd_per_mtok(provider, model, at or datetime.now(UTC).replace(tzinfo=None))
    fresh, cached, out = (rates.get(kind) for kind in ("fresh_input", "cache_read", "output"))
    if fresh is None or out is None:
        raise NoData(f"{model} has no price per token; add a price override on the Data and prices page.")
    return float(fresh), float(fresh if cached is None else cached), float(out)


def host_quote(
    book: PriceBook, model: str, at: datetime | None = None
) -> tuple[str, tuple[float, float, float]] | None:
    """The cheapest known host of an open model (3 parts input, 1 part output): its name and USD per million input, cached, output tokens."""
    quotes = []
    for host in HOSTS:
        try:
            usd = api_quote(book, host, model, at)
        except BatonError:
            continue
        if usd[0] and usd[2]:
            quotes.append((3 * usd[0] + usd[2], host, usd))
    return min(quotes)[1:] if quotes else None
