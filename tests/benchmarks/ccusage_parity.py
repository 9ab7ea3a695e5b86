"""Baton against ccusage on the same Claude Code files: tokens per day and model, dollars, and the time of both.

    npm i ccusage@20.0.24
    python -m tests.benchmarks.ccusage_parity --ccusage node_modules/.bin/ccusage [--lines 300000]

ccusage reads every file for every report; Baton reads them once. Both times are printed. ccusage runs offline,
with the prices it carries, so its dollars differ where the two catalogues do.

One difference is left out of the files on purpose: of a message that streams without a request id ccusage 20.0.24
counts every line (100/1 and 100/50 as 200/51), Baton the last (100/50). With 1 % of such messages it is 1.3 % higher.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.benchmarks.claude_sessions import Writer
from tests.benchmarks.ratios import row

ROOT = Path(__file__).resolve().parents[2]
COUNTS = {
    "input": "inputTokens",
    "output": "outputTokens",
    "cache write": "cacheCreationTokens",
    "cache read": "cacheReadTokens",
}
# Whole processes, in this order: each finds the store as the one before left it.
WHOLE = {
    "A folder of Claude Code sessions, read for the first time": ("data", "ingest", "FOLDER"),
    "The same folder again, with nothing new": ("data", "ingest", "FOLDER"),
    "Its spend by day": ("analytics", "spend", "--by", "day"),
    "What today has cost, for a status line": ("analytics", "today"),
}


def ccusage(command: str, folder: Path) -> dict[tuple[str, str], tuple]:
    """(day, model) -> token counts and dollars, as `ccusage claude daily` prints them."""
    environment = {**os.environ, "CLAUDE_CONFIG_DIR": str(folder)}
    arguments = [command, "claude", "daily", "--json", "--offline", "--timezone", "UTC", "--breakdown"]
    printed = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout
    return {
        (day["date"], model["modelName"]): (*(model[name] for name in COUNTS.values()), model["cost"])
        for day in json.loads(printed)["daily"]
        for model in day["modelBreakdowns"]
    }


def baton(ledger: Ledger) -> dict[tuple[str, str], tuple]:
    """(day, model) -> the same, from the ledger."""
    frame = ledger.sql(f"""
        SELECT CAST(requested_at AS DATE)::VARCHAR AS day, model_raw, sum(fresh_input_tokens) AS i,
            sum(output_tokens + coalesce(reasoning_tokens, 0)) AS o,
            sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)) AS w,
                sum(coalesce(cache_read_tokens, 0)) AS r, sum(cost_usd) AS usd
        FROM {ledger.name("usage")} GROUP BY 1, 2""")
    return {
        (row.day, row.model_raw): (int(row.i), int(row.o), int(row.w), int(row.r), float(row.usd))
        for row in frame.itertuples()
    }


def run_baton(words: tuple[str, ...], folder: Path, home: Path) -> None:
    """One of Baton's commands as a person types it."""
    given = [str(folder) if word == "FOLDER" else word for word in words]
    command = [sys.executable, "-m", *given, "--home", str(home)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def compare(theirs: dict, ours: dict) -> int:
    """Print both totals and every cell that differs; returns how many differ in tokens."""
    for number, name in enumerate((*COUNTS, "USD")):
        print(
            f"  {name:12} ccusage {sum(v[number] for v in theirs.values()):>18,.2f}   Baton"
            f" {sum(v[number] for v in ours.values()):>18,.2f}"
        )
    differing = [key for key in theirs.keys() | ours.keys() if theirs.get(key, ())[:4] != ours.get(key, ())[:4]]
    for key in sorted(differing)[:10]:
        print(f"  differs {key}: ccusage {theirs.get(key)}, Baton {ours.get(key)}")
    for model in sorted({model for _, model in ours}):
        usd = [sum(v[4] for (_, m), v in side.items() if m == model) for side in (theirs, ours)]
        print(
            f"  {model}: ccusage ${usd[0]:,.2f}, Baton ${usd[1]:,.2f} (x"
            f" {usd[1] / usd[0] if usd[0] else float('nan'):.4f})"
        )
    return len(differing)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--ccusage", default=shutil.which("ccusage"), help="path of the ccusage command")
    arguments.add_argument("--lines", type=int, default=300_000)
    arguments.add_argument("--seed", type=int, default=7)
    given = arguments.parse_args()
    if not given.ccusage:
        print("ccusage is not on the path; `npm i ccusage` and name it with --ccusage.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        folder, home = Path(scratch) / "claude", Path(scratch) / "home"
        writer = Writer(folder, given.seed)
        writer.write(given.lines)
        size = sum(path.stat().st_size for path in folder.rglob("*.jsonl"))
        print(f"{writer.lines:,} lines in {writer.files:,} files, {size / 1e6:.0f} MB")
        theirs, report_s = timed(lambda: ccusage(given.ccusage, folder))
        ledger, state = Ledger.open(home), State.open(home)
        reports, ingest_s = timed(lambda: ingest(ledger, state, [folder]))
        ours, query_s = timed(lambda: baton(ledger))
        loaded, repeated, rejected = (
            sum(getattr(r, name) for r in reports) for name in ("loaded", "duplicate", "rejected")
        )
        print(
            f"Baton: {loaded:,} loaded, {repeated:,} repeats, {rejected:,} rejected,"
            f" {sum(r.skipped for r in reports):,} lines without usage of their own"
        )
        differing = compare(theirs, ours)
        ledger.close()
        for question, command in WHOLE.items():
            seconds = timed(lambda words=command: run_baton(words, folder, Path(scratch) / "whole"))[1]
            print(row(question, f"{seconds:.2f} s", f"ccusage: {report_s:.2f} s", seconds / report_s))
        print(f"{differing} of {len(theirs.keys() | ours.keys())} day and model cells differ in tokens")
        print(
            f"time: ccusage {report_s:.2f} s a report; Baton {ingest_s:.2f} s once (x {ingest_s / report_s:.1f}), then"
            f" {query_s:.2f} s a report (x {query_s / report_s:.2f})"
        )
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
