"""`python -m simulations drill` and `reroute`: a vendor is down, or fails part of its requests, on your own log."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from analytics.command_options import add_span, span_of, view_of
from data.console import Commands, emit_json, emit_table, say
from data.errors import BadInput
from data.state import State
from data.yaml_text import validate
from routing.policies import in_force
from simulations.log_terms import market_of, named_numbers, policy_named
from simulations.outages.drill import declared_limits, drill
from simulations.outages.outage import Outage
from simulations.outages.rerouting import Rerouting, reroute
from simulations.outages.words import drill_as_json, drill_sentences, rerouting_sentences
from simulations.scenario import read_scenario


def register(commands: Commands) -> None:
    """Add drill and reroute."""
    sub = commands.add("drill", _drill)
    sub.add_argument("file", nargs="?", help="scenario file, or the name of a shipped one; the options win over it")
    _whom(sub)
    sub.add_argument(
        "--start",
        dest="starts_at",  # `start` is the first day that is looked at
        type=datetime.fromisoformat,
        metavar="TIME",
        help="local time, such as 2026-11-03T09:00",
    )
    sub.add_argument("--hours", type=float, help="how long it lasts (default 4)")
    sub.add_argument("--fallback", metavar="MODELS", help="models that answer instead, in order, comma separated")
    sub.add_argument(
        "--limit", action="append", default=[], metavar="MODEL=N", help="requests a minute it takes; may be repeated"
    )
    sub.add_argument("--policy", metavar="FILE", help="the policy that is live (default: as logged, with --fallback)")
    _terms(sub)
    sub = commands.add("reroute", _reroute)
    sub.add_argument("file", nargs="?", help="scenario file, or the name of a shipped one; the options win over it")
    _whom(sub)
    sub.add_argument("--target", metavar="MODEL", help="the model that answers instead")
    sub.add_argument("--per-minute", type=float, metavar="N", help="documented requests a minute of what fails")
    sub.add_argument("--no-limiter", action="store_true", help="only what failed goes elsewhere")
    _terms(sub)


def _whom(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--provider", help="the provider it is about, as the log names it")
    sub.add_argument("--model", help="or the model")


def _terms(sub: argparse.ArgumentParser) -> None:
    add_span(sub)
    sub.set_defaults(prices_at=None, self_host_price=[], verbosity=None)


def _scenario(args: argparse.Namespace, model: Any, kind: str, options: dict[str, Any]) -> Any:
    """The scenario of the file with the options laid over it."""
    told = read_scenario(args.file, model, kind).model_dump(mode="json", exclude_defaults=True) if args.file else {}
    if args.provider or args.model:
        told = {**told, "provider": args.provider, "model": args.model}
    given = {name: value for name, value in options.items() if value not in (None, [], {})}
    if not told.get("provider") and not told.get("model"):
        raise BadInput(f"{kind}: name a scenario file, --provider or --model.")
    return validate(model, {"kind": kind, "name": kind, **told, **given}, None, args.file or f"the {kind}")


def _drill(args: argparse.Namespace) -> None:
    view, state = view_of(args), State.open(args.home)
    scope = span_of(args, view)
    wish = _scenario(
        args,
        Outage,
        "drill",
        {
            "start": args.starts_at,
            "hours": args.hours,
            "fallback": [name.strip() for name in (args.fallback or "").split(",") if name.strip()],
            "limits": named_numbers("--limit", args.limit),
        },
    )
    market = market_of(args, view, scope)
    live = policy_named(args.policy) if args.policy else None
    limits = declared_limits(state)
    found = drill(view, scope, wish, market, live=live, held=in_force.policy_for_advice(state), limits=limits)
    if args.json:
        return emit_json({**drill_as_json(found), "snapshot": view.snapshot()})
    rows = [(r.model, r.answered_by, f"{r.requests:,.0f}") for r in found.by_model.itertuples()]
    emit_table(("model", "answered by", "requests"), rows, title=wish.name, right=("requests",))
    for sentence in drill_sentences(found):
        say(sentence)


def _reroute(args: argparse.Namespace) -> None:
    view, state = view_of(args), State.open(args.home)
    scope = span_of(args, view)
    options = {"to": args.target, "per_minute": args.per_minute}
    wish = _scenario(args, Rerouting, "rerouting", options)
    if args.no_limiter:
        wish = wish.model_copy(update={"limiter": False})
    found = reroute(view, scope, wish, in_force.policy_for_advice(state), market_of(args, view, scope))
    if args.json:
        told = found._asdict() | {"days": found.days.to_dict("records")}
        return emit_json({"name": wish.name, "what": wish.what, "to": wish.to, **told, "snapshot": view.snapshot()})
    for sentence in rerouting_sentences(wish, found):
        say(sentence)
