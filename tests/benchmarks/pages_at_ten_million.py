"""Server time of a rerun of Overview and Explore on a large ledger; the aim is under 200 ms at ten million rows.

    nice -n 5 .venv/bin/python -m tests.benchmarks.pages_at_ten_million --home DIR

`--home` names a loaded store (`python -m data sample --rows 10000000 --home DIR`). The first run of a page fills
its caches and is shown apart; beside each stands the engine's own time for a day-by-model sum over the rows.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from statistics import median

from streamlit.testing.v1 import AppTest

from data.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
FLOOR = "SELECT requested_at::DATE AS spend_day, model, sum(cost_usd) FROM {} GROUP BY ALL"


def seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--home", required=True)
    home = os.environ["BATON_HOME"] = arguments.parse_args().home
    ledger = Ledger.open(home)
    rows = ledger.sql(f"SELECT count(*) AS n FROM {ledger.name('usage')}")["n"][0]
    floor = median(seconds(lambda: ledger.sql(FLOOR.format(ledger.name("usage")))) for _ in range(5))
    print(f"{rows:,} rows; the engine's own sum by day and model over the rows: {1000 * floor:.0f} ms")
    for page in ("overview", "explore"):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
        app.run()
        app.switch_page(f"pages/{page}.py")
        first = seconds(app.run)
        assert not app.exception, app.exception
        reruns = median(seconds(app.run) for _ in range(5))
        print(f"{page}: first run {1000 * first:.0f} ms, rerun {1000 * reruns:.0f} ms ({reruns / floor:.2f} of the engine's sum); aim under 200 ms")


if __name__ == "__main__":
    main()
