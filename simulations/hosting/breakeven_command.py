"""`python -m simulations breakeven`: a scenario file in, what it costs and when it pays out."""

from __future__ import annotations

import argparse

from data import wording
from data.console import Commands, emit_json, emit_table, say
from data.errors import BadInput
from simulations.hosting.bench_import import import_bench
from simulations.hosting.breakeven import breakeven
from simulations.hosting.breakeven_scenario import BreakevenScenario
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.scenario import read_scenario


def register(commands: Commands) -> None:
    """Add `breakeven`."""
    sub = commands.add("breakeven", _run)
    sub.add_argument("file", help="scenario file, or the name of a shipped one")
    sub.add_argument(
        "--bench", metavar="JSON", help="own result of vllm bench serve, AIPerf or GenAI-Perf on the scenario's replica"
    )
    sub.add_argument("--seed", type=int, default=0, help="seed of the sampled paths (default 0)")


def _measured(path: str | None, scenario: BreakevenScenario) -> list[ServingMeasurement]:
    replica = scenario.replica
    if path is None:
        return []
    if replica is None:
        raise BadInput(f"{path} measures a replica, and the scenario describes none; add `replica:` to it.")
    layout = replica.layout or f"tp{replica.gpus}"
    return [
        import_bench(
            path, gpu=replica.gpu, count=replica.gpus, layout=layout, precision=replica.precision, model=replica.model
        )
    ]


def _run(args: argparse.Namespace) -> None:
    scenario = read_scenario(args.file, BreakevenScenario, "breakeven")
    result = breakeven(scenario, _measured(args.bench, scenario), seed=args.seed)
    if args.json:
        return emit_json(result)
    rows = [
        [
            name,
            wording.usd(o["total_usd"]),
            wording.usd(o["present_cost_usd"]),
            "" if o["gpus"] is None else f"{o['gpus']:g}",
            "" if o["usd_per_mtok_reserved"] is None else wording.usd(o["usd_per_mtok_reserved"]),
        ]
        for name, o in result["options"].items()
    ]
    emit_table(
        ["option", f"total, {result['months']} months", "present cost", "GPUs", "USD/M tokens"],
        rows,
        title=result["name"],
        right=["total", "present cost", "GPUs", "USD/M tokens"],
    )
    say(result["answer"])
    irr = "n/a" if result["irr"] is None else wording.share(result["irr"])
    # Sampled quantiles differ by some per cent from seed to seed: not to the dollar.
    ranged = ", ".join(f"{name.upper()} {wording.usd_short(result[name])}" for name in ("p10", "p50", "p90"))
    say(f"NPV {wording.usd(result['npv_usd'])}, IRR {irr}; saving {ranged}")
    say(result["measure_first"])
    for warning in result["warnings"]:
        say(f"Note: {warning}")
