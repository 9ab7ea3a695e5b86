"""Segments: sums that add up, bands at their edges, and what is kept apart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from analytics.scope import Scope
from data.errors import BadInput, NoData
from simulations.replay.traffic import Folding, fold, last_instant
from tests.simulations.ledgers import START, ledger_of, random_ledger


def view_of(ledger):
    view = ledger.at(ledger.snapshot())
    return view, Scope.of(view)


def test_segments_add_up_to_the_log(tmp_path):
    view, scope = view_of(random_ledger(tmp_path, 1500))
    segments = fold(view, scope, Folding(by=("team",)))
    truth = view.sql(
        "SELECT count(*) AS n, sum(cost_usd) AS usd, sum(fresh_input_tokens) AS fresh, count(quality_score) AS "
        f"scored FROM {view.name('usage')}"
    ).iloc[0]
    assert segments["attempts"].sum() == truth["n"]
    assert sum(segments["cost_usd"].dropna(), Decimal(0)) == truth["usd"]
    assert segments["fresh_input_tokens"].sum() == truth["fresh"]
    assert segments["quality_count"].sum() == truth["scored"]
    assert set(segments["team"]) >= {"core", "unknown"} and "unknown" in set(segments["task_type"])


def test_what_cannot_be_repriced_is_kept_apart(tmp_path):
    rows: list[dict[str, Any]] = [
        {},
        {"status": "error", "cost_usd": Decimal(0)},
        {"status": "cached", "cost_usd": Decimal(0)},
        {"cost_usd": None},
        {"cost_usd": None, "fresh_input_tokens": None, "output_tokens": None},
        {"cost_usd": Decimal("0.5"), "fresh_input_tokens": None, "output_tokens": None},
    ]
    view, scope = view_of(ledger_of(tmp_path, rows))
    counts = fold(view, scope).groupby("basis")["attempts"].sum().to_dict()
    assert counts == {"priced": 1, "kept": 2, "unpriced": 1, "unmetered": 2}


@pytest.mark.parametrize(
    ("tokens", "cached", "band"),
    [
        (0, 0, 0),
        (1, 0, 1),
        (1999, 0, 1),
        (1500, 500, 2000),
        (2000, 0, 2000),
        (50_000, 1, 50_000),
        (None, None, None),
        (None, 10, 1),
    ],
)
def test_bands_count_all_input_and_start_at_their_edge(tmp_path, tokens, cached, band):
    view, scope = view_of(
        ledger_of(
            tmp_path,
            [
                {
                    "fresh_input_tokens": tokens,
                    "cache_read_tokens": cached,
                    "cache_write_5m_tokens": None,
                    "cache_write_1h_tokens": None,
                }
            ],
        )
    )
    found = fold(view, scope)["band"].iloc[0]
    assert found != found if band is None else found == band


def test_the_last_instant_is_that_of_the_last_request(tmp_path):
    view, scope = view_of(ledger_of(tmp_path, [{}] * 14))
    assert last_instant(view, scope).date() == START.date().replace(day=18)


def test_an_empty_scope_and_an_unknown_dimension_are_said(tmp_path):
    view, scope = view_of(ledger_of(tmp_path, [{}]))
    with pytest.raises(BadInput, match="no dimension `colour`"):
        fold(view, scope, Folding(by=("colour",)))
    for ask in (fold, last_instant):
        with pytest.raises(NoData, match="no requests in this scope"):
            ask(view, Scope.of(view, team="nobody"))
