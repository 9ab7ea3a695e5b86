"""Providers from a LiteLLM config: what our own export writes reads back; other configs by what they say."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest
import yaml

from data.errors import BadInput
from data.facts.models import current
from data.prices.book import PriceBook
from routing.calling.declarations import checked_provider
from routing.calling.litellm_models import PLACES, read_litellm_models
from routing.calling.offer_prices import with_book_prices
from routing.export import export_policy
from routing.policies.text import read_policy

NOW = datetime(2026, 11, 1)  # noqa: DTZ001 - UTC, naive as everywhere in the engine


def config(*entries: dict) -> str:
    return yaml.safe_dump({"model_list": list(entries)})


def deployment(model: str, name: str = "m", **params) -> dict:
    return {"model_name": name, "litellm_params": {"model": model, **params}}


def test_what_the_export_writes_reads_back(state):
    declared = [
        checked_provider(
            {
                "name": "openai",
                "base_url": "https://api.openai.com/v1",
                "key_env": "OPENAI_API_KEY",
                "requests_per_minute": 500,
                "models": [
                    {
                        "model": "gpt-5.2",
                        "input_usd_per_mtok": 1.75,
                        "output_usd_per_mtok": 14,
                        "output_field": "max_completion_tokens",
                    }
                ],
            }
        ),
        checked_provider(
            {
                "name": "anthropic",
                "base_url": "https://api.anthropic.com",
                "protocol": "anthropic",
                "key_env": "ANTHROPIC_API_KEY",
                "models": [{"model": "claude-opus-4-6"}],
            }
        ),
    ]
    policy = read_policy("name: p\nrules: [{when: {}, use: gpt-5.2}]\nfallback: [claude-opus-4-6]\n")
    text, _ = export_policy(policy, "litellm", declared, current(state))
    exported = yaml.safe_load(text)
    assert {"rule-1": ["claude-opus-4-6"]} in exported["router_settings"]["fallbacks"]
    whole, left_out = read_litellm_models(text)  # the file as it was downloaded, its fallbacks included
    assert {offer.model for one in whole for offer in one.models} == {"gpt-5.2", "claude-opus-4-6", "rule-1"}
    assert left_out == []
    exported["model_list"] = [one for one in exported["model_list"] if one["model_name"] != "rule-1"]
    read, left_out = read_litellm_models(json.dumps(exported))
    assert list(read) == declared and left_out == []


def test_a_second_key_or_address_is_an_endpoint_of_its_own_and_slashes_belong_to_the_model():
    read, left_out = read_litellm_models(
        config(
            deployment("gpt-5.2", "a", api_key="os.environ/OPENAI_API_KEY"),
            deployment("openai/gpt-5.2", "b", api_key="os.environ/BATON_KEY_TWO"),
            deployment("openrouter/meta/llama-4", "c"),
            deployment("hosted_vllm/qwen", "d", api_base="https://gpu.example.com/v1", rpm=60),
            deployment("gpt-5.2", "a", api_key="os.environ/OPENAI_API_KEY"),
        )
    )
    assert [(p.name, [o.upstream for o in p.models]) for p in read] == [
        ("openai", ["gpt-5.2"]),
        ("openai-2", ["gpt-5.2"]),
        ("openrouter", ["meta/llama-4"]),
        ("hosted_vllm", ["qwen"]),
    ]
    assert left_out == [] and read[3].hosting == "self" and read[3].requests_per_minute == 60


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (deployment("bedrock/anthropic.claude"), "no protocol for bedrock"),
        (deployment("hosted_vllm/x"), "needs an api_base"),
        (deployment("gpt-5.2", api_key="sk-secret-CANARY"), "api_key is written down"),
        ({"model_name": "x"}, "no litellm_params"),
        (7, "no litellm_params"),
    ],
)
def test_what_cannot_be_called_is_told_without_its_key(entry, said):
    good = deployment("gpt-5.2", api_key="os.environ/OPENAI_API_KEY")
    read, left_out = read_litellm_models(config(good, entry))
    assert len(read) == 1 and said in left_out[0] and "CANARY" not in str(left_out)
    with pytest.raises(BadInput, match="can be called from here"):
        read_litellm_models(config(entry))


@pytest.mark.parametrize("text", ["", "a: 1", "model_list: []", "model_list: 7", "- x", "{"])
def test_what_is_no_config_is_refused_in_a_sentence(text):
    with pytest.raises(BadInput):
        read_litellm_models(text)


def test_every_place_is_an_address_that_a_provider_may_have():
    for name, place in PLACES.items():
        if place.base_url:
            checked_provider(
                {"name": name, "base_url": place.base_url, "protocol": place.protocol, "models": [{"model": "m"}]}
            )


def test_prices_come_from_the_book_unless_they_are_stated_or_the_machines_are_ones_own():
    offers = [{"model": "gpt-5.2"}, {"model": "cheap", "input_usd_per_mtok": 1}, {"model": "nobody-knows"}]
    given = checked_provider({"name": "openai", "base_url": "https://api.openai.com/v1", "models": offers})
    priced, unknown = with_book_prices(given, PriceBook.load(None), NOW)
    assert unknown == ["nobody-knows"]
    assert priced.models[0].input_usd_per_mtok == Decimal("1.75") and priced.models[0].output_usd_per_mtok == 14
    assert priced.models[1] == given.models[1]
    own = given.model_copy(update={"hosting": "self"})
    assert with_book_prices(own, PriceBook.load(None), NOW) == (own, [])


def test_prices_and_limits_written_as_text_are_numbers_and_odd_entries_cost_themselves():
    read, left_out = read_litellm_models(
        config(
            deployment("gpt-5.2", "a", input_cost_per_token="3e-06", output_cost_per_token="0.000003", rpm="100"),
            deployment("hosted_vllm/x", "b", api_base="os.environ/BASE"),
            deployment("hosted_vllm/y", "c", api_base="localhost:8000"),
            deployment("openai/*", "d"),
        )
    )
    ((offer,), rpm) = (read[0].models, read[0].requests_per_minute)
    assert (offer.price.input, offer.price.output, rpm) == (Decimal(3), Decimal(3), 100)
    assert len(read) == 1 and len(left_out) == 3
