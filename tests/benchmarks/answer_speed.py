"""CPU seconds of two answers a page waits for, each aimed at under 2 s: `python -m tests.benchmarks.answer_speed`.

The odds of a break-even over 16,384 sampled paths, and a frontier of 50 points over 400 segments and 8 models.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from simulations.hosting import uncertainty
from simulations.hosting.breakeven import BreakevenScenario, resolve
from simulations.mixes.frontier import frontier
from simulations.mixes.optimise import Demands
from simulations.scenario import read_scenario
from tests.simulations.test_optimise import problem


def main() -> None:
    """Time both and print them."""
    case = resolve(read_scenario("breakeven_minimax", BreakevenScenario, "breakeven"))
    task = problem(np.random.default_rng(1), 400, 8)
    _tell("16,384 paths", lambda: uncertainty.odds(case, "bought", paths_log2=14))
    _tell("50 points over 400 segments", lambda: frontier(task, Demands(vendor_cap={"a": 0.7}), 50))


def _tell(name: str, answer: Callable[[], object]) -> None:
    start = time.process_time()
    answer()
    seconds = time.process_time() - start
    print(f"{name}: {seconds:.2f} s of CPU (2 / CPU = {2 / seconds:.1f})")


if __name__ == "__main__":
    main()
