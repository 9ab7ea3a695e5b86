"""The price half of the real response bodies: equal to the data set's, but for differences listed with their reason."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import yaml

from tests.data.body_prices import REASONS, compare

LISTED = Path(__file__).parent.parent / "cases" / "usage_body_price_differences.yaml"


def test_every_body_costs_what_the_data_set_says_or_is_listed_with_a_reason(shared_data):
    listed = {
        (line["body"], line["provider"], line["flavor"]): (
            Decimal(line["expected"]),
            line["ours"] and Decimal(line["ours"]),
            line["reason"],
        )
        for line in yaml.safe_load(LISTED.read_text())
    }
    compared = list(compare(shared_data / "usage_bodies"))
    found = {
        (c.body, c.provider, c.flavor): (c.expected, c.ours and c.ours.normalize(), c.reason)
        for c in compared
        if not c.equal
    }
    assert found == listed
    assert {reason for *_, reason in listed.values()} <= set(REASONS)
    assert len(compared) > 2_400 and len(found) < len(compared) * 0.02
