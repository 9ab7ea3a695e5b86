"""Benchmarks are run by hand, and rot in silence unless each is imported, and those of the one table run small."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.all import BENCHMARKS
from tests.benchmarks.ratios import HEAD, is_row, row

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {"forecast_rivals"}  # asks for an older pandas, and so for an environment of its own
MODULES = sorted({path.stem for path in (ROOT / "tests" / "benchmarks").glob("*.py")} - {"__init__"} - ELSEWHERE)
SMALL = {
    "ingest_ratio": ("--rows", "2000"),
    "pricing_ratio": ("2000",),
    "rollup_ratio": ("--rows", "2000"),
    "replay_ratio": ("2000",),
}
# Real points beside the repository, and a quarter of a minute by the clock.
ONLY_BY_HAND = {"selfhost_accuracy", "falling_limit"}


@pytest.mark.parametrize("module", MODULES)
def test_a_benchmark_can_be_imported(module):
    importlib.import_module(f"tests.benchmarks.{module}")


def test_the_table_names_benchmarks_that_are_there():
    assert {one.module for one in BENCHMARKS} == set(SMALL) | ONLY_BY_HAND <= set(MODULES)


@pytest.mark.heavy
@pytest.mark.parametrize("module", SMALL)
def test_a_benchmark_prints_rows_of_the_table(module, tmp_path):
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *SMALL[module]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if is_row(line) and line not in HEAD.splitlines()]
    assert rows and all(line.count("|") == HEAD.splitlines()[0].count("|") for line in rows), done.stdout


def test_a_row_says_both_sides_and_the_ratio():
    assert row("Ingest", "2.0 s", "read: 1.0 s", 2.0, "2.0") == "| Ingest | 2.0 s | read: 1.0 s | 2.00 | 2.0 |"
    assert is_row(row("Ingest", "", "not run")) and not is_row("largest process: 1 GB")
