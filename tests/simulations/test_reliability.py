"""Speed and failures by model, against rows counted by hand."""

from __future__ import annotations

import pytest

from analytics.scope import Scope
from simulations.replay.reliability import failure_share, mixed_wait, reliability, service
from tests.simulations.ledgers import ledger_of


def test_failures_and_percentiles_are_each_models_own(home):
    rows = [{"latency_ms": 100.0 * (n + 1)} for n in range(10)]
    rows += [{"latency_ms": 9000.0, "status": "error"}, {"status": "cached"}, {"model": "slow", "latency_ms": None}]
    view = ledger_of(home, rows)
    found = reliability(view.at(view.snapshot()), Scope.of(view))
    mine = found["gpt-5.2"]
    assert (mine.attempts, mine.failure_share) == (11, pytest.approx(1 / 11))
    assert mine.p50_ms == pytest.approx(550, rel=0.01) and 900 < mine.p95_ms <= 1005
    assert found["slow"].p95_ms is None and list(found) == ["gpt-5.2", "slow"]
    assert failure_share({"gpt-5.2": 0.5, "slow@self": 0.5}, found) == pytest.approx(1 / 22)
    assert failure_share({"gpt-5.2": 0.5, "gpt-5.2@cloud": 0.5}, found) == pytest.approx(1 / 11)
    assert failure_share({"nobody": 1.0}, found) is None


def test_what_most_answers_of_a_mix_stay_within_is_that_of_the_two_models_answers_together(home):
    fast, slow = [100.0 + n for n in range(400)], [2000.0 + 10 * n for n in range(400)]
    rows = [{"latency_ms": ms} for ms in fast] + [{"latency_ms": ms, "model": "slow"} for ms in slow]
    view = ledger_of(home, rows)
    known = reliability(view.at(view.snapshot()), Scope.of(view))
    for share in (0.1, 0.5, 0.9):
        mixed = sorted((ms, weight) for part, weight in ((fast, 1 - share), (slow, share)) for ms in part)
        for part in (0.5, 0.95):
            reached, by_hand = 0.0, 0.0
            for ms, weight in mixed:
                reached += weight / 400
                if reached >= part:
                    by_hand = ms
                    break
            found = mixed_wait({"gpt-5.2": 1 - share, "slow@self": share}, known, part)
            if abs((1 - share) - part) > 0.01:  # between the two models anything is right
                assert found == pytest.approx(by_hand, rel=0.01), (share, part)
    late = known["slow"].later_than(3000.0)
    assert late == pytest.approx(sum(ms > 3000 for ms in slow) / 400, abs=0.005)
    assert known["gpt-5.2"].later_than(50.0) == 1 and known["gpt-5.2"].later_than(500.0) == 0
    assert service({"never seen": 1.0}, known) == {"p50_ms": None, "p95_ms": None, "failure_share": None}
