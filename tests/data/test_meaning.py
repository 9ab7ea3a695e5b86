"""Mapping rules: what they match, which one wins, and that the log's own words survive them."""

from __future__ import annotations

import json

import pytest

from data.errors import BadInput
from data.loading import attribution_rules, reprice
from tests.data import small_ledger
from tests.stores import new_ledger

COLUMNS = "team, feature, data_class, coalesce(tags, '{}')::VARCHAR AS tags"


def _applied(ledger, tags: dict | None = None, /, *rules: dict, **columns) -> dict:
    """One row with these tags and columns, after the rules."""
    cursor = ledger.cursor()
    given = {
        name: "unknown" if name in attribution_rules.VOCABULARY else None for name in attribution_rules.FIELDS
    } | columns
    selected = ", ".join(f"?::VARCHAR AS {name}" for name in given)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE one AS SELECT {selected}, ?::VARCHAR AS tags",
        [*given.values(), tags and json.dumps(tags)],
    )
    found = attribution_rules.expressions({f"rule {n}": {"order": n} | rule for n, rule in enumerate(rules)})
    replaced = ", ".join(f"{sql} AS {column}" for column, sql in found.items())
    return (
        cursor.execute(f"SELECT * {f'REPLACE ({replaced})' if replaced else ''} FROM one")
        .to_arrow_table()
        .to_pylist()[0]
    )


@pytest.mark.parametrize(
    ("op", "pattern", "matching", "other"),
    [
        ("equals", "Bot-A", "bot-a", "bot-ab"),
        ("prefix", "BOT-", "bot-a", "my bot-a"),
        ("contains", "OT-", "bot-a", "bota"),
        ("glob", "bot-?[ab]", "BOT-xa", "bot-xc"),
        ("glob", "*checkout", "bot-checkout", "checkout-bot"),
        ("regex", r"^bot-\d+$", "bot-12", "Bot-12"),
        ("regex", r"(?i)^bot-\d+$", "Bot-12", "bot-x"),
        ("contains", "it's 100%_", "It's 100%_ sure", "it's 100xy"),
        ("equals", '"; DROP TABLE one; --', '"; DROP TABLE one; --', "one"),
        ("contains", "{}", "a{}b", "ab"),
    ],
)
def test_operators(ledger, op, pattern, matching, other):
    rule = {"field": "tags.key_alias", "op": op, "pattern": pattern, "set": "team", "value": "it's {bots}; --"}
    assert _applied(ledger, {"key_alias": matching}, rule)["team"] == "it's {bots}; --"
    for tags in ({"key_alias": other}, {"key_alias": None}, {}, None):
        after = _applied(ledger, tags, rule)
        assert after["team"] is None and after["tags"] == (tags if tags is None else json.dumps(tags))


def test_tags_are_read_by_their_key_and_by_their_path(ledger):
    rule = {"pattern": "gold", "set": "feature", "value": "paid"}
    assert _applied(ledger, {"a.b": "gold"}, rule | {"field": "tags.a.b"})["feature"] == "paid"
    assert _applied(ledger, {"a": {"b": "gold"}}, rule | {"field": "tags.a.b"})["feature"] == "paid"
    assert _applied(ledger, {"a": {"b": "tin"}}, rule | {"field": "tags.a.b"})["feature"] is None


def test_the_first_matching_rule_of_a_column_wins_and_columns_do_not_disturb_each_other(ledger):
    rules = (
        {"field": "model_raw", "op": "prefix", "pattern": "gpt-5", "set": "team", "value": "first"},
        {"field": "model_raw", "op": "prefix", "pattern": "gpt", "set": "team", "value": "second"},
        {"field": "team", "pattern": "first", "set": "feature", "value": "sees what another rule set"},
        {"field": "team", "pattern": "search", "set": "criticality", "value": "high"},
    )
    after = _applied(ledger, None, *rules, model_raw="gpt-5.2", team="search")
    assert (after["team"], after["feature"], after["criticality"]) == ("first", None, "high")
    assert _applied(ledger, None, *rules, model_raw="gpt-4o")["team"] == "second"
    assert json.loads(after["tags"]) == {"log.team": "search", "log.criticality": "unknown"}


def test_rules_are_tried_in_their_order_not_by_name():
    rules = {"a": {"field": "host", "pattern": "x", "set": "team", "value": "late", "order": 2}}
    rules |= {"b": rules["a"] | {"value": "early", "order": 1}}
    assert list(attribution_rules.rules_in_order(rules)) == ["b", "a"]
    assert attribution_rules.expressions({}) == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"field": "cost_usd"}, "field `cost_usd` is neither tags.<key> nor one of source, host"),
        ({"field": "tags."}, "field `tags.` is neither"),
        ({"op": "like"}, "op: use one of: equals, prefix"),
        ({"op": "regex", "pattern": "(a"}, r"pattern `\(a` is no regular expression"),
        ({"op": "regex", "pattern": r"(?=a)"}, "is no regular expression"),
        ({"set": "cost_usd"}, "set: use one of: team, project"),
        ({"set": "data_class", "value": "secret"}, "data_class `secret` is not one of public, internal, customer"),
        ({"value": ""}, "value: give a text"),
        ({"pattern": "a\0b"}, "a rule cannot hold NUL characters"),
    ],
)
def test_a_wrong_rule_is_refused_in_one_sentence(state, change, reason):
    rule = {"field": "host", "pattern": "x", "set": "team", "value": "y"} | change
    with pytest.raises(BadInput, match=f"^Rule r: .*{reason}"):
        attribution_rules.RULES.save(state, "r", rule)
    assert state.all("rule") == {}


@pytest.mark.heavy
def test_rules_apply_to_rows_being_loaded_and_to_rows_already_loaded_alike(ledger, state, tmp_path):
    rules = {
        "bots": {"field": "tags.key_alias", "op": "prefix", "pattern": "BOT-", "set": "team", "value": "bots' team"},
        "five": {"field": "model_raw", "op": "regex", "pattern": "^gpt-5", "set": "feature", "value": "five"},
        "gold": {"field": "tags.nested.tier", "pattern": "gold", "set": "data_class", "value": "customer"},
    }
    small_ledger.load(ledger, state, tmp_path)
    untouched = small_ledger.rows(ledger, COLUMNS)
    for name, rule in rules.items():
        attribution_rules.RULES.save(state, name, rule)
    changed = reprice.reapply_meaning(ledger, state)
    afterwards = small_ledger.rows(ledger, COLUMNS)

    other = new_ledger(tmp_path / "other")
    small_ledger.load(other, state, tmp_path)
    assert small_ledger.rows(other, COLUMNS) == afterwards != untouched
    other.close()

    assert changed.rows == sum(a != b for a, b in zip(untouched, afterwards, strict=True))
    assert small_ledger.adds_up(ledger)
    assert reprice.reapply_meaning(ledger, state) == (0, None, None, changed.snapshot)
    for name in rules:
        attribution_rules.RULES.forget(state, name)
    assert reprice.reapply_meaning(ledger, state).rows == changed.rows
    assert small_ledger.rows(ledger, COLUMNS) == untouched
    assert small_ledger.adds_up(ledger)
