"""The Rollout page: a plan is made, begun, held with its reasons, and rolled back."""

from __future__ import annotations

from routing.rollout.plan import ROLLOUTS
from tests.pages.test_lab_forms import press
from tests.pages.test_live_pages import opened


def test_a_rollout_is_planned_begun_held_and_rolled_back(state):
    app = opened("rollout")
    assert "stage by stage" in app.title[0].value
    press(app, "Keep the plan")
    assert "needs a name" in app.error[0].value
    app.text_input(key="rollout_name").input("autumn")
    app.text_input(key="rollout_shares").input("50, 5")
    press(app, "Keep the plan")
    assert "that grow" in app.error[0].value
    app.text_input(key="rollout_shares").input("0, 10")
    press(app, "Keep the plan")
    kept = ROLLOUTS.get(state, "autumn")
    assert [stage.name for stage in kept.stages] == ["shadow", "10 %"] and "has not begun" in app.title[0].value
    press(app, "Begin the first stage")
    assert app.title[0].value.startswith("Hold") and "more reasons" in app.title[0].value
    assert any("the stage has no traffic" in text.value for text in app.markdown)
    assert next(b for b in app.button if b.key == "rollout_on").disabled
    press(app, "Roll back")
    assert ROLLOUTS.get(state, "autumn").stayed == kept.control and "is over" in app.title[0].value
