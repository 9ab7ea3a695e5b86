"""Five hundred kills at random moments of every writer: nothing lost, nothing doubled, nothing left behind.

nice -n 10 .venv/bin/python -m tests.benchmarks.kills --kills 500 --log /tmp/kills.jsonl

A fault does not end the run: all are told at its end. With `--log` each trial is written down, and a run that was
stopped goes on from there.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.data.killing import WRITERS, Scene, trust_extensions


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--kills", type=int, default=500, help="at least so many; a store sees one to five")
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--log", type=Path, help="where to write down what is done, and to go on from")
    options = arguments.parse_args()
    done: dict[int, list] = {}
    for line in options.log.read_text().splitlines() if options.log and options.log.exists() else ():
        number, *rest = json.loads(line)
        done[number] = rest
    names, reached, faults, kills, number = list(WRITERS), Counter[tuple[str, str]](), [], 0, 0
    with tempfile.TemporaryDirectory(prefix="baton-kills-") as folder:
        trust_extensions()
        scene = Scene(Path(folder), rows=200)
        while kills < options.kills:
            name = names[number % len(names)]
            if number not in done:
                done[number] = [name, *_trial(scene, name, options.seed, number)]
                if options.log:
                    with open(options.log, "a") as log:
                        print(json.dumps([number, *done[number]]), file=log)
            _, places, fault = done[number]
            kills += len(places)
            reached.update((name, place) for place in places)
            if fault:
                faults.append(f"FAULT seed {options.seed} store {number}, {name}: {fault}")
                print(faults[-1], flush=True)
            number += 1
            if number % len(names) == 0:
                print(f"{time.strftime('%H:%M')} {number} stores, {kills} kills, {len(faults)} faults", flush=True)
    for (name, place), count in sorted(reached.items()):
        print(f"{count:4} kills of {name} left {place}")
    print("\n".join([*faults, f"{number} stores, {kills} kills, {len(faults)} faults"]))
    return bool(faults)


def _trial(scene: Scene, name: str, seed: int, number: int) -> tuple[list[str], str]:
    """How far each kill let the writer come, and what was wrong."""
    try:
        return scene.kill(name, random.Random(f"{seed} {number}"), number), ""
    except Exception as error:
        return [], f"{type(error).__name__}: {error}"[:2000]


if __name__ == "__main__":
    sys.exit(main())
