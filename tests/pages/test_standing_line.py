"""The line under a page's title: what its numbers stand on, short enough for one line."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from analytics.standing import Standing
from pages.ui import standing_line
from pages.ui.standing_line import in_full, short

LAST = datetime.fromisoformat("2026-11-20T04:03")
KNOWN = Standing(
    attempts=35,
    first_day=date(2026, 11, 20),
    last_day=date(2026, 11, 20),
    last=LAST,
    loaded=None,
    priced_share=0.971,
    without_caveat_share=1.0,
    sample=False,
    mixed=False,
    condensed=False,
)
LONGEST = 110  # letters that stand beside the button at 1280


@pytest.mark.parametrize(
    ("now", "of_scope", "told"),
    [
        (
            datetime.fromisoformat("2026-11-20T09:00"),
            (None, None),
            "Data through 20 Nov 2026 04:03 UTC · 97.1% priced, 100.0% without caveat",
        ),
        (
            datetime.fromisoformat("2026-11-29"),
            (1.0, 1.0),
            "Data through 20 Nov 2026, 8 days old · here all priced without caveat",
        ),
        (
            datetime.fromisoformat("2026-11-29"),
            (1.0, 0.8),
            "Data through 20 Nov 2026, 8 days old · here all priced, 80.0% without",
        ),
        (
            datetime.fromisoformat("2027-11-29"),
            (0.0, None),
            "Data through 20 Nov 2026, 373 days old · here 0.0% priced · list",
        ),
    ],
)
def test_the_line_says_how_far_how_old_and_how_sure(now, of_scope, told):
    line = short(KNOWN, of_scope, "UTC", now, "list prices 119 days old")
    assert line.startswith(told) and line.endswith("list prices 119 days old")
    assert len(line) <= LONGEST


def test_a_time_zone_is_named_where_it_is_not_the_instants():
    assert "days in Europe/Berlin" in short(KNOWN, (None, None), "Europe/Berlin", LAST, "list prices 1 day old")


def test_in_full_it_says_whose_shares_and_which_version():
    told = in_full(KNOWN, (0.5, 0.8), "UTC", "data version 14", "list prices 1 day old")
    assert "data version 14" in told and "50.0% of these attempts" in told and "80.0% of their dollars" in told
    assert "97.1% of all attempts" in in_full(KNOWN, (None, None), "UTC", "data version 14", "")


def test_an_unpriced_log_has_no_share_of_dollars():
    unpriced = KNOWN._replace(priced_share=0.0, without_caveat_share=None)
    assert "caveat" not in in_full(unpriced, (None, None), "UTC", "data version 1", "")
    assert standing_line.badge(unpriced) is None
