"""How long to wait before asking again: what the server said, else full jitter."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

BASE_S = 0.5
LONGEST_S = 8.0


def jitter_s(retry: int, rng: random.Random) -> float:
    """Seconds before the `retry`-th repetition (from 0): uniform between 0 and min(8, 0.5 x 2^retry)."""
    return rng.uniform(0.0, min(LONGEST_S, BASE_S * 2.0 ** min(retry, 30)))


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, `Retry-After` in seconds, or as an HTTP date.

    None when absent, unreadable, or not in the future; `now` is seconds since the epoch.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = _future(float(headers[name]) * unit)
        except (KeyError, ValueError, TypeError):
            continue
        if seconds is not None:
            return seconds
    try:
        date = parsedate_to_datetime(headers["retry-after"])
        return _future(date.timestamp() - now)
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return None


def told_to_retry(headers: Mapping[str, str]) -> bool | None:
    """The server's own word in `x-should-retry`, which wins over the status; None when it says nothing."""
    return {"true": True, "false": False}.get(str(headers.get("x-should-retry", "")).lower())


def _future(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and seconds > 0 else None
