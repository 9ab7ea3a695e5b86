"""The policy in force: one at a time, audited, obeyed; refused by name when it is gone."""

from __future__ import annotations

import json

import pytest

from data.errors import BadInput
from data.facts.models import current
from data.state import State
from routing.__main__ import main
from routing.policies.choice import refusal
from routing.policies.in_force import (
    THE_ONE,
    forbidden,
    in_force,
    judge,
    mark,
    policy_for_advice,
    shipped_constraints,
    under,
    who_may_lift,
)
from routing.policies.saved_policies import POLICIES, known_policies
from routing.policies.text import read_policy

OURS = {
    "name": "ours",
    "constraints": [{"when": {"team": "research"}, "forbid": {"vendor": "OpenAI"}}],
    "rules": [{"use": "current"}],
}


def test_one_policy_is_in_force_and_the_trail_says_who_marked_it(state):
    assert in_force(state) is None and policy_for_advice(state) == shipped_constraints()
    POLICIES.save(state, "ours", OURS)
    first, second = "ours", next(name for name in known_policies(state) if name != "ours")
    ada = State(state.path, "ada")
    mark(ada, first, "Legal")
    assert (in_force(state).name, who_may_lift(state)) == (first, "Legal")
    mark(ada, second)
    assert in_force(state).name == second and who_may_lift(state) == "" and list(state.all("in_force")) == [THE_ONE]
    mark(State(state.path, "bob"), None)
    assert in_force(state) is None
    trail = [(e.event, e.actor, e.detail.get("policy")) for e in state.audit()][:3]
    assert trail == [
        ("policy in force removed", "bob", None),
        ("policy in force saved", "ada", second),
        ("policy in force saved", "ada", first),
    ]


def test_a_changed_policy_holds_at_once_and_one_that_is_gone_is_named(state):
    POLICIES.save(state, "ours", OURS)
    mark(state, "ours")
    request = {"team": "research", "data_class": "customer"}
    assert "vendor OpenAI is forbidden" in forbidden(state)("openai", "gpt-5.2", request)
    assert forbidden(state)("openai", "gpt-5.2", {"team": "search"}) is None
    assert forbidden(state)("minimax", "minimax-m2", request) is None  # what shipped gave way
    POLICIES.save(state, "ours", OURS | {"constraints": [{"forbid": {"origin": "CN"}}]})
    assert forbidden(state)("openai", "gpt-5.2", request) is None
    assert forbidden(state)("minimax", "minimax-m2", {})
    POLICIES.forget(state, "ours")
    for asked in (in_force, policy_for_advice, forbidden):
        with pytest.raises(BadInput, match="“ours”, is not saved any more"):
            asked(state)
    with pytest.raises(BadInput, match="no policy “theirs”"):
        mark(state, "theirs")


def test_a_live_run_keeps_the_constraints_in_force_beside_the_policys_own(state):
    free = read_policy("name: free\nfallback: [gpt-5.2]\n")
    assert under(state, free) is free
    POLICIES.save(state, "ours", OURS)
    mark(state, "ours")
    tried = under(state, free)
    assert tried.name == "free" and refusal(tried, "gpt-5.2", {"team": "research"}, current(state))
    assert refusal(tried, "gpt-5.2", {"team": "search"}, current(state)) is None
    assert under(state, tried) is tried


def test_a_trial_keeps_the_lower_of_two_limits(state):
    held = read_policy("name: held\nfallback: [gpt-5.2]\nlimits: {max_p95_ms: 8000, max_failure_share: 0.02}")
    POLICIES.save(state, "held", held)
    mark(state, "held")
    own = read_policy(
        "name: own\nfallback: [gpt-5.2]\nlimits: {max_p95_ms: 20000, max_failure_share: 0.01, max_usd: 3}"
    )
    limits = under(state, own).limits
    assert (limits.max_p95_ms, limits.max_failure_share, limits.max_usd) == (8000, 0.01, 3)


def test_a_policy_that_forbids_every_model_leaves_no_offer(state):
    POLICIES.save(
        state, "nothing", {"name": "nothing", "constraints": [{"require": {"vendor": "nobody"}}], "fallback": ["a"]}
    )
    mark(state, "nothing")
    held = forbidden(state)
    assert all(held("openai", model, {}) for model in current(state))


def test_a_model_nobody_knows_is_refused_where_a_constraint_asks(state):
    held = judge(shipped_constraints(), current(state))
    assert held("self", "homemade", {"data_class": "customer"}) is not None
    assert held("self", "homemade", {"data_class": "internal"}) is None


def test_the_command_marks_shows_and_lifts(home, state, capsys):
    POLICIES.save(state, "ours", OURS)
    where = ["--home", str(home)]
    assert main(["policy", "in-force", "ours", "--lifted-by", "Legal", *where]) == 0
    assert "“ours”, 1 constraint; lifted by Legal." in capsys.readouterr().out
    assert main(["policy", "in-force", "show", "--json", *where]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["in_force"] == "ours" and told["policy"]["constraints"][0]["forbid"] == {"vendor": ["OpenAI"]}
    assert main(["policy", "in-force", "theirs", *where]) == 1
    assert "There is no policy “theirs”" in capsys.readouterr().err
    assert main(["policy", "in-force", "none", *where]) == 0 and in_force(state) is None
    capsys.readouterr()
    assert main(["policy", "in-force", "show", "--json", *where]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: told[name] for name in ("in_force", "lifted_by", "policy")} == {
        "in_force": None,
        "lifted_by": "",
        "policy": None,
    }
