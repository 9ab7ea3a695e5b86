"""Server time of a rerun of every page on a large ledger; the aim is under 200 ms at ten million rows.

    nice -n 5 .venv/bin/python -m tests.benchmarks.pages_at_ten_million --home DIR [--pages weekly,plan]

`--home` names a loaded store (`python -m data sample --rows 10000000 --home DIR`). The first run of a page fills
its caches and is shown apart, in the order of the navigation. Beside the clock stands the processor's time, the one
that counts on a busy machine, and above all the engine's own time for a day-by-model sum over the rows.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from streamlit.testing.v1 import AppTest

from data.ledger import Ledger
from pages.ui.navigation import PAGES

ROOT = Path(__file__).resolve().parents[2]
FLOOR = "SELECT requested_at::DATE AS spend_day, model, sum(cost_usd) FROM {} GROUP BY ALL"


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Clock and processor time of a piece of work."""
    started, worked = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - worked


def medians(work: Callable[[], object]) -> tuple[float, float]:
    return tuple(1000 * median(part) for part in zip(*(seconds(work) for _ in range(5)), strict=True))


def main() -> None:
    every = [file for entries in PAGES.values() for file, *_ in entries]
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--home", required=True)
    arguments.add_argument("--pages", type=lambda text: text.split(","), default=every)
    asked = arguments.parse_args()
    os.environ["BATON_HOME"] = asked.home
    ledger = Ledger.open(asked.home)
    rows = ledger.sql(f"SELECT count(*) AS n FROM {ledger.name('usage')}")["n"][0]
    print(
        "{:,} rows; the engine's own sum by day and model over the rows: {:.0f} ms ({:.0f} of processor)".format(
            rows, *medians(lambda: ledger.sql(FLOOR.format(ledger.name("usage"))))
        )
    )
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    print("overview, opened first: {:.0f} ms ({:.0f} of processor)".format(*(1000 * part for part in seconds(app.run))))
    for page in asked.pages:
        app.switch_page(f"pages/{page}.py")
        first = (1000 * part for part in seconds(app.run))
        assert not app.exception, app.exception
        print(
            "{:12s} first run {:5.0f} ms ({:5.0f} of processor), rerun {:4.0f} ms ({:4.0f})".format(
                page, *first, *medians(app.run)
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
