"""What traffic would cost on another model: its tokens at the other model's prices, with every assumption named.

Token counts are those of the model that answered. Input is scaled by a tokenizer's factor and output by that of its
length: measured on calls of the log that both models answered, else where both have a fact on the same reference (from
the lab, or a source), else taken as equal, with a range: of output half to double, since on the same prompts models of
one class differ by that and more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from analytics.forecasts.retirements import HORIZON_DAYS
from data import wording
from data.calendar import MILLION
from data.errors import NoData
from data.facts.models import Catalog, ModelFacts, Ratio
from data.facts.prompt_caches import UNKNOWN, PromptCache, prompt_cache
from data.prices.book import PriceBook
from data.prices.model_lives import ModelLives
from data.prices.price_row import NO_LIMIT, RATES, PriceRow
from data.schema import TEXT_TOKENS, TOKENS
from routing.policies.choice import logged_hosting
from simulations.ranges import Assumptions
from simulations.replay.pair_ratios import Pairs
from simulations.scenario import Part

UNKNOWN_VERBOSITY = (1.0, 0.5, 2.0)
UNKNOWN_TOKENIZER = Assumptions().tokenizer
# Columns of TOKENS: text that a model writes, and where a cache read goes that the new model does not have.
WRITTEN = [TOKENS.index("output_tokens"), TOKENS.index("reasoning_tokens")]
CACHE_MISSES = [
    (TOKENS.index(f"{kind}cache_read_tokens"), TOKENS.index(f"{fresh}_tokens"))
    for kind, fresh in (("", "fresh_input"), ("image_", "image_input"), ("audio_", "audio_input"))
]
PRICED_BY = ("model", "band", "service_tier", *TOKENS, "tool_fees_usd")  # columns that decide what work costs elsewhere
EQUAL_TOKENS = "assumes equal tokens: output length of the new model is unknown, half to double is the range"


class Repricing(Part):
    """How tokens carry over to another model; factors of 1 change nothing.

    `tokenizer` multiplies the tokens of text where nobody measured the pair, `cache_kept` is the share of cache reads
    that the new model still reads from its cache (the rest is fresh input), `verbosity` overrides the factor on output.
    """

    tokenizer: float = Field(1.0, gt=0, le=10)
    cache_kept: float = Field(1.0, ge=0, le=1)
    verbosity: float | None = Field(None, gt=0, le=100)


class Verbosity(NamedTuple):
    """Tokens of the new model over the old one's: central, low, high, and whether anyone measured it."""

    value: float
    low: float
    high: float
    known: bool


def _on_one_reference(one: Ratio | None, two: Ratio | None) -> Verbosity | None:
    """The factor of a pair from each one's factor against the same reference, its ends the farthest apart."""
    if one is None or two is None or one.source != two.source:
        return None
    return Verbosity(two.value / one.value, two.low / one.high, two.high / one.low, True)


