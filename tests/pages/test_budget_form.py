"""Budgets on the plan: a dialog that says what is missing where it stands, a list in words, delete and its way back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analytics.budgets.budget import BUDGETS, Budget
from analytics.forecasts.outlook import Outlook
from data.state import State
from pages.parts.plan import budget_form
from tests.analytics import planted
from tests.analytics.covered_ledgers import LAST, day_rows, ledger_of
from tests.pages.page_alone import opened


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    planted.build(folder, "longer outputs", days=50).close()
    return folder


@pytest.fixture
def company(filled, monkeypatch) -> State:
    monkeypatch.setenv("BATON_HOME", str(filled))
    state = State.open(filled)
    BUDGETS.replace(state, {})
    return state


def only_the_form() -> None:
    """The dialog as it was opened for the budget that the test names, or for a new one."""
    import streamlit as st

    from pages.parts.plan.budget_form import dialog
    from pages.ui import shell
    from pages.ui.document_list import Opened

    name, replaces = st.session_state.get("of", ""), st.session_state.get("replaces", False)
    if "body" not in st.session_state:
        st.session_state["body"] = shell.state().get("budget", name) or {}
    dialog(shell.view(), Opened(name, st.session_state["body"], replaces, 1))


def form(**state: object) -> AppTest:
    app = AppTest.from_function(only_the_form, default_timeout=120)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def test_what_is_missing_is_said_in_place_and_nothing_typed_is_lost(company):
    app = form()
    assert not app.error, "an untouched form scolds nobody"
    app.selectbox(key="budget_by_1").set_value("key_alias").run()
    app.button(key="budget_save_1").click().run()
    assert app.error[0].value == (
        "Give the budget a name. Give an amount above zero. Say whom it is for\\: name at least one value."
    )
    app.text_input(key="budget_name_1").set_value("legal keys")
    app.text_input(key="budget_typed_key_alias_1").set_value("legal-bot, legal-chat")
    app.selectbox(key="budget_period_1").set_value("weekly").run()
    assert app.error[0].value == "Give an amount above zero."
    app.number_input(key="budget_soft_1").set_value(1.5)
    app.number_input(key="budget_amount_1").set_value(70.0).run()
    assert "the soft threshold 150% is above the hard one 100%" in app.error[0].value
    app.number_input(key="budget_soft_1").set_value(0.7)
    app.button(key="budget_save_1").click().run()
    assert not app.error and not app.exception
    kept = BUDGETS.get(company, "legal keys")
    assert (kept.period, kept.soft, kept.amount) == ("weekly", 0.7, 70)
    assert kept.filters == {"key_alias": ("legal-bot", "legal-chat")}


def test_a_budget_is_changed_and_renamed_or_refused_where_somebody_was_faster(company):
    BUDGETS.save(company, "all", Budget(name="all", amount=50, note="kept", hard=1.2))
    app = form(of="all", replaces=True)
    app.text_input(key="budget_name_1").set_value("company").run()
    app.button(key="budget_save_1").click().run()
    assert BUDGETS.all(company) == {"company": Budget(name="company", amount=50, note="kept", hard=1.2)}
    app = form(of="company", replaces=True)
    BUDGETS.save(company, "company", Budget(name="company", amount=99))
    app.number_input(key="budget_amount_1").set_value(10.0).run()
    app.button(key="budget_save_1").click().run()
    assert "was changed elsewhere after you opened it" in app.error[0].value
    assert BUDGETS.get(company, "company").amount == 99


def test_the_suggested_amount_is_taken_with_a_click(company):
    app = form()
    app.button(key="budget_amount_1_suggested").click().run()
    taken = app.number_input(key="budget_amount_1").value
    told = next(caption.value for caption in app.caption if "is on course for" in caption.value)
    assert taken > 0 and "in 9 of 10 cases" in told


@pytest.mark.parametrize(
    ("p50", "p90", "amount"), [(4824, 4858, 4900), (90, 100, 100), (0.2, None, 0.2), (None, None, None), (0, 0, None)]
)
def test_a_suggestion_is_round_and_enough(p50, p90, amount):
    outlook = Outlook(date(2026, 11, 1), date(2026, 12, 1), date(2026, 11, 9), 1, 1, None, p50, p90, 0, 30, None)
    assert budget_form.suggest(outlook) == (None if amount is None else pytest.approx(amount))


def test_the_plan_lists_budgets_in_words_and_brings_a_deleted_one_back(company, alone):
    BUDGETS.save(company, "company", Budget(name="company", amount=60))
    BUDGETS.save(
        company, "legal <b>", Budget(name="legal <b>", amount=7, period="weekly", filters={"team": ("legal",)})
    )
    page = opened("plan")
    words = [text.value for text in page.markdown if text.value.startswith("**")]
    assert any("a month for the whole company" in text and "chance of overrun" in text for text in words)
    assert any(r"**legal \<b\>**" in text and "a week for team=legal" in text for text in words)
    page.session_state["budget_list_deleted"] = ("gone", {"name": "gone", "amount": 5.0})
    page.run()
    page.button(key="budget_list_undo").click().run()
    assert not page.exception and BUDGETS.get(company, "gone") == Budget(name="gone", amount=5)


def test_a_budget_may_be_set_before_there_is_a_forecast(tmp_path, monkeypatch):
    ledger_of(tmp_path, day_rows(LAST, hours=[4])).close()
    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    page = opened("plan")
    assert page.title[0].value.startswith("No forecast")
    assert [one.label for one in page.button if one.label == "Add a budget"] and not page.exception
