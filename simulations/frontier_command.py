"""The command that asks the log for its frontier of cheapest mixes."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from analytics.command_options import span_of, view_of
from data import wording
from data.console import Commands, emit_json, emit_table, say
from data.errors import BadInput
from data.ledger import Ledger
from data.schema import CRITICALITIES
from data.state import State
from routing.policies.in_force import policy_for_advice
from routing.policies.policy import Policy
from simulations.log_terms import add_log_terms, market_of, named_numbers, policy_named, share_of
from simulations.mixes import policy_command
from simulations.mixes.caches import MixCaches, charge_lost_caches, mix_caches
from simulations.mixes.from_log import latencies, service_records
from simulations.mixes.frontier import as_rows, frontier, model_shares
from simulations.mixes.optimise import Demands, Infeasible, Solution, mean_quality, total_cost
from simulations.mixes.problem_from_log import Programme, programme
from simulations.mixes.shadow_prices import Price, rule_prices, step_prices, vendor_prices, why_not
from simulations.mixes.strays import settle, stray_words
from simulations.replay.reliability import Known, reliability, service
from simulations.replay.repricing import Market


def register(commands: Commands) -> None:
    """Add `frontier` to `python -m simulations`."""
    sub = commands.add("frontier", _frontier)
    sub.add_argument(
        "--floor",
        type=float,
        metavar="Q",
        help="one quality floor, 0 to 1: its cheapest mix and what each promise costs",
    )
    sub.add_argument(
        "--models", default="", metavar="TARGETS", help="models to consider beside those in the log, comma separated"
    )
    sub.add_argument(
        "--policy",
        metavar="FILE|none",
        help="policy whose constraints hold (default: the one in force, else the constraints that ship with Baton)",
    )
    policy_command.add_options(sub)
    sub.add_argument("--points", type=int, default=50, help="points on the frontier (default 50)")
    _add_promises(sub)
    add_log_terms(sub)


def _add_promises(sub: argparse.ArgumentParser) -> None:
    """What a mix must keep, beside one floor for all."""
    sub.add_argument(
        "--floor-for",
        action="append",
        default=[],
        metavar="CRITICALITY=Q",
        help="a quality floor for one criticality, such as high=0.95; may be repeated, as the next four",
    )
    sub.add_argument(
        "--capacity",
        action="append",
        default=[],
        metavar="MODEL=REQUESTS",
        help="requests a year that a model can take",
    )
    sub.add_argument(
        "--min-share",
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help="keep at least this share of the requests on a model or vendor",
    )
    sub.add_argument(
        "--vendor-cap",
        action="append",
        default=[],
        metavar="VENDOR=SHARE",
        help="at most this share of the requests on one vendor",
    )
    sub.add_argument(
        "--origin-cap",
        action="append",
        default=[],
        metavar="ORIGIN=SHARE",
        help="at most this share of the requests on models of one origin, such as CN=0.2",
    )
    sub.add_argument(
        "--max-vendor-share", type=float, metavar="SHARE", help="no vendor at all takes more of the requests than this"
    )
    sub.add_argument(
        "--max-moved", type=float, metavar="SHARE", help="at most this share of the requests changes model"
    )
    sub.add_argument("--max-latency-ms", type=float, metavar="MS", help="mean latency, by each model's own in this log")
    sub.add_argument("--max-p50-ms", type=float, metavar="MS", help="half of the answers come within this time")
    sub.add_argument("--max-p95-ms", type=float, metavar="MS", help="95 of 100 answers come within this time")
    sub.add_argument(
        "--max-failures", type=float, metavar="SHARE", help="share of attempts that fail, by each model's own here"
    )


def _frontier(args: argparse.Namespace) -> None:
    if not 2 <= args.points <= 500:
        raise BadInput(f"--points {args.points}: give a number from 2 to 500.")
    demands = _demands(args)
    policy_command.check_options(args, one_mix=demands.quality_floor is not None)
    policy = _constraints(args)
    view = view_of(args)
    scope = span_of(args, view)
    targets = [name.strip() for name in args.models.split(",") if name.strip()]
    market = market_of(args, view, scope)
    made = programme(view, scope, market, targets, policy=policy, scale=args.scale)
    baseline = {
        "annual_cost_usd": total_cost(made.problem, made.current_shares),
        "quality": mean_quality(made.problem, made.current_shares),
    }
    head = {
        "baseline": baseline,
        "scale": made.scale and made.scale.name,
        "tier": made.scale.tier if made.scale else "cost_only",
        "note": made.note,
        "left_out": made.ended,
        "policy": policy.name if policy else None,
        "segments": len(made.segments),
        "snapshot": view.snapshot(),
    }
    answer = _every_floor if demands.quality_floor is None else _one_floor
    answer(args, view, market, made, reliability(view, made.scope), head)


def _every_floor(
    args: argparse.Namespace, view: Ledger, market: Market, made: Programme, known: Known, head: dict[str, Any]
) -> None:
    result = charge_lost_caches(view, made, frontier(made.problem, _demands(args, made, known), args.points), market)
    rows = [{**row, **service(row["models"], known)} for row in as_rows(result)]
    if args.json:
        lines = {
            "single_models": result.single_models,
            "best_single": result.best_single,
            "mixing_hull": result.mixing_hull,
            "random_same_shares": result.random_same_shares,
            "best_per_segment": result.best_per_segment,
        }
        return emit_json({**head, "points": rows, "reference_lines": lines})
    shown = [
        (
            wording.quality(r["quality"]),
            wording.usd(r["annual_cost_usd"]),
            ", ".join(f"{m} {wording.share(s)}" for m, s in r["models"].items()),
        )
        for r in rows
    ]
    emit_table(("quality", "USD a year", "requests"), shown, right=("quality", "USD a year"))
    say(
        f"today {wording.usd(head['baseline']['annual_cost_usd'])} a year; quality is {head['tier']} on the scale"
        f" `{head['scale']}`" + (f"; {made.note}" if made.note else "")
    )
    _say_left_out(made)
    say(f"constraints of “{head['policy']}”" if head["policy"] else "no constraints")


def _constraints(args: argparse.Namespace) -> Policy | None:
    """The policy whose constraints hold: the one named, none, or what all advice keeps to."""
    if args.policy is None:
        return policy_for_advice(State.open(args.home))
    return None if args.policy == "none" else policy_named(args.policy)


def _demands(args: argparse.Namespace, made: Programme | None = None, known: Known | None = None) -> Demands:
    """The promises as the options say; `made` and `known` tell how fast and how surely each model answers."""
    unknown = sorted(set(named_numbers("--floor-for", args.floor_for, 1)) - set(CRITICALITIES))
    if unknown:
        raise BadInput(
            f"--floor-for {unknown[0]}: there is no such criticality; use one of: {', '.join(CRITICALITIES)}."
        )
    return Demands(
        quality_floor=share_of("--floor", args.floor),
        floor_by_criticality=named_numbers("--floor-for", args.floor_for, 1),
        capacity=named_numbers("--capacity", args.capacity),
        min_share=named_numbers("--min-share", args.min_share, 1),
        vendor_cap=named_numbers("--vendor-cap", args.vendor_cap, 1),
        origin_cap=named_numbers("--origin-cap", args.origin_cap, 1),
        any_vendor_cap=share_of("--max-vendor-share", args.max_vendor_share),
        max_moved_share=share_of("--max-moved", args.max_moved),
        max_latency_ms=_above_zero("--max-latency-ms", args.max_latency_ms),
        latency_ms=latencies(made) if made and args.max_latency_ms else {},
        **_service(args, made, known or {}),
    )


def _service(args: argparse.Namespace, made: Programme | None, known: Known) -> dict[str, Any]:
    """The limits on P50, P95 and failures, each with the record of every model in this log."""
    limits = {
        "p50_ms": _above_zero("--max-p50-ms", args.max_p50_ms),
        "p95_ms": _above_zero("--max-p95-ms", args.max_p95_ms),
        "failures": share_of("--max-failures", args.max_failures),
    }
    return {} if made is None else service_records(made, known, **limits)


def _above_zero(name: str, value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise BadInput(f"{name} {value:g}: give a number above 0.")
    return value


def cache_of_mix(always_warm_usd: float, caches: MixCaches) -> dict[str, float | None]:
    """What prompt caches do to a mix's yearly cost, in the words of a replay."""
    return {
        "warm_share": caches.warm_share,
        "usd_if_always_warm": always_warm_usd,
        "usd_if_never_warm": always_warm_usd + caches.never_warm_usd,
    }


