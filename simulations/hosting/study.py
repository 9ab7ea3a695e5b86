"""The self-host question asked of a log or of a typed volume: demand, what a replica does, the fleet, the money.

One direction: scope -> arrivals -> fleet -> money. The operating point is found once, on the way, and handed on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from analytics.scope import Scope
from data import wording
from data.calendar import DAYS_PER_MONTH
from data.errors import BadInput, NoData
from data.facts.architectures import find_architecture
from data.facts.gpus import find_gpu, typical_price
from data.ledger import Ledger
from simulations.hosting import arrivals, fleet
from simulations.hosting.arrivals import Demand, Requests
from simulations.hosting.breakeven import breakeven
from simulations.hosting.breakeven_scenario import (
    Bought,
    BreakevenScenario,
    Prices,
    Quality,
    Range,
    Rented,
    Replica,
    Traffic,
)
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.fleet import Fleet, Hybrid
from simulations.hosting.fleet_plan import FleetPlan, Plan, busy_by_volume, plan_fleet, that_fit
from simulations.hosting.quotes import api_bill
from simulations.hosting.serving_point import ServingPoint
from simulations.hosting.serving_queue import ServiceRates

WORST_HOURS = 2
OUTPUT_WEIGHT = 5.0  # a token written takes a replica about as long as five read


class Work(NamedTuple):
    """What would move: its minutes, its busiest hours request by request, requests a month, and today's bill."""

    demand: Demand
    windows: list[Requests]
    per_month: float
    api: Prices
    pattern: str  # of a typed volume; "" for a log
    warnings: tuple[str, ...]

    @property
    def shape(self) -> RequestShape:
        """A mean request."""
        d = self.demand
        return RequestShape(d.mean(d.fresh_tokens), d.mean(d.cached_tokens), max(1.0, d.mean(d.output_tokens)))

    @property
    def traffic(self) -> Traffic:
        """The same as a scenario has it."""
        return Traffic(
            requests_per_month=self.per_month,
            input_tokens=self.shape.input,
            cached_tokens=self.shape.cached,
            output_tokens=self.shape.output,
            peak_to_mean=max(1.0, self.demand.peak_to_mean()),
            shape=arrivals.SHAPES.get(self.pattern, ""),
            from_log=not self.pattern,
        )


class Study(NamedTuple):
    """The answer and what it stands on."""

    result: dict[str, Any]
    scenario: BreakevenScenario
    demand: Demand
    fleet: Fleet
    point: ServingPoint
    splits: list[Hybrid]
    warnings: tuple[str, ...]


def from_log(view: Ledger, scope: Scope, plan: Plan, *, accept_short: bool = False) -> Study:
    """A study of the scope's own minutes. Requests beyond the model's context stay on the API and are said.

    Raises NoData for an empty scope, Refused for less than a day of log (unless accepted) and for an
    objective out of reach, BadInput for a model that does not fit.
    """
    demand = arrivals.demand(view, scope)
    monthly_requests = demand.per_month(accept_short=accept_short)
    bill, priced = api_bill(view, scope)
    if not priced and not plan.api_usd:
        raise NoData(
            "None of these requests has a price, so there is no API bill to compare with; "
            "add prices on the Data and prices page."
        )
    warnings = demand.warnings()
    if priced < 0.995 and not plan.api_usd:
        warnings.append(f"{wording.share(priced)} of these requests have a price; the API bill misses the rest.")
    today = Prices(usd_per_month=Range(value=bill / demand.days * DAYS_PER_MONTH))
    api = token_prices(plan.api_usd) if plan.api_usd else today
    starts = fleet.worst_hours(demand.fresh_tokens + OUTPUT_WEIGHT * demand.output_tokens, WORST_HOURS)
    windows = [
        arrivals.requests(view, scope, demand.start + timedelta(minutes=m), demand.start + timedelta(minutes=m + 60))
        for m in starts
    ]
    return study(plan, Work(demand, windows, monthly_requests, api, "", tuple(warnings)))


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
    """A study of a typed volume with a stated shape; `dispersion` is the mean size of a burst.

    4 is what Azure's chat trace shows.
    """
    if plan.api_usd is None:
        raise BadInput("A typed volume needs the API's prices: USD per million input, cached input and output tokens.")
    demand = arrivals.stated_demand(requests_per_month, input_tokens, cached_tokens, output_tokens, peak_to_mean, shape)
    hour = fleet.worst_hours(demand.requests, 1)[0]
    peak = Demand(demand.start, *(series[hour : hour + 60] for series in demand[1:]))
    windows = [arrivals.draw_requests(peak, dispersion=dispersion)]
    return study(plan, Work(demand, windows, requests_per_month, token_prices(plan.api_usd), shape, ()))


