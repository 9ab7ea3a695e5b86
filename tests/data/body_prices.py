"""What the price book says about the real response bodies, beside what their data set expects.

The tokens are those the data set's own extraction finds, so that only the price is compared.
Run `python -m tests.data.body_prices > tests/cases/usage_body_price_differences.yaml` to list the
differences again after a change of catalogue; every line needs a reason that holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import yaml
from genai_prices.data_snapshot import get_snapshot

from data.errors import NoData
from data.prices.book import PriceBook

instant = datetime.fromisoformat  # naive UTC, as in the ledger

AT = instant("2026-03-01T12:00")  # most of the data set's prices are those of this time
MEDIA = ("audio", "image", "video")
TOLERANCE = Decimal("1e-9")
REASONS = {
    "media": (
        "audio, image or video tokens have prices of their own; the ledger keeps no such columns and prices them as"
        " text"
    ),
    "data set": "the data set was written under another price; the catalogue itself gives our figure on this day",
    "no price": "the catalogue lists the model without any price and the data set takes that as 0; unpriced here",
}


class Compared(NamedTuple):
    """One body under one provider's reading: the data set's price and ours (None: unpriced)."""

    body: int
    provider: str
    flavor: str
    expected: Decimal
    ours: Decimal | None
    catalogue: Decimal
    media: bool

    @property
    def equal(self) -> bool:
        return self.ours is not None and abs(self.ours - self.expected) <= TOLERANCE

    @property
    def reason(self) -> str:
        """Which of REASONS explains the difference; "" when none does."""
        if self.ours is None:
            return "no price" if self.expected == 0 == self.catalogue else ""
        if self.media:
            return "media"
        return "data set" if abs(self.ours - self.catalogue) <= TOLERANCE else ""


def compare(folder: Path) -> Iterator[Compared]:
    """Every (body, provider, API flavour) of the data set that has an expected price."""
    book, snapshot = PriceBook.load(), get_snapshot()
    for number, item in enumerate(json.loads((folder / "usages.json").read_text())):
        readings = [e for group in item["extracted"] for e in group["extractors"] if "input_price" in e]
        for reading in readings:
            provider, flavor = reading["provider_id"], reading["api_flavor"]
            extracted = snapshot.extract_usage(item["body"], provider_id=provider, api_flavor=flavor)
            counts = extracted.usage.__dict__
            theirs = extracted.calc_price(genai_request_timestamp=AT).total_price
            expected = Decimal(reading["input_price"]) + Decimal(reading["output_price"])
            media = any(counts[key] for key in counts if any(kind in key for kind in MEDIA))
            yield Compared(
                number, provider, flavor, expected, _ours(book, item["body"], provider, counts), theirs, media
            )


def _ours(book: PriceBook, body: dict, provider: str, counts: dict) -> Decimal | None:
    model = str(body.get("model") or body.get("modelVersion"))
    read, write_1h = counts.get("cache_read_tokens", 0), counts.get("cache_write_1h_tokens", 0)
    write_5m = max(counts.get("cache_write_tokens", 0) - write_1h, 0)
    reasoning = counts.get("output_reasoning_tokens", 0)
    try:
        return book.quote(
            provider,
            model,
            AT,
            fresh_input=counts.get("input_tokens", 0) - read - write_1h - write_5m,
            cache_read=read,
            cache_write_5m=write_5m,
            cache_write_1h=write_1h,
            output=counts.get("output_tokens", 0) - reasoning,
            reasoning=reasoning,
        ).cost_usd
    except NoData:
        return None


def main() -> None:
    """Print the differences as the case table."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "usage_bodies"
    print(
        "# Prices of shared/data/usage_bodies where ours is not the data set's, one line each; made by"
        " tests/data/body_prices.py."
    )
    for name, meaning in REASONS.items():
        print(f"# {name}: {meaning}")
    for c in compare(folder):
        if not c.equal:
            line = {
                "body": c.body,
                "provider": c.provider,
                "flavor": c.flavor,
                "expected": f"{c.expected:f}",
                "ours": f"{c.ours.normalize():f}" if c.ours is not None else None,
                "reason": c.reason,
            }
            print("- " + yaml.safe_dump(line, default_flow_style=True, sort_keys=False, width=1000).strip())


if __name__ == "__main__":
    main()
