"""Laws of policies: no path breaks a constraint, text and object are one, unreachable rules are never reached."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.facts.models import shipped_catalog
from routing.policies.choice import candidates, reason_against
from routing.policies.conditions import applies
from routing.policies.policy import Policy
from routing.policies.text import read_policy, write_policy

MODELS = (
    "gpt-5.2",
    "minimax-m2",
    "minimax-m2@self",
    "deepseek-v3.2",
    "deepseek-v3.2@host",
    "claude-opus-4-6",
    "gemini-3-pro",
    "no-facts",
    "current",
)
words = {
    "task_type": ("coding", "chat", "unknown"),
    "criticality": ("high", "low"),
    "data_class": ("customer", "regulated", "public"),
    "team": ("a", "b"),
}
terms = st.one_of(
    *[st.tuples(st.just(k), st.lists(st.sampled_from(v), min_size=1, unique=True)) for k, v in words.items()],
    st.tuples(st.just("input_tokens"), st.sampled_from([{"gt": 1000}, {"le": 5000}, {"ge": 200_000}])),
)
whens = st.lists(terms, max_size=2).map(dict)
targets = st.sampled_from(MODELS)
actions = st.one_of(
    targets.map(lambda t: {"use": t}),
    st.tuples(targets, targets).filter(lambda p: p[0] != p[1]).map(lambda p: {"split": {p[0]: 0.25, p[1]: 0.75}}),
    st.lists(targets, min_size=2, max_size=3, unique=True).map(lambda p: {"cascade": p, "confidence_floor": 0.8}),
    st.lists(targets, min_size=2, max_size=2, unique=True).map(lambda p: {"cross_check": p}),
    targets.map(lambda t: {"use": t, "samples": 3, "vote": "majority"}),
)
facts = st.sampled_from(
    [
        {"origin": ["CN"]},
        {"hosting": ["api"]},
        {"origin": ["CN"], "hosting": ["api"]},
        {"vendor": ["OpenAI"]},
        {"hipaa_eligible": True},
        {"residency": ["US", "EU"]},
    ]
)
constraints = st.tuples(whens, st.sampled_from(["forbid", "require"]), facts).map(lambda c: {"when": c[0], c[1]: c[2]})
policies = st.builds(
    lambda rules, fallback, limits: Policy(
        name="law", rules=[{"when": w, **a} for w, a in rules], fallback=fallback, constraints=limits
    ),
    st.lists(st.tuples(whens, actions), min_size=1, max_size=4),
    st.lists(targets, max_size=2, unique=True),
    st.lists(constraints, max_size=3),
)
requests = st.fixed_dictionaries(
    {
        **{k: st.one_of(st.none(), st.sampled_from(v)) for k, v in words.items()},
        "input_tokens": st.one_of(st.none(), st.integers(0, 300_000)),
        "model": st.sampled_from(["gpt-5.2", "minimax-m2", None]),
        "provider": st.sampled_from(["minimax", "openai", "together", None]),
    }
)


@given(policies, requests)
@example(
    Policy(name="law", rules=[{"when": {}, "use": "current"}]),
    {"input_tokens": 204_801, "model": "minimax-m2", "provider": "minimax"},
)
@settings(max_examples=100, deadline=None)
def test_no_constraint_is_broken_on_any_path(policy, request):
    choice = candidates(policy, request, shipped_catalog())
    active = [c for c in policy.constraints if applies(c.when, request)]
    for candidate in (*choice.candidates, *choice.fallback):
        known = shipped_catalog().get(candidate.model)
        seen = known.at(candidate.hosting) if known else {"model": (candidate.model,)}
        assert not any(reason_against(constraint, seen) for constraint in active)
        window, tokens = known.context_window if known else None, request["input_tokens"]
        # A logged request fitted the model it ran on, whatever the catalogue says.
        assert candidate.target == "current" or not (window and tokens and tokens > window)
    assert bool(choice.candidates) is (choice.way != "refused")
    if choice.way == "split":
        assert sum(c.share for c in choice.candidates) == pytest.approx(1)


@given(policies)
@settings(max_examples=100, deadline=None)
def test_writing_and_reading_changes_nothing(policy):
    try:
        again = read_policy(write_policy(policy))
    except BadInput as error:
        assert re.search("never match|contradicts", str(error))  # built without the checks that reading makes
    else:
        assert again == policy


@pytest.mark.heavy
@given(policies, st.lists(requests, min_size=20, max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_rule_called_unreachable_is_never_reached(policy, sample):
    from routing.policies.checks import contradictions

    dead = {where[1] for where, message in contradictions(policy) if "never match" in message}
    for request in sample:
        assert candidates(policy, request, shipped_catalog()).rule not in dead
