"""Guardrails by form: what was there stays, what is typed is told in plain words, what is wrong is said in place."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from routing.policies import in_words
from routing.policies.policy import Guardrails, Policy
from routing.policies.text import examples, read_policy


def only_the_form() -> None:
    """The form of the policy whose YAML the test gives."""
    import streamlit as st

    from pages.parts.replay.guardrails_form import guardrails_form
    from routing.policies.text import read_policy, write_policy

    changed = guardrails_form(read_policy(st.session_state["yaml"]), "x")
    if changed:
        st.session_state["applied"] = write_policy(changed)


def form(policy: Policy) -> AppTest:
    from routing.policies.text import write_policy

    app = AppTest.from_function(only_the_form, default_timeout=60)
    app.session_state["yaml"] = write_policy(policy)
    app.run()
    assert not app.exception, app.exception[0].value
    return app


@pytest.mark.parametrize("name", examples())
def test_applying_what_nobody_changed_changes_nothing(name):
    policy = examples()[name]
    app = form(policy)
    app.button(key="rails_apply_x").click().run()
    assert read_policy(app.session_state["applied"]) == policy


SOME = {
    "forbidden_actions": ["sign a contract"],
    "output_schema": {"type": "object"},
    "output_must_match": "yes|no",
    "output_must_not_match": ["maybe"],
    "block_pii": True,
    "block_injection": True,
}


@pytest.mark.parametrize("field", Guardrails.model_fields)
def test_every_guardrail_survives_the_form_and_is_told_in_words(field):
    policy = Policy.model_validate({"name": "p", "rules": [{"use": "gpt-5.2"}], "guardrails": {field: SOME[field]}})
    assert len(in_words.rails(policy)) == 1
    app = form(policy)
    app.button(key="rails_apply_x").click().run()
    assert read_policy(app.session_state["applied"]) == policy


def test_what_has_no_field_stays():
    policy = read_policy(
        "name: p\nrules: [{when: {}, use: gpt-5.2}]\nlimits: {max_p50_ms: 900, checkpoints: [8h, 50%]}\n"
    )
    app = form(policy)
    app.button(key="rails_apply_x").click().run()
    assert read_policy(app.session_state["applied"]) == policy


def test_what_is_typed_is_told_and_kept():
    app = form(read_policy("name: p\nrules: [{when: {}, use: gpt-5.2}]\n"))
    assert "nothing stops it but its tasks" in app.markdown[-1].value
    app.number_input(key="rails_usd_x").set_value(25.0)
    app.number_input(key="rails_hours_x").set_value(30.0)
    app.text_input(key="rails_checkpoints_x").set_value("0h, 8h, 50%")
    app.number_input(key="rails_approvers_x").set_value(2)
    app.text_input(key="rails_forbidden_x").set_value("sign a contract, delete data")
    app.number_input(key="rails_review_x").set_value(70.0)
    app.toggle(key="rails_pii_x").set_value(True).run()
    told = app.markdown[-1].value.replace("\\", "")
    for words in ("8 h: nothing new begins until 2 people approve", "30 h: it stops", "$25.00", "70.0% go to a person"):
        assert words in told
    app.button(key="rails_apply_x").click().run()
    kept = read_policy(app.session_state["applied"])
    assert (kept.limits.max_usd, kept.limits.max_minutes, kept.limits.checkpoints) == (25, 1800, (0, 8))
    assert kept.limits.checkpoint_shares == (0.5,) and kept.review and kept.review.confidence_below == 0.7
    assert kept.guardrails.forbidden_actions == ("sign a contract", "delete data") and kept.guardrails.block_pii


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("usd", 0.0, "max_usd"), ("hours", 0.0, "max_minutes"), ("must", "(", "output_must_match")],
)
def test_what_makes_no_sense_is_said_in_place_and_not_applied(field, value, said):
    app = form(read_policy("name: p\nrules: [{when: {}, use: gpt-5.2}]\n"))
    widget = app.text_input if isinstance(value, str) else app.number_input
    widget(key=f"rails_{field}_x").set_value(value).run()
    assert said in app.error[0].value.replace("\\", "") and not app.button
    assert "applied" not in app.session_state
