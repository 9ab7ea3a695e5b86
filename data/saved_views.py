"""Views that people keep by a name: a page of the dashboard as it was, for all who use this store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from data.documents import Documents
from data.errors import BadInput
from data.state import State


class SavedView(BaseModel):
    """A page by its path ("" is the first one) and the parameters of its address; `start`: the dashboard opens so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: str
    query: dict[str, tuple[str, ...]] = {}
    start: bool = False


def _teams_named(view: SavedView) -> tuple[str, ...]:
    return (*view.query.get("team", ()), *view.query.get("not.team", ()))


VIEWS = Documents("view", SavedView, about=_teams_named)  # by their names


def keep_view(state: State, name: str, page: str, query: Mapping[str, Sequence[str]]) -> None:
    """Keep a view under a new name; BadInput for one that is taken or empty."""
    name = name.strip()
    if name in VIEWS.all(state):
        raise BadInput(f"There is a view {name!r} already; choose another name, or delete that one first.")
    VIEWS.save(state, name, SavedView(page=page, query={key: tuple(values) for key, values in query.items()}))


def open_with(state: State, name: str | None) -> None:
    """Make one view the start page, or none of them; all in one change. BadInput where the view is gone."""
    every = VIEWS.all(state)
    if name is not None and name not in every:
        raise BadInput(f"There is no view {name!r} any more; somebody has deleted it.")
    VIEWS.replace(state, {each: view.model_copy(update={"start": each == name}) for each, view in every.items()})


def start_view(state: State) -> SavedView | None:
    """The view that the dashboard opens with, where one is marked so."""
    return next((view for view in VIEWS.all(state).values() if view.start), None)
