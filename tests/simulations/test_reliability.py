"""Speed and failures by model, against rows counted by hand."""

from __future__ import annotations

import pytest

from analytics.scope import Scope
from simulations.replay.reliability import failure_share, reliability
from tests.simulations.ledgers import ledger_of


def test_failures_and_percentiles_are_each_models_own(home):
    rows = [{"latency_ms": 100.0 * (n + 1)} for n in range(10)]
    rows += [{"latency_ms": 9000.0, "status": "error"}, {"status": "cached"}, {"model": "slow", "latency_ms": None}]
    view = ledger_of(home, rows)
    found = reliability(view.at(view.snapshot()), Scope.of(view))
    mine = found["gpt-5.2"]
    assert (mine.attempts, mine.failure_share) == (11, pytest.approx(1 / 11))
    assert mine.p50_ms == pytest.approx(550) and 900 < mine.p95_ms <= 1000
    assert found["slow"].p95_ms is None and list(found) == ["gpt-5.2", "slow"]
    assert failure_share({"gpt-5.2": 0.5, "slow@self": 0.5}, found) == pytest.approx(1 / 22)
    assert failure_share({"gpt-5.2": 0.5, "gpt-5.2@cloud": 0.5}, found) == pytest.approx(1 / 11)
    assert failure_share({"nobody": 1.0}, found) is None
