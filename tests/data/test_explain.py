"""How a record is read: its columns, what stays unread, the price lines,
the caveats; skips and rejects with their reason."""

from __future__ import annotations

import json

import pytest

from data.__main__ import main
from data.errors import NoData
from data.loading import explain as explaining
from data.loading.explain import Explanation, Origin, as_json, explain, explain_row, with_record
from data.loading.ingest import ingest
from tests.data.bad_logs import record
from tests.data.case_tables import FILES, cases_of, same, write_log
from tests.data.test_caveats import METERED, PLAIN

pytestmark = pytest.mark.usefixtures("migrated_stores")


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    rows = [json.dumps(record(1)), "no json at all", json.dumps(record(3))]
    path.write_text("".join(row + "\n" for row in rows))
    return path


def test_a_loaded_record_is_told_whole(state, log):
    found = explain(state, log, 1)
    assert (found.outcome, found.format) == ("loaded", "helicone")
    assert json.loads(found.record) == record(1)
    assert found.columns["model_raw"] and found.columns["fresh_input_tokens"]
    assert found.price and found.price.listed and found.price.cost_usd == found.columns["cost_usd"]


def test_a_rejected_record_says_why_and_a_missing_one_is_refused(state, log):
    assert explain(state, log, 2).outcome == "rejected: it is not a JSON object"
    with pytest.raises(NoData, match="has no record 9; the last one is 3"):
        explain(state, log, 9)


def test_unread_usage_and_its_caveat_are_told(state, tmp_path):
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps({"id": "a", "usage": PLAIN | {"extra": 7}}) + "\n")
    found = explain(state, path, 1, METERED)
    assert found.unread == {"usage.extra": 7.0}
    assert [caveat.code for caveat in found.caveats] == ["unread_usage"]
    assert as_json(found)["caveats"][0]["sentence"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command_prints_it(home, log, capsys, options):
    assert main(["explain", str(log), "--record", "3", *options]) == 0
    assert "helicone" in capsys.readouterr().out


@pytest.mark.parametrize("cases", FILES, ids=lambda path: path.stem)
def test_the_first_case_of_a_format_is_told(cases, state, tmp_path):
    case = cases_of(cases)[0]
    path = write_log(case, tmp_path)
    wanted = [case["expect"]] if "expect" in case else case.get("expects", [])
    found = _first_loaded(state, path, case.get("format"))
    assert as_json(found) and found.outcome
    if wanted:
        assert found.outcome == "loaded"
        known = {**found.columns, "caveats": [caveat.code for caveat in found.caveats]}
        assert any(_agrees(known, expected) for expected in wanted)


def _first_loaded(state, path, form) -> Explanation:
    """The first record of a file that gives a row, else the last one: sessions begin with what has no usage."""
    number, found = 1, explain(state, path, 1, form)
    while found.outcome != "loaded":
        try:
            found, number = explain(state, path, number + 1, form), number + 1
        except NoData:
            break
    return found


def _agrees(columns: dict, expected: dict) -> bool:
    return all(
        columns.get(name) in (None, []) if value is None else same(columns.get(name), value)
        for name, value in expected.items()
    )


def told_of(ledger, state, log) -> tuple[Explanation, Origin | str]:
    ingest(ledger, state, [log])
    [event_id] = ledger.sql("SELECT event_id FROM lake.main.usage WHERE record_no = 3")["event_id"]
    return explain_row(ledger, state, event_id)


def test_a_row_is_told_with_the_record_it_was_read_from(ledger, state, log):
    told, origin = told_of(ledger, state, log)
    assert told.columns["model_raw"] and told.price and told.price.cost_usd == told.columns["cost_usd"]
    assert isinstance(origin, Origin)
    found, why_not = with_record(state, told, origin)
    assert not why_not and json.loads(found.record) == record(3) and found.columns == told.columns


@pytest.mark.parametrize("harm", ["gone", "changed", "large"])
def test_a_row_whose_record_cannot_be_shown_says_why(ledger, state, log, harm, monkeypatch):
    ingest(ledger, state, [log])
    if harm == "gone":
        log.unlink()
    elif harm == "changed":
        log.write_text(log.read_text() + json.dumps(record(4)) + "\n")
    else:
        monkeypatch.setattr(explaining, "LARGEST_FILE", 10)
    event_id = ledger.sql("SELECT event_id FROM lake.main.usage")["event_id"][0]
    told, origin = explain_row(ledger, state, event_id)
    why_not = origin if isinstance(origin, str) else with_record(state, told, origin)[1]
    assert {"gone": "no longer where", "changed": "has changed since", "large": "too large to read here"}[
        harm
    ] in why_not
    assert told.columns["model_raw"] and told.price


def test_an_id_that_is_gone_is_refused(ledger, state):
    with pytest.raises(NoData, match="not in the ledger any more"):
        explain_row(ledger, state, "nobody")
