"""The failures of a provider or a model go to another one, with the adaptive limiter: the log in time order.

A call that fails on its first try is answered by the other model instead of being tried again. The limiter is the one
that live runs use (`routing.calling.limiter`): it hears every logged outcome in turn; while it rests, or holds back for
longer than `PATIENCE_S`, calls go to the other model straight away. What is asked keeps its logged outcome, although
asking more slowly would meet fewer refusals: failures here are an upper bound.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from data.errors import NoData, Refused
from data.ledger import Ledger
from data.prices.price_row import RATES
from data.schema import TOKENS
from routing.calling.limiter import AdaptiveRate
from routing.policies.choice import refusal
from routing.policies.policy import Policy
from simulations.outages.outage import rows_to
from simulations.replay.repricing import Market
from simulations.replay.traffic import input_tokens, size_band
from simulations.scenario import Scenario

PATIENCE_S = 1.0
MOST_CALLS = 2_000_000
OVERLOAD = ("rate_limit", "timeout", "server")  # what asking more slowly may cure
NOT_RETRIED = ("bad_request", "content_filter", "context_length")  # another model would be asked the same again
WRITE, READ = RATES.index("cache_write_5m"), RATES.index("cache_read")


class Rerouting(Scenario):
    """Whose failures go where. `per_minute` is the documented limit of what fails, where it is known."""

    kind: Literal["rerouting"]
    provider: str | None = Field(None, min_length=1)
    model: str | None = Field(None, min_length=1)
    to: str = Field(min_length=1)
    limiter: bool = True
    per_minute: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.provider is None) == (self.model is None):
            raise ValueError("give provider or model, one of them")
        if self.to.partition("@")[0] == self.model:
            raise ValueError(f"the failures of {self.model} cannot go to {self.model}; name another model")
        return self

    @property
    def what(self) -> str:
        """The name of what fails."""
        return self.provider or self.model or ""


class Rerouted(NamedTuple):
    """What becomes of the calls. Requests are logical calls, USD are of the scope.

    Of `requests` calls, `failed` failed on the first try (`causes`: how many for what) and `never` never succeeded.
    Under rerouting `after_failure` go to the other model after a failed try, `held_back` without one; `forbidden` may
    not (policy or context window) and are as before. `answered` never succeeded before and are asked of the other
    model now; `still_failing` is what its own failure rate in this log leaves of all it takes over (None: never asked
    here). `usd_now` is what these calls cost in the log, `usd_then` at the other model with a warm cache and
    `usd_then_cold` without; `rests` and `learned_per_minute` are the limiter's.
    """

    requests: int
    failed: int
    causes: dict[str, int]
    never: int
    after_failure: int
    held_back: int
    forbidden: int
    answered: int
    still_failing: float | None
    usd_now: float
    usd_then: float | None
    usd_then_cold: float | None
    rests: int
    learned_per_minute: float | None
    days: pd.DataFrame


def reroute(view: Ledger, scope: Scope, wish: Rerouting, held: Policy, market: Market) -> Rerouted:
    """Replay the calls that first asked what fails. `held` is the policy kept to.

    Raises NoData where there are none, Refused for more calls than can be followed one by one.
    """
    tries = _tries(view, scope, wish, held, market)
    first = tries.groupby("call_id", sort=False).first()
    mine = first[first["asked"]].sort_values("requested_at")
    if mine.empty:
        raise NoData(f"No call of this scope first asked {wish.what}; choose what the log did ask.")
    succeeded = tries["ok"].groupby(tries["call_id"]).any().reindex(mine.index)
    failed = (~mine["ok"] & ~mine["cause"].isin(NOT_RETRIED)).to_numpy()
    held_back, rests, learned = _limited(mine, failed, wish)
    allowed = _allowed(mine, wish.to, held, market)
    goes = (failed | held_back) & allowed
    answers = tries[tries["ok"]].groupby("call_id", sort=False).last().reindex(mine.index[goes])
    usd_then, usd_cold = _priced(answers, wish.to, market)
    spent = tries["usd"].groupby(tries["call_id"]).sum().reindex(mine.index)
    share = _failure_share(view, scope, wish.to)
    day = pd.to_datetime(mine["requested_at"]).dt.floor("D")
    days = pd.DataFrame({"day": day, "requests": 1, "failed": failed, "rerouted": goes}).groupby("day").sum()
    return Rerouted(
        len(mine),
        int(failed.sum()),
        dict(Counter(mine.loc[failed, "cause"]).most_common()),
        int((~succeeded).sum()),
        int((goes & failed & ~held_back).sum()),
        int((goes & held_back).sum()),
        int(((failed | held_back) & ~allowed).sum()),
        int((goes & ~succeeded.to_numpy(bool)).sum()),
        None if share is None else float(goes.sum() * share),
        float(spent.to_numpy(float)[goes].sum()),
        usd_then,
        usd_cold,
        rests,
        learned,
        days.reset_index(),
    )


def _tries(view: Ledger, scope: Scope, wish: Rerouting, held: Policy, market: Market) -> pd.DataFrame:
    """Every attempt of the calls that asked what fails, in order, with what pricing and permission need."""
    rows = scope.usage(view)
    rows = rows.filter(rows.status != "cached")
    concerned = rows.filter(rows_to(rows, wish.provider, wish.model)).select("call_id").distinct()
    count = int(view.frame(concerned.aggregate(n=concerned.count())).iloc[0, 0])
    if count > MOST_CALLS:
        raise Refused(
            f"{count:,} calls asked {wish.what}; up to {MOST_CALLS:,} are followed one by one. Choose a shorter period."
        )
    rows = rows.semi_join(concerned, "call_id")
    asks = [name for name in _dimensions(held) if name not in ("model", "provider", "host")]
    columns = {
        "call_id": rows.call_id,
        "attempt": rows.attempt,
        "requested_at": rows.requested_at,
        "asked": rows_to(rows, wish.provider, wish.model),
        "ok": rows.status == "success",
        "cause": rows.error_class.fill_null("other"),
        "usd": rows.cost_usd.cast("float64"),
        "input_tokens": input_tokens(rows),
        "band": size_band(rows, market.edges((wish.to,))),
        **{name: rows[name] for name in ("model", "provider", "host", "service_tier", "tool_fees_usd", *TOKENS)},
        **{name: DIMENSIONS[name].expression(rows, scope.time_zone) for name in asks},
    }
    found = view.frame(rows.select(**columns).order_by("requested_at", "attempt"))
    found["ok"], found["asked"] = found["ok"].astype(bool), found["asked"].fillna(value=False).astype(bool)
    return found.sort_values(["call_id", "attempt"], kind="stable")


def _dimensions(held: Policy) -> list[str]:
    """What the constraints ask about a request, but for its size."""
    names = dict.fromkeys(name for constraint in held.constraints for name in constraint.when)
    return [name for name in names if name in DIMENSIONS]


def _limited(mine: pd.DataFrame, failed: np.ndarray, wish: Rerouting) -> tuple[np.ndarray, int, float | None]:
    """Which calls the limiter holds back, how often it rested, and the requests a minute it ended at."""
    held_back = np.zeros(len(mine), bool)
    if not wish.limiter:
        return held_back, 0, None
    at = (pd.to_datetime(mine["requested_at"]) - pd.Timestamp(0)).dt.total_seconds().to_numpy()
    overload = failed & mine["cause"].isin(OVERLOAD).to_numpy()
    now = float(at[0])
    rate, rests, resting = AdaptiveRate(lambda: now, wish.per_minute), 0, 0.0
    for place, (moment, overloaded) in enumerate(zip(at, overload, strict=True)):
        now = float(moment)
        if rate.wait_s() > PATIENCE_S:
            held_back[place] = True
            continue
        rate.take()
        rate.record(bool(overloaded))
        rests += rate.resting_until > resting
        resting = rate.resting_until
    return held_back, rests, None if rate.per_s is None else rate.per_s * 60


def _allowed(mine: pd.DataFrame, to: str, held: Policy, market: Market) -> np.ndarray:
    """Calls that the other model may see: by the constraints, and by its context window."""
    facts = market.catalog.get(to.partition("@")[0])
    window = facts.context_window if facts else None
    fits = np.ones(len(mine), bool)
    if window is not None:
        fits = ~(mine["input_tokens"].astype(float) > window).to_numpy()
    sized = {"input_tokens"} & {name for constraint in held.constraints for name in constraint.when}
    names = [*_dimensions(held), *sized]
    if not names:
        return fits & (refusal(held, to, {}, market.catalog) is None)
    keys = list(mine[names].astype(object).where(mine[names].notna(), None).itertuples(index=False, name=None))
    judged = {key: refusal(held, to, dict(zip(names, key, strict=True)), market.catalog) for key in set(keys)}
    return fits & np.array([judged[key] is None for key in keys], bool)


def _priced(answers: pd.DataFrame, to: str, market: Market) -> tuple[float | None, float | None]:
    """USD at the other model with every cache warm, and with none; calls without an answer at the mean of the others.

    None where it has no price, or no call has an answer whose tokens are known.
    """
    if answers.empty:
        return (0.0, 0.0)
    told = answers[answers["model"].notna()]
    usd, rates = market.cost_usd(told, to), market.rates(told, to)
    cold = usd + told["cache_read_tokens"].to_numpy(float, na_value=0.0) * (rates[:, WRITE] - rates[:, READ])
    known = np.isfinite(usd)
    if not known.any():
        return (None, None)
    return float(usd[known].mean() * len(answers)), float(np.nanmean(cold[known]) * len(answers))


def _failure_share(view: Ledger, scope: Scope, to: str) -> float | None:
    """The share of its attempts in this log that fail; None where it was never asked."""
    rows = scope.usage(view)
    rows = rows.filter((rows.model == to.partition("@")[0]).fill_null(False) & (rows.status != "cached"))
    told = view.frame(rows.aggregate(n=rows.count(), failed=(rows.status == "error").sum())).iloc[0]
    return float(told["failed"]) / float(told["n"]) if told["n"] else None
