"""One call to a model: what is asked, what comes back, what it may cost and what it did cost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from data.calendar import MILLION

# Chat templates add a default system prompt; providers put another before tool declarations (Anthropic's has some 500
# tokens).
HIDDEN_TOKENS = 200
HIDDEN_TOOL_TOKENS = 600


@dataclass(frozen=True, slots=True)
class Request:
    """A chat request, the same for every protocol. `seed` and `temperature` None leave the server's default."""

    messages: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...] = ()
    max_tokens: int = 512
    temperature: float | None = 0.0
    seed: int | None = None
    json_schema: dict[str, Any] | None = None
    logprobs: bool = False

    @property
    def input_bound(self) -> int:
        """An upper bound of its input tokens: no tokenizer makes more tokens than UTF-8 bytes."""
        text = repr(self.messages) + repr(self.tools or "") + repr(self.json_schema or "")
        return len(text.encode()) + 16 * len(self.messages) + HIDDEN_TOKENS + (HIDDEN_TOOL_TOKENS if self.tools else 0)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that is asked, 16 hexadecimal digits: what the audit trail keeps instead of texts."""
        return sha256(json.dumps(asdict(self), sort_keys=True, default=str).encode()).hexdigest()[:16]

    @property
    def input_estimate(self) -> int:
        """A rough number of input tokens, four characters each: for routing rules by size, never for money."""
        return sum(len(str(message.get("content", ""))) for message in self.messages) // 4 + 1


@dataclass(frozen=True, slots=True)
class Tokens:
    """Disjoint token buckets, as in the ledger; None is unknown."""

    fresh_input: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None

    @property
    def known(self) -> bool:
        """Whether input and output were both reported."""
        return self.fresh_input is not None and self.output is not None

    def within(self, input_tokens: int, output_tokens: int) -> bool:
        """Whether these counts are possible for a request of this size; larger ones are garbled."""
        read = sum(n or 0 for n in (self.fresh_input, self.cache_read, self.cache_write_5m, self.cache_write_1h))
        return read <= input_tokens and (self.output or 0) + (self.reasoning or 0) <= output_tokens


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt returned. `logprob` is the mean natural log-probability of the answer's tokens."""

    text: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish: str = "stop"
    tokens: Tokens = field(default_factory=Tokens)
    model: str = ""
    logprob: float | None = None
    latency_ms: float = 0.0
    ttft_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens. None is unknown, 0 is free; the cache prices fall back to the input price by the usual
    factors.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None

    @property
    def known(self) -> bool:
        return self.input is not None and self.output is not None

    @property
    def free(self) -> bool:
        return self.known and not any(self._input_rates()) and self.output == 0

    def worst_usd(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """The most a call of this size can cost, whatever kind its tokens turn out to be; None when the price is
        unknown.
        """
        if self.input is None or self.output is None:
            return None
        return (input_tokens * max(self._input_rates()) + output_tokens * self.output) / MILLION

    def cost_usd(self, tokens: Tokens) -> Decimal | None:
        """What these tokens cost; None when the price or the tokens are unknown. A free model costs 0 in any case."""
        if self.free:
            return Decimal(0)
        if self.output is None or self.input is None or not tokens.known:
            return None
        read = (tokens.fresh_input, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h)
        written = (tokens.output or 0) + (tokens.reasoning or 0)
        paid = sum(((count or 0) * rate for count, rate in zip(read, self._input_rates(), strict=True)), Decimal(0))
        return (paid + written * self.output) / MILLION

    def _input_rates(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Fresh, cache read, cache write for five minutes and for an hour: the reservation and the bill use the same
        ones.
        """
        fresh = self.input or Decimal(0)
        return (
            fresh,
            fresh if self.cache_read is None else self.cache_read,
            fresh * Decimal("1.25") if self.cache_write_5m is None else self.cache_write_5m,
            fresh * 2 if self.cache_write_1h is None else self.cache_write_1h,
        )
