"""How well what Baton says of uncertain things holds: `python -m tests.benchmarks.calibration [PART ...] [--write]`.

Parts: forecast, middles, anomalies, lab, off-policy, savings, promises (default: all). Everything is generated, seeds
and counts are printed, and the seeds were not looked at while constants were chosen. --write renews the sections of
docs/calibration.md that belong to the parts that were run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from analytics.anomalies.anomalies import FLOOR_SHARE, outgrown, unusual_days
from analytics.forecasts.forecast_model import fit
from analytics.forecasts.outlook import months, outlook_of
from analytics.savings.savings_overlap import net_savings
from data.calendar import next_month
from data.errors import Refused
from data.ledger import Ledger
from data.sample import sample
from data.state import State
from routing.grading.statistics import difference_interval, equal_means_p, power, share_interval
from simulations.replay.quality import judge_estimate, snips
from tests.benchmarks import promise_placebo
from tests.benchmarks.daily_series import QUIET, SHAPES, quiet, shape
from tests.benchmarks.small_worlds import world

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
FIRST_SEED = 100  # 0 to 11 were looked at while constants were chosen
SERIES, MONTHS, DAYS = 12, (date(2025, 4, 1), date(2025, 8, 1), date(2025, 12, 1)), (1, 11, 21)
MIDDLE_SERIES, MIDDLE_MONTHS = 40, tuple(date(2025, month, 1) for month in (3, 4, 6, 7, 8, 9, 10, 12))
MONTH_COLUMNS = ("P10 to P90 holds", "above P50", "P50 is off by", "misses by")
BUDGETS = (0.85, 0.92, 0.97, 1.0, 1.03, 1.08, 1.15)  # of the P50: amounts whose odds are checked
BINS = (-0.01, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 1.01)
YEARS, PLANTED_AT = 12, 300
RUNS, TASKS = 1000, 60


def forecast() -> str:
    rows, odds, ahead = [], [], []
    for name in SHAPES:
        for seed in range(FIRST_SEED, FIRST_SEED + SERIES):
            spend = shape(name, seed)
            for first in MONTHS:
                actual = _between(spend, first, next_month(first))
                for day in DAYS:
                    today = first.replace(day=day)
                    told = outlook_of(spend[spend.index < pd.Timestamp(today)], today, first, next_month(first))
                    inside = told.p10 <= actual <= told.p90
                    off = told.p50 / actual - 1
                    rows.append((name, day, inside, actual > told.p50, off, abs(off)))
                    odds += [(told.chance_above(k * told.p50), actual > k * told.p50) for k in BUDGETS]
            ahead += _months_ahead(name, spend)
    judged_months = pd.DataFrame(rows, columns=["shape", "day", *MONTH_COLUMNS])
    by_shape = judged_months.groupby("shape", sort=False).mean(numeric_only=True).drop(columns="day")
    by_shape.loc["all"] = judged_months.mean(numeric_only=True)
    by_day = judged_months.groupby("day").mean(numeric_only=True)
    far = pd.DataFrame(ahead, columns=["shape", "months", "holds", "off"]).groupby(["shape", "months"], sort=False)
    said = pd.DataFrame(odds, columns=["said", "came"]).astype(float)
    bins = said.groupby(pd.cut(said["said"], BINS), observed=True).agg(
        n=("said", "size"), said=("said", "mean"), came=("came", "mean")
    )
    return "\n\n".join(
        (
            f"## Forecast\n\nMonth end, {SERIES} series a shape, told on days {DAYS} of {len(MONTHS)} months: "
            f"{len(rows)} outcomes, {len(rows) // len(SHAPES)} a shape. Aim: P10 to P90 holds 75 to 85 %, 45 to 55 % "
            "end above P50. The three days of a month are alike, so a shape's shares are known to about 8 points "
            "(a standard error); the next section knows the middle better.",
            _table(by_shape, "shape"),
            _table(by_day, "told on day"),
            "Sums of the months ahead, told on 1 June (one origin a series):",
            _table(far["off"].mean().unstack(), "P50 is off by, months"),
            _table(far["holds"].mean().unstack(), "P10 to P90 holds, months"),
            "Chance of overrun, said and come true (aim: within 5 points; budgets of one month share its series):",
            _table(
                bins.set_index(pd.Index([f"{max(row.left, 0):.0%} to {min(row.right, 1):.0%}" for row in bins.index])),
                "said",
            ),
        )
    )


def middles() -> str:
    """The P50 alone: it needs no back-test, so it is judged on many more months."""
    rows = []
    for name in SHAPES:
        for seed in range(FIRST_SEED, FIRST_SEED + MIDDLE_SERIES):
            spend = shape(name, seed)
            for first in MIDDLE_MONTHS:
                end = next_month(first)
                actual = _between(spend, first, end)
                for today in (first.replace(day=day) for day in DAYS):
                    ahead = fit(spend[spend.index < pd.Timestamp(today)]).total((end - today).days)
                    off = (_between(spend, first, today) + ahead.p50) / actual - 1
                    rows.append((name, today.day, off < 0, off, abs(off)))
    judged = pd.DataFrame(rows, columns=["shape", "day", *MONTH_COLUMNS[1:]])
    by_shape = judged.groupby("shape", sort=False).mean().drop(columns="day")
    for day in DAYS:
        by_shape[f"above, day {day}"] = judged[judged["day"] == day].groupby("shape")["above P50"].mean()
    by_shape.loc["all"] = by_shape.mean()
    months = MIDDLE_SERIES * len(MIDDLE_MONTHS)
    return (
        f"## Middle of the forecast\n\nThe P50 alone needs no back-test and is judged on more: {MIDDLE_SERIES} series "
        f"a shape, told on days {DAYS} of {len(MIDDLE_MONTHS)} months, {months} months a shape (aim: 45 to 55 % end "
        "above P50). The three days of a month are alike; a shape's share is known to about "
        f"{100 / months**0.5:.0f} points in 95 of 100 such runs, one of the table above, of {SERIES * len(MONTHS)} "
        f"months, to {100 / (SERIES * len(MONTHS)) ** 0.5:.0f}.\n\n{_table(by_shape, 'shape')}"
    )


def _months_ahead(name: str, spend: pd.Series) -> list[tuple[str, int, bool, float]]:
    today = date(2025, 6, 1)
    table = months(spend[spend.index < pd.Timestamp(today)], today, 9)
    found = []
    for count in (1, 3, 6, 9):
        row = table.iloc[count - 1]
        actual = _between(spend, today, next_month(row["month"]))
        found.append((name, count, row["cum_p10"] <= actual <= row["cum_p90"], row["cum_p50"] / actual - 1))
    return found


def _between(spend: pd.Series, start: date, end: date) -> float:
    return float(spend[(spend.index >= pd.Timestamp(start)) & (spend.index < pd.Timestamp(end))].sum())


def anomalies() -> str:
    alarms = pd.DataFrame(
        {"alarms a series and year": [_alarms(name) for name in QUIET]}, index=pd.Index(QUIET, name="quiet series")
    )
    for name, what in (("holidays", "the year after: the turn of the year"), ("quarter ends", "the year after")):
        alarms.loc[f"{name}, {what}"] = _alarms(name, days=730, since=365)
    rows = [
        (f"+{up:.0%}", days, *_planted(up, days, "calm", noise))
        for noise in (0.08, 0.15)
        for up in (0.3, 0.5, 1.0, 2.0)
        for days in (7, 14, 28)
    ]
    power_table = pd.DataFrame(rows, columns=["step", "days", "noise", "found", "dollars said / true"]).set_index(
        "step"
    )
    falls = np.mean([_found(_changed(seed, 0.15, 21, 0.4), below=True) for seed in range(YEARS)])
    slow = np.mean([_found(_slow(seed), below=False) for seed in range(YEARS)])
    return "\n\n".join(
        (
            f"## Anomalies\n\n{YEARS} years of each kind in which nothing happens (aim: at most one alarm a year; of "
            "the holidays' first year, three weeks at half and two at a third of the usual spend are news):",
            _table(alarms, "quiet series"),
            f"Steps planted on day {PLANTED_AT} of {YEARS} calm years; dollars of those that were found:",
            _table(power_table, "step"),
            f"Traffic down to 40 % for three weeks is found in {falls:.0%}; spend that doubles over 60 days in "
            f"{slow:.0%}: a slow rise is no event, the change of the month and the forecast tell it.",
            f"Cost per request of a feature with ten calls a day whose costs scatter (a deviation of 1 in logs), over "
            f"{RUNS} spans: said to have outgrown its usage in {_outgrown(1.0):.1%} where nothing changed, in "
            f"{_outgrown(1.5):.0%} where it rose by half.",
        )
    )


def _alarms(name: str, days: int = 365, since: int = 21) -> float:
    return float(np.mean([len(_runs(quiet(name, seed, days), since)) for seed in range(YEARS)]))


def _runs(spend: pd.Series, since: int) -> list:
    return unusual_days(spend, FLOOR_SHARE * float(spend.median()), spend.index[since])


def _calm(seed: int, noise: float) -> pd.Series:
    spend = quiet("calm", seed)
    week = spend.groupby(spend.index.day_of_week).transform("median")
    return week * np.exp(np.random.default_rng(seed).normal(0, noise, len(spend)))


def _changed(seed: int, noise: float, days: int, factor: float) -> pd.Series:
    spend = _calm(seed, noise)
    spend.iloc[PLANTED_AT : PLANTED_AT + days] *= factor
    return spend


def _slow(seed: int) -> pd.Series:
    spend = _calm(seed, 0.15)
    spend.iloc[240:300] *= np.linspace(1, 2, 60)
    spend.iloc[300:] *= 2
    return spend


def _found(spend: pd.Series, *, below: bool) -> bool:
    return any((run.usd < 0) == below for run in _runs(spend, 240))


def _planted(up: float, days: int, name: str, noise: float) -> tuple[float, float, float]:
    """(noise, share found, dollars said over dollars true where found)."""
    found, said, true = 0, 0.0, 0.0
    for seed in range(YEARS):
        usual, spend = _calm(seed, noise), _changed(seed, noise, days, 1 + up)
        runs = [run for run in _runs(spend, PLANTED_AT) if pd.Timestamp(run.start) < spend.index[PLANTED_AT + days]]
        if runs:
            found += 1
            said, true = said + sum(run.usd for run in runs), true + float((spend - usual).sum())
    return noise, found / YEARS, said / true if true else float("nan")


def _outgrown(times: float) -> float:
    rng, found = np.random.default_rng(FIRST_SEED), 0
    for _ in range(RUNS):
        calls = rng.poisson(10, 56)
        spend = pd.Series([rng.lognormal(0, 1, count).sum() for count in calls])
        spend.iloc[28:] *= times
        found += outgrown(spend, pd.Series(calls, dtype=float)) is not None
    return found / RUNS


def lab() -> str:
    rows = []
    for repeats, alike in ((1, False), (5, False), (5, True)):
        rng, held, differs, wrong = np.random.default_rng(FIRST_SEED), 0, 0, 0
        for run in range(RUNS):
            quality = rng.uniform(0.5, 0.95)
            own, other = (
                (rng.random(TASKS) < quality).astype(float) if alike else np.full(TASKS, quality) for _ in "ab"
            )
            a, b = (rng.binomial(repeats, ability) / repeats for ability in (own, other))
            low, high = share_interval(a.tolist())
            held += low <= quality <= high
            low, high = difference_interval((a - b).tolist())
            differs += low <= 0 <= high
            wrong += equal_means_p((a - b).tolist(), run) < 0.05
        asked = f"{repeats} times" + (", always answered alike" if alike else "")
        rows.append((asked, held / RUNS, differs / RUNS, wrong / RUNS))
    columns = ["tasks asked", "interval of a share holds", "of a difference holds", 'equal policies "differ"']
    draws = np.random.default_rng(FIRST_SEED).multinomial(150, [0.18, 0.05, 0.77], RUNS)
    seen = np.mean([equal_means_p(np.repeat([1.0, -1.0, 0.0], draw).tolist()) < 0.05 for draw in draws])
    return "\n\n".join(
        (
            f"## Live lab\n\n{RUNS} runs of two equal policies on {TASKS} tasks, nominal 95 %:",
            _table(pd.DataFrame(rows, columns=columns).set_index("tasks asked"), "tasks asked"),
            f"Power at 150 tasks, 23 % discordant, 13 points apart: said {power(0.23, 0.13, 150):.1%}, "
            f"came {seen:.1%}.",
        )
    )


def off_policy() -> str:
    rows = []
    for share in (0.0, 0.03, 0.06):
        held = refused = 0
        for seed in range(FIRST_SEED, FIRST_SEED + 300):
            rng = np.random.default_rng(seed)
            never = rng.random(3000) < share
            reward = (rng.random(3000) < 0.9).astype(float)
            evaluated = np.where(never, 0.0, rng.integers(0, 2, 3000) == 0)
            told = snips(reward, evaluated, np.full(3000, 0.5), 1.0 - never)
            held += told.low <= (1 - share) * 0.9 + share * 0.2 <= told.high
            try:
                judge_estimate(told)
            except Refused:
                refused += 1
        rows.append((f"{share:.0%}", held / 300, refused / 300))
    columns = ["never tried", "95 % interval holds", "refused"]
    told = "300 logs of 3,000 requests; the policy sends a share of them where the old router never did:"
    return f"## Quality from logged odds\n\n{told}\n\n" + _table(
        pd.DataFrame(rows, columns=columns).set_index("never tried"), "never tried"
    )


def savings() -> str:
    """Claims on whole dollars of one cell, against applying them dollar by dollar."""
    ratios: dict[str, list[float]] = {"in conversations, or on all of a part": [], "somewhere in a part": []}
    rng = np.random.default_rng(FIRST_SEED)
    for name, found in ratios.items():
        for _ in range(2000):
            made = world(rng, placed=name.startswith("in"))
            if made:
                cell, claims, had = made
                found.append(sum(float(net.sum()) for _, net in net_savings(cell, claims)) / had)
    table = pd.DataFrame({name: pd.Series(found).quantile([0, 0.05, 0.5, 1]) for name, found in ratios.items()}).T
    table.columns = pd.Index(["lowest", "lowest of 20", "middle", "highest"])
    counts = " and ".join(f"{len(found):,}" for found in ratios.values())
    return (
        f"## Savings that can be had together\n\n{counts} small worlds of up to four claims on one cell's dollars, "
        "dollar by dollar: what is said over what can be had (aim: 0.95 to 1). The product's claims are of the first "
        "kind: a cache and a shorter context say in which conversations their tokens lie, the others touch all of a "
        "part. A claim that says how many dollars it touches and not which is told too low, never too high.\n\n"
        f"{_table(table, 'claims lie')}"
    )


def _table(frame: pd.DataFrame, first: str) -> str:
    """A Markdown table: shares and ratios with two digits, counts whole."""

    def written(value: float) -> str:
        return "–" if value != value else f"{value:.2f}" if isinstance(value, float) else f"{value:,}"

    lines = [f"| {first} | {' | '.join(map(str, frame.columns))} |", "|---|" + "---:|" * len(frame.columns)]
    lines += [f"| {name} | {' | '.join(map(written, row))} |" for name, *row in frame.itertuples()]
    return "\n".join(lines)


def promises() -> str:
    with TemporaryDirectory() as folder:
        ledger = Ledger.open(folder)
        sample.load(ledger, State.open(folder), sample.wish())
        told = promise_placebo.section(ledger.at(ledger.snapshot()))
        ledger.close()
    return told


PARTS: dict[str, Callable[[], str]] = {
    "forecast": forecast,
    "middles": middles,
    "anomalies": anomalies,
    "lab": lab,
    "off-policy": off_policy,
    "savings": savings,
    "promises": promises,
}


def main() -> None:
    asked = [name for name in sys.argv[1:] if name in PARTS] or list(PARTS)
    for name in asked:
        section = PARTS[name]()
        print(f"{section}\n", flush=True)
        if "--write" in sys.argv:
            _write(section)


def _write(section: str) -> None:
    """Put a part in the place of its last run on the page; what others and people wrote there stays."""
    heading = section.partition("\n")[0]
    before, mark, after = PAGE.read_text().partition(f"{heading}\n")
    if not mark:
        raise ValueError(f"{PAGE.name} has no section {heading!r}: write its heading where it belongs")
    _, next_mark, rest = after.partition("\n## ")
    PAGE.write_text(f"{before}{section}\n{next_mark}{rest}")


if __name__ == "__main__":
    main()
