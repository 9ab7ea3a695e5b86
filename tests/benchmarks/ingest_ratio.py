"""Ingest of flat logs against what the engine alone needs for them, in the same run and under the same memory limit.

    nice -n 5 .venv/bin/python -m tests.benchmarks.ingest_ratio [--rows 1000000] [--log jsonl csv parquet litellm]

Two floors: the engine's bare reading into a table (aim: 2.0 times that), and an equal-work floor, one statement written
by hand for this one log that types, deduplicates, prices and writes the same columns by month (aim: 1.3). Every side
runs in a process of its own, start included; the floors run before and after, and the faster run counts.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.flat_logs import LOGS, Log
from tests.benchmarks.ratios import HEAD, row

MEMORY = "2.5GB"  # what Baton's own engine takes by default
FLOOR = (
    "import duckdb, sys; con = duckdb.connect(sys.argv[1], config={'memory_limit': sys.argv[2]}); "
    "con.execute(sys.argv[3]); con.close()"
)
INGEST = (
    "import sys; from data.ledger import Ledger; from data.loading.ingest import ingest; from data.state import State; "
    "store = Ledger.open(sys.argv[2]); print(ingest(store, State.open(sys.argv[2]), [sys.argv[1]])[0].loaded)"
)


def timed(code: str, *arguments: object) -> tuple[float, float, str]:
    """Wall seconds, CPU seconds and output of a Python process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        time.monotonic() - started,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        done.stdout.strip(),
    )


def floors(log: Log, path: Path, folder: Path) -> dict[str, tuple[float, float]]:
    """Wall and CPU seconds of both floors, once."""
    folder.mkdir()
    bare = timed(FLOOR, folder / "bare.db", MEMORY, log.bare(path))
    equal = timed(FLOOR, folder / "equal.db", MEMORY, log.equal_work(path, folder / "rows"))
    shutil.rmtree(folder)
    return {"bare read": bare[:2], "equal work": equal[:2]}


def compare(log: Log, rows: int, folder: Path) -> None:
    """Print the two rows of one kind of log."""
    path = folder / f"log.{log.written.split()[1].strip(',').replace('json', 'jsonl')}"
    log.write(path, rows)
    before = floors(log, path, folder / "floors")
    seconds, cpu, loaded = timed(INGEST, path, folder / "home")
    shutil.rmtree(folder / "home")
    after = floors(log, path, folder / "floors")
    assert int(loaded) == rows, f"{loaded} of {rows} loaded"
    for name, aim in (("bare read", "2.0"), ("equal work", "1.3")):
        wall, least = (min(before[name][i], after[name][i]) for i in (0, 1))
        for what, ours, theirs in (("clock", seconds, wall), ("CPU", cpu, least)):
            question = f"Ingest of {rows:,} rows of {log.name} ({what})"
            print(row(question, f"{ours:.1f} s", f"{name}: {theirs:.1f} s", ours / theirs, aim), flush=True)
    path.unlink()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--log", choices=LOGS, nargs="+", default=list(LOGS))
    wish = arguments.parse_args()
    print(HEAD)
    with tempfile.TemporaryDirectory(prefix="baton-ingest-ratio-") as folder:
        for name in wish.log:
            compare(LOGS[name], wish.rows, Path(folder))
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"largest process of all: {peak_gb:.2f} GB")


if __name__ == "__main__":
    main()
