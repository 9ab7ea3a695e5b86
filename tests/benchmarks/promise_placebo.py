"""Nothing was done: how often does the promise ledger say so?

Draws days and kinds of rows of the sample company at random, pretends a saving of a fifth was done there, and counts
the verdicts. Run: `python -m tests.benchmarks.promise_placebo HOME [DRAWS]` on a home that holds the sample company.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta

import numpy as np

from analytics.actions import Action
from analytics.history import logged_days, through
from analytics.promises import measured
from analytics.scope import Scope
from analytics.spend import grouped
from data.ledger import Ledger

BY = ("team", "feature", "model", "task_type")


def placebos(view: Ledger, draws: int, seed: int = 1) -> Counter[str]:
    """Verdicts of `draws` promises that nobody kept, each on the rows of one team, feature, model or task type."""
    random = np.random.default_rng(seed)
    values = {name: grouped(view, Scope.of(view), (name,))[name].tolist() for name in BY}
    first, last = logged_days(view)[0].date(), through(view).complete_until
    found: Counter[str] = Counter()
    while found.total() < draws:
        name = BY[random.integers(len(BY))]
        value = values[name][random.integers(len(values[name]))]
        done = first + timedelta(days=int(random.integers(140, (last - first).days - 28)))
        action = Action(
            name="placebo", decided=done, done=done, status="done", filters={name: (value,)}, expected_usd_month=100
        )
        verdict = measured(view, action).verdict
        if verdict != "not told":
            found[verdict] += 1
    return found


if __name__ == "__main__":
    ledger = Ledger.open(sys.argv[1])
    print(placebos(ledger.at(ledger.snapshot()), int(sys.argv[2]) if len(sys.argv) > 2 else 100))
