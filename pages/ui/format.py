"""What only a page needs of wording: numbers for tiles, text safe in Markdown.

The wording itself is data/wording.py.
"""

from __future__ import annotations

from data.wording import (
    MISSING,
    count,
    count_of,
    day,
    days,
    in_quotes,
    markdown,
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
    usd_change,
    usd_range,
    usd_short,
    usd_tick,
)

__all__ = [
    "MISSING",
    "count",
    "count_of",
    "day",
    "days",
    "delta",
    "in_quotes",
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
    "usd_change",
    "usd_range",
    "usd_short",
    "usd_tick",
]


def delta(text: str) -> str:
    """For st.metric, which looks for an ASCII minus to tell the direction."""
    return text.replace("−", "-")


def md(text: object) -> str:
    """Text from data or with dollars, safe in the Markdown of pages, which knows colours and icons as well."""
    return markdown(text, "{}()+:")
