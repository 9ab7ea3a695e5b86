"""Ten thousand damaged log files: no traceback, every record accounted for.

nice -n 5 .venv/bin/python -m tests.benchmarks.fuzz --files 10000
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from tests.data.bad_logs import Store
from tests.data.mutated_logs import mutations
from tests.data.test_fuzz import load_all

PER_FOLDER = 250


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--files", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    sums = Counter()
    for number in range(-(-options.files // PER_FOLDER)):
        count = min(PER_FOLDER, options.files - number * PER_FOLDER)
        with tempfile.TemporaryDirectory(prefix="baton-fuzz-") as folder:
            sums.update(
                load_all(
                    Store(Path(folder) / "home"), Path(folder) / "logs", list(mutations(options.seed + number, count))
                )
            )
        print(
            f"{sums['files']:,} files (seeds to {options.seed + number}): "
            + ", ".join(f"{name} {n:,}" for name, n in sums.items() if name != "files"),
            flush=True,
        )
    assert sums["loaded"] + sums["duplicate"] + sums["rejected"] == sums["read"]
    print("no traceback; loaded + duplicate + rejected = read")


if __name__ == "__main__":
    main()
