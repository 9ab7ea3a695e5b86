"""What only a page needs of wording: numbers for tiles, text safe in Markdown.

The wording itself is data/wording.py.
"""

from __future__ import annotations

import re
import unicodedata

from data.wording import (
    MISSING,
    count,
    counted,
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
    usd_change,
    usd_short,
    usd_tick,
)

__all__ = [
    "MISSING",
    "count",
    "counted",
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
    "usd_change",
    "usd_short",
    "usd_tick",
]

ADDRESS = re.compile(r"\b(?:https?|ftp):|\bwww\.", re.IGNORECASE)


def delta(text: str) -> str:
    """For st.metric, which looks for an ASCII minus to tell the direction."""
    return text.replace("−", "-")


def md(text: str) -> str:
    """Text from data or with dollars, safe in Markdown: no formulas, links, headings or HTML.

    Characters that nobody sees (bidirectional, zero-width, control) are shown by a replacement sign. An address
    is no link: a word joiner behind its colon keeps the browser from making it one.
    """
    text = text.replace("\t", " ").replace("\n", " ")
    text = "".join("\ufffd" if unicodedata.category(sign) in ("Cf", "Cc") else sign for sign in text)
    text = ADDRESS.sub(lambda found: f"{found.group(0)}\u2060", text)
    for sign in "\\`*_{}[]()#+!|<>$~:":
        text = text.replace(sign, "\\" + sign)
    return text
