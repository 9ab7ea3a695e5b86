"""The policy language: what it says, what it refuses, and that nothing gets round a constraint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data.errors import BadInput
from data.facts.models import ModelFacts, shipped_catalog
from routing.policies.checks import dead_ends
from routing.policies.choice import candidates, refusal
from routing.policies.text import examples, read_policy, write_policy

ORCHESTRATOR = """
name: orchestrator
constraints:
  - when: {data_class: [customer, regulated]}
    forbid: {origin: [CN], hosting: [api]}
  - when: {data_class: [regulated]}
    require: {hipaa_eligible: true}
rules:
  - when: {criticality: high}
    use: claude-opus-4.6
  - when: {task_type: coding}
    cascade: [minimax-m2, claude-opus-4.6]
    confidence_floor: 0.85
  - when: {input_tokens: {gt: 100000}}
    use: gemini-3-pro
  - when: {}
    split: {deepseek-v3.2: 0.6, gpt-5.2: 0.4}
fallback: [claude-opus-4.5, gpt-5.2]
review: {confidence_below: 0.90, cost_usd: 4.00}
limits: {max_usd: 25, max_minutes: 1800, halt_below_confidence: 0.85, checkpoints: [0h, 8h, 24h]}
"""


def chosen(policy, **attributes):
    choice = candidates(policy, attributes, shipped_catalog())
    return choice.way, [c.target for c in choice.candidates]


def test_the_policy_of_the_design_is_read_as_written():
    policy = read_policy(ORCHESTRATOR)
    assert len(policy.rules) == 4 and policy.limits.checkpoints == (0, 8, 24)
    assert policy.review.cost_usd == 4.0
    assert policy.rules[1].way == "cascade" and policy.rules[3].split == {"deepseek-v3.2": 0.6, "gpt-5.2": 0.4}


@pytest.mark.parametrize("name", sorted(examples()))
def test_examples_read_back_as_the_same_policy_and_leave_nobody_without_a_model(name):
    policy = examples()[name]
    assert read_policy(write_policy(policy)) == policy
    assert dead_ends(policy, shipped_catalog()) == []


def test_the_first_matching_rule_wins():
    policy = read_policy(ORCHESTRATOR)
    assert chosen(policy, criticality="high", task_type="coding") == ("use", ["claude-opus-4.6"])
    assert chosen(policy, task_type="coding") == ("cascade", ["minimax-m2", "claude-opus-4.6"])
    assert chosen(policy, input_tokens=100_001) == ("use", ["gemini-3-pro"])
    assert chosen(policy, input_tokens=100_000) == ("split", ["deepseek-v3.2", "gpt-5.2"])
    assert chosen(policy) == ("split", ["deepseek-v3.2", "gpt-5.2"])  # unknown tokens lie in no range


def test_constraints_take_targets_away_and_say_why():
    policy = read_policy(ORCHESTRATOR)
    choice = candidates(policy, {"task_type": "coding", "data_class": "customer"}, shipped_catalog())
    assert (choice.way, [c.model for c in choice.candidates]) == ("use", ["claude-opus-4-6"])
    assert choice.refused == (("minimax-m2", "origin CN with hosting api is forbidden"),)
    split = candidates(policy, {"data_class": "customer"}, shipped_catalog())
    assert [(c.target, c.share) for c in split.candidates] == [("gpt-5.2", 1.0)]


def test_unknown_facts_are_not_allowed():
    policy = read_policy(
        "name: p\nconstraints: [{when: {}, require: {hipaa_eligible: true}}]\nrules: [{when: {}, use: "
        "gemini-3-pro}]\nfallback: [gpt-5.2]"
    )
    choice = candidates(policy, {}, shipped_catalog())
    assert (choice.way, choice.candidates[0].model) == ("fallback", "gpt-5.2")
    assert "hipaa_eligible is unknown" in choice.refused[0][1]
    strict = read_policy(
        "name: p\nconstraints: [{when: {}, forbid: {origin: [CN]}}]\nrules: [{when: {}, use: no-facts}]"
    )
    assert candidates(strict, {}, shipped_catalog()).way == "refused"


def test_the_hosting_of_a_target_counts():
    policy = read_policy(
        "name: p\nconstraints: [{when: {}, forbid: {origin: [CN], hosting: [api]}}]\n"
        "rules: [{when: {task_type: coding}, use: minimax-m2@self}, {when: {}, use: minimax-m2}]"
    )
    assert chosen(policy, task_type="coding") == ("use", ["minimax-m2@self"])
    assert chosen(policy)[0] == "refused"


def test_current_keeps_the_model_and_the_way_it_was_run():
    policy = read_policy(
        "name: p\nconstraints: [{when: {}, forbid: {origin: [CN], hosting: [api]}}]\nrules: [{when: {}, use: current}]"
    )
    assert chosen(policy, model="minimax-m2", provider="minimax")[0] == "refused"
    assert chosen(policy, model="minimax-m2", provider="together")[0] == "use"
    assert chosen(policy, model="minimax-m2", provider="minimax", host="self")[0] == "use"
    assert chosen(policy, model="minimax-m2")[0] == "refused"  # who served it is unknown


def test_a_request_longer_than_the_window_goes_to_the_fallback():
    policy = read_policy("name: p\nrules: [{when: {}, use: deepseek-v3.2}]\nfallback: [gpt-5.2]")
    assert chosen(policy, input_tokens=128_000)[0] == "use"
    choice = candidates(policy, {"input_tokens": 128_001}, shipped_catalog())
    assert choice.way == "fallback" and "context window of 128,000" in choice.refused[0][1]


def test_a_verifier_sees_the_data_and_is_constrained_too():
    text = (
        "name: p\nconstraints: [{when: {}, forbid: {origin: [CN]}}]\n"
        "rules: [{when: {}, cascade: [gpt-5-mini, gpt-5.2], confidence_floor: 0.9, "
        "confidence: verifier, verifier: deepseek-v3.2}]"
    )
    policy = read_policy(text)
    assert chosen(policy) == ("use", ["gpt-5.2"])
    assert refusal(policy, "deepseek-v3.2", {}, shipped_catalog()) == "origin CN is forbidden"
    assert refusal(policy, "gpt-5.2", {}, shipped_catalog()) is None


def test_fallback_lists_only_what_is_allowed_and_new():
    policy = read_policy(ORCHESTRATOR)
    choice = candidates(policy, {"criticality": "high"}, shipped_catalog())
    assert [c.target for c in choice.fallback] == ["claude-opus-4.5", "gpt-5.2"]
    choice = candidates(policy, {"data_class": "customer"}, shipped_catalog())
    assert [c.target for c in choice.fallback] == ["claude-opus-4.5"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "name: x\nrules:\n  - when:\n      task_type: [codng]\n    use: a\n",
            "line 4: .*`codng` is no task_type; use one of: coding, reasoning",
        ),
        ("name: x\nrules:\n  - when: {}\n    usee: a\n", "line 4: .*unknown field; use one of: when, use, split"),
        ("name: x\nrules:\n  - when: {colour: red}\n    use: a\n", "`colour` is no dimension; use one of: task_type"),
        ("name: x\nrules:\n  - when: {input_tokens: 5}\n    use: a\n", "takes a range"),
        ("name: x\nrules:\n  - when: {input_tokens: {gt: 5, lt: 5}}\n    use: a\n", "no whole number"),
        (
            "name: x\nrules:\n  - when: {}\n    use: a@moon\n",
            "after @ stands the hosting, one of: self, cloud, host, api",
        ),
        (
            "name: x\nrules:\n  - when: {}\n    use: a\n    split: {b: 1.0}\n",
            "exactly one of use, split, cascade, cross_check; found use and split",
        ),
        ("name: x\nrules:\n  - when: {}\n    split: {a: 0.5, b: 0.4}\n", "sum to 0.9, not to 1"),
        ("name: x\nrules:\n  - when: {}\n    cascade: [a, b]\n", "needs a confidence_floor"),
        ("name: x\nrules:\n  - when: {}\n    use: a\n    samples: 5\n", "samples above 1 and vote"),
        (
            "name: x\nrules:\n  - when: {}\n    cascade: [a, b]\n    confidence_floor: 85\n",
            r"at most 1 \(got 85\)",
        ),
        ("name: x\nfallback: [a]\nlimits: {max_usd: -1}\n", r"line 3: limits.max_usd: .*above 0 \(got -1\)"),
        ("name: x\nfallback: [a]\nlimits: {checkpoints: [soon]}\n", "`soon` is no time; write 0h, 30m or 2d"),
        (
            "name: x\nfallback: [a]\nconstraints:\n  - when: {}\n    forbid: {country: [CN]}\n",
            "line 5: .*`country` is no model fact; use one of: model, vendor",
        ),
        ("name: x\nfallback: [a]\nconstraints:\n  - when: {}\n", "needs forbid or require"),
        (
            "name: x\nfallback: [a]\nconstraints:\n  - forbid: {hosting: [moon]}\n",
            "`moon` is no value of hosting; use one of: self, cloud, host, api",
        ),
        ("name: x\n", "at least one rule or a fallback"),
        ("fallback: [a]\n", "name: is required"),
        ("- a\n", "found a list"),
        ("", "found nothing"),
        ("name: x\nrules: [{when: {}, use: a}, {when: {team: b}, use: c}]", "rule 2 can never match"),
        (
            "name: x\nrules: [{when: {criticality: [high, normal]}, use: a}, {when: {criticality: [low, unknown]}, "
            "use: b}, {when: {}, use: c}]",
            "rule 3 can never match",
        ),
        (
            "name: x\nrules: [{when: {input_tokens: {le: 9}}, use: a}, {when: {input_tokens: {lt: 10}}, use: b}]",
            "rule 2 can never match",
        ),
        ("name: x\nfallback: [a, b, a]\n", "comes back to `a`: a loop"),
        ("name: x\nrules: [{when: {}, cascade: [a, b, a], confidence_floor: 0.5}]", "comes back to `a`: a loop"),
        (
            "name: x\nfallback: [a]\nconstraints: [{when: {}, require: {hosting: self}}, {when: {team: t}, forbid: "
            "{hosting: self}}]",
            "constraint 2 contradicts constraint 1 about hosting",
        ),
        (
            "name: x\nfallback: [a]\nconstraints: [{when: {}, require: {origin: [US]}}, {when: {}, require: "
            "{origin: [CN, FR]}}]",
            "contradicts constraint 1 about origin",
        ),
        (
            "name: x\nfallback: [a]\nconstraints: [{require: {origin: [US]}, forbid: {origin: [US]}}]",
            "contradicts itself about origin",
        ),
        ("a: &x [1]\nb: [*x]", "anchors and aliases"),
        ("a: !!python/object:os.system x", "the tag .* is not allowed"),
        ("name: x\nname: y\nfallback: [a]", "line 2: `name` is given twice"),
        ("name: [x\n", "not valid YAML"),
        ("? [a]\n: b\n", "a key must be a plain word"),
        ("a: " + "[" * 30 + "]" * 30, "nested more than 16"),
        ("name: " + "x" * 300_000, "characters; at most"),
    ],
)
def test_what_is_wrong_is_named(text, words):
    with pytest.raises(BadInput) as error:
        read_policy(text, "p.yaml")
    assert re.search(words, str(error.value)), error.value


def test_a_yaml_bomb_is_refused_before_it_grows():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(BadInput, match="anchors and aliases"):
        read_policy(bomb)


@pytest.mark.parametrize(
    "text",
    [
        # Neighbours that touch but do not cover each other.
        "name: x\nrules: [{when: {criticality: [high, normal]}, use: a}, {when: {criticality: [low]}, use: b}, "
        "{when: {}, use: c}]",
        "name: x\nrules: [{when: {input_tokens: {lt: 9}}, use: a}, {when: {input_tokens: {lt: 10}}, use: b}]",
        "name: x\nrules: [{when: {input_tokens: {ge: 0}}, use: a}, {when: {}, use: "
        "b}]",  # unknown token counts are left
        "name: x\nrules: [{when: {team: a}, use: a}, {when: {team: {not: a}}, use: b}]",
        "name: x\nfallback: [a]\nconstraints: [{when: {team: s}, require: {hosting: self}}, {when: {team: t}, "
        "forbid: {hosting: self}}]",
        "name: x\nfallback: [a]\nconstraints: [{require: {origin: [US, FR]}}, {require: {origin: [FR, DE]}}]",
    ],
)
def test_sound_policies_are_accepted(text):
    assert read_policy(text).name == "x"


def test_dead_ends_are_found_where_they_are():
    policy = read_policy(
        "name: p\nconstraints: [{when: {data_class: regulated}, require: {hipaa_eligible: true}}]\nrules: [{when: "
        "{}, use: deepseek-v3.2}]"
    )
    (end,) = dead_ends(policy, shipped_catalog())
    assert end.startswith("data_class regulated has no model left (deepseek-v3.2: its hipaa_eligible is unknown")


def test_checkpoints_take_hours_and_shares():
    limits = read_policy("name: p\nfallback: [a]\nlimits: {checkpoints: [0h, 50%, 90m, 2d]}").limits
    assert (limits.checkpoints, limits.checkpoint_shares) == ((0, 1.5, 48), (0.5,))


# -- laws ----------------------------------------------------------------------------------------


def test_facts_may_be_given_per_endpoint():
    """The live lab describes its own endpoints; a whole target's facts win over the model's."""
    local = {
        **shipped_catalog(),
        "smollm2": ModelFacts(name="smollm2", vendor="us", origin="US", hosting=("self",), hipaa_eligible=False),
    }
    policy = read_policy("name: p\nconstraints: [{require: {hosting: self}}]\nrules: [{when: {}, use: smollm2}]")
    assert candidates(policy, {}, local).candidates[0].hosting == "self"


def test_examples_are_files_in_the_repository():
    folder = Path(__file__).parents[2] / "routing/policies/examples"
    assert {p.stem for p in folder.glob("*.yaml")} == set(examples())


@pytest.mark.parametrize("ban", ["{origin: cn}", "{origin: ' CN '}", "{vendor: deepseek}", "{model: DeepSeek-V3.2}"])
def test_a_ban_holds_however_it_is_written(ban):
    facts = shipped_catalog()
    policy = read_policy(f"name: p\nconstraints: [{{forbid: {ban}}}]\nrules: [{{use: deepseek-v3.2}}]\n")
    assert refusal(policy, "deepseek-v3.2", {}, facts) and not refusal(policy, "gpt-5.2", {}, facts)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("constraints: [{forbid: {origin: China}}]", "two letters"),
        ("constraints: [{forbid: {origin: NO}}]", "put it in quotes"),
        ("constraints: [{when: {team: no}, forbid: {origin: CN}}]", "put it in quotes"),
        ("constraints: [{when: {team: 1.10}, forbid: {origin: CN}}]", "put it in quotes"),
        ("guardrails: {output_must_match: '('}", "no regular expression"),
        ("guardrails: {output_schema: {type: 7}}", "no JSON schema"),
        ("guardrails: {output_schema: {$ref: 'http://127.0.0.1:9/x'}}", "leads out"),
        ("guardrails: {output_schema: {$ref: 'file:///etc/passwd'}}", "leads out"),
        ("guardrails: {output_schema: {$ref: '#/$defs/a', $defs: {a: {$ref: '#/$defs/a'}}}}", "circle"),
        ("guardrails: {output_schema: {properties: {x: {$ref: '#/$defs/a'}}}}", "nowhere"),
        ("guardrails: {forbidden_actions: ['']}", "withhold every answer"),
    ],
)
def test_what_would_not_hold_is_refused(part, said):
    with pytest.raises(BadInput, match=said):
        read_policy(f"name: p\nrules: [{{when: {{}}, use: a}}]\n{part}\n")


def test_checkpoints_in_any_form_all_count():
    text = "name: p\nrules: [{when: {}, use: a}]\nlimits: {checkpoints: [8h, 50%], checkpoint_shares: [0.25]}\n"
    limits = read_policy(text).limits
    assert limits.checkpoints == (8,) and limits.checkpoint_shares == (0.25, 0.5)
