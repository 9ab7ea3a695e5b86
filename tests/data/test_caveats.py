"""Caveats: declared once, carried from a format's reading to the row, kept when prices change."""

from __future__ import annotations

import json

import duckdb
import pytest

from data import caveats
from data.formats import Format, UsageObject
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
    assert duckdb.sql(f"SELECT {caveats.normal_form(codes)}").fetchone() == (["a", "b"],)
    assert duckdb.sql(f"SELECT {caveats.normal_form('[NULL]::VARCHAR[]')}").fetchone() == (None,)


def test_a_new_price_decides_its_own_codes_anew():
    codes = "['fee_unpriced', 'unread_usage']"
    assert duckdb.sql(f"SELECT {caveats.of_reading(codes)}").fetchone() == (["unread_usage"],)


def test_every_code_says_what_it_means_and_what_to_do():
    assert len(caveats.BY_CODE) == len(caveats.CAVEATS)
    for caveat in caveats.CAVEATS:
        assert caveat.label and caveat.sentence.endswith(".") and caveat.remedy.endswith(".")


USAGE = {"input_tokens": "VARCHAR", "details": {"cached": "VARCHAR"}, "parts": [{"n": "VARCHAR"}]}
METERED = Format(
    name="metered",
    label="made up, with a usage object",
    recognise=lambda sample: True,
    fields={"id": "VARCHAR", "usage": USAGE},
    columns={
        "event_key": "d.id",
        "requested_at": "TIMESTAMP '2026-10-01'",
        "model_raw": "'gpt-5.2'",
        "input_tokens": "d.usage.input_tokens",
        "output_tokens": "'0'",
    },
    usage=(
        UsageObject("raw::JSON -> '$.usage'", USAGE, {"seconds": "how long it took", "details.ids[].no": "a name"}),
    ),
)
PLAIN = {"input_tokens": 10, "details": {"cached": 3}}


def metered(ledger, state, tmp_path, *usages: object, form: Format = METERED):
    """The report and, by record, the caveats of rows with these usage objects."""
    path = tmp_path / f"log-{len(list(tmp_path.glob('log-*')))}.jsonl"
    path.write_text("".join(json.dumps({"id": f"r{i:05}", "usage": usage}) + "\n" for i, usage in enumerate(usages)))
    report = ingest(ledger, state, [path], form=form)[0]
    rows = ledger.cursor().execute("SELECT caveats FROM lake.main.usage ORDER BY event_id").fetchall()
    return report, [caveats for (caveats,) in rows]


@pytest.mark.parametrize(
    "unread",
    [
        {"extra": 7},
        {"details": {"cached": 3, "audio": 7}},
        {"details": {"deeper": {"still": [1, {"n": 7}]}}},
        {"parts": [{"n": 1, "other": 7}]},
        {"text": "7"},
        {"big": 2**63},
        {"half": 0.5},
        {"less": -7},
        {"we\"ird <b>'; DROP TABLE usage; --": 7},
    ],
)
def test_a_number_that_no_column_reads_marks_the_row(ledger, state, tmp_path, unread):
    report, rows = metered(ledger, state, tmp_path, PLAIN, PLAIN | unread)
    assert rows == [None, ["unread_usage"]]
    assert [u.rows for u in report.unread] and {u.rows for u in report.unread} == {1}


@pytest.mark.parametrize(
    "usage",
    [
        PLAIN,
        PLAIN | {"extra": 0, "tier": "gpt-5.2", "flag": True, "nothing": None, "list": []},
        PLAIN | {"seconds": 7, "details": {"cached": 3, "ids": [{"no": 7}]}},
        PLAIN | {"parts": [{"n": 7}, {"n": 8}]},
    ],
)
def test_what_is_read_zero_or_harmless_marks_nothing(ledger, state, tmp_path, usage):
    report, rows = metered(ledger, state, tmp_path, usage)
    assert (rows, report.unread) == ([None], [])


def test_the_report_names_path_rows_and_sum_of_what_was_loaded(ledger, state, tmp_path):
    odd = PLAIN | {"parts": [{"extra": 2}, {"extra": 3}]}
    report, _ = metered(ledger, state, tmp_path, odd, PLAIN, odd)
    assert report.unread == [("usage.parts[].extra", 2, 10.0)]


def test_ten_thousand_unknown_keys_are_ten_names_and_a_count(ledger, state, tmp_path):
    report, rows = metered(ledger, state, tmp_path, PLAIN | {f"k{i}": i + 1 for i in range(10_000)})
    assert (rows, len(report.unread), report.unread_more) == ([["unread_usage"]], 10, 9_990)


@pytest.mark.parametrize("depth", [100, 1_000, 100_000])
def test_a_nested_usage_object_is_looked_into_or_marked(ledger, state, tmp_path, depth):
    path = tmp_path / "log.jsonl"
    path.write_text('{"id": "a", "usage": ' + '{"k": ' * depth + "7" + "}" * depth + "}\n")
    report = ingest(ledger, state, [path], form=METERED)[0]
    assert ledger.cursor().execute("SELECT caveats FROM lake.main.usage").fetchall() == [(["unread_usage"],)]
    assert len(report.unread[0].path) <= 200


TWICE = Format(**{**FORM.__dict__, "one_answer": True, "columns": FORM.columns | {"call_id": "'c'", "status": "d.by"}})


def test_two_successes_of_one_call_are_marked_within_a_file_and_across_files(ledger, state, tmp_path):
    row = {"at": "2026-10-01T00:00:00Z", "by": "success", "tokens": 10}
    for number, ids in enumerate(("ab", "c")):
        path = tmp_path / f"{number}.jsonl"
        path.write_text("".join(json.dumps(row | {"id": name}) + "\n" for name in ids))
        ingest(ledger, state, [path], form=TWICE)
    assert [caveats for _, caveats in rows(ledger)] == [["logged_twice"]] * 3


def test_a_status_that_nobody_knows_counts_as_success_and_is_marked(ledger, state, tmp_path):
    path = tmp_path / "log.jsonl"
    words = ("success", "error", "galactic")
    path.write_text(
        "".join(json.dumps({"id": w, "at": "2026-10-01T00:00:00Z", "by": w, "tokens": 1}) + "\n" for w in words)
    )
    form = Format(**{**FORM.__dict__, "columns": FORM.columns | {"status": "d.by"}})
    ingest(ledger, state, [path], form=form)
    seen = ledger.cursor().execute("SELECT status, caveats FROM lake.main.usage ORDER BY event_id").fetchall()
    assert seen == [("error", None), ("success", ["unknown_status"]), ("success", None)]
