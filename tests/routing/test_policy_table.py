"""The form and the YAML are two views of one policy."""

from __future__ import annotations

from typing import Any

import pytest

from data.errors import BadInput
from routing.policies.table import constraint_rows, edit_policy, read_condition, rule_rows, write_condition
from routing.policies.text import examples, read_policy


@pytest.mark.parametrize("name", sorted(examples()))
def test_a_policy_survives_the_form(name):
    policy = examples()[name]
    assert edit_policy(policy, rule_rows(policy), constraint_rows(policy)) == policy


def test_every_kind_of_rule_and_condition_is_written_in_one_line():
    policy = read_policy(
        "name: p\nrules:\n  - {when: {input_tokens: {gt: 10, le: 20}, team: {not: [a, b]}}, split: {x: 0.25, y: "
        "0.75}}\n"
        "  - {when: {task_type: coding}, use: z, samples: 5, vote: majority}\n  - {when: {}, cross_check: [x, y]}\n"
    )
    rows = rule_rows(policy)
    assert rows[0]["when"] == "input_tokens>10; input_tokens<=20; team!=a,b" and rows[0]["models"] == "x 25%, y 75%"
    assert (rows[1]["way"], rows[1]["samples"]) == ("vote", 5)
    assert edit_policy(policy, rows, []) == policy
    assert read_condition(write_condition(policy.rules[0].when), "r") == {
        "input_tokens": {"gt": 10, "le": 20},
        "team": {"not": ["a", "b"]},
    }


def test_an_edit_changes_the_policy_and_empty_rows_are_left_out():
    policy = examples()["simple_router"]
    rows: list[dict[str, Any]] = [
        {
            "when": "task_type=coding",
            "way": "cascade",
            "models": "minimax-m2, claude-opus-4-6",
            "confidence_floor": 0.8,
        },
        {"when": "", "models": None},
    ]
    changed = edit_policy(
        policy, rows, [{"when": "data_class=customer", "forbid": "origin=CN; hosting=api"}], fallback=["gpt-5.2"]
    )
    assert changed.rules[0].way == "cascade" and len(changed.rules) == 1
    assert changed.constraints[0].forbid == {"origin": ("CN",), "hosting": ("api",)}
    assert changed.review == policy.review


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"when": "coding", "models": "a"}, "Rule 1: `coding` is no condition"),
        ({"when": "team>5", "models": "a"}, "> goes with input_tokens"),
        ({"when": "task_type=codng", "models": "a"}, "`codng` is no task_type"),
        ({"when": "", "way": "split", "models": "a, b"}, "each model of a split with its share"),
        ({"when": "", "way": "use", "models": "a, b"}, "`use` takes one model"),
        ({"when": "", "way": "guess", "models": "a"}, "`guess` is no way to answer"),
        ({"when": "", "way": "cascade", "models": "a, b"}, "needs a confidence_floor"),
    ],
)
def test_what_the_form_does_not_understand_is_named(row, words):
    with pytest.raises(BadInput, match=words):
        edit_policy(examples()["simple_router"], [row], [])


def test_an_unreachable_rule_is_refused_in_the_form_too():
    rows = [{"when": "", "models": "a"}, {"when": "team=x", "models": "b"}]
    with pytest.raises(BadInput, match="rule 2 can never match"):
        edit_policy(examples()["simple_router"], rows, [])
