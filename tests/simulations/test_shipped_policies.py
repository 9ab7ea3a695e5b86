"""What the shipped policies do to the sample company: one of them saves, and keeps what Legal says."""

from __future__ import annotations

from analytics import coverage
from data.facts.models import shipped_catalog
from data.ledger import Ledger
from data.prices.book import PriceBook
from routing.policies.text import examples
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from simulations.replay.summary import summary
from simulations.replay.traffic import last_instant


def test_a_shipped_policy_saves_a_fifth_or_more_and_keeps_the_rule(sample_home):
    """Every shipped policy cost more, by 58 % to 419 %: nothing showed what a router is for."""
    ledger = Ledger.open(sample_home)
    view = ledger.at(ledger.snapshot())
    scope = coverage.window(view, 28)
    market = Market(PriceBook(), shipped_catalog(), last_instant(view, scope))
    made = replay(view, scope, examples()["right_sized"], market)
    assert summary(made, market)["savings_pct"] > 20
    kept = made.groups["data_class"].isin(["customer", "regulated"]) & (made.groups["basis"] == "priced")
    flows = made.flows[kept.to_numpy()[made.flows["group"].to_numpy(int)] & (made.flows["answers"] > 0)]
    chinese = {name for name, facts in market.catalog.items() if facts.origin == "CN"}
    assert len(flows) and not set(flows["new_model"]) & chinese
