"""What the tests themselves must keep: nothing passes or fails by the clock of a busy machine."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.conftest import HEAVY

TESTS = Path(__file__).resolve().parent
FILES = sorted(p for p in TESTS.rglob("*.py") if "benchmarks" not in p.parts)
# Wall clocks tell what else the machine did; CPU clocks, how fast it is. Neither is a fault of the code.
TIMERS = {"monotonic", "perf_counter", "process_time", "thread_time"}
CLOCKS = {"time.time", "time.time_ns", "os.times", "resource.getrusage", "datetime.now"}


def reads_a_clock(node: ast.AST, timed: set[str]) -> bool:
    """Whether an expression calls a clock, or uses a name that was computed from one."""
    for part in ast.walk(node):
        called = ast.unparse(part.func) if isinstance(part, ast.Call) else ""
        timer = called.split(".")[-1].removesuffix("_ns") in TIMERS
        if timer or called in CLOCKS or (isinstance(part, ast.Name) and part.id in timed):
            return True
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(TESTS).as_posix())
def test_no_assertion_bounds_the_time_that_something_took(path):
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        timed: set[str] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and reads_a_clock(node.value, timed):
                timed |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        bounds = [n for n in ast.walk(function) if isinstance(n, ast.Assert) and reads_a_clock(n.test, timed)]
        assert not bounds, (
            f"{path.name}:{bounds[0].lineno}: say what must hold in counts and order; times go to benchmarks"
        )


def test_what_quick_leaves_out_is_there_and_every_mark_is_used():
    assert [name for name in HEAVY if not (TESTS / name).is_file()] == []
    settings = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    text = "".join(path.read_text() for path in FILES)
    assert [m for m in settings["markers"] if f"pytest.mark.{m.split(':')[0]}" not in text] == []
