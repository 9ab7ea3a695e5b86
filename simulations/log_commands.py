"""The commands that ask the log: replay a policy, and the frontier of cheapest mixes."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from analytics.command_options import add_span, parse_day, span_of, view_of
from analytics.scope import Scope
from data import wording
from data.console import command, emit_json, emit_table, say
from data.errors import BadInput
from data.facts.models import Catalog, current
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.schema import CRITICALITIES
from data.state import State
from routing.policies.policy import Policy
from routing.policies.text import EXAMPLES, read_policy_file
from simulations.mixes.caches import MixCaches, mix_caches
from simulations.mixes.frontier import as_rows, frontier, model_shares
from simulations.mixes.optimise import Demands, Infeasible, mean_quality, optimise, total_cost
from simulations.mixes.problem_from_log import Programme, programme
from simulations.mixes.shadow_prices import rule_prices, step_prices, vendor_prices, why_not
from simulations.replay.off_policy import estimates
from simulations.replay.replay import Assumed, replay
from simulations.replay.repricing import Market, Repricing
from simulations.replay.summary import summary
from simulations.replay.traffic import last_instant


def register(subparsers: Any) -> None:
    """Add replay and frontier."""
    sub = command(subparsers, "replay", _replay, "what a routing policy would have done to the logged traffic")
    sub.add_argument("policy", help="policy file, or the name of a shipped example")
    sub.add_argument(
        "--by", default="", metavar="DIMENSIONS", help="also split by these, comma separated: team,task_type,day"
    )
    sub.add_argument(
        "--acceptance",
        type=float,
        default=0.8,
        help="share of answers a cascade accepts, where unmeasured (default 0.8)",
    )
    sub.add_argument(
        "--estimate", action="store_true", help="estimate quality from logged propensities, where the log explored"
    )
    sub.add_argument("--review-share", type=float, metavar="SHARE", help="share of answers that go to human review")
    _shared(sub)
    sub = command(subparsers, "frontier", _frontier, "the cheapest mix for every quality, or for one floor")
    sub.add_argument(
        "--floor",
        type=float,
        metavar="Q",
        help="one quality floor, 0 to 1: its cheapest mix and what each promise costs",
    )
    sub.add_argument(
        "--models", default="", metavar="TARGETS", help="models to consider beside those in the log, comma separated"
    )
    sub.add_argument("--policy", metavar="FILE", help="policy whose constraints hold")
    sub.add_argument("--points", type=int, default=50, help="points on the frontier (default 50)")
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
    _shared(sub)


def _shared(sub: argparse.ArgumentParser) -> None:
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
    return Market(PriceBook.load(state), catalog, at, _terms(args.verbosity))


def own_prices(catalog: Catalog, given: list[str]) -> Catalog:
    """The catalogue with `MODEL=USD per million tokens` for self-hosted models laid over it."""
    edits: dict[str, dict[str, Any]] = {}
    for name, usd in _named("--self-host-price", given).items():
        known = catalog.canonical(name)
        edits[known] = {"self_hosted": {**catalog[known].self_hosted, "usd_per_mtok": usd}}
    return catalog.edited(edits)


def policy_named(name: str) -> Policy:
    """The policy in a file, or a shipped example by its name."""
    shipped = EXAMPLES / f"{name}.yaml"
    return read_policy_file(
        shipped if not Path(name).exists() and shipped.parent == EXAMPLES and shipped.exists() else name
    )


def _terms(verbosity: float | None) -> Repricing:
    if verbosity is not None and not 0 < verbosity <= 100:
        raise BadInput(f"--verbosity {verbosity:g}: give a factor above 0, at most 100.")
    return Repricing(verbosity=verbosity)


def _share(name: str, value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise BadInput(f"{name} {value:g}: give a share between 0 and 1.")
    return value


def _replay(args: argparse.Namespace) -> None:
    policy = policy_named(args.policy)
    assumed = Assumed(
        acceptance=_share("--acceptance", args.acceptance), review_share=_share("--review-share", args.review_share)
    )
    view = view_of(args)
    scope, by = span_of(args, view), tuple(name.strip() for name in args.by.split(",") if name.strip())
    market = market_of(args, view, scope)
    result = summary(replay(view, scope, policy, market, by=by, assumed=assumed), market, scale=args.scale, by=by)
    if args.estimate:
        result["estimated"] = [estimate._asdict() for estimate in estimates(view, scope, policy, market)]
    if args.json:
        return emit_json({**result, "snapshot": view.snapshot(), "time_zone": scope.time_zone})
    rows = [
        (
            m["model"],
            f"{m['logged_requests']:,}",
            wording.usd(m["logged_cost_usd"]),
            f"{m['policy_requests']:,.0f}",
            wording.usd(m["policy_cost_usd"]),
        )
        for m in result["by_model"]
    ]
    columns = ("model", "requests logged", "USD logged", "requests by policy", "USD by policy")
    emit_table(columns, rows, title=result["policy"], right=columns[1:])
    saving, spread = result["savings_usd"], result["range"]["savings_usd"]
    verb = "saves" if saving >= 0 else "costs more by"
    say(
        f"logged {wording.usd(result['logged_cost_usd'])}, policy {wording.usd(result['policy_cost_usd'])}: {verb} "
        f"{wording.usd(abs(saving))} ({result['savings_pct']}%)"
    )
    say(
        f"saving P10 to P90: {wording.usd(spread['p10'])} to {wording.usd(spread['p90'])}; {wording.share(result['moved_share'])} of requests "
        f"move, {result['refused_requests']:,} are refused"
    )
    say(cache_line(result["cache"]))
    for part in result["not_compared"]:
        say(
            f"not compared: {part['requests']:,} requests ({wording.usd(part['logged_cost_usd'])} logged): {part['reason']}"
        )
    say(quality_line(result["quality"]))
    for found in result.get("estimated", []):
        say(
            f"estimated by {found['method']}: {wording.quality(found['value'])} ({wording.quality(found['low'])} to {wording.quality(found['high'])}), "
            f"{found['effective_samples']:.0f} effective samples"
        )
    if result["review"]["note"]:
        say(f"human review: {result['review']['note']}")
    say("assumes: " + "; ".join(result["assumptions"]))


def cache_line(cache: dict[str, Any]) -> str:
    """What prompt caches do to the policy's cost, or that the log has none."""
    if cache["warm_share"] is None:
        return f"prompt caches: {cache['note']}"
    return (
        f"prompt caches: {wording.share(cache['warm_share'])} of the reads stay warm ({cache['note']}); the policy costs "
        f"{wording.usd(cache['usd_if_always_warm'])} if all did, {wording.usd(cache['usd_if_never_warm'])} if none did"
    )


