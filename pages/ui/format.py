"""What only a page needs of wording: numbers for tiles, text safe in Markdown.

The wording itself is data/wording.py.
"""

from __future__ import annotations

from data.wording import (
    MISSING,
    count,
    day,
    days,
    measure,
    milliseconds,
    odds,
    points,
    quality,
    share,
    share_change,
    short,
    usd,
    usd_cents,
    usd_cents_change,
    usd_change,
    usd_short,
    usd_tick,
)

__all__ = [
    "MISSING",
    "count",
    "day",
    "days",
    "delta",
    "md",
    "measure",
    "milliseconds",
    "odds",
    "points",
    "quality",
    "share",
    "share_change",
    "short",
    "usd",
    "usd_cents",
    "usd_cents_change",
    "usd_change",
    "usd_short",
    "usd_tick",
]


def delta(text: str) -> str:
    """For st.metric, which looks for an ASCII minus to tell the direction."""
    return text.replace("−", "-")


def md(text: str) -> str:
    """Text from data or with dollars, safe in Markdown: no formulas, links, headings or HTML."""
    for sign in "\\`*_{}[]()#+!|<>$~:":
        text = text.replace(sign, "\\" + sign)
    return text.replace("\n", " ")
