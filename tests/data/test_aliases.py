"""Logged names find their price, and what the operator says comes first."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.prices import aliases, model_names
from data.prices import catalogue as price_catalogue
from data.prices.book import PriceBook
from data.state import State

CASES = yaml.safe_load((Path(__file__).parent.parent / "cases" / "prices_names.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["log"]))
def test_a_logged_name_finds_its_price(case):
    provider, region, name = case["log"]
    match = PriceBook.load().match(provider, None, region, name)
    assert [match.provider, match.model] == case["is"]
    assert ([match.price_provider, match.price_model] if match.found else None) == case["price"]
    assert match.factor == Decimal(str(case.get("factor", 1)))
    assert match.found == (match.matched_by != "not found")


@pytest.mark.parametrize("case", [c for c in CASES if c["price"]], ids=lambda case: str(case["log"]))
def test_a_row_priced_once_keeps_its_price_when_it_is_priced_again(case):
    _, region, name = case["log"]
    book = PriceBook.load()
    first = book.match(case["log"][0], None, region, name)
    again = book.match(first.provider, None, region, name)
    assert again._replace(matched_by="") == first._replace(matched_by="")


def test_every_id_of_the_catalogue_finds_itself():
    for provider, model in price_catalogue.models():
        found = model_names.match(provider, None, model)
        assert (found.price_provider, found.price_model) == (provider, model)


@pytest.mark.heavy
@settings(max_examples=100, deadline=None)
@given(st.one_of(st.none(), st.text(max_size=12)), st.text(max_size=40))
def test_no_name_breaks_the_lookup(provider, name):
    match = model_names.match(provider, None, name)
    assert match.factor >= 1
    assert model_names.match(match.provider, None, name).found == match.found or provider is None or not match.found


def test_an_alias_comes_before_the_catalogue_and_the_narrower_alias_before_the_wider():
    book = PriceBook(
        aliases={
            "all": {"pattern": "prod-*", "model": "gpt-4o-mini"},
            "chat": {"pattern": "PROD-CHAT*", "model": "gpt-5.2"},
            "azure": {"pattern": "prod-chat*", "provider": "azure", "model": "gpt-4o"},
            "exact": {"pattern": "prod-chat-9", "model": "claude-opus-4-6", "price_provider": "anthropic"},
            "known": {"pattern": "gpt-4", "model": "gpt-4o"},
        }
    )
    named = {
        name: book.match(provider, None, None, name)
        for provider, name in (
            ("openai", "prod-x"),
            ("openai", "prod-chat-1"),
            ("azure_openai", "prod-chat-2"),
            ("openai", "prod-chat-9"),
            ("openai", "gpt-4"),
        )
    }
    assert {name: (m.provider, m.model) for name, m in named.items()} == {
        "prod-x": ("openai", "gpt-4o-mini"),
        "prod-chat-1": ("openai", "gpt-5.2"),
        "prod-chat-2": ("azure", "gpt-4o"),
        "prod-chat-9": ("openai", "claude-opus-4-6"),
        "gpt-4": ("openai", "gpt-4o"),
    }
    assert named["prod-x"].matched_by == "alias `prod-*`"
    assert named["prod-chat-9"].price_provider == "anthropic"


@pytest.mark.parametrize("provider", ["openai", "azure", "aws", "litellm", None])
@pytest.mark.parametrize("only_for", [None, "azure", "aws", "litellm"])
@pytest.mark.parametrize("priced_as", [None, "anthropic"])
def test_an_aliased_row_keeps_its_price_when_it_is_priced_again(provider, only_for, priced_as):
    book = PriceBook(
        aliases={
            "a": {"pattern": "prod-*", "model": "claude-opus-4-6", "provider": only_for, "price_provider": priced_as}
        }
    )
    first = book.match(provider, None, None, "prod-1")
    again = book.match(first.provider, None, None, "prod-1")
    if only_for != "litellm":  # a gateway's name is gone once the seller is known
        assert again == first


def test_an_alias_to_a_name_nobody_prices_names_the_model_and_leaves_it_unpriced():
    book = PriceBook(aliases={"own": {"pattern": "llama-prod", "model": "Llama-4-Ours"}})
    match = book.match("vllm", None, None, "llama-prod")
    assert (match.model, match.found) == ("llama-4-ours", False)


def test_an_alias_names_a_model_on_own_machines_without_lending_it_the_maker_s_price():
    alias = {"pattern": "prod", "model": "DeepSeek-V3.2"}
    match = PriceBook(aliases={"a": alias}).match("vllm", None, None, "prod")
    assert (match.provider, match.model, match.found) == ("vllm", "deepseek-v3.2", False)
    priced_as = PriceBook(aliases={"a": alias | {"price_provider": "deepseek"}}).match("vllm", None, None, "prod")
    assert (priced_as.provider, priced_as.price_provider, priced_as.found) == ("vllm", "deepseek", True)


def test_a_wrong_alias_is_refused_with_its_field(state):
    with pytest.raises(BadInput, match="Alias a: model: is required"):
        aliases.ALIASES.save(state, "a", {"pattern": "x"})
    with pytest.raises(BadInput, match="Alias a: colour: .*use one of: pattern, model"):
        aliases.ALIASES.save(state, "a", {"pattern": "x", "model": "gpt-4o", "colour": "red"})
    assert state.all("alias") == {} and state.audit() == []


def test_saving_and_forgetting_an_alias_is_audited(state):
    aliases.ALIASES.save(State(state.path, "ann"), "a", {"pattern": "prod", "model": "gpt-4o"})
    assert PriceBook.load(state).match("openai", None, None, "prod").model == "gpt-4o"
    aliases.ALIASES.forget(State(state.path, "bob"), "a")
    assert not PriceBook.load(state).match("openai", None, None, "prod").found
    assert [(entry.event, entry.actor) for entry in state.audit()] == [("alias removed", "bob"), ("alias saved", "ann")]
