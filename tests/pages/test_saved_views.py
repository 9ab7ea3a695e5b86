"""Views kept under a name, the one that the dashboard opens with, and the box that finds anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data import people
from data.errors import BadInput, Refused
from data.ledger import Ledger
from data.people import Person
from data.saved_views import VIEWS, SavedView, keep_view, open_with, start_view
from data.state import State
from pages.ui import search_box
from pages.ui.navigation import PAGES

APP = str(Path(__file__).parents[2] / "app.py")
HELD = Person("vic@x.test", "viewer", frozenset({"search"}))


def test_a_view_keeps_its_choices_and_one_is_the_start(state):
    keep_view(state, " month ", "explore", {"by": ["Team"], "team": ["search", "ads"]})
    keep_view(state, "all", "", {})
    assert VIEWS.get(state, "month") == SavedView(page="explore", query={"by": ("Team",), "team": ("search", "ads")})
    with pytest.raises(BadInput, match="already; choose another name"):
        keep_view(state, "month", "plan", {})
    assert start_view(state) is None
    for name in ("month", "all"):
        open_with(state, name)
        assert [each for each, view in VIEWS.all(state).items() if view.start] == [name]
    open_with(state, None)
    assert start_view(state) is None
    VIEWS.forget(state, "month")
    with pytest.raises(BadInput, match="somebody has deleted it"):
        open_with(state, "month")


def test_who_is_held_to_teams_sees_the_views_of_those_teams_alone(state):
    keep_view(state, "ours", "explore", {"team": ["search"]})
    for name, query in (("theirs", {"team": ["ads"]}), ("both", {"not.team": ["search", "ads"]}), ("company", {})):
        keep_view(state, name, "explore", query)
    with people.acting_as(HELD):
        assert list(VIEWS.all(state)) == ["ours"]
        with pytest.raises(Refused):
            keep_view(state, "mine", "explore", {"team": ["search"]})


@pytest.mark.parametrize(("asked", "page"), [({}, "savings"), ({"window": "7d"}, "overview")])
def test_the_dashboard_opens_with_the_start_view_unless_a_link_asks(home, state, asked, page):
    Ledger.open(home).close()
    keep_view(state, "money", "savings", {"window": ["90d"]})
    open_with(state, "money")
    app = AppTest.from_file(APP, default_timeout=120)
    for key, value in asked.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception[0].value
    assert ("saving" in app.title[0].value.lower() or "wast" in app.title[0].value.lower()) == (page == "savings")


def only_the_menu() -> None:
    from pages.ui import saved_views

    saved_views.menu("explore")


def test_a_view_is_saved_said_and_refused_in_place(home, state):
    Ledger.open(home).close()
    app = AppTest.from_function(only_the_menu, default_timeout=60)
    app.query_params["by"] = "Team"
    app.query_params["as_of"] = "3"
    app.session_state["views_open"] = True
    app.run()
    assert any("No view is saved yet" in caption.value for caption in app.caption)
    app.text_input(key="view_name").set_value("<b>teams</b>").run()
    app.button(key="view_save").click().run()
    assert not app.exception and VIEWS.get(state, "<b>teams</b>") == SavedView(page="explore", query={"by": ("Team",)})
    app.text_input(key="view_name").set_value("<b>teams</b>").run()
    app.button(key="view_save").click().run()
    assert "already; choose another name" in app.error[0].value


def test_the_box_finds_pages_names_and_what_was_saved(sample_home, monkeypatch, alone):
    monkeypatch.setenv("BATON_HOME", str(sample_home))
    state, view = State.open(sample_home), Ledger.open(sample_home)
    budgets = {"Ada's": {"name": "Ada's", "amount": 5}}
    monkeypatch.setattr(State, "all", lambda self, kind: budgets if kind == "budget" else {})
    found = {place.label: place for place in search_box.places(view, state)}
    paths = {path for entries in PAGES.values() for _, _, _, path in entries}
    assert {place.path for place in found.values()} <= paths and found["Budget: Ada's"].path == "plan"
    assert len([label for label in found if label.startswith("Page: ")]) == len(paths)
    team = next(place for label, place in found.items() if label.startswith("Team: platform, $"))
    assert (team.path, team.query) == ("explore", {"team": ["platform"]})
    with people.acting_as(HELD):
        held = [place for place in search_box.places(view, state) if place.label.startswith("Page: ")]
    assert "Page: Governance" in found and "Page: Governance" not in {place.label for place in held}
    view.close()
