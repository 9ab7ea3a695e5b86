"""How a record is read: its columns, what stays unread, the price lines,
the caveats; skips and rejects with their reason."""

from __future__ import annotations

import json

import pytest

from data.__main__ import main
from data.errors import NoData
from data.loading.explain import as_json, explain
from tests.data.bad_logs import record
from tests.data.test_caveats import METERED, PLAIN


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
