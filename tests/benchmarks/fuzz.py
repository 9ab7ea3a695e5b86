"""Twenty thousand damaged log files: no traceback, every record accounted for.

nice -n 10 .venv/bin/python -m tests.benchmarks.fuzz --files 20000 --seed 5000 --log /tmp/fuzz.jsonl

A fault does not end the run: all are told at its end, each with its seed and the number of its file. With `--log` what
is done is written down after each folder, and a run that was stopped goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.data.bad_logs import Store
from tests.data.damage_trials import Trial, load_damaged
from tests.data.mutated_logs import mutations

PER_FOLDER = 1000  # most of the time goes to the commits, one per format and kind in a folder


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--files", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--log", type=Path, help="where to write down what is done, and to go on from")
    options = arguments.parse_args()
    done = dict(_done(options.log))
    whole, seconds = Trial(), time.process_time()
    for start in range(0, options.files, PER_FOLDER):
        seed, count = options.seed + start // PER_FOLDER, min(PER_FOLDER, options.files - start)
        trial = done.get((seed, count)) or _folder(seed, count)
        if (seed, count) not in done and options.log:
            with open(options.log, "a") as log:
                print(json.dumps([seed, count, trial.sums, trial.formats, trial.faults]), file=log)
        for number, told in trial.faults:
            print(f"FAULT seed {seed} of {count}, file {number}: {told}", flush=True)
        whole.add(trial)
        print(", ".join(f"{name} {n:,}" for name, n in whole.sums.items()), flush=True)
    print(f"{len(whole.formats)} formats: " + ", ".join(f"{name} {n}" for name, n in whole.formats.most_common()))
    print(f"{whole.sums['files']:,} files, {len(whole.faults)} faults, {time.process_time() - seconds:.0f} s of a core")
    return bool(whole.faults)


def _done(log: Path | None) -> Iterator[tuple[tuple[int, int], Trial]]:
    for line in log.read_text().splitlines() if log and log.exists() else ():
        seed, count, sums, formats, faults = json.loads(line)
        yield (seed, count), Trial(Counter(sums), Counter(formats), [(number, told) for number, told in faults])


def _folder(seed: int, count: int) -> Trial:
    with tempfile.TemporaryDirectory(prefix="baton-fuzz-") as folder:
        store = Store(Path(folder) / "home")
        trial = load_damaged(store, Path(folder) / "logs", list(mutations(seed, count)))
        store.ledger.close()
        return trial


if __name__ == "__main__":
    sys.exit(main())
