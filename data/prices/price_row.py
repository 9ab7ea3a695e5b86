"""One price and the span it holds for: the shape that list prices, contracts and imported files share.

Text prices are always there (a missing cache price is the input price, a missing reasoning price the output
price). A media price that nobody states is None: the tokens are then counted at the text price of their side
and the usage row is marked `media_as_text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple

from data.schema import MEDIA_TOKENS, TEXT_TOKENS, TOKENS

TEXT_RATES = tuple(name.removesuffix("_tokens") for name in TEXT_TOKENS)
MEDIA_RATES = tuple(name.removesuffix("_tokens") for name in MEDIA_TOKENS)
RATES = tuple(name.removesuffix("_tokens") for name in TOKENS)
# The text price that stands in for a media price nobody states.
TEXT_PRICE_OF = {
    name: "cache_read" if name.endswith("_cache_read") else "output" if name.endswith("_output") else "fresh_input"
    for name in MEDIA_RATES
}
BEGINNING, FOREVER = (datetime.combine(day, time.min) for day in (date.min, date.max))
DAY_SECONDS = 86_400
NO_LIMIT = 10**15  # tokens
QUANTUM = Decimal("1e-6")  # USD per million tokens: what the ledger resolves per token; cuts a source's float noise


def second_of_day(at: datetime | time) -> int:
    """What the spans of a day's prices are told in."""
    return at.hour * 3600 + at.minute * 60 + at.second


class Span(NamedTuple):
    """When and for what size of request a price holds; see `PriceRow`. The default is for ever and for all."""

    valid_from: datetime = BEGINNING
    valid_to: datetime = FOREVER
    second_from: int = 0
    second_to: int = DAY_SECONDS
    tokens_from: int = 0
    tokens_to: int = NO_LIMIT


class PriceRow(NamedTuple):
    """Prices in USD per million tokens that hold for one span; spans of one model and tier never overlap.

    `valid_from` <= instant < `valid_to` (naive UTC), `second_from` <= second of the UTC day <
    `second_to`, `tokens_from` <= total input of the request < `tokens_to`. `tier_assumed`: the tier has
    no price of its own and no known factor, so this is another tier's. `prepaid`: bought as capacity.
    """

    provider: str
    model: str
    service_tier: str
    valid_from: datetime
    valid_to: datetime
    second_from: int
    second_to: int
    tokens_from: int
    tokens_to: int
    fresh_input: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    output: Decimal
    reasoning: Decimal
    request_usd: Decimal
    source: str
    source_version: str
    rule: str
    image_input: Decimal | None = None
    audio_input: Decimal | None = None
    video_input: Decimal | None = None
    image_cache_read: Decimal | None = None
    audio_cache_read: Decimal | None = None
    image_output: Decimal | None = None
    audio_output: Decimal | None = None
    video_output: Decimal | None = None
    tier_assumed: bool = False
    prepaid: bool = False

    @classmethod
    def of(
        cls,
        name: tuple[str, str, str],
        span: Span,
        prices: Mapping[str, Decimal],
        source: tuple[str, str],
        rule: str = "",
        *,
        tier_assumed: bool = False,
        prepaid: bool = False,
    ) -> PriceRow:
        """A row for (provider, model, tier) from `prices` by name: all of `TEXT_RATES`, others where they are known."""
        text = (prices[rate] for rate in TEXT_RATES)
        fresh, read, short, long, output, reasoning = text
        request = prices.get("request_usd", Decimal(0)).quantize(QUANTUM)
        media = (prices.get(rate) for rate in MEDIA_RATES)
        images, audio, video, images_read, audio_read, images_out, audio_out, video_out = media
        return cls(
            name[0],
            name[1],
            name[2],
            *span,
            fresh,
            read,
            short,
            long,
            output,
            reasoning,
            request,
            *source,
            rule,
            images,
            audio,
            video,
            images_read,
            audio_read,
            images_out,
            audio_out,
            video_out,
            tier_assumed,
            prepaid,
        )

    @property
    def rates(self) -> tuple[Decimal, ...]:
        """The prices in the order of `RATES`; what has no price of its own at its text price."""
        return tuple(self.rate(name) for name in RATES)

    def rate(self, name: str) -> Decimal:
        """One price of `RATES`."""
        stated: Decimal | None = getattr(self, name)
        return getattr(self, TEXT_PRICE_OF[name]) if stated is None else stated

    def scale(self, factor: Decimal, rule: str) -> PriceRow:
        """The same span with every price multiplied and the reason added."""
        stated = {name: getattr(self, name) for name in (*RATES, "request_usd")}
        prices = {name: (price * factor).quantize(QUANTUM) for name, price in stated.items() if price is not None}
        return self._replace(**prices, rule="; ".join(filter(None, (self.rule, rule))))

    def holds(self, at: datetime, total_input: int) -> bool:
        """Whether this is the price of a request of `total_input` tokens, cache included, at an instant (naive UTC)."""
        second = second_of_day(at)
        return (
            self.valid_from <= at < self.valid_to
            and self.second_from <= second < self.second_to
            and self.tokens_from <= total_input < self.tokens_to
        )


def prepaid_row(provider: str, model: str, service_tier: str) -> PriceRow:
    """The price of capacity bought ahead: 0 for every token, the commitment stands in the provider's bill."""
    nothing = dict.fromkeys(RATES, Decimal(0))
    rule = "capacity bought ahead: the commitment is in the provider's bill"
    return PriceRow.of((provider, model, service_tier), Span(), nothing, ("prepaid", ""), rule, prepaid=True)
