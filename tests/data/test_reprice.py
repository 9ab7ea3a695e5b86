"""Repricing: what changes is exactly what a fresh load under the new prices would give, as one snapshot."""

from __future__ import annotations

import json

import pytest

from data.loading import reprice
from data.loading.ingest import ingest
from data.prices import aliases, contracts, notes
from data.prices.model_names import canonical_provider
from tests.data import small_ledger
from tests.stores import new_ledger

COLUMNS = "event_id, provider, model, list_cost_usd, cost_usd, cost_basis"


@pytest.mark.heavy
def test_an_override_and_an_alias_reprice_only_what_they_touch(ledger, state, tmp_path):
    small_ledger.load(ledger, state, tmp_path)
    before, version = small_ledger.rows(ledger, COLUMNS), ledger.snapshot()
    assert {row["cost_basis"] for row in before} == {"list", "unpriced"}

    aliases.ALIASES.save(state, "chat", {"pattern": "prod-*", "model": "gpt-5.2"})
    contracts.OVERRIDES.save(state, "deal", {"provider": "openai", "discount": "0.2", "start": "2026-03-01"})
    change = reprice.reprice(ledger, state)
    after = small_ledger.rows(ledger, COLUMNS)
    differing = [new for old, new in zip(before, after, strict=True) if old != new]
    assert change.rows == len(differing) and change.snapshot == ledger.snapshot() == version + 1
    assert {row["cost_basis"] for row in after} == {"list", "contract"}
    assert {row["model"] for row in after} == {"gpt-5.2", "gpt-4o"}
    assert small_ledger.adds_up(ledger)
    assert small_ledger.rows(ledger.at(version), COLUMNS) == before  # the old version can still be read

    fresh = new_ledger(tmp_path / "fresh")
    small_ledger.load(fresh, state, tmp_path)
    assert small_ledger.rows(fresh, COLUMNS) == after
    fresh.close()


@pytest.mark.heavy
def test_repricing_twice_writes_nothing_and_taking_it_back_restores_every_row(ledger, state, tmp_path):
    small_ledger.load(ledger, state, tmp_path)
    before = small_ledger.rows(ledger, COLUMNS)
    assert reprice.reprice(ledger, state).rows == 0
    contracts.OVERRIDES.save(
        state, "deal", {"provider": "openai", "model": "gpt-4o", "prices": {"fresh_input": 1, "output": 2}}
    )
    first = reprice.reprice(ledger, state)
    assert first.rows == 30
    assert reprice.reprice(ledger, state) == (0, None, None, first.snapshot)
    contracts.OVERRIDES.forget(state, "deal")
    assert reprice.reprice(ledger, state).rows == 30
    assert small_ledger.rows(ledger, COLUMNS) == before
    assert small_ledger.adds_up(ledger)


def test_unmetered_and_reported_rows_keep_their_basis(ledger, state, tmp_path):
    small_ledger.load(ledger, state, tmp_path, count=9)
    with ledger.write() as cursor:
        cursor.execute(
            "UPDATE lake.main.usage SET cost_basis = 'unmetered', cost_usd = NULL, fresh_input_tokens = NULL,"
            " output_tokens = NULL, list_cost_usd = NULL WHERE record_no = 1"
        )
        cursor.execute(
            "UPDATE lake.main.usage SET cost_basis = 'reported', cost_usd = 0.5, reported_cost_usd = 0.5 WHERE"
            " record_no = 2"
        )
    assert reprice.reprice(ledger, state).rows == 0


def test_an_error_on_the_way_leaves_the_ledger_as_it_was(ledger, state, tmp_path, monkeypatch):
    small_ledger.load(ledger, state, tmp_path, count=9)
    before, version = small_ledger.rows(ledger, COLUMNS), ledger.snapshot()
    aliases.ALIASES.save(state, "chat", {"pattern": "prod-*", "model": "gpt-5.2"})

    def broken(*_args):
        raise RuntimeError("stopped here")

    monkeypatch.setattr(reprice.rollups, "fold", broken)
    with pytest.raises(RuntimeError):
        reprice.reprice(ledger, state)
    assert small_ledger.rows(ledger, COLUMNS) == before and ledger.snapshot() == version


# As Vercel's AI SDK calls providers: their package's name, and the API behind it.
AI_SDK = [
    "openai.chat",
    "openai.responses",
    "openai.embedding",
    "azure-openai.chat",
    "azure.responses",
    "anthropic.messages",
    "amazon-bedrock",
    "google.generative-ai",
    "google.vertex.chat",
    "vertex.anthropic.messages",
    "mistral.chat",
    "groq.chat",
    "xai.chat",
    "xai.responses",
    "deepseek.chat",
    "cohere.chat",
    "togetherai.chat",
    "fireworks.chat",
    "perplexity",
    "cerebras.chat",
    "deepinfra.chat",
    "openrouter.chat",
    "moonshotai.chat",
]


@pytest.mark.parametrize(
    "word", sorted({*notes.provider_names(), *notes.provider_prefixes(), *AI_SDK, "vertex_ai-chat"})
)
def test_a_provider_is_called_the_same_by_the_engine_and_by_the_price_book(shared_ledger, word):
    for spelled in (word, word.upper(), f" {word} "):
        [engine] = shared_ledger.sql(f"SELECT {notes.provider_sql('x')} AS p FROM (SELECT ? AS x)", [spelled])["p"]
        if not (notes.own_hardware(word) or notes.gateway(word)):
            assert canonical_provider(engine) == canonical_provider(spelled)


@pytest.mark.heavy
def test_reprice_heals_a_provider_that_was_called_wrongly(ledger, state, tmp_path):
    body = {"model": "gpt-4o", "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}}
    log = tmp_path / "log.jsonl"
    log.write_text(
        json.dumps({"timestamp": "2026-10-01T08:00:00Z", "provider": "openai-azure", "response": body}) + "\n"
    )
    ingest(ledger, state, [log])
    assert ledger.sql("SELECT provider FROM lake.main.usage")["provider"].tolist() == ["azure"]
    with ledger.write() as cursor:
        cursor.execute("UPDATE lake.main.usage SET provider = 'openai'")  # as Baton 1.0 called it
    assert reprice.reprice(ledger, state).rows == 1
    assert ledger.sql("SELECT provider FROM lake.main.usage")["provider"].tolist() == ["azure"]