def quality_line(quality: dict[str, Any]) -> str:
    """Quality before and after with its tier, or why nothing can be said."""
    if quality["policy"] is None:
        return f"quality: {quality['words']}"
    return (
        f"quality {wording.quality(quality['baseline'])} to {wording.quality(quality['policy'])} on the scale `{quality['scale']}` "
        f"({quality['words']})"
    )


def _frontier(args: argparse.Namespace) -> None:
    if not 2 <= args.points <= 500:
        raise BadInput(f"--points {args.points}: give a number from 2 to 500.")
    demands = _demands(args)
    policy = policy_named(args.policy) if args.policy else None
    view = view_of(args)
    scope = span_of(args, view)
    targets = [name.strip() for name in args.models.split(",") if name.strip()]
    market = market_of(args, view, scope)
    made = programme(view, scope, market, targets, policy=policy, scale=args.scale)
    task = made.problem
    baseline = {
        "annual_cost_usd": total_cost(task, made.current_shares),
        "quality": mean_quality(task, made.current_shares),
    }
    head = {
        "baseline": baseline,
        "scale": made.scale and made.scale.name,
        "tier": made.scale.tier if made.scale else "cost_only",
        "note": made.note,
        "segments": len(made.segments),
        "snapshot": view.snapshot(),
    }
    if demands.quality_floor is not None:
        return _one_floor(args, view, market, made, head)
    result = frontier(task, demands, args.points)
    rows = as_rows(result)
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
        f"today {wording.usd(baseline['annual_cost_usd'])} a year; quality is {head['tier']} on the scale `{head['scale']}`"
        + (f"; {made.note}" if made.note else "")
    )


def _demands(args: argparse.Namespace) -> Demands:
    """The promises as the options say."""
    unknown = sorted(set(_named("--floor-for", args.floor_for, 1)) - set(CRITICALITIES))
    if unknown:
        raise BadInput(
            f"--floor-for {unknown[0]}: there is no such criticality; use one of: {', '.join(CRITICALITIES)}."
        )
    return Demands(
        quality_floor=_share("--floor", args.floor),
        floor_by_criticality=_named("--floor-for", args.floor_for, 1),
        capacity=_named("--capacity", args.capacity),
        min_share=_named("--min-share", args.min_share, 1),
        vendor_cap=_named("--vendor-cap", args.vendor_cap, 1),
        origin_cap=_named("--origin-cap", args.origin_cap, 1),
        any_vendor_cap=_share("--max-vendor-share", args.max_vendor_share),
        max_moved_share=_share("--max-moved", args.max_moved),
    )


def _named(option: str, given: list[str], most: float = float("inf")) -> dict[str, float]:
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


def cache_of_mix(always_warm_usd: float, caches: MixCaches) -> dict[str, float | None]:
    """What prompt caches do to a mix's yearly cost, in the words of a replay."""
    return {
        "warm_share": caches.warm_share,
        "usd_if_always_warm": always_warm_usd,
        "usd_if_never_warm": always_warm_usd + caches.never_warm_usd,
    }


def _one_floor(args: argparse.Namespace, view: Ledger, market: Market, made: Programme, head: dict[str, Any]) -> None:
    demands = _demands(args)
    answer = optimise(made.problem, demands)
    if isinstance(answer, Infeasible):
        raise BadInput(f"No mix keeps every promise: {'; '.join(why_not(made.problem, demands, answer))}.")
    prices = [
        *step_prices(made.problem, demands, answer),
        *rule_prices(made.problem, demands, answer, made.lifted),
        *vendor_prices(made.problem, demands, answer),
    ]
    caches = mix_caches(view, made, answer.shares, market)
    annual_usd = answer.cost_usd + caches.usd
    models = model_shares(made.problem, answer.shares)
    saving = head["baseline"]["annual_cost_usd"] - annual_usd
    if args.json:
        sentences = [price.sentence for price in prices]
        return emit_json(
            {
                **head,
                "floor": demands.quality_floor,
                "annual_cost_usd": annual_usd,
                "cache": cache_of_mix(answer.cost_usd, caches),
                "quality": answer.quality,
                "models": models,
                "savings_usd": saving,
                "prices": sentences,
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
    for price in prices:
        say(price.sentence)
