"""The commands that answer a scenario file: mix, pipeline, triage."""

from __future__ import annotations

import argparse

from data import wording
from data.console import Commands, emit_json, emit_table, say
from data.facts.models import current
from data.state import State
from data.yaml_text import read_yaml_file, validate
from simulations.mixes.mix import MixScenario, normalise_shares, simulate_mix
from simulations.pipeline import PipelineScenario, simulate_pipeline
from simulations.scenario import read_scenario, scenario_file
from simulations.triage import TriageScenario, triage


def register(commands: Commands) -> None:
    """Add mix, pipeline and triage."""
    for name, run in (("mix", _mix), ("pipeline", _pipeline), ("triage", _triage)):
        sub = commands.add(name, run)
        sub.add_argument("file", help="scenario file, or the name of a shipped one")
        if name == "mix":
            sub.add_argument(
                "--normalise", action="store_true", help="divide shares that do not sum to one by their sum"
            )


def _mix(args: argparse.Namespace) -> None:
    if args.normalise:
        file = scenario_file(args.file)
        document, lines = read_yaml_file(file)
        scenario = validate(MixScenario, normalise_shares(document), lines, str(file))
    else:
        scenario = read_scenario(args.file, MixScenario, "mix")
    result = simulate_mix(scenario, current(State.open(args.home)))
    if args.json:
        return emit_json(result)
    rows = [
        [
            side,
            m["model"],
            wording.share(m["share"]),
            wording.usd(m.get("annual_cost_usd")),
            wording.quality(m.get("quality")),
        ]
        for side in ("baseline", "proposed")
        for m in result[side]["models"]
    ]
    emit_table(
        ["mix", "model", "share", "USD a year", "quality"],
        rows,
        title=result["name"],
        right=["share", "USD a year", "quality"],
    )
    for side in ("baseline", "proposed"):
        say(
            f"{side}: {wording.usd(result[side]['annual_cost_usd'])} a year, quality"
            f" {wording.quality(result[side]['quality'])} ({result[side]['quality_tier']})"
        )
    saving = result["ranges"]["savings_usd"]
    say(
        f"saves {wording.usd(result['savings_usd'])} a year ({result['savings_pct']}%); P10 to P90:"
        f" {wording.usd(saving['p10'])} to {wording.usd(saving['p90'])}"
    )


def _pipeline(args: argparse.Namespace) -> None:
    result = simulate_pipeline(read_scenario(args.file, PipelineScenario, "pipeline"))
    if args.json:
        return emit_json(result)
    rows = [[s["name"], s["model"], wording.usd(s["cost_usd"]), f"{s['hours']:g}"] for s in result["stages"]]
    emit_table(["stage", "model", "USD", "hours"], rows, title=result["name"], right=["USD", "hours"])
    single, total = result["single"], result["pipeline"]
    say(
        f"one model: {wording.usd(single['cost_usd'])}, {single['hours']:g} h, accuracy"
        f" {wording.quality(single['accuracy'])}"
    )
    say(
        f"pipeline: {wording.usd(total['cost_usd'])}, {total['hours']:g} h, accuracy"
        f" {wording.quality(total['accuracy'])} ({total['accuracy_basis']})"
    )
    say(f"{result['savings_pct']}% cheaper, {result['time_saved_pct']}% faster, {_points(result['accuracy_points'])}")


def _triage(args: argparse.Namespace) -> None:
    result = triage(read_scenario(args.file, TriageScenario, "triage"))
    if args.json:
        return emit_json(result)
    say(f"{result['decision']}: {result['name']}")
    for gate in result["gates"]:
        say(f"  {({True: 'passed', False: 'failed', None: 'open'})[gate['passed']]:7}{gate['reason']}")
    say(
        f"projected saving {wording.usd(result['projected_savings_usd'])} a year, capability "
        f"{wording.share_change(result['capability_delta'])}"
    )


def _points(value: float | None) -> str:
    return "accuracy unknown" if value is None else f"{value:+g} points of accuracy"
