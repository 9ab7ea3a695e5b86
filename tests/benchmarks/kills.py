"""Two hundred kills at random moments of an ingest: none lost, none doubled.

nice -n 5 .venv/bin/python -m tests.benchmarks.kills --kills 200
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path

from tests.data.killing import Victim


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--kills", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=7)
    options = arguments.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="baton-kills-") as folder:
        victim = Victim(Path(folder))
        print(
            f"undisturbed: {victim.whole.rows:,} rows in {len(victim.whole.batches)} batches,"
            f" {victim.whole.seconds:.1f} s"
        )
        reached = Counter(victim.trial(chance, number) for number in range(options.kills))
        for place, count in sorted(reached.items()):
            print(f"{count:4} stores were left with {place}")
        print(f"{options.kills} stores killed and finished: every row there once, dollars equal, no scratch file left")


if __name__ == "__main__":
    main()
