"""How numbers are written, everywhere: in pages, charts, tables, reports.

A missing value is an en dash, never "nan" and never 0. Dollars from $1,000 up carry no cents, small
ones four significant digits. Percent has one decimal; a difference of shares is in points (pp).
"""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

MISSING = "–"


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or value != value


def usd(value: float | Decimal | None) -> str:
    """$12,480 / $84.20 / $0.004213; a minus sign stands before the dollar."""
    if _missing(value):
        return MISSING
    size, sign = abs(float(value)), "−" if value < 0 else ""
    if size == 0:
        return "$0"
    if size >= 999.5:
        return f"{sign}${size:,.0f}"
    if size >= 1:
        return f"{sign}${size:,.2f}"
    digits = min(6, 3 - math.floor(math.log10(size)))
    text = f"{size:.{digits}f}"
    return f"{sign}${text}" if float(text) else f"under {sign}$0.000001"


def usd_short(value: float | Decimal | None) -> str:
    """For tiles and axes: $1.24M, $52.3K, $840."""
    if _missing(value):
        return MISSING
    size, sign = abs(float(value)), "−" if value < 0 else ""
    for limit, divisor, suffix in ((999_500, 1e6, "M"), (9_999.5, 1e3, "K")):
        if size >= limit:
            return f"{sign}${size / divisor:,.{2 if suffix == 'M' else 1}f}{suffix}"
    return usd(value)


def usd_tick(value: float) -> str:
    """An axis tick without needless decimals: $40K, $1.5M, $0.02."""
    for divisor, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= divisor:
            return f"{'−' if value < 0 else ''}${abs(value) / divisor:g}{suffix}"
    return f"{'−' if value < 0 else ''}${abs(value):g}"


def delta(text: str) -> str:
    """For st.metric, which looks for an ASCII minus to tell the direction."""
    return text.replace("−", "-")


def usd_change(value: float | Decimal | None) -> str:
    """A difference in dollars, always with its sign."""
    if _missing(value):
        return MISSING
    return ("+" if value > 0 else "") + usd(value)


def count(value: float | int | None) -> str:
    """12,345"""
    return MISSING if _missing(value) else f"{value:,.0f}".replace("-", "−")


def short(value: float | int | None) -> str:
    """84.2M, 1.3B, 950; for tokens and requests in tiles."""
    if _missing(value):
        return MISSING
    size = abs(float(value))
    for limit, divisor, suffix in (
        (999.95e9, 1e12, "T"),
        (999.95e6, 1e9, "B"),
        (999_950, 1e6, "M"),
        (9_999.5, 1e3, "K"),
    ):
        if size >= limit:
            return f"{value / divisor:,.1f}{suffix}"
    return count(value)


def share(value: float | None) -> str:
    """12.3 %; tiny and nearly whole shares do not round to 0 or 100."""
    if _missing(value):
        return MISSING
    percent = float(value) * 100
    if 0 < abs(percent) < 0.05:
        return "under 0.1%"
    if 99.95 <= percent < 100:
        return "99.9%"
    return f"{percent:.1f}%".replace("-", "−")


def share_change(value: float | None) -> str:
    """A relative change with its sign: +4.6%."""
    return MISSING if _missing(value) else ("+" if value > 0 else "") + share(value)


def points(value: float | None) -> str:
    """A difference of two shares, in percentage points: −1.2 pp."""
    return MISSING if _missing(value) else f"{float(value) * 100:+.1f} pp".replace("-", "−")


def milliseconds(value: float | None) -> str:
    """850 ms or 12.4 s."""
    if _missing(value):
        return MISSING
    return f"{value:,.0f} ms" if value < 9_999.5 else f"{value / 1000:,.1f} s"


def day(value: date | datetime | None) -> str:
    """20 Nov 2026"""
    return MISSING if _missing(value) else f"{value.day} {value:%b %Y}"


def value(amount: object, unit: str) -> str:
    """A measure's value by the registry's unit."""
    writers = {
        "USD": usd,
        "share": share,
        "ms": milliseconds,
        "tokens": short,
        "requests": count,
        "attempts": count,
        "USD per 1M tokens": usd,
        "ratio": lambda v: MISSING if _missing(v) else f"{v:.2f}",
        "0 to 1": lambda v: MISSING if _missing(v) else f"{v:.3f}",
    }
    return writers.get(unit, lambda v: MISSING if _missing(v) else f"{v:,}")(amount)


def md(text: str) -> str:
    """Text from data or with dollars, safe in Markdown: no formulas, links, headings or HTML."""
    for sign in "\\`*_{}[]()#+!|<>$~:":
        text = text.replace(sign, "\\" + sign)
    return text.replace("\n", " ")
