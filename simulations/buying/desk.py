"""The buying desk: every way to buy one model's work: what it costs, how full it stands, what is regretted.

Months to come are drawn from the log's own days and a range of volumes; each way is charged for the same month. Regret
is what a way costs more than the cheapest allowed one of that month, known afterwards. A way whose price nobody typed
is open: it has no cost, only what to ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from analytics.scope import Scope
from data import wording
from data.calendar import DAYS_PER_MONTH
from data.facts.models import ModelFacts
from data.facts.prepaid import Offer, prepaid_offers
from data.ledger import Ledger
from routing.policies.choice import CLOSED_WEIGHTS, hosting_at, logged_hosting, refusal
from routing.policies.policy import Policy
from simulations.buying import ways
from simulations.buying.ways import Purchase
from simulations.buying.work import Work, work_of
from simulations.ranges import lognormal, quantiles
from simulations.replay.repricing import Market
from simulations.replay.traffic import fold

MONTHS, DAYS_DRAWN, GRID, SEED = 1000, 30, 9, 20261127
Spread = dict[str, float]


class Way(NamedTuple):
    """One way to buy: USD of a mean month at today's volume and its spread, regret, utilisation (None: nothing bought).

    `forbidden` is why the policy does not let this work go there; `asks` what has to be typed first; both empty where
    it can be bought.
    """

    kind: str
    name: str
    usd_per_month: float | None
    cost: Spread | None
    regret: Spread | None
    utilisation: Spread | None
    basis: str
    forbidden: str
    asks: str


class Desk(NamedTuple):
    """The ways, the cheapest allowed first, then what is forbidden or open; and of which work.

    `pays_below_usd` is the price of one unit and hour under which capacity bought ahead pays; None without an offer.
    """

    model: str
    work: Work
    ways: tuple[Way, ...]
    offer: Offer | None
    units: int
    pays_below_usd: float | None


class Months(NamedTuple):
    """Drawn months: which days, the multiple of their volume, and multiples around it at which spill is computed."""

    days: np.ndarray
    multiple: np.ndarray
    grid: np.ndarray

    @classmethod
    def draw(cls, days: int, volume: tuple[float, float]) -> Months:
        rng = np.random.default_rng(SEED)
        drawn_days, multiple = rng.integers(0, days, (MONTHS, DAYS_DRAWN)), lognormal(rng, volume)[:MONTHS]
        return cls(drawn_days, multiple, np.unique([1.0, *np.quantile(multiple, np.linspace(0, 1, GRID))]))

    def of(self, per_day: np.ndarray) -> np.ndarray:
        """Months of a quantity by day, at every multiple of the grid, read at the drawn multiple: the mean day."""
        sums = per_day[:, self.days].mean(axis=2)
        return np.array([np.interp(m, self.grid, column) for m, column in zip(self.multiple, sums.T, strict=True)])


def desk(view: Ledger, scope: Scope, purchase: Purchase, market: Market, held: Policy) -> Desk:
    """The whole table for the log's work of one model. Raises NoData and Refused as `work_of` does."""
    work = work_of(view, scope, purchase.model)
    offers = prepaid_offers(purchase.model)
    offer = offers[0] if offers else None
    return compare_offers(
        work, purchase, offer, _batch_ratio(view, scope, purchase.model, market), _forbidden(work, offer, market, held)
    )


def compare_offers(
    work: Work, purchase: Purchase, offer: Offer | None, batch_ratio: float | None, forbidden: Mapping[str, str]
) -> Desk:
    """The table from the work and what is offered; `batch_ratio` is a batch's price over the usual one."""
    months = Months.draw(work.days, purchase.volume)
    tokens = work.usd_per_day[months.days].mean(axis=1) * months.multiple * DAYS_PER_MONTH
    today = work.usd_per_month
    made = [_tokens(today, tokens), _batch(today, tokens, purchase, batch_ratio), _committed(today, tokens, purchase)]
    prepaid, units, below = _prepaid(work, purchase, offer, months)
    made += [prepaid, _seats(work, today, tokens, purchase), _own(work, purchase, months)]
    return Desk(purchase.model, work, _ranked(made, forbidden), offer, units, below)


Draft = tuple[str, str, float | None, np.ndarray | None, np.ndarray | None, str, str]


def _tokens(today: float, tokens: np.ndarray) -> Draft:
    return ("tokens", "By the token, as today", today, tokens, None, "the log's own cost", "")


def _batch(today: float, tokens: np.ndarray, purchase: Purchase, ratio: float | None) -> Draft:
    if ratio is None:
        return (
            "batch",
            "What can wait in batches",
            None,
            None,
            None,
            "no lower batch price in the price book",
            "a batch price",
        )
    factor = 1 - purchase.can_wait * (1 - ratio)
    words = f"{wording.share(purchase.can_wait)} of the work waits, as stated, at {wording.share(ratio)} of the price"
    asks = "" if purchase.can_wait else "the share of the work that can wait"
    return ("batch", "What can wait in batches", today * factor, tokens * factor, None, words, asks)


def _committed(today: float, tokens: np.ndarray, purchase: Purchase) -> Draft:
    name = "A commitment for a discount"
    if purchase.commitment_usd is None or purchase.discount is None:
        return ("commitment", name, None, None, None, "", "the least spend a month and its discount")
    usd = ways.committed_month(purchase, tokens)
    used = (
        np.minimum(1.0, tokens * (1 - purchase.discount) / purchase.commitment_usd) if purchase.commitment_usd else None
    )
    least = wording.usd_short(purchase.commitment_usd)
    words = f"{least} a month at least, {wording.share(purchase.discount)} off, as stated"
    return ("commitment", name, float(ways.committed_month(purchase, np.array([today]))[0]), usd, used, words, "")


