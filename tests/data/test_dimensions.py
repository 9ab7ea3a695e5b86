"""Free dimensions: a key of the tags is a column, for rows loaded before and after, in every version and command."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from analytics import spend
from analytics.bridges import bridge
from analytics.budgets import budgets
from analytics.budgets.budget import check_budget, save
from analytics.registry import with_free
from analytics.scope import Scope
from data import dimensions
from data.__main__ import main
from data.checks import adds_up, check
from data.errors import BadInput
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.sql_text import tag_text
from tests.analytics.commands import run
from tests.data import small_ledger


def read(ledger, columns: str) -> list[dict]:
    return small_ledger.rows(ledger.at(ledger.snapshot()), columns)


def test_rows_loaded_before_and_after_carry_it_and_so_does_an_older_version(ledger, state, tmp_path):
    small_ledger.load(ledger, state, tmp_path, 30)
    before = ledger.snapshot()
    assert dimensions.add(ledger, state, "tier", "nested.tier") == 21
    small_ledger.load(ledger, state, tmp_path, 60)
    rows = read(ledger, "tag_tier, tags")
    assert len(rows) == 60
    for row in rows:
        assert row["tag_tier"] == json.loads(row["tags"]).get("nested", {}).get("tier")
    assert [r["tag_tier"] for r in small_ledger.rows(ledger.at(before), "tag_tier")] == [
        r["tag_tier"] for r in rows[:30]
    ]
    assert adds_up(check(ledger.at(ledger.snapshot())))


def test_the_name_of_the_key_is_a_column(ledger, state, tmp_path):
    small_ledger.load(ledger, state, tmp_path, 30)
    for row in read(ledger, "key_alias, tags"):
        assert row["key_alias"] == json.loads(row["tags"]).get("key_alias")


@pytest.mark.parametrize(
    "tags, key, value",
    [
        ({"cost": 42}, "cost", "42"),
        ({"a.b": "flat"}, "a.b", "flat"),
        ({"a": {"b": "deep"}}, "a.b", "deep"),
        ({"request_tags": ["prod", "cost:7"]}, "cost", "7"),
        ({"trace_tags": ["cost=x=y"]}, "cost", "x=y"),
        ({"request_tags": "cost:7"}, "cost", None),
        ({"cost": ""}, "cost", None),
        ({"cost": None}, "cost", None),
        ({"it's": "quoted"}, "it's", "quoted"),
        ({}, "cost", None),
    ],
)
def test_what_a_key_reads(ledger, tags, key, value):
    found = ledger.sql(f"SELECT {tag_text(key)} AS v FROM (SELECT ?::JSON AS tags)", [json.dumps(tags)])["v"][0]
    assert (None if pd.isna(found) else found) == value


@pytest.mark.parametrize(
    "name, tag, told",
    [
        ("Cost", "cost", "small letters"),
        ("a; DROP", "cost", "small letters"),
        ("", "cost", "small letters"),
        ("cost", "", "no key"),
        ("cost", "log.team", "no key"),
        ("cost", "a\0", "no key"),
        ("taken", "cost", "already"),
    ],
)
def test_what_cannot_be_a_dimension_is_refused_and_changes_nothing(ledger, state, name, tag, told):
    dimensions.add(ledger, state, "taken", "x")
    version = ledger.snapshot()
    with pytest.raises(BadInput, match=told):
        dimensions.add(ledger, state, name, tag)
    assert ledger.snapshot() == version


def test_it_splits_and_filters_in_spend_budgets_and_the_bridge(ledger, state, tmp_path, capsys):
    small_ledger.load(ledger, state, tmp_path, 90)
    dimensions.add(ledger, state, "bot", "key_alias")
    view = ledger.at(ledger.snapshot())
    scope = Scope.of(view)
    own, key = (spend.grouped_spend(view, scope, (name,)) for name in ("tag:bot", "key_alias"))
    assert own["cost_usd"].tolist() == key["cost_usd"].tolist() and "unknown" in set(own["tag:bot"])
    assert "tag:bot" in [one.name for one in with_free(view)]
    narrowed = Scope.of(view, **{"tag:bot": ("bot-checkout",)})
    assert spend.totals(view, narrowed, ("requests",))["requests"] == 30
    save(state, check_budget(name="bot", amount=5, period="yearly", filters={"tag:bot": ("bot-checkout",)}))
    (status,) = budgets.status(view, state)
    assert status.spent_usd == pytest.approx(float(spend.totals(view, narrowed, ("cost_usd",))["cost_usd"]))
    span = ("--from", "2026-02-01", "--to", "2026-02-01", "--against-from", "2026-01-01", "--against-to", "2026-01-01")
    assert run(bridge, "bridge", "--by", "tag:bot", *span, "--json") == 0
    assert json.loads(capsys.readouterr().out)["drivers"]


def test_a_name_that_this_ledger_has_not_declared_is_one_sentence(ledger, state, tmp_path, capsys):
    small_ledger.load(ledger, state, tmp_path, 9)
    assert run(spend, "spend", "--by", "tag:nope") == 1
    assert "data dimensions add nope" in capsys.readouterr().err


def test_the_command_adds_lists_and_removes(ledger, state, tmp_path, capsys):
    small_ledger.load(ledger, state, tmp_path, 9)
    assert main(["dimensions", "add", "tier", "--from", "tag:nested.tier", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["dimensions"]
    assert one == {"name": "tag:tier", "from": "tag:nested.tier", "rows": 6, "values": 1}
    assert main(["dimensions", "remove", "tier"]) == 0 and "None yet" in capsys.readouterr().out
    assert main(["dimensions", "remove", "tier"]) == 1 and "no dimension" in capsys.readouterr().err
    assert main(["dimensions", "add", "tier", "--from", "nested"]) == 1 and "tag:KEY" in capsys.readouterr().err
    assert [entry.event for entry in state.audit(2)] == ["dimension removed", "dimension added"]
    ingest(Ledger.open(), state, [tmp_path])


def test_the_keys_a_form_offers_are_those_of_the_log(ledger, state, tmp_path):
    small_ledger.load(ledger, state, tmp_path, 9)
    assert set(dimensions.known_tags(ledger)) == {"key_alias", "nested", "team"}
