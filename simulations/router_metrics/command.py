"""Router metrics on the operator's own results: `python -m simulations metrics RESULTS --weak A --strong B`."""

from __future__ import annotations

import argparse
from typing import Any

from data import wording
from data.console import Commands, emit_json, emit_table, say
from data.errors import BadInput
from routing.grading.statistics import compare_pairs, share_interval
from simulations.router_metrics.cost_quality import best_single, cascade, envelope, oracle, pareto
from simulations.router_metrics.metrics import (
    aiq,
    aiq_upstream,
    apgr,
    apgr_upstream,
    cpt,
    deferral_curve,
    optimal,
    router_arena_score,
)
from simulations.router_metrics.results_table import ResultsTable, read_results


def register(commands: Commands) -> None:
    """Add metrics."""
    sub = commands.add("metrics", _metrics)
    sub.add_argument("results", help="CSV, JSON or JSONL with prompt, model, correct or score, cost_usd")
    sub.add_argument("--weak", metavar="MODEL", help="the cheap model of a pair")
    sub.add_argument("--strong", metavar="MODEL", help="the dear model of a pair")
    sub.add_argument(
        "--chance", type=float, metavar="P", help="probability that a pure guess is right, such as 0.1 for ten options"
    )
    sub.add_argument("--drop-incomplete", action="store_true", help="leave out prompts that not every model answered")


def table_metrics(table: ResultsTable, chance: float | None = None) -> dict[str, Any]:
    """Every model with its interval, the Pareto set, AIQ of blind mixing, and the oracle with its caution."""
    n, points = len(table.prompts), table.points()
    plane = [(cost, quality) for _, cost, quality in points]
    spans = len({cost for cost, _ in plane}) > 1
    efficient = set(pareto(plane))
    return {
        "prompts": n,
        "models": [
            {
                "model": m,
                "cost_usd": c,
                "quality": q,
                "interval": share_interval(list(table.scores[:, table.column(m)])),
                "pareto": (c, q) in efficient,
                "router_arena": router_arena_score(q, c * 1000),
            }
            for m, c, q in points
        ],
        "best_single": best_single(table)[0],
        "mixing_hull": envelope(plane),
        "aiq": aiq(plane) if spans else None,
        "aiq_upstream": aiq_upstream(plane) if spans else None,
        "oracle": oracle(table, chance)._asdict(),
    }


def pair_metrics(table: ResultsTable, weak: str, strong: str) -> dict[str, Any]:
    """What any router between two models can reach, and the paired difference between them.

    BadInput if they are equal.
    """
    w, s = table.column(weak), table.column(strong)
    curve = optimal(table.scores[:, w], table.scores[:, s])
    if curve.weak == curve.strong:
        raise BadInput(
            f"{weak} and {strong} score the same, {wording.quality(curve.weak)}; PGR has no gap to recover. Choose"
            " another pair."
        )
    return {
        "weak": {"model": weak, "quality": curve.weak},
        "strong": {"model": strong, "quality": curve.strong},
        "optimal": {
            "cpt50": cpt(curve, 0.5),
            "cpt80": cpt(curve, 0.8),
            "apgr": apgr(curve),
            "apgr_upstream": apgr_upstream(curve),
            "quality": float(curve.quality[-1]),
        },
        "deferral_curve": deferral_curve(curve, float(table.costs[:, w].mean()), float(table.costs[:, s].mean())),
        "cascade": dict(zip(("cost_usd", "quality"), cascade(table, [weak, strong]), strict=True)),
        "paired": compare_pairs(table.scores[:, w].tolist(), table.scores[:, s].tolist())._asdict(),
    }


def _metrics(args: argparse.Namespace) -> None:
    if (args.weak is None) is not (args.strong is None):
        raise BadInput("--weak and --strong go together; name both models or neither.")
    if args.chance is not None and not 0 <= args.chance < 1:
        raise BadInput(f"--chance {args.chance:g}: give a probability from 0 to below 1.")
    table = read_results(args.results, drop=args.drop_incomplete)
    result = table_metrics(table, args.chance)
    if args.weak:
        result["pair"] = pair_metrics(table, args.weak, args.strong)
    if args.json:
        return emit_json(result)
    rows = [
        (
            m["model"],
            wording.quality(m["quality"]),
            f"{wording.share(m['interval'][0])} to {wording.share(m['interval'][1])}",
            f"{m['cost_usd']:.6f}",
            "yes" if m["pareto"] else "",
            f"{m['router_arena']:.4f}",
        )
        for m in result["models"]
    ]
    emit_table(
        ("model", "quality", "95 % interval", "USD per prompt", "Pareto", "RouterArena"),
        rows,
        title=f"{result['prompts']:,} prompts",
        right=("quality", "USD per prompt", "RouterArena"),
    )
    best = result["oracle"]
    aiq_text = (
        "undefined, all cost the same"
        if result["aiq"] is None
        else f"{result['aiq']:.4f} (upstream code: {result['aiq_upstream']:.4f})"
    )
    say(
        f"best single {result['best_single']}; blind mixing AIQ {aiq_text}; oracle {wording.quality(best['quality'])}"
        f" at {wording.usd(best['cost_usd'])}, a maximum over noisy answers, not a goal"
    )
    if "pair" in result:
        pair = result["pair"]["optimal"]
        say(
            f"best possible router {args.weak} / {args.strong}: CPT50 {wording.quality(pair['cpt50'])}, CPT80 "
            f"{wording.quality(pair['cpt80'])}, APGR {pair['apgr']:.3f} (upstream code: {pair['apgr_upstream']:.3f})"
        )
