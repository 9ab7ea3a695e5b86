"""“Learn from these grades” on a run's page: a score that is kept, or the reason why there is none."""

from __future__ import annotations

import pytest

from routing.policies.saved_policies import POLICIES
from tests.pages.whole_app import app_at
from tests.routing.test_difficulty import graded_run

pytestmark = pytest.mark.heavy


def test_a_score_is_learned_tested_and_kept(state):
    run_id = graded_run(state)
    app = app_at("lab", run=run_id).run()
    assert app.selectbox(key=f"learn_cheap_{run_id}").options == ["bad", "good"]
    app.button(key=f"learn_{run_id}").click().run()
    assert not app.exception, app.exception
    assert any("the score sends" in box.value for box in app.success)
    points = next(table.value for table in app.dataframe if "Points" in table.value)
    assert list(points["A request"])[0] == "every request" and "good answers from" in list(points["A request"])
    app.button(key="learn_save").click().run()
    assert not app.exception and POLICIES.get(state, "bad or good").difficulty.terms
    lab = app_at("lab", policy="bad or good").run()
    assert not lab.exception and "bad or good" in lab.title[0].value


def test_few_grades_are_refused_with_the_reason(state):
    run_id = graded_run(state, 9)
    app = app_at("lab", run=run_id).run()
    app.button(key=f"learn_{run_id}").click().run()
    assert not app.exception and any("a score takes 73" in box.value for box in app.error)
    assert "learn_save" not in [button.key for button in app.button]
