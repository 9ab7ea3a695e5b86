"""The same question on the roll-up and on the rows: how much faster, and is the answer the same.

    nice -n 5 .venv/bin/python -m tests.benchmarks.rollup_ratio --home DIR

`--home` names a store that is loaded already, for example by `python -m data sample --rows 10000000 --home DIR`.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

from data.ledger import Ledger

ROWS = (
    "SELECT requested_at::DATE AS spend_day, model, sum(cost_usd) AS cost_usd, count(*) AS attempts FROM {usage} GROUP"
    " BY ALL ORDER BY ALL"
)
DAYS = (
    "SELECT day AS spend_day, model, sum(cost_usd) AS cost_usd, sum(attempts)::BIGINT AS attempts FROM {spend_by_day}"
    " GROUP BY ALL ORDER BY ALL"
)


def timed(view: Ledger, text: str, repeats: int = 5):
    """Median seconds of a query, and its answer."""
    text = text.format(usage=view.name("usage"), spend_by_day=view.name("spend_by_day"))
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        answer = view.sql(text)
        seconds.append(time.perf_counter() - started)
    return median(seconds), answer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--home", required=True)
    ledger = Ledger.open(arguments.parse_args().home)
    view = ledger.at(ledger.snapshot())
    rows_seconds, rows = timed(view, ROWS)
    days_seconds, days = timed(view, DAYS)
    assert rows.equals(days), "the roll-up does not say what the rows say"
    print(f"{rows['attempts'].sum():,} rows; daily spend by model, {len(rows):,} groups, equal answers")
    print(
        f"rows {1000 * rows_seconds:.0f} ms, roll-up {1000 * days_seconds:.0f} ms: {rows_seconds / days_seconds:.0f}"
        " times faster"
    )


if __name__ == "__main__":
    main()
