"""`python -m data`: what it prints for machines is a contract, and bad input is one sentence and exit code 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.__main__ import main
from tests.data.bad_logs import lines, record, write

LOG = Path(__file__).parent.parent / "cases" / "litellm_spend_logs.jsonl"
COUNTS = ("read", "loaded", "duplicate", "rejected")


def asked(capsys, *words: object) -> dict:
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_ingest_tells_every_file_and_the_total(home, capsys, tmp_path):
    (tmp_path / "notes.txt").write_text("Not a log at all.\n")
    told = asked(capsys, "ingest", LOG, tmp_path / "notes.txt")
    first, second = told["files"]
    assert first["format"] == told["format"] == "litellm" and first["batch_id"] == told["batch_id"]
    assert [first[n] for n in COUNTS] == [told[n] for n in COUNTS] == [35, 35, 0, 0]
    assert second["format"] is None and "no log format Baton knows" in second["error"]
    assert told["snapshot"] == first["snapshot"] > 1
    again = asked(capsys, "ingest", LOG)
    assert [again[n] for n in COUNTS] == [35, 0, 35, 0] and again["snapshot"] == told["snapshot"]


def test_a_rejected_record_is_counted_with_its_reason(home, capsys, tmp_path):
    log = write(tmp_path / "log.jsonl", lines(record(1), {**record(2), "prompt_tokens": -5}))
    told = asked(capsys, "ingest", log)
    assert [told[n] for n in COUNTS] == [2, 1, 0, 1]
    assert "not a count" in next(iter(told["files"][0]["reasons"]))


def test_check_finds_that_the_ledger_adds_up(home, capsys):
    asked(capsys, "ingest", LOG)
    told = asked(capsys, "check")
    assert (
        told["attempts"] == told["rollup_attempts"] == 35
        and told["cost_usd"] == told["rollup_cost_usd"]
        and told["audit_ok"]
    )


def test_formats_and_prices_answer(home, capsys):
    names = {f["name"] for f in asked(capsys, "formats")}
    assert {"litellm", "langfuse", "helicone", "claude_code", "otlp", "focus_bill"} <= names
    assert asked(capsys, "prices", "gpt-5.2")


@pytest.mark.parametrize(
    "words, said",
    [
        (("ingest", "no/such/file.jsonl"), "no/such/file.jsonl"),
        (("ingest", str(LOG), "--format", "litelm"), "did you mean"),
        (("ingest", str(LOG), "--mapping", "mine"), "mine"),
        (("sample", "--rows", "0"), "--rows is 0"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(home, capsys, words, said):
    assert main([*words]) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and error.count("\n") == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_a_file_of_which_nothing_comes_is_no_success(as_json, home, capsys, tmp_path):
    """Where something was loaded beside it, or it was loaded before, it is."""
    log = write(tmp_path / "session.jsonl", '{"type": "user", "sessionId": "s", "message": {"role": "user"}}\n')
    asks = ["ingest", str(log), *["--json"] * as_json]
    assert main(asks) == 1
    told = capsys.readouterr()
    assert "Nothing was loaded." in told.err
    assert "session.jsonl: nothing was loaded; 1 skipped (a line without usage)." in (told.err if as_json else told.out)
    assert main(["ingest", str(LOG), *asks[1:]]) == 0


def test_wrong_usage_is_exit_code_2(home, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["ingest"])
    assert stop.value.code == 2
