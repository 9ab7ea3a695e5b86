"""Caveats: declared once, carried from a format's reading to the row, kept when prices change."""

from __future__ import annotations

import json

import duckdb
import pytest

from data import caveats
from data.formats import Format
from data.loading.ingest import ingest
from data.loading.reprice import reprice

FORM = Format(
    name="made_up",
    label="made up",
    recognise=lambda sample: True,
    fields={"id": "VARCHAR", "at": "VARCHAR", "by": "VARCHAR", "tokens": "VARCHAR", "odd": "BOOLEAN"},
    columns={
        "event_key": "d.id",
        "requested_at": "utc(d.at)",
        "provider": "d.by",
        "model_raw": "'gpt-5.2'",
        "input_tokens": "d.tokens",
        "output_tokens": "'0'",
        "caveats": "[CASE WHEN d.odd THEN 'split_assumed' END, CASE WHEN d.odd THEN 'media_as_text' END]",
    },
)
ROWS = (
    {"id": "a", "at": "2026-10-01T00:00:00Z", "by": "OpenAI", "tokens": 10},
    {"id": "b", "at": "2026-10-01T01:00:00Z", "by": "openai-azure", "tokens": 10, "odd": True},
)


@pytest.fixture
def loaded(ledger, state, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    ingest(ledger, state, [path], form=FORM)
    return ledger


def rows(ledger) -> list[tuple]:
    return ledger.cursor().execute("SELECT provider_raw, caveats FROM lake.main.usage ORDER BY event_id").fetchall()


def test_what_a_reading_assumed_stands_on_the_row_and_stays_when_prices_change(loaded, state):
    expected = [("OpenAI", None), ("openai-azure", ["media_as_text", "split_assumed"])]
    assert rows(loaded) == expected
    reprice(loaded, state)
    assert rows(loaded) == expected


def test_codes_are_stored_sorted_and_once():
    codes = "[NULL, 'b', 'a', 'b']"
    assert duckdb.sql(f"SELECT {caveats.normalised(codes)}").fetchone() == (["a", "b"],)
    assert duckdb.sql(f"SELECT {caveats.normalised('[NULL]::VARCHAR[]')}").fetchone() == (None,)


def test_a_new_price_decides_its_own_codes_anew():
    codes = "['fee_unpriced', 'unread_usage']"
    assert duckdb.sql(f"SELECT {caveats.of_reading(codes)}").fetchone() == (["unread_usage"],)


def test_every_code_says_what_it_means_and_what_to_do():
    assert len(caveats.BY_CODE) == len(caveats.CAVEATS)
    for caveat in caveats.CAVEATS:
        assert caveat.label and caveat.sentence.endswith(".") and caveat.remedy.endswith(".")
