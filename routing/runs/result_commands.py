"""`python -m routing results`: a run's verdict and matrix, alone or against another run; JSON, CSV, a board page."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import pandas as pd

from data import wording
from data.console import Commands, emit_json, emit_table, say, write_file
from data.state import State
from routing.runs.board import board_html
from routing.runs.matrix import SHOWS, Against, Row, against, flat, matrix, shown
from routing.runs.results import summary
from routing.runs.store import read_run


def register(commands: Commands) -> None:
    """Add `results`."""
    sub = commands.add("results", _results)
    sub.add_argument("run_id")
    sub.add_argument("--show", choices=SHOWS, default="all", help="all tasks, those that failed, or disagreements")
    sub.add_argument("--against", metavar="RUN_ID", help="an earlier run, compared task by task")
    sub.add_argument("--csv", metavar="FILE", help="one line per task and policy, answers whole")
    sub.add_argument("--html", metavar="FILE", help="the board page, which needs no network")


def results_json(found: dict[str, Any], rows: list[Row]) -> dict[str, Any]:
    """The JSON of a run's results: its summary and the matrix."""
    return found | {"matrix": [{**asdict(row), "disagrees": row.disagrees} for row in rows]}


def results_csv(rows: list[Row]) -> str:
    """One line per task and policy, safe to open in a spreadsheet."""
    return pd.DataFrame(flat(rows)).map(wording.cell).to_csv(index=False)


def against_words(compared: Against) -> list[str]:
    """What changed between two runs, in sentences."""
    told = []
    for policy, paired in compared.by_policy.items():
        span = f"95 % interval {100 * paired.low:+.1f} to {100 * paired.high:+.1f} points"
        shows = "no difference shown" if paired.p_value >= 0.05 else f"{100 * paired.difference:+.1f} points"
        told.append(f"“{policy}” on the {wording.count_of(paired.n, 'task')} both runs graded: {shows} ({span}).")
    for which, names in (("then", compared.only_first), ("now", compared.only_second)):
        if names:
            told.append(
                f"Only {which}: {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}."
            )
    return told or ["The two runs have no policy and task in common."]


def _results(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    found, rows = summary(state, args.run_id), matrix(state, args.run_id)
    compared = against(matrix(state, args.against), rows) if args.against else None
    chosen = shown(rows, args.show)
    if args.csv:
        write_file(args.csv, results_csv(chosen))
    if args.html:
        made_at = read_run(state, args.run_id, with_spec=False)["created_at"]
        write_file(args.html, board_html(found, chosen, made_at))
    if args.json:
        body = results_json(found, chosen)
        emit_json(body | ({"against": asdict(compared)} if compared else {}))
        return
    say(found["verdict"] + ".")
    names = list(found["by_policy"])
    judged = [p["a"] for p in found["preferences"]]
    table = [
        (row.task_id, *(cell.outcome if (cell := row.cells[name]) else "not run" for name in names))
        + tuple(row.judged.get(name, "not judged") for name in judged)
        for row in chosen
    ]
    emit_table(("task", *names, *(f"judge of {name}" for name in judged)), table)
    for p in found["preferences"]:
        say(p["words"])
    for sentence in against_words(compared) if compared else ():
        say(sentence)
