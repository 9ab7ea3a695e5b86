"""Ingest of flat JSONL against DuckDB's own CREATE TABLE AS SELECT * FROM read_json of the same file.

    nice -n 5 .venv/bin/python -m tests.benchmarks.ingest_ratio --rows 10000000

Prints the ratio (the aim is 2 or less) and the peak memory of the ingesting process (the aim is under 4 GB).
Both sides run in processes of their own, the floor before and after, and the faster floor counts.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

# One request as a flat Helicone export writes it; spread over 180 days, 40 teams' users, three models.
FLAT = """
    SELECT 'req-' || i AS request_id, 'res-' || i AS response_id,
        strftime(TIMESTAMP '2026-05-01' + to_milliseconds((i * 15552000000 // {rows})::BIGINT),
            '%Y-%m-%dT%H:%M:%S.%gZ') AS request_created_at,
        CASE WHEN hash(i, 1) % 100 = 0 THEN 429 ELSE 200 END AS response_status, ['OPENAI', 'DEEPSEEK',
            'MINIMAX'][1 + (i % 3)::INTEGER] AS provider,
        ['gpt-5.2', 'deepseek-v3.2', 'minimax-m2'][1 + (i % 3)::INTEGER] AS model, 'user-' || hash(i,
            2) % 400 AS request_user_id,
        500 + hash(i, 3) % 4000 AS prompt_tokens, hash(i, 4) % 500 AS prompt_cache_read_tokens, 50 + hash(i,
            5) % 800 AS completion_tokens,
        prompt_tokens + completion_tokens AS total_tokens, 300 + hash(i, 6) % 9000 AS delay_ms, 100 + hash(i,
            7) % 200 AS time_to_first_token
    FROM range({rows}) AS t(i)"""

FLOOR = (
    'import duckdb, sys; con = duckdb.connect(sys.argv[2]); con.execute(f"CREATE TABLE t AS SELECT * FROM'
    " read_json('{sys.argv[1]}')\"); con.close()"
)
INGEST = (
    "import sys; from data.ledger import Ledger; from data.loading.ingest import ingest; from data.state import State; "
    "store = Ledger.open(sys.argv[2]); print(ingest(store, State.open(sys.argv[2]), [sys.argv[1]])[0].loaded)"
)


def write_flat(path: Path, rows: int) -> None:
    """A flat JSONL log of `rows` requests."""
    duckdb.connect().execute(f"COPY ({FLAT.format(rows=rows)}) TO '{path}' (FORMAT json)")


def timed(code: str, *arguments: object) -> tuple[float, float, str]:
    """Wall seconds, CPU seconds and output of a Python process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        time.monotonic() - started,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        done.stdout.strip(),
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=1_000_000)
    rows = arguments.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="baton-ingest-ratio-") as folder:
        log = Path(folder) / "flat.jsonl"
        write_flat(log, rows)
        first = timed(FLOOR, log, Path(folder) / "first.db")
        seconds, cpu, loaded = timed(INGEST, log, Path(folder) / "home")
        peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        shutil.rmtree(Path(folder) / "home")
        second = timed(FLOOR, log, Path(folder) / "second.db")
        assert int(loaded) == rows, f"{loaded} of {rows} loaded"
        floor, floor_cpu = min(first[0], second[0]), min(first[1], second[1])
        print(f"{rows:,} rows, {log.stat().st_size / 1e6:,.0f} MB")
        print(
            f"read_json into a table: {floor:.1f} s ({floor_cpu:.1f} s CPU); ingest: {seconds:.1f} s ({cpu:.1f} s CPU)"
        )
        print(f"ingest / read_json: {seconds / floor:.2f} by the clock, {cpu / floor_cpu:.2f} by CPU; aim 2.00 or less")
        print(f"largest process: {peak_gb:.2f} GB; aim under 4 GB")


if __name__ == "__main__":
    main()
