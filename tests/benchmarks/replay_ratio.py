"""Replay of a ten-rule policy against a plain grouped sum over the same columns, in the same run.

    python tests/benchmarks/replay_ratio.py [rows, default 10,000,000] [folder for the ledger]

Prints medians of five interleaved runs, wall and CPU seconds, and the ratio (aim: 3 or less). The
grouped sum reads the columns the replay reads and groups by the ones that decide a request's fate.
Every replay works its answer out: no answer is kept between two runs.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from analytics.scope import Scope
from data import kept_answers
from data.facts.models import shipped_catalog
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.schema import TOKENS
from routing.policies.text import read_policy
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from simulations.replay.summary import summary
from tests.benchmarks.ratios import row
from tests.simulations.ledgers import random_ledger

RUNS = 5
POLICY = read_policy("""
name: ten rules
constraints:
  - {when: {data_class: [customer, regulated]}, forbid: {origin: [CN], hosting: [api]}}
  - {when: {data_class: [regulated]}, require: {hipaa_eligible: true}}
rules:
  - {when: {criticality: [high], data_class: [regulated]}, use: claude-opus-4-6}
  - {when: {criticality: [high]}, cross_check: [claude-opus-4-6, gpt-5.2]}
  - {when: {task_type: [coding], input_tokens: {gt: 100000}}, use: gpt-5.4}
  - {when: {task_type: [coding]}, cascade: [minimax-m2, claude-opus-4-6], confidence_floor: 0.85}
  - {when: {task_type: [reasoning], team: [core, legal]}, use: deepseek-v3.2}
  - {when: {task_type: [extraction]}, use: gpt-5-mini, samples: 3, vote: majority}
  - {when: {task_type: [chat], criticality: [low]}, use: gemini-3-flash-preview}
  - {when: {input_tokens: {gt: 200000}}, use: gemini-2.5-flash}
  - {when: {team: {not: [ops, unknown]}}, split: {deepseek-v3.2: 0.6, gpt-5.2: 0.4}}
  - {when: {}, use: current}
fallback: [gpt-5.2, claude-opus-4-6]
""")
KEYS = ("task_type", "criticality", "data_class", "team", "provider", "host", "service_tier", "model", "status")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp(prefix="baton-replay-"))
    if not (folder / "catalog.sqlite").exists():
        random_ledger(folder, rows)
    ledger = Ledger.open(folder)
    view = ledger.at(ledger.snapshot())
    market, scope = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20")), Scope.of(view)
    sums = ", ".join(f"sum({name})" for name in (*TOKENS, "cost_usd", "latency_ms", "quality_score"))
    plain = (
        f"SELECT {', '.join(KEYS)}, count(*), count(*) FILTER (attempt = 1), count(latency_ms), count(quality_score),"
        f" {sums} FROM {view.name('usage')} GROUP BY ALL"
    )
    kept_answers.FROM_ROWS = rows + 1
    replayed, grouped = [], []
    for _ in range(RUNS):
        grouped.append(timed(lambda: view.sql(plain)))
        replayed.append(timed(lambda: replay(view, scope, POLICY, market)))
    result = replay(view, scope, POLICY, market)
    told = timed(lambda: summary(result, market))
    print(f"{rows:,} rows, {len(POLICY.rules)} rules, {len(result.groups):,} groups, {RUNS} runs each, medians")
    for name, times in (("grouped sum", grouped), ("replay", replayed)):
        print(
            f"  {name:12} {statistics.median(t[0] for t in times):7.2f} s wall "
            f" {statistics.median(t[1] for t in times):7.2f} s CPU"
        )
    print(f"  {'summary':12} {told[0]:7.2f} s wall  {told[1]:7.2f} s CPU (small frames only)")
    for i, what in enumerate(("clock", "CPU")):
        ours, theirs = (statistics.median(times[i] for times in side) for side in (replayed, grouped))
        question = f"Replay of a ten-rule policy on {rows:,} rows ({what}, in one process)"
        print(row(question, f"{ours:.2f} s", f"grouped sum of the same columns: {theirs:.2f} s", ours / theirs, "3.0"))


def timed(run) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    run()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return wall, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


if __name__ == "__main__":
    main()
