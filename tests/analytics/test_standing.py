"""What a ledger stands on: shares priced and without caveat, each caveat with its rows and dollars, and the rows."""

from __future__ import annotations

import json

import pytest

from analytics import requests, standing
from analytics.scope import Scope
from data.errors import BadInput
from data.formats import Format
from data.loading.ingest import ingest

ODD = Format(
    name="odd",
    label="made up, every fifth record assumes its split",
    recognise=lambda sample: True,
    fields={"id": "BIGINT", "odd": "BOOLEAN"},
    columns={
        "event_key": "d.id::VARCHAR",
        "requested_at": "TIMESTAMP '2026-10-01' + to_minutes(d.id)",
        "model_raw": "'gpt-4o'",
        "provider": "'openai'",
        "input_tokens": "'1000'",
        "output_tokens": "'100'",
        "caveats": "[CASE WHEN d.odd THEN 'split_assumed' END]",
    },
)


@pytest.fixture
def view(ledger, state, tmp_path):
    """250 calls of equal cost, 50 of them on an assumption."""
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({"id": n, "odd": n % 5 == 0}) + "\n" for n in range(250)))
    assert ingest(ledger, state, [path], form=ODD)[0].loaded == 250
    return ledger.at(ledger.snapshot())


def test_an_empty_ledger_stands_on_nothing(ledger):
    view = ledger.at(ledger.snapshot())
    assert standing.standing(view) is None
    assert standing.caveats(view).empty


def test_shares_are_of_attempts_and_of_dollars(view):
    known = standing.standing(view)
    assert (known.attempts, known.priced_share, known.sample) == (250, 1.0, False)
    assert known.without_caveat_share == pytest.approx(200 / 250)
    assert known.first_day == known.last_day == known.last.date()


def test_a_caveat_says_rows_dollars_and_what_to_do(view):
    [row] = standing.caveats(view).to_dict("records")
    assert (row["code"], row["rows"], row["formats"]) == ("split_assumed", 50, "odd")
    assert row["cost_usd"] == pytest.approx(50 * 0.0035)
    assert row["meaning"].endswith(".") and row["remedy"].endswith(".")


def test_pages_of_requests_hold_every_row_once(view):
    pages = [requests.page(view, Scope.of(view), order="cost", number=n) for n in (1, 2, 3, 4)]
    assert [len(frame) for frame in pages] == [100, 100, 50, 0]
    ids = [one for frame in pages for one in frame["event_id"]]
    assert len(set(ids)) == requests.count(view, Scope.of(view)) == 250
    assert requests.count(view, Scope.of(view), "split_assumed") == 50


def test_the_newest_and_their_tokens(view):
    first = requests.page(view, Scope.of(view)).iloc[0]
    assert (first["input_tokens"], first["output_tokens"], first["caveats"]) == (1000, 100, None)


def test_an_unknown_order_is_one_sentence(view):
    with pytest.raises(BadInput, match="choose time, cost"):
        requests.page(view, Scope.of(view), order="mood")
