"""What a command over the log is asked with: a policy, a market and its prices, shares."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from analytics.command_options import add_span
from analytics.scope import Scope
from data.console import parse_day
from data.errors import BadInput
from data.facts.models import Catalog, current
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.prices.model_lives import ModelLives
from data.state import State
from routing.policies.choice import CLOSED_WEIGHTS
from routing.policies.policy import Policy
from routing.policies.text import EXAMPLES, read_policy_file
from simulations.replay.pair_ratios import pair_ratios
from simulations.replay.repricing import Market, Repricing
from simulations.replay.traffic import last_instant


def add_log_terms(sub: argparse.ArgumentParser) -> None:
    """The options that every question to the log takes: its days, the prices, the own machines."""
    add_span(sub)
    sub.add_argument(
        "--prices-at", type=parse_day, metavar="DATE", help="day of the prices (default: the log's last day)"
    )
    sub.add_argument("--scale", help="quality scale (default: the one that knows most of the traffic)")
    sub.add_argument(
        "--verbosity", type=float, metavar="FACTOR", help="output length of the new model over the old one's"
    )
    sub.add_argument(
        "--self-host-price",
        action="append",
        default=[],
        metavar="MODEL=USD",
        help="USD per million tokens on own machines",
    )


def market_of(args: argparse.Namespace, view: Ledger, scope: Scope) -> Market:
    """Prices and model facts as the options say."""
    state = State.open(args.home)
    at = datetime.combine(args.prices_at, datetime.min.time()) if args.prices_at else last_instant(view, scope)
    catalog = own_prices(current(state), args.self_host_price)
    return Market(
        PriceBook.load(state), catalog, at, repricing_terms(args.verbosity), ModelLives(state), pair_ratios(view, scope)
    )


def own_prices(catalog: Catalog, given: list[str]) -> Catalog:
    """The catalogue with `MODEL=USD per million tokens` for self-hosted models laid over it."""
    edits: dict[str, dict[str, Any]] = {}
    for name, usd in named_numbers("--self-host-price", given).items():
        known = catalog.canonical(name)
        refuse_closed("--self-host-price", known, catalog)
        edits[known] = {"self_hosted": {**catalog[known].self_hosted, "usd_per_mtok": usd}}
    return catalog.with_edits(edits)


def refuse_closed(option: str, model: str, catalog: Catalog) -> None:
    """Raises BadInput where own machines are given a price for a model that only its maker can run."""
    facts = catalog.get(model)
    if facts is not None and facts.open_weights is False:
        raise BadInput(
            f"{option}: own machines cannot serve {facts.name}, {CLOSED_WEIGHTS}; name a model with open weights."
        )


def policy_named(name: str) -> Policy:
    """The policy in a file, or a shipped example by its name."""
    shipped = EXAMPLES / f"{name}.yaml"
    return read_policy_file(
        shipped if not Path(name).exists() and shipped.parent == EXAMPLES and shipped.exists() else name
    )


def repricing_terms(verbosity: float | None) -> Repricing:
    if verbosity is not None and not 0 < verbosity <= 100:
        raise BadInput(f"--verbosity {verbosity:g}: give a factor above 0, at most 100.")
    return Repricing(verbosity=verbosity)


def share_of(name: str, value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise BadInput(f"{name} {value:g}: give a share between 0 and 1.")
    return value


def named_numbers(option: str, given: list[str], most: float = float("inf")) -> dict[str, float]:
    """`NAME=NUMBER` options as a mapping. Raises BadInput for anything else."""
    found = {}
    for text in given:
        name, mark, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not mark or not name or not 0 <= value <= most or value == float("inf"):
            raise BadInput(
                f"{option} {text}: write NAME=NUMBER with a number of at least 0{'' if most > 1 else ', at most 1'}, "
                f"such as {'CN=0.2' if most <= 1 else 'minimax-m2=2000000'}."
            )
        found[name] = value
    return found
