"""Contract prices, aliases, rules, sources, actions and alerts by dialog: what is stored survives it, what is missing
is said where it stands, what was typed is never lost."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from analytics.alerts.rule import RULES as ALERTS
from analytics.promises.actions import ACTIONS
from data.loading.attribution_rules import RULES
from data.prices.aliases import ALIASES
from data.prices.contracts import OVERRIDES
from data.sources.source import SOURCES
from data.state import State
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of

FORMS = {
    "price_override": ("pages.parts.data.contract_form", "contract"),
    "alias": ("pages.parts.data.alias_form", "alias"),
    "rule": ("pages.parts.data.attribution_form", "rule"),
    "source": ("pages.parts.data.source_form", "source"),
    "action": ("pages.parts.weekly.action_form", "action"),
    "alert": ("pages.parts.alerts.rule_form", "alert"),
}
KINDS: dict[str, Any] = {
    "price_override": OVERRIDES,
    "alias": ALIASES,
    "rule": RULES,
    "source": SOURCES,
    "action": ACTIONS,
    "alert": ALERTS,
}
STORED = [
    ("price_override", {"provider": "openai", "discount": "0.15", "start": "2026-01-01", "note": "frame contract"}),
    ("price_override", {"provider": "azure", "model": "our-ptu", "prepaid": True, "end": "2027-01-01"}),
    ("price_override", {"provider": "anthropic", "fees": {"web_search": "0.008", "moon": "1"}}),
    (
        "price_override",
        {"provider": "google", "model": "gemini-3.5-flash", "service_tier": "offpeak", "discount": "0.3"},
    ),
    (
        "price_override",
        {
            "provider": "google",
            "model": "gemini-3-pro-image-preview",
            "prices": {"fresh_input": "0.0625", "output": "6", "image_output": "60", "cache_write_1h": "2"},
        },
    ),
    ("alias", {"pattern": "prod-*", "model": "gpt-5.2", "provider": "azure", "note": "our names"}),
    ("rule", {"field": "tags.cost.center", "op": "glob", "pattern": "4?", "set": "team", "value": "ads", "order": 3}),
    ("rule", {"field": "model_raw", "pattern": "x", "set": "criticality", "value": "high", "note": "n"}),
    ("source", {"kind": "folder", "path": "/logs/*.jsonl", "every_hours": 0.25, "note": "kept"}),
    ("source", {"kind": "langfuse", "base_url": "https://eu.example.com", "key_env": "LANGFUSE_API_KEY"}),
    (
        "action",
        {
            "name": "x",
            "owner": "Ada",
            "decided": "2026-10-01",
            "status": "done",
            "done": "2026-10-20",
            "expected_usd_month": 12.5,
            "filters": {"feature": ["answers"]},
            "low_usd_month": 1.0,
            "told_from": "2026-09-01",
            "told_to": "2026-10-01",
        },
    ),
    ("alert", {"kind": "threshold", "limit": 100, "days": 7, "silenced_until": "2026-12-01", "note": "why"}),
    ("alert", {"kind": "failures", "limit": 0.05, "filters": {"team": ["search"]}, "quiet_from": 22, "quiet_until": 6}),
]
LACKS = {
    "price_override": "Say which provider the contract is with.",
    "alias": "Give the name as the log has it.",
    "rule": "Say which field is looked at. Say what it must match.",
    "source": "Give the source a name.",
    "action": "Say what is done.",
    "alert": "Give the rule a name.",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    ledger_of(folder, [row for day in days(date(2026, 11, 1), LAST) for row in day_rows(day)]).close()
    return folder


@pytest.fixture
def company(filled, monkeypatch) -> State:
    monkeypatch.setenv("BATON_HOME", str(filled))
    state = State.open(filled)
    for kept in KINDS.values():
        kept.replace(state, {})
    return state


def only_the_form() -> None:
    """The dialog of the kind that the test names, as it was opened for what is stored as `x`, or for something new."""
    from importlib import import_module

    import streamlit as st

    from pages.ui import shell
    from pages.ui.document_list import Opened

    module, replaces = st.session_state["module"], st.session_state["replaces"]
    if "body" not in st.session_state:
        st.session_state["body"] = shell.state().get(st.session_state["kind"], "x") or {}
    opened = Opened("x" if replaces else "", st.session_state["body"], replaces, 1)
    dialog = import_module(module).dialog
    dialog(opened) if module.endswith("source_form") else dialog(shell.view(), opened)


def form(kind: str, *, replaces: bool) -> AppTest:
    app = AppTest.from_function(only_the_form, default_timeout=120)
    app.session_state["kind"], app.session_state["module"] = kind, FORMS[kind][0]
    app.session_state["replaces"] = replaces
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def save(app: AppTest, kind: str) -> None:
    app.button(key=f"{FORMS[kind][1]}_save_1").click().run()
    assert not app.exception, app.exception[0].value


@pytest.mark.heavy
@pytest.mark.parametrize(("kind", "body"), STORED, ids=lambda one: one if isinstance(one, str) else " ".join(one))
def test_what_is_stored_survives_being_shown_and_saved(company, kind, body):
    before = KINDS[kind].save(company, "x", body)
    app = form(kind, replaces=True)
    save(app, kind)
    assert not app.error and KINDS[kind].all(company) == {"x": before}


@pytest.mark.parametrize("kind", LACKS)
def test_what_is_missing_is_said_in_place_after_the_first_try(company, kind):
    app = form(kind, replaces=False)
    assert not app.error, "an untouched form scolds nobody"
    save(app, kind)
    assert app.error[0].value.startswith(LACKS[kind]) and not KINDS[kind].all(company)


@pytest.mark.parametrize("kind", ["alias", "alert"])
def test_of_two_who_change_one_the_later_is_told_and_keeps_what_was_typed(company, kind):
    body = next(body for known, body in STORED if known == kind)
    KINDS[kind].save(company, "x", body)
    app = form(kind, replaces=True)
    KINDS[kind].save(company, "x", {**body, "note": "another's"})
    save(app, kind)
    assert "was changed elsewhere after you opened it" in app.error[0].value
    assert KINDS[kind].find(company, "x").note == "another's"


def test_a_contract_price_is_made_field_by_field_and_reprices_nothing_it_does_not_touch(company):
    app = form("price_override", replaces=False)
    app.selectbox(key="contract_provider_1").set_value("openai").run()
    save(app, "price_override")
    assert app.error[0].value == "Give the discount, above 0%."
    app.text_input(key="contract_fees_1").set_value("web_search")
    app.number_input(key="contract_discount_1").set_value(15.0).run()
    assert "'web\\_search' is no name with an amount" in app.error[0].value
    app.text_input(key="contract_fees_1").set_value("web_search 0.01").run()
    assert not app.error and app.number_input(key="contract_discount_1").value == 15.0
    save(app, "price_override")
    (kept,) = OVERRIDES.all(company).values()
    assert (str(kept.discount), kept.fees) == ("0.15", {"web_search": kept.fees["web_search"]})


@pytest.mark.parametrize(("kind", "body"), STORED, ids=lambda one: one if isinstance(one, str) else " ".join(one))
def test_each_reads_as_a_sentence(kind, body):
    module = import_module(FORMS[kind][0])
    if kind in ("source", "alert", "action"):
        return_words = {
            "source": lambda: KINDS[kind].read("x", body).words,
            "alert": lambda: KINDS[kind].read("x", body).words,
            "action": lambda: module.in_words(KINDS[kind].read("x", body).model_dump(mode="json") | {"told": "then"}),
        }[kind]()
    else:
        return_words = module.in_words(KINDS[kind].read("x", body))
    assert "None" not in return_words and "Decimal" not in return_words and len(return_words) > 20
