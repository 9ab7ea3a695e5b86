"""Today's spend in a line: of the reporting zone's day, with what is not known said."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from analytics import today as asked
from analytics.scope import Scope
from analytics.spend import totals
from data.errors import NoData
from data.ledger import Ledger
from data.loading.ingest import ingest
from tests.data.bad_logs import record

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def loaded(ledger, state, tmp_path) -> Ledger:
    """Three requests: one now, one yesterday, one ten days ago."""
    rows = [
        record(number) | {"request_created_at": (NOW - timedelta(days=days)).isoformat()}
        for number, days in enumerate((0, 1, 10))
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ingest(ledger, state, [log])[0].loaded == 3
    return ledger


def test_it_says_what_the_day_costs_as_spend_does(loaded):
    told, day = asked.today(loaded, NOW), NOW.date()
    view = loaded.at(loaded.snapshot())
    whole = totals(view, Scope.of(view, day, day + timedelta(days=1)), ("cost_usd", "attempts"))
    week = totals(view, Scope.of(view, day - timedelta(days=6), day + timedelta(days=1)), ("cost_usd",))
    assert (told.day, told.snapshot, told.attempts) == (day, loaded.snapshot(), whole["attempts"] or 0)
    assert told.cost_usd == whole["cost_usd"] and told.week_usd == week["cost_usd"] != told.cost_usd
    assert asked.today(view, NOW) == told


def test_an_empty_ledger_says_so(ledger):
    with pytest.raises(NoData, match="empty"):
        asked.today(ledger)


TOLD = asked.Today(date(2026, 3, 2), "UTC", 7, Decimal("1.5"), 2, 0.5, 1.0, None, Decimal(9), date(2026, 3, 2))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "$1.50 today (2 attempts), no known cost yesterday, $9.00 in 7 days; 50.0% priced"),
        ({"cost_usd": None, "without_caveat_share": None, "priced_share": 0.0}, "no known cost today"),
        ({"attempts": 0, "cost_usd": None, "priced_share": None}, "Nothing is logged of 2026-03-02 yet; $9.00"),
        (
            {"attempts": 0, "week_usd": None, "last_day": date(2026, 2, 23)},
            "Nothing is logged of the last 7 days; the log",
        ),
        ({"attempts": 0, "week_usd": None, "last_day": date(2026, 2, 24)}, "no known cost in 7 days"),
    ],
)
def test_what_is_not_known_is_said(changed, said):
    assert said in asked.sentence(TOLD._replace(**changed))
