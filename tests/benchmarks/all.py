"""One table of ratios, each against a peer in the same run.

    nice -n 5 .venv/bin/python -m tests.benchmarks.all [--quick | --full] [--write]

Every benchmark runs in a process of its own, one after another; what it prints as a row of the table is kept.
`--write` puts the table into docs/benchmarks.md with the machine, the versions and the date. A peer that is not on
this machine is named as not run, with what brings it.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.ratios import HEAD, is_row, row

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "benchmarks.md"
CCUSAGE = "ccusage@20.0.24"  # 20.0.26 has no program for Linux on x64 and ends at once
LITELLM = ROOT / ".venv" / "litellm" / "bin" / "python"
MADE_OF = ("duckdb", "pandas", "ibis-framework", "streamlit", "numpy", "scipy")


@dataclass(frozen=True)
class Benchmark:
    """A module of tests/benchmarks and what it is asked for, in a few minutes or in full."""

    module: str
    quick: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


BENCHMARKS = (
    Benchmark("ingest_ratio", ("--rows", "1000000"), ("--rows", "10000000")),
    Benchmark("pricing_ratio", ("200000",), ("1000000",)),
    Benchmark("rollup_ratio", ("--rows", "100000"), ("--rows", "1000000")),
    Benchmark("replay_ratio", ("1000000",), ("10000000",)),
    Benchmark("selfhost_accuracy"),
    Benchmark("falling_limit"),
)


def main() -> int:
    """Run them all, print the table as it grows, and write it where asked; 1 where a benchmark failed."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    size = arguments.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a tenth of the rows (the default)")
    size.add_argument("--full", action="store_true", help="ten million rows")
    arguments.add_argument("--write", action="store_true", help=f"write {TARGET.relative_to(ROOT)}")
    wish = arguments.parse_args()
    print(HEAD, flush=True)
    rows, failed = [], []
    with tempfile.TemporaryDirectory(prefix="baton-benchmarks-") as folder:
        for benchmark in (*BENCHMARKS, *peers(Path(folder), wish.full)):
            for line in told(benchmark.module, benchmark.full if wish.full else benchmark.quick, failed):
                print(line, flush=True)
                rows.append(line)
    for line in missing():
        print(line)
        rows.append(line)
    if wish.write and not failed:
        TARGET.write_text(page(rows, wish.full))
    print("\n".join(f"{name} failed" for name in failed), file=sys.stderr)
    return bool(failed)


def told(module: str, options: tuple[str, ...], failed: list[str]) -> Iterator[str]:
    """The rows a benchmark prints, as it prints them; its own sentences go to the error stream."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            if is_row(line) and line.rstrip() not in HEAD.splitlines():
                yield line.rstrip()
            else:
                print(f"{module}: {line.rstrip()}", file=sys.stderr)
    if running.returncode:
        failed.append(module)


def peers(folder: Path, full: bool) -> Iterator[Benchmark]:
    """The benchmarks whose peers are other people's programs, where those are here."""
    if LITELLM.exists():
        calls = ("--calls", "1000" if full else "200", "--with", str(LITELLM))
        yield Benchmark("router_overhead", calls, calls)
    if shutil.which("npm"):
        subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), CCUSAGE], check=True)
        lines = ("--ccusage", str(folder / "node_modules" / ".bin" / "ccusage"), "--lines", "300000")
        yield Benchmark("ccusage_parity", lines, lines)


def missing() -> list[str]:
    """A row for each peer that is not here."""
    lines = []
    if not LITELLM.exists():
        lines.append(row("What the router adds to a call", "", "LiteLLM's router: not run (`make .venv/.litellm`)"))
    if not shutil.which("npm"):
        lines.append(row("A folder of Claude Code sessions", "", "ccusage: not run (npm is not here)"))
    return lines


def page(rows: list[str], full: bool) -> str:
    """docs/benchmarks.md."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in MADE_OF)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    size, day = "--full" if full else "--quick", f"{datetime.now(UTC):%-d %B %Y}"
    return f"""# Benchmarks

From a run of `python -m tests.benchmarks.all {size} --write` on {day}, commit {commit},
{os.cpu_count()} cores, {memory_gib:.0f} GiB of memory, Python {platform.python_version()}, {versions}.

Every row was measured against its peer in the same run, so the ratio is what counts: below 1 Baton needs less.
Whole processes are timed, start included, unless the question says otherwise.

{HEAD}
{chr(10).join(rows)}
"""


if __name__ == "__main__":
    sys.exit(main())
