"""Hosting has four values; the shipped rules let a forbidden origin pass on no machines but the company's own."""

from __future__ import annotations

import pytest

from data.facts.models import ModelFacts, shipped_catalog
from routing.calling.declarations import checked_provider
from routing.policies.checks import lints
from routing.policies.choice import CLOSED_WEIGHTS, candidates, logged_hosting, refusal
from routing.policies.text import examples, read_policy

WHERE = [
    ("minimax", None, "api"),
    ("openrouter", None, "host"),
    ("together", None, "host"),
    ("aws", None, "cloud"),
    ("azure", None, "cloud"),
    ("vllm", None, "self"),
    ("minimax", "self", "self"),
    (None, None, None),
]


@pytest.mark.parametrize(("provider", "host", "hosting"), WHERE)
def test_where_a_logged_request_ran(provider, host, hosting):
    assert logged_hosting({"provider": provider, "host": host}, shipped_catalog()["minimax-m2"]) == hosting


@pytest.mark.parametrize("name", [name for name in examples() if any(c.forbid for c in examples()[name].constraints)])
@pytest.mark.parametrize(("provider", "host", "hosting"), WHERE)
def test_a_chinese_model_sees_customer_data_on_own_machines_alone(name, provider, host, hosting):
    request = {"data_class": "customer", "model": "minimax-m2", "provider": provider, "host": host}
    refused = refusal(examples()[name], "current", request, shipped_catalog())
    assert (refused is None) is (hosting == "self"), refused
    if hosting:
        asked = refusal(examples()[name], f"minimax-m2@{hosting}", {"data_class": "customer"}, shipped_catalog())
        assert (asked is None) is (hosting == "self")


@pytest.mark.parametrize(
    ("hosting", "words"),
    [
        ("[api]", "forbids hosting api and not cloud or host"),
        ("[api, host]", "forbids hosting api and host and not cloud"),
        ("[host]", "and not api or cloud"),
        ("[api, cloud, host]", None),
        ("[self]", None),
        ("[api, self]", None),
    ],
)
def test_a_policy_that_leaves_a_way_round_is_flagged_and_read_as_it_stands(hosting, words):
    policy = read_policy(f"name: x\nfallback: [a]\nconstraints:\n- forbid: {{origin: CN, hosting: {hosting}}}\n")
    found = lints(policy)
    assert words in found[0] if words else not found
    through = refusal(policy, "minimax-m2@host", {}, shipped_catalog())
    assert (through is None) is ("host" not in hosting)


def test_no_shipped_policy_is_flagged():
    assert [sentence for policy in examples().values() for sentence in lints(policy)] == []


def test_the_makers_terms_say_nothing_about_other_machines():
    facts = ModelFacts(name="m", hipaa_eligible=True, hosted={"cloud": {"hipaa_eligible": True}})
    assert [facts.at(where)["hipaa_eligible"] for where in ("api", "cloud", "host", "self")] == [
        ("true",),
        ("true",),
        None,
        None,
    ]
    body = {"name": "p", "base_url": "https://h.example/v1", "models": [{"model": "gpt-5.2"}]}
    for hosting in ("cloud", "host"):
        provider = checked_provider({**body, "hosting": hosting})
        assert provider.facts(provider.models[0], shipped_catalog()).at(hosting)["hipaa_eligible"] is None
        provider = checked_provider({**body, "hosting": hosting, "hipaa_eligible": True})
        assert provider.facts(provider.models[0], shipped_catalog()).at(hosting)["hipaa_eligible"] == ("true",)


def test_no_policy_sends_work_to_own_machines_that_run_a_closed_model():
    """Whoever logged such a request ran something: what stays is not doubted."""
    catalog = shipped_catalog()
    policy = read_policy("name: p\nrules: [{when: {}, use: gpt-5.2@self}]\nfallback: [minimax-m2@self]")
    choice = candidates(policy, {"data_class": "internal"}, catalog)
    assert choice.refused == (("gpt-5.2@self", CLOSED_WEIGHTS),)
    assert [c.target for c in choice.candidates] == ["minimax-m2@self"]
    stays = read_policy("name: p\nrules: [{when: {}, use: current}]")
    logged = {"model": "gpt-5.2", "host": "self", "provider": "self"}
    assert candidates(stays, logged, catalog).refused == ()
