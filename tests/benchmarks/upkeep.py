"""What many small loads do to a store that keeps itself up: files, bytes, versions, memory, and the first look.

nice -n 5 .venv/bin/python -m tests.benchmarks.upkeep loads --loads 500 --rows 100
nice -n 5 .venv/bin/python -m tests.benchmarks.upkeep year --home DIR

`loads` sends that many files through the product's own ingest and holds the first look (open, attach, roll-ups into
memory, a sum over the rows) against a store that got the same rows in one. `year` is a time-lapse of a load every five
minutes: days that are watched get all their 288 loads, the weeks between them one each of as many rows; as days go
by, every time in the catalogue moves back, so that versions and replaced files grow old. Rows go into the tables as
a load writes them, without reading a file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from data import rollups, upkeep
from data.lake import CATALOGUE
from data.ledger import Cursor, Ledger
from data.loading.ingest import ingest
from data.schema import identities
from data.state import State
from tests.data.bad_logs import lines, record
from tests.simulations.ledgers import RANDOM_ROWS

PER_DAY, ROWS = 288, 100
SECONDS_APART = 24 * 3600 // (PER_DAY * ROWS)
WATCHED = (1, 183, 365)  # days of the year
AT_ONCE = 7  # days that go by between them in one load each
HEAD = (
    "| after | loads | rows | files in force | on disk | data MB | catalogue MB | roll-up rows | versions |"
    " process MB | open, CPU ms | first look, CPU ms |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def unseen(*_words: object) -> None:
    """Progress that nobody watches."""


def cpu_ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def first_look(home: Path) -> tuple[float, float]:
    """CPU ms of opening the store, and of one question of the roll-ups and one of the rows in a version nobody had."""
    opening, looking = [], []

    def look(ledger: Ledger) -> None:
        view = ledger.at(ledger.snapshot())
        view.sql(f"SELECT day, model, sum(cost_usd) FROM {view.name('spend_by_day')} GROUP BY ALL")
        view.sql(f"SELECT user_id, sum(cost_usd) FROM {view.name('usage')} GROUP BY ALL")

    for _ in range(3):
        began = time.process_time()
        ledger = Ledger.open(home)
        opening.append(1000 * (time.process_time() - began))
        looking.append(cpu_ms(lambda ledger=ledger: look(ledger)))
        ledger.close()
    return median(opening), median(looking)


def line(after: str, loads: int, ledger: Ledger) -> str:
    there, home = upkeep.measure(ledger), ledger.home
    size = sum(path.stat().st_size for path in (home / "files").rglob("*.parquet")) / 1e6
    catalogue = sum(path.stat().st_size for path in home.glob("catalog.sqlite*")) / 1e6
    memory = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    rows = ledger.sql("SELECT count(*) AS n FROM lake.main.usage")["n"][0]
    cells = (
        *(after, f"{loads:,}", f"{rows:,}", f"{there.files:,}", f"{there.files_on_disk:,}", f"{size:,.1f}"),
        *(f"{catalogue:,.1f}", f"{there.rollup_rows:,}", f"{there.versions:,}", f"{memory:,.0f}"),
        *(f"{spent:,.0f}" for spent in first_look(home)),
    )
    return f"| {' | '.join(cells)} |"


def many_loads(folder: Path, loads: int, rows: int) -> None:
    print(HEAD)
    one, many = folder / "one", folder / "many"
    whole = folder / "whole.jsonl"
    whole.write_text(lines(*(record(n) for n in range(loads * rows))))
    ledger, state = Ledger.open(one), State.open(one)
    ingest(ledger, state, [whole])
    print(line("one load", 1, ledger), flush=True)
    ledger.close()
    ledger, state = Ledger.open(many), State.open(many)
    for number in range(loads):
        part = folder / f"{number}.jsonl"
        part.write_text(lines(*(record(n) for n in range(number * rows, (number + 1) * rows))))
        spent = cpu_ms(lambda part=part: ingest(ledger, state, [part]))
        if number + 1 in (1, 25, loads // 4, loads // 2, loads):
            print(line(f"load {number + 1} ({spent:.0f} ms)", number + 1, ledger), flush=True)


def load(ledger: Ledger, first: int, rows: int) -> None:
    """Rows `first` and on into every table that a load writes, as it writes them."""
    with ledger.write() as cursor:
        cursor.execute("CREATE OR REPLACE TEMP TABLE fresh AS FROM lake.main.usage LIMIT 0")
        text = RANDOM_ROWS.replace("INSERT INTO lake.main.usage", "INSERT INTO fresh")
        cursor.execute(text.replace("range(?)", "range(?, ?)"), [first, first + rows])
        cursor.execute(
            f"""UPDATE fresh SET user_id = 'user ' || hash(record_no) % 500,
                    requested_at = TIMESTAMP '2025-11-01' + INTERVAL (record_no * {SECONDS_APART}) SECOND"""
        )
        cursor.execute("INSERT INTO lake.main.usage FROM fresh")
        cursor.execute(f"INSERT INTO lake.main.identities {identities('fresh')}")
        rollups.add(cursor, "fresh")
        told = json.dumps({"first": first})
        cursor.execute(
            f"INSERT INTO lake.main.batches VALUES ('b{first}', ?, 'test', 'd', now()::TIMESTAMP, 1, 1, 0, 0, 0, '')",
            [told],
        )


def days_go_by(cursor: Cursor, days: int) -> None:
    for table, column in (("snapshot", "snapshot_time"), ("files_scheduled_for_deletion", "schedule_start")):
        cursor.execute(
            f"""UPDATE {CATALOGUE}.ducklake_{table}
                SET {column} = strftime({column}::TIMESTAMPTZ - INTERVAL {days} DAY, '%Y-%m-%d %H:%M:%S.%f+00')"""
        )


def year(home: Path) -> None:
    print(HEAD)
    ledger, state = Ledger.open(home), State.open(home)
    loads = 0
    day = 1
    while day <= max(WATCHED):
        watched = day in WATCHED
        days = 1 if watched else min([AT_ONCE, *(one - day for one in WATCHED if one > day)])
        rows = ROWS if watched else days * PER_DAY * ROWS
        for part in range(PER_DAY if watched else 1):
            load(ledger, (day - 1) * PER_DAY * ROWS + part * rows, rows)
            upkeep.after_load(ledger, state, unseen)
            loads += 1
            if loads % 24 == 0:
                print(time.strftime("%H:%M"), loads, upkeep.measure(ledger), file=sys.stderr, flush=True)
        if watched:
            print(line(f"day {day}", loads, ledger), flush=True)
        days_go_by(ledger.cursor(), days)
        day += days


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("what", choices=("loads", "year"))
    arguments.add_argument("--loads", type=int, default=500)
    arguments.add_argument("--rows", type=int, default=100)
    arguments.add_argument("--home", type=Path, help="keep the year's store here")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-upkeep-") as folder:
        if asked.what == "loads":
            many_loads(Path(folder), asked.loads, asked.rows)
        else:
            if asked.home:
                shutil.rmtree(asked.home, ignore_errors=True)
            year(asked.home or Path(folder) / "year")


if __name__ == "__main__":
    main()
