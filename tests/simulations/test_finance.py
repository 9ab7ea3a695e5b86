"""Finance against spreadsheet values, and its laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from simulations.hosting import finance


def test_present_value_matches_a_spreadsheet():
    # =NPV(1%; 100; 100; 100) - 250 in any spreadsheet
    assert finance.present_value([-250, 100, 100, 100], 1.01**12 - 1) == pytest.approx(44.0985207, abs=1e-6)


@pytest.mark.parametrize(
    ("flows", "monthly"),
    [
        # Microsoft's documentation of IRR: -70000, 12000, 15000, 18000, 21000, 26000 -> 8.663 %
        ([-70000, 12000, 15000, 18000, 21000, 26000], 0.0866309480),
        # after four periods -> -2.124 %
        ([-70000, 12000, 15000, 18000, 21000], -0.0212448483),
    ],
)
def test_internal_rate_matches_published_examples(flows, monthly):
    assert finance.internal_rate(flows) == pytest.approx((1 + monthly) ** 12 - 1, rel=1e-3)


@pytest.mark.parametrize("flows", [[-1, -2], [5, 5], [0, 0], [-100, 230, -132]])
def test_internal_rate_is_none_where_it_is_undefined(flows):
    assert finance.internal_rate(flows) is None


def test_a_fleet_enlarged_on_the_way_has_one_rate():
    """Methods 14: two changes of sign, one positive root; 1.0472 a month by numpy's roots of the polynomial."""
    flows = [-1e6, *[60_000] * 24, -200_000, *[80_000] * 11]
    roots = [z.real for z in np.roots(flows) if abs(z.imag) < 1e-9 and z.real > 0]
    assert len(roots) == 1
    assert finance.internal_rate(flows) == pytest.approx(roots[0] ** 12 - 1)
    assert finance.internal_rate(flows) == pytest.approx(0.740, abs=0.001)


@pytest.mark.parametrize(
    ("flows", "months"),
    [
        ([-120, *[15] * 12], 8.0),
        ([-120, *[16] * 12], 7.5),
        ([0, 1, 1], 0.0),
        ([-10, 15, -10, 15], 2 + 5 / 15),
        ([-10, 1], math.nan),
    ],
)
def test_payback_counts_the_last_crossing(flows, months):
    assert finance.payback_months(flows) == pytest.approx(months, nan_ok=True)


def test_payback_of_many_paths_is_the_payback_of_each():
    flows = np.random.default_rng(1).normal(0.5, 3, (200, 25))
    assert finance.payback_months(flows) == pytest.approx([finance.payback_months(row) for row in flows], nan_ok=True)


def test_capital_recovery_matches_pmt():
    # =PMT(8%/12; 10; -10000) = 1037.03 with the monthly rate compounded to a yearly one
    assert finance.capital_recovery(10000, (1 + 0.08 / 12) ** 12 - 1, 10) == pytest.approx(1037.0321, abs=1e-3)
    assert finance.capital_recovery(1200, 0, 12) == 100
    with pytest.raises(BadInput, match="0 months"):
        finance.capital_recovery(1, 0.1, 0)


def test_book_value_is_a_straight_line_to_the_residual():
    assert finance.book_value(1000, 0.2, 4, 24) == pytest.approx(600)
    assert finance.book_value(1000, 0.2, 4, 480) == pytest.approx(200)
    for life in (0, -3):
        with pytest.raises(BadInput, match="life"):
            finance.book_value(1000, 0.2, life, 1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.floats(-0.5, 2))
def test_discounted_flows_sum_to_the_present_value(flows, rate):
    assert finance.present_values(flows, rate).sum() == pytest.approx(
        finance.present_value(flows, rate), rel=1e-9, abs=1e-3
    )


@given(st.floats(1, 1e6), st.lists(st.floats(0.1, 1e5), min_size=1, max_size=36))
def test_at_the_internal_rate_the_present_value_is_zero(outlay, gains):
    flows = [-outlay, *gains]
    rate = finance.internal_rate(flows)
    if rate is not None and sum(gains) > outlay / 2:  # deep losses lose digits in the yearly rate
        assert finance.present_value(flows, rate) == pytest.approx(0, abs=1e-5 * (outlay + sum(gains)))
