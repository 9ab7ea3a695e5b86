"""Help where it is needed: every page says how it is computed, columns explain themselves, a tour ends on a finding."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from analytics.measures import MEASURES
from pages.parts.overview import tour
from pages.ui import exports, how_computed
from pages.ui.navigation import PAGES
from tests.pages.page_alone import opened


def test_every_page_says_how_its_numbers_come_about():
    assert set(how_computed.HOW) == {path for entries in PAGES.values() for _, _, _, path in entries}
    assert all(sentence.endswith(".") for said in how_computed.HOW.values() for sentence in said)


def test_every_page_shows_how_often_its_kind_of_answer_holds():
    assert set(how_computed.MEASURED) <= set(how_computed.HOW)
    for path in how_computed.HOW:
        assert "|---|" in how_computed.calibration(path), path
    assert "P10 to P90 holds" in how_computed.calibration("plan")
    assert "P10 to P90 holds" not in how_computed.calibration("lab")


def test_a_column_explains_itself_under_the_registrys_own_name_alone():
    import pandas as pd

    frame = pd.DataFrame(columns=["cost_usd", "source", "team"])
    made = exports.columns(
        frame, units={"cost_usd": "USD"}, labels={"cost_usd": "Spend, USD", "source": "Where from", "team": "Team"}
    )
    told = {name: config["help"] for name, config in made.items()}
    assert "price book" in told["cost_usd"] and told["team"] == "who pays"
    assert told["source"] is None, "a price's source is no log format"


def only_the_button() -> None:
    import streamlit as st

    from pages.ui import how_computed, shell

    st.session_state[how_computed.PATH] = "plan"
    how_computed.button(shell.view(), "What it stands on")


def test_the_explanation_names_formula_coverage_caveats_and_version(sample_home, monkeypatch):
    monkeypatch.setenv("BATON_HOME", str(sample_home))
    app = AppTest.from_function(only_the_button, default_timeout=120).run()
    app.button(key="how_computed").click().run()
    assert not app.exception, app.exception[0].value
    told = " ".join(text.value for text in app.markdown).replace("\\", "")
    assert "the contract price at its instant" in told and "have a whole log" in told and "caveat" in told
    assert "docs/calibration.md" in app.expander[0].label and "P10 to P90 holds" in told
    assert len(app.dataframe[0].value) == len(MEASURES) and "data version" in app.caption[0].value


@pytest.mark.heavy
def test_the_tour_ends_on_the_logs_own_biggest_finding(sample_home, monkeypatch, alone):
    monkeypatch.setenv("BATON_HOME", str(sample_home))
    page = opened("overview")
    assert not any(text.value.startswith("**1 of 4.**") for text in page.markdown)
    page.button(key="tour_begin").click().run()
    for step in range(1, tour.STEPS + 1):
        told = next(text.value for text in page.markdown if text.value.startswith(f"**{step} of {tour.STEPS}.**"))
        page.button(key="tour_next" if step < tour.STEPS else "tour_close").click().run()
    assert "Your biggest finding" in told and "$" in told and "confidence" in told
    assert not page.exception and not any(f"of {tour.STEPS}.**" in text.value for text in page.markdown)