def _prepaid(work: Work, purchase: Purchase, offer: Offer | None, months: Months) -> tuple[Draft, int, float | None]:
    name = "Capacity bought ahead, the rest by the token"
    if offer is None:
        return ("prepaid", name, None, None, None, "no offer for this model is known", "an offer"), 0, None
    weight = purchase.output_weight
    if weight is None:
        asks = "how many input tokens one output token counts as"
        return ("prepaid", name, None, None, None, f"source: {offer.source}", asks), 0, None
    load, carries = work.load(weight), offer.input_tokens_per_minute
    below = ways.pays_below(work, load, carries, offer.least_units, offer.step_units)
    if purchase.usd_per_unit_hour is None:
        asks = f"the price of a {offer.unit} an hour; it pays below {wording.usd(below)}"
        return ("prepaid", name, None, None, None, f"{offer.least_units} {offer.unit} at least", asks), 0, below
    price = purchase.usd_per_unit_hour
    units = ways.best_units(work, load, carries, offer.least_units, offer.step_units, price) or offer.least_units
    per_day = ways.prepaid_days(work, load, units * carries, units * price, months.grid)
    used = months.of(ways.utilisation_days(work, load, units * carries, months.grid))
    words = f"{units} {offer.unit} at {wording.usd(price)} an hour, as stated; pays below {wording.usd(below)}"
    usd = float(per_day[np.searchsorted(months.grid, 1.0)].mean() * DAYS_PER_MONTH)
    return ("prepaid", name, usd, months.of(per_day) * DAYS_PER_MONTH, used, words, ""), units, below


def _seats(work: Work, today: float, tokens: np.ndarray, purchase: Purchase) -> Draft:
    name = "A seat for every user"
    if work.users is None:
        return ("seats", name, None, None, None, "the log names no users", "a log that names users")
    if purchase.usd_per_seat is None:
        words = f"{wording.count(work.users)} users, {wording.usd(today / work.users)} of tokens each a month"
        return ("seats", name, None, None, None, words, "the price of a seat a month")
    usd = ways.seats_month(purchase, work.users, tokens)
    words = f"{wording.count(work.users)} users at {wording.usd(purchase.usd_per_seat)} a month, as stated"
    return ("seats", name, float(ways.seats_month(purchase, work.users, np.array([today]))[0]), usd, None, words, "")


def _own(work: Work, purchase: Purchase, months: Months) -> Draft:
    name = "Own machines"
    if purchase.own_usd_per_mtok is None:
        return ("own", name, None, None, None, "", "their price per million tokens, which Self-host computes")
    usd = ways.own_month(purchase, work, months.multiple)
    words = f"{wording.usd(purchase.own_usd_per_mtok)} per million fresh input and output tokens, as stated"
    return ("own", name, float(ways.own_month(purchase, work, np.ones(1))[0]), usd, None, words, "")


def _ranked(made: list[Draft], forbidden: Mapping[str, str]) -> tuple[Way, ...]:
    """Spreads and regrets against the cheapest allowed way of every month; cheapest first, open and forbidden last."""
    offered = [usd for kind, _, _, usd, _, _, _ in made if usd is not None and not forbidden.get(kind)]
    least = np.min(offered, axis=0) if offered else None
    table = [
        Way(
            kind,
            name,
            usd,
            None if drawn is None else quantiles(drawn),
            None if drawn is None or least is None or forbidden.get(kind) else quantiles(drawn - least),
            None if used is None else quantiles(used),
            basis,
            forbidden.get(kind, ""),
            "" if forbidden.get(kind) else asks,  # nobody is asked for what may not be bought
        )
        for kind, name, usd, drawn, used, basis, asks in made
    ]
    return tuple(
        sorted(table, key=lambda way: (bool(way.forbidden), way.usd_per_month is None, way.usd_per_month or 0.0))
    )


def _batch_ratio(view: Ledger, scope: Scope, model: str, market: Market) -> float | None:
    """A batch's price over that of the tier each request had; None where the price book has no batch price."""
    groups = fold(view, scope.with_filter("model", model))
    usual, batch = (market.cost_usd(part, model) for part in (groups, groups.assign(service_tier="batch")))
    known = np.isfinite(usual) & np.isfinite(batch)
    whole = float(usual[known].sum())
    ratio = float(batch[known].sum()) / whole if whole else 1.0
    return ratio if ratio < 1 else None


def _closed(facts: ModelFacts | None) -> str:
    """Why nobody but its maker runs a model: closed weights; empty where they are open, or nobody knows."""
    return CLOSED_WEIGHTS if facts and facts.open_weights is False else ""


def _forbidden(work: Work, offer: Offer | None, market: Market, held: Policy) -> dict[str, str]:
    """Why this work may not go a way: closed weights, or the policy refuses a part that would move, all that stays."""
    facts = market.catalog.get(work.model)

    def refused(hosting: str, data_class: str) -> str | None:
        request = {"data_class": data_class, "model": work.model}
        return refusal(held, f"{work.model}@{hosting}", request, market.catalog)

    moved = {"prepaid": hosting_at(offer.provider) if offer else "cloud", "own": "self"}
    found = {}
    for kind, hosting in moved.items():
        reasons = (refused(hosting, data_class) for _, data_class, _ in work.routes)
        found[kind] = next((reason for reason in reasons if reason), "")
    found["own"] = _closed(facts) or found["own"]
    here = [
        refused(logged_hosting({"provider": provider}, facts) or "api", data_class)
        for provider, data_class, _ in work.routes
    ]
    staying = (here[0] or "") if here and all(here) else ""
    return found | dict.fromkeys(("tokens", "batch", "commitment", "seats"), staying)
