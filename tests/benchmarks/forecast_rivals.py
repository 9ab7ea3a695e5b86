"""Models of statsforecast on the shapes of calibration.py: `python -m tests.benchmarks.forecast_rivals [--write]`.

Needs an environment of its own (statsforecast 2.1.1 asks for pandas below 3, Baton runs on 3):
`python3 -m venv rivals && rivals/bin/pip install statsforecast==2.1.1`. Imports nothing of Baton but the shapes.
Each model is told what the forecast is told, on the same series, months and days, and judged the same way; what a sum
of days is between P10 and P90 is taken from its own daily intervals as if days missed together (they do mostly, and
it is the wider reading).
"""

from __future__ import annotations

import sys
import time
import warnings
from datetime import date
from pathlib import Path

import pandas as pd
from statsforecast.models import AutoETS, AutoTheta, DynamicOptimizedTheta

from tests.benchmarks.daily_series import SHAPES, shape

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
HEAD = "## Against a library"
FIRST_SEED, SERIES, DAYS = 100, 4, (1, 11, 21)
MONTHS = (date(2025, 4, 1), date(2025, 8, 1), date(2025, 12, 1))
MEMORY_DAYS = 182
MODELS = {
    "AutoETS": AutoETS(season_length=7),
    "AutoTheta": AutoTheta(season_length=7),
    "DynamicOptimizedTheta": DynamicOptimizedTheta(season_length=7),
}


def judged(name: str, seed: int) -> list[tuple]:
    spend, rows = shape(name, seed), []
    for first in MONTHS:
        end = pd.Timestamp(first) + pd.offsets.MonthBegin(1)
        actual = float(spend[(spend.index >= pd.Timestamp(first)) & (spend.index < end)].sum())
        for day in DAYS:
            today = pd.Timestamp(first.replace(day=day))
            past = spend[spend.index < today]
            settled, ahead = float(past[past.index >= pd.Timestamp(first)].sum()), (end - today).days
            for model, made in MODELS.items():
                begun = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    told = made.forecast(past.to_numpy()[-MEMORY_DAYS:], h=ahead, level=[80])
                seconds = time.process_time() - begun
                low, middle, high = (settled + told[key].sum() for key in ("lo-80", "mean", "hi-80"))
                off = middle / actual - 1
                rows.append((name, model, low <= actual <= high, actual > middle, off, abs(off), seconds))
    return rows


def main() -> None:
    rows = [row for name in SHAPES for seed in range(FIRST_SEED, FIRST_SEED + SERIES) for row in judged(name, seed)]
    columns = ["shape", "model", "holds", "above", "off", "misses by", "seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    wide = frame.pivot_table("misses by", "shape", "model", sort=False)[list(MODELS)]
    wide.loc["all"] = frame.groupby("model")["misses by"].mean()
    lines = [f"| misses by | {' | '.join(MODELS)} |", "|---|" + "---:|" * len(MODELS)]
    lines += [f"| {name} | {' | '.join(f'{value:.3f}' for value in row)} |" for name, *row in wide.itertuples()]
    whole = frame.groupby("model")[["holds", "above", "seconds"]].mean()
    for name, values in whole.T.iterrows():
        said = {"holds": "P10 to P90 holds", "above": "above P50", "seconds": "seconds a fit"}[str(name)]
        lines.append(f"| {said} | {' | '.join(f'{values[model]:.2f}' for model in MODELS)} |")
    text = (
        f"{HEAD}\n\nFrom `python -m tests.benchmarks.forecast_rivals` (statsforecast 2.1.1, in an environment of its "
        f"own: it asks for pandas below 3): the same shapes, months and days, {SERIES} series a shape, seeds from "
        f"{FIRST_SEED}, {len(frame) // len(MODELS)} outcomes a model. Compare with the first table's last column.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    print(text)
    if "--write" in sys.argv:
        PAGE.write_text(PAGE.read_text().partition(HEAD)[0].rstrip("\n") + "\n\n" + text)


if __name__ == "__main__":
    main()
