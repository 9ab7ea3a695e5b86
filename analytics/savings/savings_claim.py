"""What a savings finder claims, before the overlap with other findings is taken out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd


class Claim(NamedTuple):
    """What a finder would save: `usd` per cell over the span, of the `touched` dollars of one `part` of the cell.

    `part` is failed (failures and repeats), input, output, or answers (input and output alike). The rest are the
    words a reader needs to judge it. `key` tells it from other findings of its kind and stays the same when numbers
    change. A claim of low confidence names the `test` that would raise it, and the models to `trial` in it, the
    present one first.

    `blocks` says where in the part some of the touched dollars lie: USD per cell by block. Blocks are disjoint, and two
    claims on one block touch the same dollars of it as far as they can. Where the rest lies is not known.
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
    key: str = ""
    test: str = ""
    trial: tuple[str, ...] = ()
    blocks: Mapping[str, pd.Series] = {}
