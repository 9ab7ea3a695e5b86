"""Tokens of two models on the same calls, against a bootstrap over the rows, and what they do to a price."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from analytics.scope import Scope
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from routing.policies.text import read_policy
from simulations.replay.pair_ratios import pair_ratios
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from simulations.replay.summary import summary
from tests.simulations.ledgers import ledger_of

CALLS = 60


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Calls that gpt-5.2 answered and gpt-5-mini again, a failed third, and single ones; with what each counted."""
    rng = np.random.default_rng(4)
    read = rng.integers(500, 5000, CALLS)
    counts = np.column_stack([read, read * rng.normal(1.12, 0.03, CALLS), rng.integers(50, 400, (CALLS, 2))]).round()
    rows = []
    for number, (old, new, said, again) in enumerate(counts.astype(int).tolist()):
        call = {"call_id": f"b{number}", "requested_at": datetime.fromisoformat("2026-10-06T10:00")}
        rows.append({**call, "fresh_input_tokens": old, "output_tokens": said})
        second = {"model": "gpt-5-mini", "model_raw": "gpt-5-mini", "fresh_input_tokens": new, "output_tokens": again}
        rows.append({**call, **second, "attempt": 2})
        rows.append({**call, "model": "gpt-5-nano", "attempt": 3, "status": "error"})
    ledger = ledger_of(tmp_path_factory.mktemp("pairs"), rows + [{}] * 30)
    return ledger.at(ledger.snapshot()), counts


@pytest.mark.heavy
def test_a_pairs_ratios_are_those_of_the_sums_and_their_range_that_of_a_bootstrap(both):
    view, (old, new, said, again) = both[0], both[1].T
    found = pair_ratios(view, Scope.of(view))
    assert set(found) == {("gpt-5.2", "gpt-5-mini"), ("gpt-5-mini", "gpt-5.2")}  # what failed was no answer
    draws = np.random.default_rng(0).integers(0, CALLS, (4000, CALLS))
    for told, one, two in zip(found["gpt-5.2", "gpt-5-mini"], (old, said), (new, again), strict=True):
        low, high = np.quantile(two[draws].sum(1) / one[draws].sum(1), [0.025, 0.975])
        assert told.value == pytest.approx(two.sum() / one.sum()) and told.calls == CALLS
        assert (told.low, told.high) == (pytest.approx(low, rel=0.02), pytest.approx(high, rel=0.02))
    there, back = found["gpt-5.2", "gpt-5-mini"].tokenizer, found["gpt-5-mini", "gpt-5.2"].tokenizer
    assert there.value * back.value == pytest.approx(1)


def test_what_moves_is_priced_at_the_tokens_that_were_measured(both):
    """Input by the tokenizer, output by what is written; without the pair both are taken as equal."""
    view, (old, new, said, again) = both[0], both[1].T
    at, scope = datetime.fromisoformat("2026-10-20"), Scope.of(both[0])
    measured = Market(PriceBook(), shipped_catalog(), at, pairs=pair_ratios(view, scope))
    policy = read_policy("name: p\nrules: [{when: {model: [gpt-5.2]}, use: gpt-5-mini}, {when: {}, use: current}]")
    tokens = {"fresh_input": old.sum() + 30 * 1000, "output": said.sum() + 30 * 200}
    text, length = new.sum() / old.sum(), again.sum() / said.sum()
    told = summary(replay(view, scope, policy, measured), measured)
    moved = next(row for row in told["by_model"] if row["model"] == "gpt-5-mini")["policy_cost_usd"]
    kept = float(view.sql(f"SELECT sum(cost_usd) FROM {view.name('usage')} WHERE model = 'gpt-5-mini'").iloc[0, 0])
    quote = PriceBook().quote(
        "openai",
        "gpt-5-mini",
        at,
        fresh_input=round(tokens["fresh_input"] * text),
        output=round(tokens["output"] * length),
    )
    assert moved - kept == pytest.approx(float(quote.cost_usd), rel=1e-4)
    assert any("60 calls of this log that both answered" in words for words in told["assumptions"])
    assert measured.verbosity("gpt-5.2", "gpt-5-mini").known
    plain = Market(PriceBook(), shipped_catalog(), at)
    assert plain.tokenizer("gpt-5.2", "gpt-5-mini") == (1.0, 0.9, 1.15, False)
