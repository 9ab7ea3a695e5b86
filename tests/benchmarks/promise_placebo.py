"""Nothing was done: how often does the promise ledger say so, and how small a saving would it see?

Draws days and kinds of rows of the sample company at random, pretends a saving was done there, and counts the verdicts.
Run: `python -m tests.benchmarks.promise_placebo HOME [DRAWS]` on a home that holds the sample company; the part
`promises` of tests.benchmarks.calibration loads one and writes the page.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta

import numpy as np

from analytics.history import logged_days, through
from analytics.promises.actions import Action
from analytics.promises.promises import Measured, measure
from analytics.scope import Scope
from analytics.spend import grouped_spend
from data.ledger import Ledger

BY = ("team", "feature", "model", "task_type")
DRAWS = 100


def placebos(view: Ledger, draws: int, seed: int = 1) -> list[Measured]:
    """What is told of `draws` promises that nobody kept, each on the rows of one team, feature, model or task type."""
    random = np.random.default_rng(seed)
    values = {name: grouped_spend(view, Scope.of(view), (name,))[name].tolist() for name in BY}
    first, last = logged_days(view)[0].date(), through(view).complete_until
    found: list[Measured] = []
    while len(found) < draws:
        name = BY[random.integers(len(BY))]
        value = values[name][random.integers(len(values[name]))]
        done = first + timedelta(days=int(random.integers(140, (last - first).days - 28)))
        action = Action(
            name="placebo", decided=done, done=done, status="done", filters={name: (value,)}, expected_usd_month=100
        )
        told = measure(view, action)
        if told.verdict != "not told":
            found.append(told)
    return found


def smallest_seen(one: Measured) -> float:
    """The share of its rows' cost that a saving must be to stand out: 1 - exp(-width of its band), of which the dollars
    (middle - low) / (high - middle) are the power."""
    saved, low, high = one.saved_usd_month, one.low_usd_month, one.high_usd_month
    assert saved is not None and low is not None and high is not None
    return 1 - (saved - low) / (high - saved)


def section(view: Ledger, draws: int = DRAWS) -> str:
    """The part of docs/calibration.md."""
    found = placebos(view, draws)
    counted = Counter(one.verdict for one in found)
    seen = np.quantile([smallest_seen(one) for one in found], (0.1, 0.5, 0.9))
    told = "".join(f"| {verdict} | {number} |\n" for verdict, number in counted.most_common())
    return (
        f"## Promises that nobody kept\n\n{draws} days and kinds of rows of the sample company on which nothing was "
        "done, said to save a hundred dollars a month (aim: at least 90 % within noise):\n\n"
        f"| verdict | of {draws} |\n|---|---:|\n{told}\n"
        "How small a saving stands out, as a share of what its rows cost: "
        f"{seen[0]:.0%} at a tenth of the draws, {seen[1]:.0%} at half, {seen[2]:.0%} at nine tenths."
    )


def main() -> None:
    ledger = Ledger.open(sys.argv[1])
    print(section(ledger.at(ledger.snapshot()), int(sys.argv[2]) if len(sys.argv) > 2 else DRAWS))


if __name__ == "__main__":
    main()
