"""What the what-if pages share: prices and facts of this store, policies by name, the controls for assumptions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import streamlit as st

from analytics.scope import Scope
from data.facts.models import Catalog, current
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.prices.model_lives import ModelLives
from data.state import State
from pages.ui import format as fmt
from pages.ui import shell
from routing.policies.policy import Policy
from routing.policies.saved_policies import known_policies
from simulations.replay import reliability as record
from simulations.replay.pair_ratios import PairRatio, pair_ratios
from simulations.replay.quality import WORDS
from simulations.replay.reliability import Reliability
from simulations.replay.repricing import Market, Repricing
from simulations.replay.traffic import last_instant

OwnPrices = tuple[tuple[str, float], ...]
PRICED = ("price_override", "alias", "model_fact")  # kinds of document that price or judge a model


def catalog(state: State, own_prices: OwnPrices = ()) -> Catalog:
    """Model facts of this store, with prices for self-hosted models typed on the page."""
    known = current(state)
    return known.with_edits(
        {
            name: {"self_hosted": {**known[name].self_hosted, "usd_per_mtok": usd}}
            for name, usd in own_prices
            if name in known
        }
    )


def market(
    view: Ledger, state: State, scope: Scope, own_prices: OwnPrices = (), terms: Repricing | None = None
) -> Market:
    """Prices of the log's last day, model facts and lives; reads the kinds PRICED."""
    known = catalog(state, own_prices)
    pairs = ratios_in_log(view, scope)
    return Market(PriceBook.load(state), known, last_instant(view, scope), terms, ModelLives(state), pairs)


@shell.cached
def ratios_in_log(view: Ledger, scope: Scope) -> dict[tuple[str, str], PairRatio]:
    return pair_ratios(view, scope)


@shell.cached
def reliability_by_model(view: Ledger, scope: Scope) -> dict[str, Reliability]:
    return record.reliability(view, scope)


def policies() -> dict[str, Policy]:
    """Saved policies first, then the shipped examples, by name."""
    return known_policies(shell.state())


def own_price_inputs(concerned: Iterable[Policy], known: Catalog) -> OwnPrices:
    """A price per million tokens for every self-hosted target these policies name."""
    wanted = [t.removesuffix("@self") for policy in concerned for t in policy.targets if t.endswith("@self")]
    chosen = []
    for name in dict.fromkeys(known.spelling(w) for w in wanted):
        stored = known[name].self_hosted.get("usd_per_mtok") if name in known else None
        usd = st.number_input(
            f"{name} on own machines, USD per million tokens",
            min_value=0.0,
            value=stored,
            step=0.05,
            format="%.3f",
            key=f"own_{name}",
            placeholder="unknown",
            help="All tokens, input and output, machines and people included. The Self-host page computes it from "
            "your arrivals and keeps it for here.",
        )
        if usd is not None:
            chosen.append((name, float(usd)))
    return tuple(chosen)


def quality_words(quality: dict[str, Any]) -> str:
    """Quality before and after with its tier, or why nothing can be said."""
    if quality["policy"] is None:
        return quality["words"][0].upper() + quality["words"][1:] + "."
    return (
        f"Quality {fmt.quality(quality['baseline'])} before, {fmt.quality(quality['policy'])} after, by "
        f"{quality['source']}."
    )


def tier_badge(tier: str) -> None:
    """The tier of honesty as a badge with its meaning."""
    colours: dict[str, Literal["green", "blue", "orange", "gray"]] = {
        "measured": "green",
        "estimated": "blue",
        "borrowed": "orange",
        "stated": "orange",
        "cost_only": "gray",
        "refused": "gray",
        "unchanged": "gray",
    }
    icon = {"measured": ":material/verified:", "refused": ":material/help:"}.get(tier, ":material/info:")
    st.badge(fmt.md(WORDS[tier]), color=colours[tier], icon=icon)


def saving_tile(cell: Any, label: str, saving: float, spread: dict[str, float]) -> None:
    """The saving at the tokens as they are, as the other tiles have it, and its range."""
    cell.metric(
        label,
        fmt.usd_short(saving),
        delta=fmt.usd_range(spread["p10"], spread["p90"]),
        delta_color="off",
        delta_arrow="off",
        help="at equal tokens; below it P10 to P90 of what output length, tokenizer and lost cache may do to it",
    )


def saving_range(spread: dict[str, float], chance: float) -> str:
    """P10, P50 and P90 of a saving and the chance that there is one."""
    low, middle, high = (fmt.usd_short(spread[p]) for p in ("p10", "p50", "p90"))
    return (
        f"Saving once tokens change with the model: P10 {low}, P50 {middle}, P90 {high}; chance of any saving "
        f"{fmt.odds(chance)}."
    )
