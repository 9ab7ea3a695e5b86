"""A saved document that no reading understands is refused by name with a way out, whatever its kind."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from data.document_kinds import KINDS
from data.documents import Documents
from data.errors import BadInput
from data.facts.models import current
from data.state import State
from simulations.scenario import KINDS as SCENARIO_KINDS
from simulations.scenario import Scenario, kind_of, saved_scenarios

ROOT = Path(__file__).resolve().parent.parent
NEVER_SAVED = {"setting"}  # by anything of today
OLD = {"shape of 1987": 1}


def declared() -> dict[str, Documents]:
    """Every `Documents` that a module of the house declares, by where; imports all of them."""
    found = {}
    for room in ("data", "analytics", "routing", "simulations"):
        for path in sorted((ROOT / room).rglob("*.py")):
            if "Documents(" in path.read_text() and path.name != "documents.py":
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                module = importlib.import_module(name)
                found |= {f"{name}.{k}": v for k, v in vars(module).items() if isinstance(v, Documents)}
    return found


def scenario_models() -> list[type[Scenario]]:
    for path in sorted((ROOT / "simulations").rglob("*.py")):
        if "(Scenario)" in path.read_text():
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return Scenario.__subclasses__()


def readers() -> dict[str, tuple[str, Callable[[State], object]]]:
    """Where -> (kind, how all documents of it are read)."""
    found: dict[str, tuple[str, Callable[[State], object]]] = {
        where: (one.kind, one.all) for where, one in declared().items() if one.kind != "model_fact"
    }
    found |= {f"scenarios, {kind_of(model)}": ("scenario", saved_scenarios(model).all) for model in scenario_models()}
    return found | {"model facts": ("model_fact", current)}


READERS = readers()


def test_every_kind_is_read_somewhere():
    assert {kind for kind, _ in READERS.values()} == set(KINDS) - NEVER_SAVED
    assert {kind_of(model) for model in scenario_models()} == set(SCENARIO_KINDS)


@pytest.mark.parametrize("where", READERS)
def test_an_unknown_shape_is_refused_by_name_and_stays(state, where):
    kind, read = READERS[where]
    state.put(kind, "of old", OLD)
    with pytest.raises(BadInput, match=r"(?s)of old.*python -m data forget " + f"{kind} 'of old'"):
        read(state)
    assert state.get(kind, "of old") == OLD
    state.delete(kind, "of old")
    read(state)
