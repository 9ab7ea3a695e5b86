"""What a savings finder claims, before the overlap with other findings is taken out."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd


class Claim(NamedTuple):
    """What a finder would save: `usd` per cell over the span, of the `touched` dollars of one `part` of the cell.

    `part` is failed (failures and repeats), input, output, or answers (input and output alike). The rest are the
    words a reader needs to judge it.
    """

    kind: str
    title: str
    usd: pd.Series
    touched: pd.Series
    part: str
    confidence: str  # high: measured in the log; medium: one assumption; low: to be tested first
    assumption: str
    action: str
    page: str  # the page that goes further
