"""The same question on the roll-up and on the rows: how much faster, and is the answer the same.

    nice -n 5 .venv/bin/python -m tests.benchmarks.rollup_ratio [--rows 1000000 | --home DIR]

`--home` names a store that is loaded already; else the sample company is loaded in so many rows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import date
from statistics import median

from data.ledger import Ledger
from data.sample import sample
from data.state import State
from tests.benchmarks.ratios import row

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
    arguments.add_argument("--home")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    wish = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-rollup-") as folder:
        ledger = Ledger.open(wish.home or folder)
        if not wish.home:
            sample.load(ledger, State.open(folder), sample.wish(rows=wish.rows, days=365, end=date(2026, 11, 20)))
        compare(ledger)
        ledger.close()


def compare(ledger: Ledger) -> None:
    """Print the row of a store's daily spend by model."""
    view = ledger.at(ledger.snapshot())
    rows_seconds, rows = timed(view, ROWS)
    days_seconds, days = timed(view, DAYS)
    assert rows.equals(days), "the roll-up does not say what the rows say"
    print(
        row(
            f"Daily spend by model over {rows['attempts'].sum():,} rows (one query)",
            f"roll-up: {1000 * days_seconds:.1f} ms",
            f"the same sum over the rows: {1000 * rows_seconds:.1f} ms",
            days_seconds / rows_seconds,
        )
    )


if __name__ == "__main__":
    main()
