"""Arrivals from the ledger, from a typed volume, and what too short a log may not be used for."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from analytics.scope import Scope
from data.errors import BadInput, NoData, Refused
from simulations.hosting import arrivals
from tests.simulations.ledgers import START, ledger_of


def rows(count: int, gap: timedelta, **more) -> list[dict]:
    return [{"requested_at": START + i * gap, **more} for i in range(count)]


def test_minutes_hold_every_request_and_token(home):
    ledger = ledger_of(
        home,
        [
            *rows(6, timedelta(seconds=30), reasoning_tokens=50, cache_read_tokens=300),
            *rows(1, timedelta(), status="error"),
            {"requested_at": START + timedelta(minutes=9), "cache_write_5m_tokens": 10},
        ],
    )
    found = arrivals.demand(ledger, Scope())
    assert found.requests.tolist() == [2, 2, 2, 0, 0, 0, 0, 0, 0, 1]
    assert found.fresh_tokens.sum() == 7 * 1000 + 10
    assert found.cached_tokens.sum() == 6 * 300
    assert found.output_tokens.sum() == 7 * 200 + 6 * 50
    assert found.start == START
    assert found.peak_to_mean() == pytest.approx(2 / 0.7)


def test_scope_narrows_and_emptiness_is_said(home):
    ledger = ledger_of(home, rows(4, timedelta(minutes=1), data_class="customer") + rows(2, timedelta(minutes=1)))
    assert arrivals.demand(ledger, Scope.of(ledger, data_class="customer")).requests.sum() == 4
    with pytest.raises(NoData, match="widen"):
        arrivals.demand(ledger, Scope.of(ledger, data_class="regulated"))
    with pytest.raises(NoData, match="another window"):
        arrivals.requests(ledger, Scope(), START + timedelta(days=1), START + timedelta(days=2))


def test_unknown_tokens_place_no_load(home):
    ledger = ledger_of(
        home,
        [*rows(2, timedelta(minutes=1)), {"requested_at": START, "fresh_input_tokens": None, "output_tokens": None}],
    )
    assert arrivals.demand(ledger, Scope()).requests.sum() == 2


def test_an_hour_is_not_made_a_month_in_silence(home):
    hour = arrivals.demand(ledger_of(home, rows(60, timedelta(minutes=1))), Scope())
    with pytest.raises(Refused, match="60 minutes"):
        hour.per_month()
    assert hour.per_month(accept_short=True) == pytest.approx(60 * 730)
    assert "no weekend" in hour.warnings()[0]


def test_a_typed_volume_has_its_mean_and_peak():
    typed = arrivals.stated_demand(1e6, 2000, 500, 300, 2.5)
    assert typed.per_month() == pytest.approx(1e6)
    assert typed.peak_to_mean() == pytest.approx(2.5, rel=1e-3)
    assert typed.mean(typed.fresh_tokens) == pytest.approx(1500)
    with pytest.raises(BadInput):
        arrivals.stated_demand(0, 1, 0, 1, 2)


@pytest.mark.parametrize(
    ("shape", "peak"), [("flat", 1.0), ("office", 0.95 * 168 / 50), ("bursty", 6.0), ("daily", 6.0)]
)
def test_a_stated_shape_keeps_its_volume_and_has_its_peak(shape, peak):
    typed = arrivals.stated_demand(1e6, 2000, 500, 300, 6.0, shape)
    assert typed.per_month() == pytest.approx(1e6) and typed.requests.min() >= 0
    assert typed.peak_to_mean() == pytest.approx(peak, rel=1e-3)
    assert typed.mean(typed.output_tokens) == pytest.approx(300)


def test_office_hours_are_on_weekdays():
    by_day = arrivals.stated_demand(1e6, 1, 0, 1, 1, "office").requests.reshape(7, 24, 60).sum(2)
    assert by_day[0, 10] > 20 * by_day[0, 3] and by_day[5, 10] == by_day[6, 10] == pytest.approx(by_day[0, 3])
    with pytest.raises(BadInput, match="use one of: daily, flat, office, bursty"):
        arrivals.stated_demand(1e6, 1, 0, 1, 1, "weekly")


def test_drawn_requests_follow_the_minutes_and_the_seed():
    typed = arrivals.stated_demand(3e6, 2000, 500, 300, 1)
    some = arrivals.draw_requests(typed, seed=1)
    assert some.in_all == pytest.approx(typed.requests.sum(), rel=0.01)
    assert np.all(np.diff(some.at_s) >= 0)
    assert np.array_equal(some.at_s, arrivals.draw_requests(typed, seed=1).at_s)
    bursty = arrivals.draw_requests(typed, dispersion=20, seed=1)
    per_minute = [np.bincount((r.at_s // 60).astype(int)) for r in (some, bursty)]
    assert per_minute[1].var() > 5 * per_minute[0].var()
