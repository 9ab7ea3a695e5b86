"""How numbers and names are written, everywhere: on pages, in charts, HTML, Markdown, chat and the command line.

A missing value is an en dash, never "nan" and never 0. Dollars from $1,000 up carry no cents, small ones
four significant digits; a minus is U+2212 and stands before the dollar. A share has one decimal, odds none,
and neither rounds to a certainty it has not; a difference of shares is in points (pp).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal

Number = float | int | Decimal | None

MISSING = "–"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet runs text that starts so
MINUS = "−"


def number_or_none(value: Number) -> float | None:
    """The number, or None where there is none: None, NaN, NA or an infinity."""
    try:
        number = math.nan if value is None else float(value)
    except TypeError:  # pandas' NA
        return None
    return number if math.isfinite(number) else None


def _sign(number: float) -> str:
    return MINUS if number < 0 else ""


def _minus(text: str) -> str:
    """With the house's minus sign, and none before a number that rounds to zero."""
    return text.replace("-", MINUS if any(digit in text for digit in "123456789") else "")


def usd(value: Number) -> str:
    """$12,480 / $84.20 / $0.004213; under a millionth of a dollar it says so."""
    number = number_or_none(value)
    if number is None:
        return MISSING
    size, sign = abs(number), _sign(number)
    if size == 0:
        return "$0"
    if size >= 999.5:
        return f"{sign}${size:,.0f}"
    if size >= 1:
        return f"{sign}${size:,.2f}"
    text = f"{size:.{min(6, 3 - math.floor(math.log10(size)))}f}"
    return f"{sign}${text}" if float(text) else f"under {sign}$0.000001"


def usd_cents(value: Number) -> str:
    """$12,480.25: for amounts that a reader adds up."""
    number = number_or_none(value)
    return MISSING if number is None else _minus(f"{'-' if number < 0 else ''}${abs(number):,.2f}")


def usd_millionths(value: Number) -> str:
    """$12.480000, for parts that must add up below a cent."""
    number = number_or_none(value)
    return MISSING if number is None else f"{_sign(number)}${abs(number):,.6f}"


def usd_short(value: Number) -> str:
    """For tiles and axes: $1.24M, $52.3K, $840."""
    number = number_or_none(value)
    if number is None:
        return MISSING
    for limit, divisor, suffix, decimals in ((999_500, 1e6, "M", 2), (9_999.5, 1e3, "K", 1)):
        if abs(number) >= limit:
            return f"{_sign(number)}${abs(number) / divisor:,.{decimals}f}{suffix}"
    return usd(number)


def usd_range(low: Number, high: Number) -> str:
    """Two ends in a tile: $47.2K to $52.3K."""
    return f"{usd_short(low)} to {usd_short(high)}"


def usd_tick(value: float) -> str:
    """An axis tick without needless decimals: $40K, $1.5M, $0.02."""
    for divisor, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= divisor:
            return f"{_sign(value)}${abs(value) / divisor:g}{suffix}"
    return f"{_sign(value)}${abs(value):g}"


def _signed(value: Number, text: str) -> str:
    number = number_or_none(value)
    return f"+{text}" if number is not None and number > 0 else text


def usd_change(value: Number) -> str:
    """A difference in dollars, always with its sign: +$84.20."""
    return _signed(value, usd(value))


def count(value: Number) -> str:
    """12,345"""
    number = number_or_none(value)
    return MISSING if number is None else _minus(f"{number:,.0f}")


def count_of(value: Number, noun: str, plural: str = "") -> str:
    """How many of what: 1 request, 2 requests, 0 entries."""
    return f"{count(value)} {noun if number_or_none(value) == 1 else plural or f'{noun}s'}"


def either(names: Iterable[object]) -> str:
    """One of several: api, cloud or host."""
    *before, last = map(str, names)
    return f"{', '.join(before)} or {last}" if before else last


def short(value: Number) -> str:
    """84.2M, 1.3B, 950; for tokens and requests in tiles."""
    number = number_or_none(value)
    if number is None:
        return MISSING
    steps = ((999.95e9, 1e12, "T"), (999.95e6, 1e9, "B"), (999_950, 1e6, "M"), (9_999.5, 1e3, "K"))
    for limit, divisor, suffix in steps:
        if abs(number) >= limit:
            return _minus(f"{number / divisor:,.1f}{suffix}")
    return count(number)


def share(value: Number) -> str:
    """12.3%; tiny and nearly whole shares do not round to 0 or 100."""
    number = number_or_none(value)
    if number is None:
        return MISSING
    percent = number * 100
    if 0 < abs(percent) < 0.05:
        return "under 0.1%"
    if 99.95 <= percent < 100:
        return "99.9%"
    return _minus(f"{percent:.1f}%")


def share_change(value: Number) -> str:
    """A relative change with its sign: +4.6%."""
    return _signed(value, share(value))


