"""`python -m simulations buy`: the cheapest allowed way to buy one model's work, as the minutes of the log had it."""

from __future__ import annotations

import argparse

from analytics.command_options import add_span, span_of, view_of
from data import wording
from data.console import Commands, emit_json, emit_table, say
from data.errors import BadInput
from data.state import State
from data.yaml_text import validate
from routing.policies import in_force
from simulations.buying.desk import Desk, desk
from simulations.buying.ways import Purchase
from simulations.log_terms import market_of, refuse_closed
from simulations.scenario import read_scenario

FIGURES = {
    "can_wait": "share of the work that a batch may answer",
    "commitment_usd": "least spend a month of a commitment",
    "discount": "its discount, 0 to 1",
    "usd_per_unit_hour": "price of a unit of capacity an hour",
    "output_weight": "input tokens that one output token counts as",
    "usd_per_seat": "price of a seat a month",
    "usd_per_seat_covered": "tokens that a seat covers, in USD",
    "own_usd_per_mtok": "own machines, USD per million tokens",
}


def register(commands: Commands) -> None:
    """Add buy."""
    sub = commands.add("buy", _buy)
    sub.add_argument("file", nargs="?", help="scenario file, or the name of a shipped one; the options win over it")
    sub.add_argument("--model", help="the model whose work is bought")
    for name, words in FIGURES.items():
        sub.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="N", help=words)
    add_span(sub)
    sub.set_defaults(prices_at=None, self_host_price=[], verbosity=None)


def _buy(args: argparse.Namespace) -> None:
    view, state = view_of(args), State.open(args.home)
    scope = span_of(args, view)
    told = read_scenario(args.file, Purchase, "purchase").model_dump(mode="json") if args.file else {}
    given = {name: getattr(args, name) for name in ("model", *FIGURES) if getattr(args, name) is not None}
    body = {"kind": "purchase", "name": "purchase", **told, **given}
    if "model" not in body:
        raise BadInput("buy: name a scenario file, or --model.")
    purchase, market = validate(Purchase, body, None, args.file or "the purchase"), market_of(args, view, scope)
    if args.own_usd_per_mtok is not None:
        refuse_closed("--own-usd-per-mtok", purchase.model, market.catalog)
    found = desk(view, scope, purchase, market, in_force.policy_for_advice(state))
    if args.json:
        return emit_json(
            {
                "name": purchase.name,
                "model": found.model,
                "usd_per_month": found.work.usd_per_month,
                "pays_below_usd": found.pays_below_usd,
                "units": found.units,
                "ways": [way._asdict() for way in found.ways],
                "snapshot": view.snapshot(),
            }
        )
    rows = [
        (
            way.name,
            wording.usd(way.usd_per_month),
            wording.MISSING if way.utilisation is None else wording.share(way.utilisation["p50"]),
            wording.MISSING if way.regret is None else wording.usd(way.regret["p50"]),
            wording.MISSING if way.regret is None else wording.usd(way.regret["p90"]),
        )
        for way in found.ways
    ]
    columns = ("way", "USD a month", "used, P50", "regret, P50", "regret, P90")
    emit_table(columns, rows, title=purchase.name, right=columns[1:])
    for sentence in sentences(found):
        say(sentence)


def sentences(found: Desk) -> list[str]:
    """What the table cannot say: what stands behind each way, what is forbidden, what to ask for."""
    words = []
    for way in found.ways:
        parts = [
            way.basis,
            f"forbidden: {way.forbidden}" if way.forbidden else "",
            f"asked for: {way.asks}" if way.asks else "",
        ]
        if any(parts):
            words.append(f"{way.name}: " + "; ".join(filter(None, parts)))
    return words
