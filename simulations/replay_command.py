"""The command that replays a policy on the log."""

from __future__ import annotations

import argparse
from typing import Any

from analytics.command_options import span_of, view_of
from data import wording
from data.console import Commands, emit_json, emit_table, say
from simulations.log_terms import add_log_terms, market_of, policy_named, share_of
from simulations.replay.off_policy import estimates
from simulations.replay.reliability import reliability
from simulations.replay.replay import Assumed
from simulations.replay.service import limit_words
from simulations.replay.side_by_side import side_by_side
from simulations.replay.summary import summary
from simulations.replay.worth import Worth, as_rows


def register(commands: Commands) -> None:
    """Add `replay` to `python -m simulations`."""
    sub = commands.add("replay", _replay)
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
    add_log_terms(sub)


def _replay(args: argparse.Namespace) -> None:
    policy = policy_named(args.policy)
    assumed = Assumed(
        acceptance=share_of("--acceptance", args.acceptance), review_share=share_of("--review-share", args.review_share)
    )
    view = view_of(args)
    scope, by = span_of(args, view), tuple(name.strip() for name in args.by.split(",") if name.strip())
    market = market_of(args, view, scope)
    known = reliability(view, scope)
    [replayed], found = side_by_side(view, scope, [policy], market, known, by=by, assumed=assumed, scale=args.scale)
    result = summary(replayed, market, scale=args.scale, by=by, known=known)
    if args.estimate:
        result["estimated"] = [estimate._asdict() for estimate in estimates(view, scope, policy, market)]
    if args.json:
        result["worth"] = {**found._asdict(), "ways": as_rows(found)}
        return emit_json({**result, "snapshot": view.snapshot(), "time_zone": scope.time_zone})
    _print(result, found)


def _print(result: dict[str, Any], found: Worth) -> None:
    """The table of models, then a sentence for each thing that was found."""
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
        f"saving P10 to P90: {wording.usd(spread['p10'])} to {wording.usd(spread['p90'])};"
        f" {wording.share(result['moved_share'])} of requests move, {result['refused_requests']:,} are refused"
    )
    say(cache_line(result["cache"]))
    say(worth_line(found))
    for part in result["not_compared"]:
        say(
            f"not compared: {wording.count_of(part['requests'], 'request')} "
            f"({wording.usd(part['logged_cost_usd'])} logged): {part['reason']}"
        )
    for target, words in result["ending"].items():
        say(f"the policy sends work to {target}, which {words}: name another")
    say(quality_line(result["quality"]))
    say(service_line(result["service"]))
    for one in result["limits"]:
        say(limit_words(one))
    for estimate in result.get("estimated", []):
        say(
            f"estimated by {estimate['method']}: {wording.quality(estimate['value'])}"
            f" ({wording.quality(estimate['low'])} to {wording.quality(estimate['high'])}),"
            f" {estimate['effective_samples']:.0f} effective samples"
        )
    if result["review"]["note"]:
        say(f"human review: {result['review']['note']}")
    say("assumes: " + "; ".join(result["assumptions"]))


def cache_line(cache: dict[str, Any]) -> str:
    """What prompt caches do to the policy's cost, or that the log has none."""
    if cache["warm_share"] is None:
        return f"prompt caches: {cache['note']}"
    return (
        f"prompt caches: {wording.share(cache['warm_share'])} of the reads stay warm ({cache['note']}); the policy"
        f" costs {wording.usd(cache['usd_if_always_warm'])} if all did, {wording.usd(cache['usd_if_never_warm'])} if"
        " none did"
    )


def worth_line(found: Worth) -> str:
    """The verdict on the policy, and what one model or a blind draw would cost."""
    others = [way for way in found.ways if way.kind in ("single", "blind")]
    costs = ", ".join(f"{way.name} {wording.usd(way.cost_usd)}" for way in others)
    return f"is a router worth it: {found.sentence}" + (f" ({costs})" if costs else "")


def service_line(service: dict[str, Any]) -> str:
    """P50, P95 and failures before and after."""
    said = {"p50_ms": wording.milliseconds, "p95_ms": wording.milliseconds, "failure_share": wording.share}
    p50, p95, fails = (
        f"{words(service['baseline'][name])} to {words(service['policy'][name])}" for name, words in said.items()
    )
    note = f"; {service['note']}" if service["note"] else ""
    return f"P50 latency {p50}, P95 {p95}, attempts that fail {fails}, by each model's own record in this log{note}"


def quality_line(quality: dict[str, Any]) -> str:
    """Quality before and after with its tier, or why nothing can be said."""
    if quality["policy"] is None:
        return f"quality: {quality['words']}"
    return (
        f"quality {wording.quality(quality['baseline'])} to {wording.quality(quality['policy'])} on the scale"
        f" `{quality['scale']}` ({quality['words']})"
    )