def percent(value: Number) -> str:
    """A limit or an assumption as somebody chose it: 10%, 2.5%."""
    number = number_or_none(value)
    return MISSING if number is None else _minus(f"{number * 100:.6g}%")


def odds(value: Number) -> str:
    """A chance in whole percent: 31%. No simulation proves a certainty, so the ends read "under 1%" and "over 99%"."""
    number = number_or_none(value)
    if number is None:
        return MISSING
    if number < 0.01:
        return "under 1%"
    return "over 99%" if number > 0.99 else f"{number:.0%}"


def quality(value: Number) -> str:
    """A score from 0 to 1 as percent with two decimals, since a point of quality is what is argued about: 91.37%."""
    number = number_or_none(value)
    return MISSING if number is None else _minus(f"{number:.2%}")


def points(value: Number) -> str:
    """A difference of two shares, in percentage points: −1.2 pp."""
    number = number_or_none(value)
    return MISSING if number is None else _minus(f"{number * 100:+.1f} pp")


def milliseconds(value: Number) -> str:
    """850 ms or 12.4 s."""
    number = number_or_none(value)
    if number is None:
        return MISSING
    return _minus(f"{number:,.0f} ms" if number < 9_999.5 else f"{number / 1000:,.1f} s")


def day(value: date | str | None) -> str:
    """20 Nov 2026, from a date, a time or ISO text."""
    if value is None or value == "" or value != value:
        return MISSING
    known_day = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return f"{known_day.day} {known_day:%b %Y}"


def days(first: date, last: date) -> str:
    """A span, both days included: 14 to 20 Nov 2026; the year and month stand once where they are the same."""
    if first == last:
        return day(last)
    if first.year != last.year:
        return f"{day(first)} to {day(last)}"
    return f"{first.day} to {day(last)}" if first.month == last.month else f"{first.day} {first:%b} to {day(last)}"


_WRITERS: dict[str, Callable[[Number], str]] = {
    "USD": usd,
    "share": share,
    "ms": milliseconds,
    "tokens": short,
    "requests": count,
    "attempts": count,
    "USD per 1M tokens": usd,
    "ratio": lambda value: MISSING if number_or_none(value) is None else f"{value:.2f}",
    "0 to 1": lambda value: MISSING if number_or_none(value) is None else f"{value:.3f}",
}


UNITS = frozenset(_WRITERS)


def measure(value: Number, unit: str) -> str:
    """A measure's value by the registry's unit, one of `UNITS`; by any other a plain number."""
    writer = _WRITERS.get(unit)
    return writer(value) if writer else MISSING if number_or_none(value) is None else f"{value:,}"


ADDRESS = re.compile(r"(?:(?:https?|ftp):|www(?=\.))(?!\u2060)", re.IGNORECASE)
MAIL = re.compile(r"(?<=[-.+\w])@(?=[-\w]+\.[-\w])")
MARKS = "\\`*_[]<>|#$~!"
CODE = re.compile(r"(?<!`)`([^`|]*[^`|\s][^`|]*)`(?!`)")  # without the sign that ends a column
NO_LINK = (":\u2060", "w\u2060", "W\u2060", "@\u2060")


def one_line(text: str) -> str:
    """Text from data in one line, with a replacement sign for what nobody sees: bidirectional, zero-width and control
    characters.
    """
    line = re.sub(r"[\t\r\n]+", " ", text)
    return "".join(
        "\ufffd" if unicodedata.category(sign) in ("Cf", "Cc") and line[at - 1 : at + 1] not in NO_LINK else sign
        for at, sign in enumerate(line)
    )


def visible(text: str) -> str:
    """As `one_line`, and an address in it is no link: a word joiner behind its colon, or before the dot
    of its `www.` (behind that dot it would be part of the address, and left out of it), keeps programs from it."""
    return ADDRESS.sub(lambda found: f"{found.group(0)}\u2060", one_line(text))


def slack(text: str) -> str:
    """Text from data for a chat's webhook: its names cannot mention people or make links."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown(text: object, also: str = "") -> str:
    """Text from data, safe in Markdown: no markup, formulas, links, HTML, new columns or rows; who draws it makes a
    link of a mail address too, which stays as it is elsewhere: people copy it. What stands between backticks is code,
    in which nothing is markup. `also`: further signs that mean something where it is drawn.
    """
    safe = MAIL.sub("@\u2060", visible(str(text)))
    return "".join(
        f"`{part}`" if place % 2 else re.sub(f"[{re.escape(MARKS + also)}]", r"\\\g<0>", part)
        for place, part in enumerate(CODE.split(safe))
    )


def in_quotes(text: str) -> str:
    """The same where no Markdown is drawn, as in a table: what stands between backticks in quotation marks."""
    return CODE.sub(r"“\1”", text)


def cell(value: object) -> object:
    """A value for a CSV file: text that a spreadsheet would run as a formula gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
