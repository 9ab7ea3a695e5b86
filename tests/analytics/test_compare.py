"""A run beside another: the rows of a tag's two values, their sums and changes, as table, Markdown and JSON."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from analytics import compare, spend
from data import dimensions
from data.ledger import Ledger
from data.state import State
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import day_rows, ledger_of

DAY = date(2026, 11, 20)
HOSTILE = "<b>gpt|x</b>"


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """pr 123: four requests of gpt-5.2 for $8 and one of a model with a hostile name for $1; main: two for $2."""
    rows = [
        *({**row, "tags": '{"pr": "123"}'} for row in day_rows(DAY, usd=2)),
        *({**row, "tags": '{"pr": "123"}'} for row in day_rows(DAY, hours=[5], usd=1, model=HOSTILE)),
        *({**row, "tags": '{"pr": "main"}'} for row in day_rows(DAY, hours=[2, 3], usd=1)),
        *({**row, "tags": None} for row in day_rows(DAY, hours=[9], usd=100)),
    ]
    home = ledger_of(tmp_path_factory.mktemp("tagged"), rows).home
    dimensions.add(Ledger.open(home), State.open(home), "pr", "pr")
    return home


def asked(home, capsys, *words):
    code = run(compare, "compare", *words, "--home", home)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_sums_and_changes(tagged, capsys):
    code, out, _ = asked(tagged, capsys, "--tag", "pr=123", "--against", "main", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["run"]["totals"]["cost_usd"] == 9
    assert said["run"]["totals"]["requests"] == 5
    assert said["run"]["totals"]["cost_per_request_usd"] == pytest.approx(1.8)
    assert said["run"]["models"] == {"gpt-5.2": 8, HOSTILE: 1}
    assert said["against"]["totals"]["cost_usd"] == 2
    assert said["change"]["cost_usd"] == 7
    assert said["change"]["cost_per_request_usd"] == pytest.approx(0.8)


@pytest.mark.heavy
def test_a_dimension_that_every_ledger_has_is_compared_too(tagged, capsys):
    _, out, _ = asked(tagged, capsys, "--tag", "model=gpt-5.2", "--against", HOSTILE, "--json")
    said = json.loads(out)
    assert (said["run"]["totals"]["cost_usd"], said["against"]["totals"]["cost_usd"], said["tag"]) == (110, 1, "model")
    code, _, err = asked(tagged, capsys, "--tag", "team=legal")
    assert code == 1 and "No row has team=legal" in err
    code, _, err = asked(tagged, capsys, "--tag", "tag:team=legal")
    assert code == 1 and "dimensions add team" in err


def test_it_is_the_spend_of_the_tag(tagged, capsys):
    """The second road: `spend --by tag:pr`."""
    assert run(spend, "spend", "--by", "tag:pr", "--json", "--home", tagged) == 0
    rows = {row["tag:pr"]: row["cost_usd"] for row in json.loads(capsys.readouterr().out)["rows"]}
    _, out, _ = asked(tagged, capsys, "--tag", "tag:pr=main", "--json")
    said = json.loads(out)
    assert Decimal(str(said["run"]["totals"]["cost_usd"])) == Decimal(str(rows["main"])) == 2
    assert said["against"] is None
    assert said["change"] is None


def test_markdown_is_a_table_that_no_name_breaks(tagged, capsys):
    _, out, _ = asked(tagged, capsys, "--tag", "pr=123", "--against", "main", "--markdown")
    lines = [line for line in out.splitlines() if line.startswith("|")]
    assert lines[0] == "|  | pr=123 | pr=main | change |"
    assert "| Spend | $9.00 | $2.00 | +350.0% |" in lines
    assert {line.replace("\\|", "").count("|") for line in lines} == {5}
    assert "<b>" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tag", "pr"], "write it as KEY=VALUE"),
        (["--tag", "pr="], "write it as KEY=VALUE"),
        (["--tag", "pr=999"], "No row has the tag pr=999"),
        (["--tag", "pr=123", "--against", "gone"], "No row has the tag pr=gone"),
        (["--tag", "branch=x"], "data dimensions add branch"),
    ],
)
def test_bad_questions_are_one_sentence(tagged, capsys, words, said):
    code, _, err = asked(tagged, capsys, *words)
    assert code == 1
    assert said in err
    assert "Traceback" not in err
