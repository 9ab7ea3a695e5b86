"""Scenarios on a page: start from a shipped or saved one, change it as YAML, save it by name, link to it, forget it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from data.errors import BatonError, NoData
from data.ledger import Ledger
from data.version import sign
from data.yaml_text import read_yaml, validate
from pages.ui import exports, links, shell
from pages.ui import format as fmt
from simulations.scenario import Scenario, kind_of, read_scenario, saved_scenarios, write_scenario

LOG, TYPED, SAVED = MODES = ("From the log", "Typed in", "Saved")  # labels, as they stand in the URL
Kind = TypeVar("Kind", bound=Scenario)
Answer = TypeVar("Answer")


def mode_of(has_log: bool) -> str:
    """Where the figures of the page come from; in the URL."""
    links.forget_unoffered("mode", MODES)
    return st.segmented_control(
        "Where the figures come from",
        MODES,
        default=LOG if has_log else TYPED,
        required=True,
        key="mode",
        bind="query-params",
    )


def save(scenario: Scenario) -> None:
    """Keep a scenario by its name. Raises BadInput for an empty name, or one that another kind has."""
    saved_scenarios(type(scenario)).save(shell.state(), scenario.name, scenario)


def start(
    model: type[Kind], shipped: dict[str, str], of_interest: Callable[[Kind], bool] = lambda _: True
) -> tuple[str, Kind]:
    """The scenario to start from (its name is in the URL), as it was last applied.

    `shipped`: label -> file name; of the saved ones those `of_interest` are offered.
    """
    held = {name: kept for name, kept in saved_scenarios(model).all(shell.state()).items() if of_interest(kept)}
    offered = [*shipped, *held]
    if st.session_state.get("start_from", offered[0]) not in offered:
        st.session_state["start_from"] = offered[0]  # only forgotten, a browser would go on showing the old choice
    name = st.selectbox("Start from", offered, key="start_from", bind="query-params", width=420)
    scenario = held[name] if name in held else read_scenario(shipped[name], model, kind_of(model))
    text = st.session_state.get(_key(model, name))
    if text is None:
        return name, scenario
    try:
        return name, _parsed(model, text)
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
        return name, scenario


def figures(
    model: type[Kind],
    name: str,
    scenario: Kind,
    mend: tuple[str, Callable[[dict[str, Any]], dict[str, Any]]] | None = None,
    *,
    behind_fields: bool = False,
) -> None:
    """The scenario as YAML to change.

    `mend`: label and function of a second button that corrects the document first. `behind_fields`: the page has
    fields for the figures, which the text follows.
    """
    label, key = (
        ("The same as YAML", f"area_{version(scenario)}") if behind_fields else ("Change the figures", f"area_{name}")
    )
    with st.expander(label, icon=":material/edit:"):
        typed = st.text_area("Scenario as YAML", write_scenario(scenario), height=420, key=key)
        with st.container(horizontal=True):
            if st.button("Apply the scenario"):
                _apply(model, name, lambda: _parsed(model, typed))
            if mend and st.button(mend[0]):
                _apply(model, name, lambda: validate(model, mend[1](read_yaml(typed)[0]), {(): 1}, "the scenario"))


def answer(
    view: Ledger, question: str, title: DeltaGenerator, place: DeltaGenerator, find: Callable[[], Answer]
) -> Answer | None:
    """What `find` finds. Where it refuses, None: the question is the title then, and the reason stands at `place`.

    What the log lacks is a warning, what was typed wrong an error.
    """
    try:
        return find()
    except BatonError as error:
        with title:
            shell.header(question, view)
        lacks = isinstance(error, NoData)
        show, icon = (place.warning, ":material/warning:") if lacks else (place.error, ":material/error:")
        show(fmt.md(str(error)), icon=icon)
        return None


def version(scenario: Scenario) -> str:
    """What tells one content of a scenario from another: in the keys of fields that begin with its figures."""
    return hashlib.sha256(write_scenario(scenario).encode()).hexdigest()[:12]


def keep(scenario: Scenario, page: str | None, *, key: str, downloads: Callable[[], None] = lambda: None) -> None:
    """Save by name, the link to what is saved (on `page`), YAML, and further `downloads`, in one row."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Save this scenario as", scenario.name, key=f"name_{key}", width=360).strip()
        if st.button("Save scenario", icon=":material/save:", key=f"save_{key}"):
            with shell.errors():
                save(scenario.model_copy(update={"name": name}))
                st.toast(fmt.md(f"Saved “{name}”."))
        exports.download_file("YAML", sign(write_scenario(scenario)), f"baton-{scenario.kind}.yaml", key=f"yaml_{key}")
        downloads()
        if page and saved_scenarios(type(scenario)).get(shell.state(), name):
            links.page_link(page, "Open the saved scenario", ":material/link:", {"mode": TYPED, "start_from": name})


def forget(model: type[Scenario]) -> None:
    """Delete a saved scenario by name."""
    name = st.selectbox(
        "Forget a saved scenario",
        [None, *saved_scenarios(model).all(shell.state())],
        format_func=lambda n: n or "choose one",
        width=420,
    )
    if name and st.button("Forget it", icon=":material/delete:"):
        saved_scenarios(model).forget(shell.state(), name)
        st.rerun()


def _parsed(model: type[Kind], text: str) -> Kind:
    value, lines = read_yaml(text, "the scenario")
    return validate(model, value, lines, "the scenario")


def _apply(model: type[Scenario], name: str, make: Callable[[], Scenario]) -> None:
    with shell.errors():
        st.session_state[_key(model, name)] = write_scenario(make())
        st.session_state.pop(f"area_{name}", None)
        st.rerun()


def _key(model: type[Scenario], name: str) -> str:
    return f"{kind_of(model)}_text_{name}"
