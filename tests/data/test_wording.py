"""How numbers are written: a case table, laws, and that no other place writes them."""

from __future__ import annotations

import ast
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data import wording

CASES = yaml.safe_load((Path(__file__).parent.parent / "cases" / "wording.yaml").read_text())
ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted(
    p for room in ("data", "analytics", "routing", "simulations", "pages") for p in (ROOT / room).rglob("*.py")
)
WRITERS = ("usd", "usd_cents", "usd_short", "usd_change", "count", "short", "share", "odds", "points", "milliseconds")


@pytest.mark.parametrize(
    ("name", "value", "text"), [(name, value, text) for name, rows in CASES.items() for value, text in rows]
)
def test_a_value_is_written(name, value, text):
    assert getattr(wording, name)(value) == text


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), pd.NA, Decimal("NaN")])
def test_what_is_missing_is_a_dash(name, nothing):
    assert getattr(wording, name)(nothing) == wording.MISSING


@pytest.mark.parametrize("name", WRITERS)
@given(value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_no_text_holds_a_hyphen_a_nan_or_an_exponent(name, value):
    text = getattr(wording, name)(value)
    assert not any(sign in text for sign in ("-", "e+", "nan", "inf"))
    assert not text.startswith("−") or set("123456789") & set(text)


@given(value=st.floats(min_value=0.000001, max_value=1e9))
def test_dollars_read_back_within_half_a_percent(value):
    read = float(wording.usd(value).replace("$", "").replace(",", ""))
    assert read == pytest.approx(value, rel=0.005, abs=5e-7)


@given(value=st.decimals(min_value=-1_000_000, max_value=1_000_000, places=6))
def test_a_decimal_and_its_float_read_the_same(value):
    assert wording.usd(value) == wording.usd(float(value))


@pytest.mark.parametrize(
    ("text", "drawn", "in_a_table"),
    [
        ("run `python -m data check`", "run `python -m data check`", "run “python -m data check”"),
        ("tag `a_b*c` or *d*", "tag `a_b*c` or \\*d\\*", "tag “a_b*c” or *d*"),
        ("one ` alone", "one \\` alone", "one ` alone"),
        ("``<b>``", "\\`\\`\\<b\\>\\`\\`", "``<b>``"),
        ("`a|b`", "\\`a\\|b\\`", "`a|b`"),
    ],
)
def test_what_stands_between_backticks_is_code_and_nothing_else_is_markup(text, drawn, in_a_table):
    assert wording.markdown(text) == drawn
    assert wording.in_quotes(text) == in_a_table


def test_a_range_is_two_short_numbers_that_fit_a_tile():
    assert wording.usd_range(47_230, Decimal("52300.4")) == "$47.2K to $52.3K"
    assert wording.usd_range(0.0042134, 0.0081239) == "$0.004213 to $0.008124"
    assert wording.usd_range(None, 3) == f"{wording.MISSING} to $3.00"


def test_a_span_says_month_and_year_once():
    assert wording.days(date(2026, 11, 14), date(2026, 11, 20)) == "14 to 20 Nov 2026"
    assert wording.days(date(2026, 10, 30), date(2026, 11, 20)) == "30 Oct to 20 Nov 2026"
    assert wording.days(date(2025, 12, 30), date(2026, 1, 2)) == "30 Dec 2025 to 2 Jan 2026"
    assert wording.days(date(2026, 1, 2), date(2026, 1, 2)) == "2 Jan 2026"


def test_a_measure_is_written_by_its_unit():
    assert wording.measure(0.997, "USD") == "$0.9970"
    assert wording.measure(0.5, "ratio") == "0.50"
    assert wording.measure(None, "pages") == wording.MISSING
    assert wording.measure(1200, "pages") == "1,200"


def own_formats(path: Path) -> list[str]:
    """Percents and dollars that a file formats itself: a spec in `%`, or decimals before a `%` or behind a `$`."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.JoinedStr):
            continue
        before = ""
        for part, after in zip(node.values, [*node.values[1:], None], strict=True):
            if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
                spec = ast.unparse(part.format_spec)[2:-1]
                percent = isinstance(after, ast.Constant) and str(after.value).lstrip().startswith("%")
                if spec.endswith("%") or (spec.endswith("f") and (before.endswith("$") or percent)):
                    found.append(f"line {part.lineno}: {ast.unparse(node)}")
            before = part.value if isinstance(part, ast.Constant) else ""
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_other_place_writes_dollars_or_shares(path):
    assert path.name == "wording.py" or not own_formats(path)