def study(plan: Plan, work: Work) -> Study:
    """The whole answer for this work under this plan."""
    asked = Deployment.from_names(plan.model, plan.gpu, plan.gpus, None, plan.precision)
    rates, point = fleet.service_rates(asked, work.shape, plan.objective, plan.measurements)
    longest = min(find_architecture(plan.model).context, rates.cache_tokens)
    windows, left_out = that_fit(work.windows, longest)
    warnings = list(work.warnings)
    if left_out:
        warnings.append(
            f"{wording.share(left_out)} of the busiest hours' tokens are in requests longer than {longest:,.0f} tokens;"
            " these stay on the API."
        )
    plan, told = _with_promise(plan, windows, rates)
    warnings += told
    bill = work.api.monthly("api_usd_per_month", work.traffic).value
    planned = plan_fleet(plan, work.demand, windows, rates, bill)
    loads = busy_by_volume(plan, work.demand, windows, rates, bill)
    scenario = scenario_of(plan, work, planned, loads, point.of_one_replica(), left_out)
    result = breakeven(scenario, serving=point.of_one_replica())
    warnings += [*planned.warnings, *result["warnings"]]
    return Study(result, scenario, work.demand, planned.sized, point, planned.splits, tuple(warnings))


def _with_promise(plan: Plan, windows: list[Requests], rates: ServiceRates) -> tuple[Plan, list[str]]:
    """The plan with a time to first token, and what is to be said where it is neither stated nor the usual one."""
    if plan.ttft_ms is not None:
        return plan, []
    alone = fleet.alone_ttft_ms(windows, rates)
    promised = plan._replace(ttft_ms=fleet.round_ttft_ms(alone))
    if promised.objective == plan.objective:
        return promised, []
    usual, now = (wording.milliseconds(one.objective.ttft_ms) for one in (plan, promised))
    return promised, [
        f"One request in twenty of a busy hour takes {wording.milliseconds(alone)} or longer to its first token with a "
        f"replica to itself. No objective is stated, so the fleet is sized for {now} instead of the usual {usual}."
    ]


def scenario_of(
    plan: Plan,
    work: Work,
    planned: FleetPlan,
    loads: tuple[tuple[float, float], ...],
    point: ServingPoint,
    left_out: float,
) -> BreakevenScenario:
    """The study as a scenario that can be saved and run again without the log; `point` is of one replica."""
    figures = dict(plan.assumptions) | {"growth_per_year": plan.growth_per_year}
    figures["burst_share"] = max(left_out, planned.burst_share)
    if planned.paid_hours_share is not None:
        figures["rented_hours_share"] = planned.paid_hours_share
    rented, bought = _hardware_options(plan)
    return BreakevenScenario(
        kind="breakeven",
        name=f"{plan.model} on {point.count} x {find_gpu(plan.gpu).name} a replica, {plan.run}",
        months=plan.months,
        source="the ledger's own arrivals" if work.traffic.from_log else "a typed volume",
        traffic=work.traffic,
        api=work.api,
        host=token_prices(plan.host_usd) if plan.host_usd else None,
        replica=Replica(
            model=plan.model,
            gpu=plan.gpu,
            gpus=point.count,
            layout=point.layout,
            precision=point.precision,
            tpot_ms=plan.tpot_ms,
            load_replicas=planned.busy,
            load_at=loads,
            mean_replicas=planned.mean_replicas,
            spare=planned.spare,
        ),
        rented=rented,
        bought=bought,
        assumptions={name: Range(value=value) for name, value in figures.items()},
        quality=Quality(gap_share=plan.quality_gap, usd_per_failure=plan.usd_per_failure),
    )


def _hardware_options(plan: Plan) -> tuple[Rented | None, Bought | None]:
    """What a catalogue prices: a GPU may be rentable but have no purchase quote, or the other way round."""
    kind = "spot" if plan.run == "spot" else plan.rent_kind
    quoted = {quote: _is_quoted(plan.gpu, quote) for quote in (kind, "purchase")}
    if not any(quoted.values()):
        raise NoData(f"Nobody quotes a price for {plan.gpu}; add one to the GPU price catalogue, with its date.")
    return Rented(kind=kind) if quoted[kind] else None, Bought() if quoted["purchase"] else None


def _is_quoted(gpu: str, kind: str) -> bool:
    try:
        typical_price(gpu, kind)
    except NoData:
        return False
    return True


def token_prices(usd: tuple[float, float, float]) -> Prices:
    """Prices per million tokens (input, cached input, output) as a scenario has them."""
    fresh, cached, output = usd
    return Prices(input_usd_per_mtok=fresh, cached_input_usd_per_mtok=cached, output_usd_per_mtok=output)
