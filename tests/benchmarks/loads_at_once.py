"""Two processes that write one new store at once end where one that writes alone does: rows, roll-ups, dollars.

    nice -n 5 .venv/bin/python -m tests.benchmarks.loads_at_once --times 50

Each trial makes a new store that both open at the same moment. One file is loaded by both (`--times` trials), two files
that overlap, one list of ids under two years, and a contract price is saved while the other loads (a fifth as many).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from data import checks
from data.ledger import Ledger
from data.loading import reprice
from data.loading.ingest import ingest
from data.prices import contracts
from data.state import State
from tests.data.bad_logs import record

SPAWN = multiprocessing.get_context("spawn")
ROWS = 300


class Trial(NamedTuple):
    """What the two processes do at once."""

    name: str
    works: tuple[str, str]  # names of `WORKS`


def log(folder: Path, name: str, first: int, last: int, **given: Any) -> Path:
    """A log of the records from `first` to before `last`."""
    path = folder / f"{name}.jsonl"
    if not path.exists():
        path.write_text("".join(json.dumps(record(i, costUSD=None, **given)) + "\n" for i in range(first, last)))
    return path


def load(*files: tuple[str, int, int, dict[str, Any]]) -> Callable[[Ledger, State, Path], None]:
    """The work of loading some logs."""

    def work(ledger: Ledger, state: State, folder: Path) -> None:
        ingest(ledger, state, [log(folder, name, first, last, **given) for name, first, last, given in files])

    return work


def save_price(ledger: Ledger, state: State, folder: Path) -> None:
    """A contract is agreed while somebody loads."""
    contracts.OVERRIDES.save(state, "deal", {"provider": "openai", "discount": "0.5"})
    reprice.reprice(ledger, state)


ONE, TWO = ("one", 0, ROWS, {}), ("two", ROWS // 2, ROWS + ROWS // 2, {})
WORKS = {
    "load one": load(ONE),
    "load both": load(ONE, TWO),
    "load both, second first": load(TWO, ONE),
    "load this year": load(("now", 0, ROWS, {"request_created_at": "2026-03-10T08:00:00Z"})),
    "load last year": load(("then", 0, ROWS, {"request_created_at": "2025-03-10T08:00:00Z"})),
    "save a price": save_price,
}
TRIALS = (
    Trial("one file twice", ("load one", "load one")),
    Trial("files that overlap", ("load both", "load both, second first")),
    Trial("ids moved by a year", ("load this year", "load last year")),
    Trial("a price saved in mid-load", ("load one", "save a price")),
)


def state_of(home: Path) -> tuple[object, ...]:
    """What a store has come to: ids, batches, attempts and dollars by row and by roll-up; checked to add up."""
    ledger = Ledger.open(home)
    found = checks.check(ledger.at(ledger.snapshot()))
    assert checks.adds_up(found), found
    ids = ledger.sql("SELECT count(*) AS n, bit_xor(hash(event_id, cost_basis)) AS h FROM lake.main.usage")
    batches = ledger.sql("SELECT count(DISTINCT batch_id) = count(*) AS once FROM lake.main.batches")["once"][0]
    ledger.close()
    assert batches, "a batch stands there twice"
    return (*ids.iloc[0], found["attempts"], found["cost_usd"], found["rollup_attempts"], found["rollup_cost_usd"])


def worker(number: int, orders: Any, barrier: Any, failures: Any) -> None:
    """Do one's part of every trial, opening the new store when the other does."""
    for home, folder, works, wait in iter(orders.get, None):
        barrier.wait()
        try:
            time.sleep(wait[number])
            ledger, state = Ledger.open(home), State.open(home)
            WORKS[works[number]](ledger, state, Path(folder))
            ledger.close()
        except Exception as error:
            failures.put(f"{works[number]}: {type(error).__name__}: {error}")
        barrier.wait()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--times", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=7)
    options = arguments.parse_args()
    chance, reached = random.Random(options.seed), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="baton-at-once-") as folder:
        root = Path(folder)
        barrier, failures = SPAWN.Barrier(3), SPAWN.SimpleQueue()
        orders = [SPAWN.SimpleQueue() for _ in range(2)]
        workers = [SPAWN.Process(target=worker, args=(n, orders[n], barrier, failures)) for n in range(2)]
        for process in workers:
            process.start()
        for trial in TRIALS:
            allowed = {serial(root, trial, order) for order in (trial.works, trial.works[::-1])}
            times = options.times if trial is TRIALS[0] else max(options.times // 5, 1)
            for number in range(times):
                home = root / f"{trial.name} {number}"
                for order in orders:
                    order.put((str(home), folder, trial.works, (chance.random() / 5, chance.random() / 5)))
                barrier.wait()
                barrier.wait()
                assert failures.empty(), failures.get()
                assert (found := state_of(home)) in allowed, (trial.name, number, found, allowed)
                reached[trial.name] += 1
            print(f"{reached[trial.name]:4} times {trial.name}: as a serial load", flush=True)
        for order in orders:
            order.put(None)
        for process in workers:
            process.join()


def serial(root: Path, trial: Trial, works: tuple[str, ...]) -> tuple[object, ...]:
    """What a store comes to when one process does both works one after the other."""
    home = root / f"serial {trial.name} {works[0]}"
    ledger, state = Ledger.open(home), State.open(home)
    for work in works:
        WORKS[work](ledger, state, root)
    ledger.close()
    return state_of(home)


if __name__ == "__main__":
    main()
