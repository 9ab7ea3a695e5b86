"""How long a load of 100 rows waits for the question which of its ids a large ledger has.

    nice -n 5 .venv/bin/python -m tests.benchmarks.identity_lookup --rows 50000000 [--home DIR]

`--home` keeps the store, and takes one that is there already. The store is made up: usage rows and their index are
written as Parquet files, a month each, and registered with the catalogue, as nobody waits for fifty million rows to be
loaded. Ids are random. The 100 rows are new, of one moment or of a whole year, or half of them are in the store: of its
last two days, or of any. Prints the seconds of the look-up and of the whole load, by the clock and of all cores.

50,000,000 rows, seconds of one core, on two cores that other work kept busy (the clock said four times as much):
look-up 0.30 (all new), 0.29 (of a whole year), 0.32 (half of the last two days), 1.09 (half of any day); the whole load
1.2, 1.7, 0.9 and 1.7, of which 0.5 to 0.9 is what it takes in an empty store.

Tried on the same 50,000,000 hashes, seconds of one core for a hundred of them: hash and day, in the order of the rows
0.36, and then 3.4 for the rows of fifty days (2.1 for all rows of half the store); hash and instant, in that order 0.77
(the engine reads both columns whole), then 0.42; sorted by hash 0.76 in row groups of 122,880, and 0.21 in those of
4,096 with the hashes as constants (this is what stands), 1.15 with them in a table.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from data.ledger import Cursor, Ledger
from data.loading import identity
from data.loading.ingest import ingest
from data.schema import IDENTITIES_ROW_GROUP, USAGE, identities
from data.state import State
from tests.data.bad_logs import record

MONTHS, FIRST = 12, date(2025, 11, 1)
LAST = datetime(2026, 10, 27, 8, tzinfo=UTC)
SPREAD = "all new, of a whole year"


def fill(ledger: Ledger, rows: int, folder: Path) -> None:
    """Register `rows` made-up usage rows over a year, and the index of their ids."""
    cursor = ledger.cursor()
    cursor.execute("ALTER TABLE lake.main.usage RESET PARTITIONED BY")  # a file is a month already
    given = {
        "event_id": "'helicone:' || md5(i::VARCHAR)",
        "source": "'helicone'",
        "batch_id": "'made-up'",
        "record_no": "i",
        "call_id": "event_id",
        "model": "'gpt-5.2'",
        "provider": "'openai'",
        "fresh_input_tokens": "1000 + i % 500",
        "output_tokens": "100 + i % 90",
        "cost_usd": "0.01",
        "cost_basis": "'list'",
    }
    for month in range(MONTHS):
        first = date(FIRST.year + (FIRST.month + month - 1) // 12, (FIRST.month + month - 1) % 12 + 1, 1)
        given["requested_at"] = f"TIMESTAMP '{first}' + to_seconds((hash(i) % {28 * 86400})::BIGINT)"
        columns = ", ".join(f"({given.get(c.name, 'NULL')})::{c.type} AS {c.name}" for c in USAGE)
        made = f"SELECT {columns} FROM range({month * rows // MONTHS}, {(month + 1) * rows // MONTHS}) AS t(i)"
        for table, text in (("usage", f"({made}) ORDER BY requested_at"), ("identities", identities(f"({made})"))):
            path = folder / f"{table}-{month}.parquet"
            select = f"FROM {text}" if table == "usage" else text
            size = f", ROW_GROUP_SIZE {IDENTITIES_ROW_GROUP}" if table == "identities" else ""
            cursor.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet{size})")
            with ledger.write(cursor):
                cursor.execute(f"CALL ducklake_add_data_files('lake', '{table}', '{path}', allow_missing => true)")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=50_000_000)
    arguments.add_argument("--home", type=Path)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-identity-") as name:
        folder = Path(name)
        home = options.home or folder / "home"
        ledger, state = Ledger.open(home), State.open(home)
        made_up = ledger.home / "files" / "made-up"  # data files lie in the store, where their checksums are kept
        if not made_up.is_dir():
            made_up.mkdir(parents=True)
            fill(ledger, options.rows, made_up)
        run = time.time_ns()
        recent = (
            "SELECT event_id FROM lake.main.usage WHERE requested_at >= (SELECT max(requested_at) - INTERVAL 2 DAY "
        )
        recent += "FROM lake.main.usage)"
        kinds = {
            "all new": "SELECT NULL AS event_id LIMIT 0",
            SPREAD: "SELECT NULL AS event_id LIMIT 0",
            "half of them of the last two days": f"{recent} LIMIT 50",
            "half of them of any day of the year": "FROM (SELECT event_id FROM lake.main.usage) USING SAMPLE 50 ROWS",
        }
        looks: list[tuple[float, float]] = []
        find = identity._find_known
        identity._find_known = lambda cursor: looks.append(timed(find, cursor))
        for number, (kind, chosen) in enumerate(kinds.items()):
            known = [event.removeprefix("helicone:") for event in ledger.sql(chosen)["event_id"]]
            ids = [*known, *(f"new-{run}-{number}-{n}" for n in range(100 - len(known)))]
            log = folder / f"{number}.jsonl"
            moved = timedelta(days=3, minutes=7) if kind == SPREAD else timedelta()
            rows = (
                record(n, request_id=i, response_id=i, request_created_at=f"{LAST - n * moved:%Y-%m-%dT%H:%M:%SZ}")
                for n, i in enumerate(ids)
            )
            log.write_text("".join(json.dumps(row) + "\n" for row in rows))
            began, spent = time.monotonic(), time.process_time()
            report = ingest(ledger, state, [log])[0]
            whole, cpu = time.monotonic() - began, time.process_time() - spent
            assert report.read == 100 and report.loaded >= 100 - len(known), report
            print(
                f"100 rows into {options.rows:,}, {kind}: look-up {looks[-1][0]:.2f} s (CPU"
                f" {looks[-1][1]:.2f} s), whole load {whole:.2f} s (CPU {cpu:.2f} s)",
                flush=True,
            )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:,.0f} MB")


def timed(work: Callable[[Cursor], None], cursor: Cursor) -> tuple[float, float]:
    """Seconds that `work(cursor)` takes, by the clock and of all cores."""
    began, spent = time.monotonic(), time.process_time()
    work(cursor)
    return time.monotonic() - began, time.process_time() - spent


if __name__ == "__main__":
    main()