class Market:
    """Prices of targets (`gpt-5.2`, `minimax-m2@self`) on one day, and their announced ends. Load once, ask often."""

    def __init__(
        self,
        book: PriceBook,
        catalog: Catalog,
        at: datetime,
        terms: Repricing | None = None,
        lives: ModelLives | None = None,
        pairs: Pairs | None = None,
    ) -> None:
        self._book, self.catalog, self.at, self.terms = book, catalog, at, terms or Repricing()
        self._lives, self.pairs = lives, pairs or {}
        self._rates: dict[tuple[str, float, str], np.ndarray | None] = {}

    def edges(self, targets: Iterable[str]) -> list[int]:
        """Sizes in input tokens at which a target's price or permission changes: price tiers and context windows."""
        found: set[int] = set()
        for target in targets:
            facts = self.catalog.get(target.partition("@")[0])
            if facts and facts.context_window:
                found.add(facts.context_window + 1)
            found |= {int(row.tokens_from) for row in self._rows(target) if 0 < row.tokens_from < NO_LIMIT}
        return sorted(found)

    def cost_usd(self, segments: pd.DataFrame, target: str) -> np.ndarray:
        """USD of every segment's tokens on `target`; NaN where its price or the segment's tokens are unknown.

        `segments` has `model`, `band`, `service_tier` the columns of `TOKENS` and `tool_fees_usd` (sums).
        """
        return self.cost_at(segments, target, self._factors(segments["model"], target)[:, 0])

    def cost_at(self, segments: pd.DataFrame, target: str, verbosity: np.ndarray | float) -> np.ndarray:
        """As `cost_usd` with these factors on the tokens of output."""
        tokens = segments[list(TOKENS)].to_numpy(dtype=float, na_value=0.0)
        written = tokens[:, WRITTEN]
        tokens[:, : len(TEXT_TOKENS)] *= self._tokenizers(segments["model"], target)[:, None]
        for read, fresh in CACHE_MISSES:
            lost = tokens[:, read] * (1 - self.terms.cache_kept)
            tokens[:, fresh] += lost
            tokens[:, read] -= lost
        tokens[:, WRITTEN] = written * np.asarray(verbosity, float).reshape(-1, 1)
        fees = segments["tool_fees_usd"].astype(float).fillna(0.0).to_numpy()
        cost = (tokens * self._rate_rows(segments, target)).sum(1) + fees
        unknown = segments["fresh_input_tokens"].isna() & segments["output_tokens"].isna()
        return np.where(unknown.to_numpy(), np.nan, cost)

    def verbosity(self, old: str | None, target: str) -> Verbosity:
        """Factor on output tokens from the model `old` to `target`; 1 for the same model, wherever it runs.

        Where no length is known, an equal one in the target's own tokens.
        """
        new = target.partition("@")[0]
        if self.terms.verbosity is not None:
            return Verbosity(self.terms.verbosity, self.terms.verbosity, self.terms.verbosity, True)
        one, two = self.catalog.get(old or ""), self.catalog.get(new)
        if old == new or (one is not None and one is two):
            return Verbosity(1.0, 1.0, 1.0, True)
        if pair := self.pairs.get((old or "", new)):
            return Verbosity(*pair.output[:3], True)
        if one and two and (length := _on_one_reference(one.verbosity, two.verbosity)):
            return length
        usual, low, high = (self.tokenizer(old, target).value * factor for factor in UNKNOWN_VERBOSITY)
        return Verbosity(usual, low, high, False)

    def tokenizer(self, old: str | None, target: str) -> Verbosity:
        """Factor on the tokens of the same text from the model `old` to `target`; 1 for the same model."""
        new = target.partition("@")[0]
        one, two = self.catalog.get(old or ""), self.catalog.get(new)
        if old == new or (one is not None and one is two):
            return Verbosity(1.0, 1.0, 1.0, True)
        if pair := self.pairs.get((old or "", new)):
            return Verbosity(*pair.tokenizer[:3], True)
        if one and two and (tokens := _on_one_reference(one.tokenizer, two.tokenizer)):
            return tokens
        low, high = (self.terms.tokenizer * bound for bound in UNKNOWN_TOKENIZER)
        return Verbosity(self.terms.tokenizer, low, high, False)

    def rates(self, segments: pd.DataFrame, target: str) -> np.ndarray:
        """USD per token of every segment on `target`, segments x the kinds of `RATES`; NaN where there is no price."""
        rates = self._rate_rows(segments, target)
        rates[:, : len(TEXT_TOKENS)] *= self._tokenizers(segments["model"], target)[:, None]
        return rates

    def cache_of(self, target: str) -> PromptCache:
        """The prompt cache of a target; own machines' and other hosts' are unknown."""
        facts, hosting, name = self._seller(target)
        if hosting in ("self", "host"):
            return UNKNOWN
        return prompt_cache(facts.provider if facts else self._book.match(None, None, None, name).provider, name)

    def logged_target(self, model: str | None, provider: str | None, host: str | None) -> str:
        """The name of what answered, with its hosting where that is not the model's usual one."""
        name = model or "unknown"
        facts = self.catalog.get(name)
        hosting = logged_hosting({"provider": provider, "host": host}, facts)
        unusual = hosting and facts and facts.hosting and hosting != facts.hosting[0]
        return f"{name}@{hosting}" if unusual else name

    def end_of(self, target: str) -> date | None:
        """The day a target stops answering, where that is over or within a year: no advice may send work there.

        Own machines never stop; of a model at a cloud or a third party only what the operator wrote down is known.
        """
        facts, hosting, name = self._seller(target)
        if self._lives is None or hosting == "self":
            return None
        seller = self._book.match(None, None, None, name).provider if facts is None else None
        provider = facts.provider if facts and hosting in ("api", None) else seller
        known = self._lives.retirement(provider or "", facts.name if facts else name)
        day = self.at.date() + timedelta(days=HORIZON_DAYS)
        return known.retires if known is not None and known.retires <= day else None

    def ending(self, target: str) -> str:
        """Why no work may be sent to a target that ends, as a clause; empty where it stays."""
        day = self.end_of(target)
        if day is None:
            return ""
        return f"retired on {wording.day(day)}" if day <= self.at.date() else f"ends on {wording.day(day)}"

    def _factors(self, old: pd.Series, target: str) -> np.ndarray:
        known = {name: self.verbosity(None if pd.isna(name) else name, target)[:3] for name in old.unique()}
        return np.array([known[name] for name in old]).reshape(-1, 3)

    def _tokenizers(self, old: pd.Series, target: str) -> np.ndarray:
        known = {name: self.tokenizer(None if pd.isna(name) else name, target).value for name in old.unique()}
        return np.array([known[name] for name in old], float)

    def _rate_rows(self, segments: pd.DataFrame, target: str) -> np.ndarray:
        """USD per token, segments x kinds."""
        blank = np.full(len(RATES), np.nan)
        pairs = list(zip(segments["band"], segments["service_tier"], strict=True))
        table = {pair: self._rate(target, *pair) for pair in set(pairs)}
        return np.array([blank if table[pair] is None else table[pair] for pair in pairs]).reshape(-1, len(RATES))

    def _rate(self, target: str, band: float | None, tier: str | None) -> np.ndarray | None:
        key = (
            target,
            0.0 if band is None or pd.isna(band) else float(band),
            "standard" if pd.isna(tier) else str(tier),
        )
        if key not in self._rates:
            self._rates[key] = self._ask(*key)
        return self._rates[key]

    def _ask(self, target: str, band: float, tier: str) -> np.ndarray | None:
        facts, hosting, name = self._seller(target)
        own = facts.self_hosted.get("usd_per_mtok") if facts and hosting == "self" else None
        if own is not None:
            return np.full(len(RATES), float(own) / MILLION)
        if hosting == "self":
            return None  # unknown until the operator or the self-host page says what a token costs
        provider = facts.provider if facts and hosting == "api" else None
        for service_tier in dict.fromkeys((tier, "standard")):
            try:
                row = self._book.row(provider, name, self.at, total_input=int(band), service_tier=service_tier)
            except NoData:
                continue
            if not row.prepaid:  # nobody knows here what more work on capacity bought ahead costs
                return np.array([float(rate) for rate in row.rates]) / MILLION
        return None

    def _rows(self, target: str) -> tuple[PriceRow, ...]:
        facts, hosting, name = self._seller(target)
        if hosting == "self":
            return ()
        match = self._book.match(facts.provider if facts and hosting == "api" else None, None, None, name)
        return (*self._book.contract_rows(match), *self._book.list_rows(match))

    def _seller(self, target: str) -> tuple[ModelFacts | None, str | None, str]:
        model, _, hosting = target.partition("@")
        facts = self.catalog.get(model)
        usual = facts.hosting[0] if facts and facts.hosting else None
        return facts, hosting or usual, (facts.price_model or facts.name) if facts else model