def _one_floor(
    args: argparse.Namespace, view: Ledger, market: Market, made: Programme, known: Known, head: dict[str, Any]
) -> None:
    demands = _demands(args, made, known)
    answer, strays = settle(made.problem, demands)
    if isinstance(answer, Infeasible):
        raise BadInput(f"No mix keeps every promise: {'; '.join(why_not(made.problem, demands, answer))}.")
    prices = [price.sentence for price in _prices(view, market, made, demands, answer)]
    caches = mix_caches(view, made, answer.shares, market)
    annual_usd = answer.cost_usd + caches.usd
    models = model_shares(made.problem, answer.shares)
    saving = head["baseline"]["annual_cost_usd"] - annual_usd
    compiled = policy_command.kept_policy(args, made, answer.shares, market.catalog)
    if args.json:
        return emit_json(
            {
                **head,
                "floor": demands.quality_floor,
                "annual_cost_usd": annual_usd,
                "cache": cache_of_mix(answer.cost_usd, caches),
                "quality": answer.quality,
                "models": models,
                "service": service(models, known),
                "savings_usd": saving,
                "prices": prices,
                "vendors_left_out": [stray._asdict() for stray in strays],
                **({"policy_of_mix": policy_command.compiled_json(compiled)} if compiled else {}),
            }
        )
    emit_table(
        ("model", "share of requests"),
        [(name, wording.share(share)) for name, share in models.items()],
        right=("share of requests",),
    )
    say(
        f"{wording.usd(annual_usd)} a year against {wording.usd(head['baseline']['annual_cost_usd'])} today, quality "
        f"{wording.quality(answer.quality)} ({head['tier']}, `{head['scale']}`)"
    )
    for sentence in prices:
        say(sentence)
    for stray in strays:
        say(stray_words(stray))
    _say_left_out(made)
    if compiled:
        policy_command.say_policy(args, compiled)


def _prices(view: Ledger, market: Market, made: Programme, demands: Demands, answer: Solution) -> list[Price]:
    """What each promise costs: one more step of it, each rule in force, one vendor more or less."""

    def cache_cost(shares: np.ndarray) -> float:
        return mix_caches(view, made, shares, market).usd

    return [
        *step_prices(made.problem, demands, answer),
        *rule_prices(made.problem, demands, answer, made.lifted, made.free, cache_cost),
        *vendor_prices(made.problem, demands, answer),
    ]


def _say_left_out(made: Programme) -> None:
    for name, words in made.ended.items():
        say(f"no work moves to {name}: {words}")
