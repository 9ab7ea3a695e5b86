"""What a savings finder claims, before the overlap with other findings is taken out."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd


class Claim(NamedTuple):
    """`usd` per cell over the span, and the words a reader needs to judge it."""

    kind: str
    title: str
    usd: pd.Series
    confidence: str  # high: measured in the log; medium: one assumption; low: to be tested first
    assumption: str
    action: str
    page: str  # the page that goes further
