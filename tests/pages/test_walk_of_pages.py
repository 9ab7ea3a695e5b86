"""Every page on the five ledgers and on odd stores: nothing is said that the covered days do not carry.

Each ledger spends the same every day, so the truth is known: no change, and a year is 365 of its days.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.analytics.covered_ledgers import FIVE
from tests.odd_stores import NO_WHOLE_DAY, ODD, USD_A_DAY
from tests.pages.whole_app import FILES, ROOT, app_at

STORES = FIVE | ODD
VIEWS = [
    *((file, {}) for file in FILES),
    *(("vendors", {"look": look}) for look in ("It fails", "How much hangs on it", "How to buy")),
    *(("data_and_prices", {"section": name}) for name in ("Coverage", "Prices", "Meaning", "Against the bill")),
    *((file, {"window": "all"}) for file in ("overview", "explore", "mix")),
]
SPEND_PAGES = ("overview", "explore", "weekly", "plan", "savings")
AMOUNT = r"\$([\d,.]+)([KM]?)"
FACTOR = {"": 1.0, "K": 1e3, "M": 1e6}
CHANGE = re.compile(r"[+−-]\d[\d.]*(?:%| pp)|[\d.]+% (?:more|less|over|under) ")
KINDS = ("title", "subheader", "markdown", "caption", "warning", "info", "error", "metric")


def usd(found: tuple[str, str]) -> float:
    return float(found[0].replace(",", "").rstrip(".")) * FACTOR[found[1]]


def said_on(app: AppTest) -> list[str]:
    """Everything a page says in words and tiles, without the signs that keep names from becoming markup."""
    told = []
    for kind in KINDS:
        for element in getattr(app, kind):
            if kind == "metric":
                told.append(f"{element.label}: {element.value} {element.delta}")
            else:
                told.append(element.value.replace("\\", ""))
    return told


def walk(store: str, home: Path) -> dict[str, list[str]]:
    """By page, what it and the views inside of it say on a store."""
    STORES[store](home).close()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(ROOT)
            return visited(store)
    finally:
        st.cache_data.clear()
        st.cache_resource.clear()


def visited(store: str) -> dict[str, list[str]]:
    """Every view in one visit of the store at BATON_HOME."""
    said: dict[str, list[str]] = {}
    for file, asked in VIEWS:
        app = app_at(file, timeout=300, **asked).run()
        assert not app.exception, (store, file, asked, app.exception[0].value)
        assert app.title and app.title[0].value.strip(), (store, file, asked)
        assert not app.error, (store, file, asked, app.error[0].value)  # nobody has asked for anything wrong
        said.setdefault(file, []).extend(said_on(app))
    return said


def every(said, files=tuple(FILES)):
    return [(file, text) for file in files for text in said[file]]


PLANNED = "part of the plan."  # an event as somebody typed it


@pytest.mark.parametrize("store", STORES)
def test_nothing_is_told_that_the_covered_days_do_not_carry(store, home):
    """All laws of a store in one test: its pages are visited once, wherever tests run side by side."""
    said = walk(store, home)
    no_change_is_told_that_did_not_happen(said)
    no_year_or_month_is_more_than_its_days(said, USD_A_DAY.get(store, 4))
    if store in FIVE and store not in NO_WHOLE_DAY:
        a_month_and_twelve_are_on_course_for_their_days(said, USD_A_DAY.get(store, 4))
    if store in NO_WHOLE_DAY and store != "two rows ten years apart":
        under_a_day_nothing_is_told_beyond_it(said)
    if store in TOLD:
        TOLD[store](said)


def no_change_is_told_that_did_not_happen(said) -> None:
    for file, text in every(said, SPEND_PAGES):
        told = [one for one in CHANGE.findall(text) if float(re.sub(r"[^\d.]", "", one) or 0)]
        assert not told or file == "plan" and ("assumption" in text or PLANNED in text), (file, text)


def no_year_or_month_is_more_than_its_days(said, usd_a_day: float) -> None:
    for words, days in (("a year", 365), ("a month", 365 / 12)):
        for file, text in every(said):
            if "engineer" in text.lower() or "architect" in text.lower():
                continue  # salaries, not the log's dollars
            if file == "plan" and PLANNED in text:
                continue
            for found in re.findall(rf"{AMOUNT} {words}", text):
                assert usd(found) <= usd_a_day * days * 1.01, (file, text)


def a_month_and_twelve_are_on_course_for_their_days(said, usd_a_day: float) -> None:
    for file, days in (("overview", 30), ("weekly", 30), ("plan", 365)):
        texts = [text for _, text in every(said, (file,))]
        found = [usd(one) for text in texts for one in re.findall(f"on course for {AMOUNT}", text)]
        assert found and found[0] == pytest.approx(days * usd_a_day, rel=0.01), file


def under_a_day_nothing_is_told_beyond_it(said) -> None:
    for file, text in every(said):
        for never in (
            r"on course",
            r"\$[\d.,]+[KM]? a (year|month)",
            r"8 of 10 odds",
            r"chance of overrun \d",
            r"P10 \$[1-9]",
        ):
            assert not re.search(never, text), (file, text)
    assert said["plan"][0] == "No forecast: the log covers no whole day yet"


def a_year_of_one_day_says_so(said) -> None:
    """The first of two rows ten years apart has a day of its own, and a year is told from it with its caution."""
    assert any("Annualised from 1 of" in text and "told from 1 whole day" in text for text in said["mix"])


def under_a_day_nothing_is_called_usual(said) -> None:
    """What nobody could look at is "not checked": a sentence that reads as an all-clear is a wrong one."""
    for file, text in every(said):
        for never in ("Nothing unusual", "No model answers", "Nothing moved", "Checked 0", "first week", "is not over"):
            assert never not in text, (file, text)
    for told in ("Not checked for what is unusual", "Not checked whether a model answers", "nothing to compare this"):
        assert any(told in text for text in said["weekly"]), told


def a_year_is_told_from(days: int, said) -> None:
    assert any(f"Annualised from {days} of 365 days" in text for _, text in every(said, ("mix",)))


def a_source_that_stopped_leads_the_overview_and_the_week(said) -> None:
    a_year_is_told_from(94, said)
    assert any(text.startswith("No log from langfuse since 15 Nov: about $24.00") for text in said["overview"])
    assert "no log from langfuse since 15 Nov" in said["weekly"][0]


TOLD: dict[str, Callable[[dict[str, list[str]]], None]] = {
    "one day": under_a_day_nothing_is_called_usual,
    "two rows ten years apart": a_year_of_one_day_says_so,
    "30 days": partial(a_year_is_told_from, 30),
    "a hole of ten days": partial(a_year_is_told_from, 355),
    "years apart": partial(a_year_is_told_from, 42),
    "one source stopped": a_source_that_stopped_leads_the_overview_and_the_week,
}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("Spend: $57.5K +1198.3%", 1),
        ("Failure rate: 3.5% −0.4 pp", 1),
        ("Week 2026-W47 cost $14,343, 2.8% less than the week before", 1),
        ("gpt-5.2 takes 67.1% of the spend.", 0),
    ],
)
def test_the_walk_knows_a_change_when_it_reads_one(text, changes):
    assert len(CHANGE.findall(text)) == changes
