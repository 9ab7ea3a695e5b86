"""Kill an ingest with SIGKILL at a random moment and look at what is left.

Children come from a fork server that has imported the product once, so that a trial is mostly ingest.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from data.ledger import Ledger
from data.loading.ingest import ingest
from data.sample import sample
from data.state import State
from tests.data.bad_logs import lines, record, write


def _load(home: str, folder: str) -> None:
    os.setpgrp()
    ingest(Ledger.open(home), State.open(home), [folder])


def _server():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.data.killing"])
    return context


@dataclass
class Whole:
    """What an undisturbed ingest gives, and how long it takes."""

    batches: dict[str, int]
    rows: int
    cost_usd: object
    seconds: float


class Victim:
    """A folder of logs in three formats (three transactions) that is ingested and killed again and again."""

    def __init__(self, folder: Path, rows: int = 1500) -> None:
        self.folder, self.logs = folder, folder / "logs"
        self.context = _server()
        maker = Ledger.open(folder / "maker")
        for path in sample.write(maker, sample.wish(rows=rows, days=60)):
            write(self.logs / path.name, path.read_bytes())
        maker.close()
        write(self.logs / "more.jsonl", lines(*map(record, range(300))))
        self._run(folder / "warm-up")
        started = time.monotonic()
        self._run(folder / "whole")
        self.whole = Whole(*_contents(folder / "whole"), time.monotonic() - started)

    def _run(self, home: Path, seconds: float | None = None) -> bool:
        """Ingest in a child; True when it finished, False when it was killed after `seconds`."""
        child = self.context.Process(target=_load, args=(str(home), str(self.logs)))
        child.start()
        child.join(seconds)
        if child.exitcode is None:
            child.kill()
            child.join()
        return child.exitcode == 0

    def trial(self, chance: random.Random, number: int) -> str:
        """One store: killed once or twice, checked each time, then finished. Returns how far the kill let it come."""
        home = self.folder / f"trial-{number}"
        seen = []
        for _ in range(chance.choice((1, 1, 2))):
            self._run(home, chance.uniform(0, self.whole.seconds * 1.05))
            seen.append(self._check(home))
        assert self._run(home), "an ingest after a kill did not finish"
        assert _contents(home) == (self.whole.batches, self.whole.rows, self.whole.cost_usd)
        assert not list((home / "scratch").glob("spill-*")), "scratch files of a killed ingest stayed behind"
        shutil.rmtree(home)
        return seen[-1]

    def _check(self, home: Path) -> str:
        """After a kill: every batch whole or absent, roll-ups equal to rows, nothing twice."""
        if not (home / "catalog.sqlite").exists():
            return "before the store"
        batches, rows, _ = _contents(home)
        assert batches.items() <= self.whole.batches.items(), "a batch is not what it should be"
        assert rows == sum(batches.values())
        return f"{len(batches)} of {len(self.whole.batches)} batches"


def _contents(home: Path) -> tuple[dict[str, int], int, object]:
    """Rows per batch, rows and dollars; asserts that batches, rows and roll-ups say the same."""
    ledger = Ledger.open(home)
    view = ledger.at(ledger.snapshot())
    said = view.sql(f"SELECT batch_id, loaded FROM {view.name('batches')}")
    kept = view.sql(
        f"SELECT batch_id, count(*) AS rows, count(DISTINCT event_id) AS ids FROM {view.name('usage')} GROUP BY 1"
    )
    total = view.sql(f"SELECT count(*) AS rows, sum(cost_usd) AS cost_usd FROM {view.name('usage')}").iloc[0]
    bills = view.sql(
        f"SELECT batch_id, count(*) AS rows, count(DISTINCT bill_id) AS ids FROM {view.name('billed')} GROUP BY 1"
    )
    days = view.sql(
        f"SELECT coalesce(sum(attempts), 0) AS rows, sum(cost_usd) AS cost_usd FROM {view.name('spend_by_day')}"
    ).iloc[0]
    hours = view.sql(
        f"SELECT coalesce(sum(attempts), 0) AS rows FROM {view.name('latency_by_hour')} WHERE NOT ttft"
    ).iloc[0]
    ledger.close()
    batches = dict(zip(said["batch_id"], said["loaded"], strict=True))
    assert batches == {part.batch_id: part.rows for frame in (kept, bills) for part in frame.itertuples()}
    assert bills["rows"].sum() == bills["ids"].sum()
    assert kept["rows"].sum() == kept["ids"].sum() == days["rows"] == hours["rows"]
    assert (total["cost_usd"] or 0) == (days["cost_usd"] or 0)
    return batches, int(total["rows"] + bills["rows"].sum()), total["cost_usd"]
