"""A provider by form: what is missing is said in place, prices come from the book, what is not shown is kept."""

from __future__ import annotations

from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from data.state import State
from pages.parts.lab import provider_form
from routing.calling.declarations import PROVIDERS

HELD = {
    "name": "openai",
    "base_url": "https://api.openai.com/v1",
    "key_env": "OPENAI_API_KEY",
    "models": [{"model": "gpt-5.2", "output_field": "max_completion_tokens"}],
    "timeout_s": 45,
}


def only_the_form() -> None:
    """The dialog as it was opened for what the test holds."""
    import streamlit as st

    from pages.parts.lab.provider_form import dialog
    from pages.ui.document_list import Opened

    dialog(Opened(st.session_state["held"].get("name", ""), st.session_state["held"], st.session_state["replaces"], 1))


def form(held: dict, replaces: bool = False) -> AppTest:
    app = AppTest.from_function(only_the_form, default_timeout=60)
    app.session_state["held"], app.session_state["replaces"] = held, replaces
    app.run()
    assert not app.exception, app.exception[0].value
    return app


@pytest.fixture
def kept(home, monkeypatch) -> State:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-CANARY")
    monkeypatch.setenv("SECRET_OF_MINE", "CANARY")
    return State.open(home)


def test_a_new_provider_says_what_it_lacks_and_offers_only_allowed_variables(kept):
    app = form({})
    assert not app.error
    app.button(key="provider_save_1").click().run()
    assert "Give the provider a name" in app.error[0].value
    app.text_input(key="provider_name_1").set_value("openai").run()
    assert "at least one model" in app.error[0].value
    options = app.selectbox(key="provider_key_1").options
    assert "OPENAI_API_KEY" in options and "SECRET_OF_MINE" not in options


def test_a_change_keeps_what_is_not_shown_and_takes_prices_from_the_book(kept):
    PROVIDERS.save(kept, "openai", HELD)
    app = form(kept.get("provider", "openai"), replaces=True)
    app.number_input(key="provider_rpm_1").set_value(120.0)
    app.button(key="provider_save_1").click().run()
    assert not app.exception, app.exception[0].value
    saved = PROVIDERS.find(kept, "openai")
    assert (saved.requests_per_minute, saved.timeout_s) == (120, 45)
    (offer,) = saved.models
    assert offer.output_field == "max_completion_tokens" and offer.price.input == Decimal("1.75")
    assert "CANARY" not in provider_form.in_words(saved) and "OPENAI_API_KEY" in provider_form.in_words(saved).replace(
        "\\", ""
    )


def test_an_address_that_is_none_is_refused_in_place(kept):
    app = form({**HELD, "base_url": "ftp://x"}, replaces=True)
    app.button(key="provider_save_1").click().run()
    assert app.error and not PROVIDERS.all(kept)
