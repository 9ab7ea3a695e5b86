"""The calendar's constants stand once: nobody writes them, or a rounder one, again."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import NormalDist

import pytest

from data import calendar

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = {name for name in vars(calendar) if name.isupper()}
COPIES = {30.4375, 30.42, 30.44, 365, 365.25, 730, 1440, 168, 1.96, 1.645, 1.2816, 1.28155}
COPIES |= {calendar.Z90, calendar.Z95, calendar.DAYS_PER_MONTH, calendar.SECONDS_PER_MONTH}
SOURCES = sorted(
    p for room in ("data", "analytics", "routing", "simulations", "pages") for p in (ROOT / room).rglob("*.py")
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_second_copy(path):
    if path.name == "calendar.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            assert node.value not in COPIES, f"line {node.lineno}: {node.value} belongs to data/calendar.py"
        if isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    assert target.id not in NAMES, f"line {node.lineno}: {target.id} stands in data/calendar.py"


def test_a_month_is_the_hours_the_clouds_bill():
    assert calendar.HOURS_PER_MONTH == 730
    assert calendar.DAYS_PER_MONTH * calendar.MONTHS_PER_YEAR == calendar.DAYS_PER_YEAR


def test_the_quantiles_are_those_of_the_normal_distribution():
    quantile = NormalDist().inv_cdf
    assert pytest.approx([quantile(p) for p in (0.9, 0.975)]) == (calendar.Z90, calendar.Z95)
