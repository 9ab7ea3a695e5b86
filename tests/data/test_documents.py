"""Documents of the state: checked, kept, audited with who did it; an older shape is migrated or refused by name."""

from __future__ import annotations

import getpass
import os
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from data.__main__ import main
from data.document_kinds import KINDS
from data.documents import Documents
from data.errors import BadInput
from data.prices.aliases import ALIASES
from data.state import State


class Note(BaseModel):
    """A made-up document."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    text: str
    weight: int = 1


NOTES = Documents("setting", Note, upgrade=lambda name, body: {"text": body["old"]} if "old" in body else body)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_audited_with_who_did_it(state, kind):
    ada, bob = State(state.path, "ada@example.org"), State(state.path, "bob@example.org")
    ada.put(kind, "x", {"n": 1})
    bob.put(kind, "x", {"n": 2})
    bob.put(kind, "x", {"n": 2})  # changes nothing
    ada.delete(kind, "x")
    ada.delete(kind, "x")  # not there any more
    told = [(entry.event, entry.actor, entry.detail) for entry in reversed(state.audit())]
    assert told == [
        (f"{KINDS[kind]} saved", "ada@example.org", {"n": 1, "name": "x"}),
        (f"{KINDS[kind]} saved", "bob@example.org", {"n": 2, "name": "x"}),
        (f"{KINDS[kind]} removed", "ada@example.org", {"name": "x"}),
    ]
    assert state.verify_audit() == (True, None)


def test_without_a_sign_in_the_operating_systems_user_acts(state, monkeypatch):
    assert state.actor == getpass.getuser()
    monkeypatch.setattr(getpass, "getuser", lambda: {}["no such user"])
    assert State(state.path).actor == f"user {os.getuid()}"


def test_a_save_that_is_refused_leaves_neither_document_nor_entry(state):
    refused: list[tuple[str, Any, str]] = [
        ("a", {"text": "hi", "colour": "red"}, "Setting a: colour: unknown field; use one of: text, weight"),
        ("a", {"weight": 2}, "Setting a: text: is required"),
        ("a", {"text": "hi", "weight": "heavy"}, "Setting a: weight: .*heavy"),
        ("a", "text", "Setting a: a mapping with text, weight is expected; found a str"),
        (" ", {"text": "hi"}, "A setting needs a name"),
    ]
    for name, body, words in refused:
        with pytest.raises(BadInput, match=words):
            NOTES.save(state, name, body)
    with pytest.raises(BadInput, match="Setting b: text"):
        NOTES.replace(state, {"a": {"text": "fine"}, "b": {}})
    assert state.all("setting") == {} and state.audit() == []


def test_replacing_writes_only_what_changed(state):
    NOTES.replace(state, {"a": {"text": "one"}, "b": {"text": "two"}, "c": {"text": "three"}})
    state.put("setting", "b", {"text": "two", "weight": 1})  # as an earlier Baton wrote it, defaults and all
    before = len(state.audit())
    NOTES.replace(state, {"a": Note(text="changed"), "b": Note(text="two")})
    events = [(entry.event, entry.detail["name"]) for entry in state.audit()[: len(state.audit()) - before]]
    assert sorted(events) == [("setting removed", "c"), ("setting saved", "a")]
    assert NOTES.all(state) == {"a": Note(text="changed"), "b": Note(text="two")}


def test_of_two_who_change_one_document_the_later_is_told(state):
    NOTES.amend(state, "a", {"text": "one"})
    seen = ("a", state.get("setting", "a"))
    NOTES.amend(state, "a", {"text": "hers"}, seen)
    for name in ("a", "renamed"):
        with pytest.raises(BadInput, match="'a' was changed elsewhere after you opened it"):
            NOTES.amend(state, name, {"text": "his"}, seen)
    assert NOTES.all(state) == {"a": Note(text="hers")}
    seen = ("a", state.get("setting", "a"))
    NOTES.amend(state, "b", {"text": "moved"}, seen)
    assert NOTES.all(state) == {"b": Note(text="moved")}, "a new name takes the old one's place"
    with pytest.raises(BadInput, match="'a' was deleted elsewhere"):
        NOTES.amend(state, "a", {"text": "late"}, seen)
    NOTES.save(state, "c", {"text": "third"})
    for name, before in (("c", None), ("c", ("b", state.get("setting", "b")))):
        with pytest.raises(BadInput, match="a setting 'c' already"):
            NOTES.amend(state, name, {"text": "over it"}, before)
    assert NOTES.all(state) == {"b": Note(text="moved"), "c": Note(text="third")}


def test_an_older_shape_is_migrated_and_an_unknown_one_is_refused_by_name(state, capsys):
    state.put("setting", "older", {"old": "kept"})
    assert NOTES.get(state, "older") == Note(text="kept") and NOTES.get(state, "nothing") is None
    state.put("setting", "newer", {"text": "hi", "mood": "good"})
    for read in (NOTES.all, lambda store: NOTES.get(store, "newer")):
        with pytest.raises(BadInput, match="Setting newer: mood.*python -m data forget setting 'newer'"):
            read(state)
    assert state.get("setting", "newer") == {"text": "hi", "mood": "good"}  # nothing is lost by the refusal
    home = ["--home", str(state.path.parent)]
    assert main(["forget", "setting", "newer", *home]) == 0
    assert main(["forget", "setting", "newer", *home]) == 1
    assert "those saved are older" in capsys.readouterr().err
    assert list(NOTES.all(state)) == ["older"] and state.audit()[0].event == "setting removed"


def test_what_is_relied_on_is_not_forgotten_by_the_way(state, capsys):
    home = ["--home", str(state.path.parent)]
    state.put("policy", "cheap", {})
    state.put("in_force", "policy", {"policy": "cheap"})
    state.put("decision", "mix", {"signatures": [{"by": "ann"}]})
    assert main(["forget", "policy", "cheap", *home]) == 1
    assert "'cheap' is in force" in capsys.readouterr().err
    assert main(["forget", "decision", "mix", *home]) == 1
    assert "a record with 1 signature" in capsys.readouterr().err
    assert state.get("policy", "cheap") is not None and state.get("decision", "mix") is not None
    assert main(["forget", "decision", "mix", "--yes", *home]) == 0 and state.get("decision", "mix") is None
    assert main(["forget", "in_force", "policy", *home]) == 0
    assert main(["forget", "policy", "cheap", *home]) == 0


def test_values_stay_out_of_messages_where_one_may_be_a_secret(state):
    secretive = Documents("setting", Note, quote=False)
    with pytest.raises(BadInput) as caught:
        secretive.read("a", {"text": "hi", "weight": "sk-secret"})
    assert "sk-secret" not in str(caught.value) and caught.value.__cause__ is None


def test_a_name_of_another_sort_of_the_same_kind_is_not_overwritten(state):
    heavy = Documents("setting", Note, belongs=lambda body: body.get("weight", 1) > 5)
    NOTES.save(state, "light", {"text": "l"})
    with pytest.raises(BadInput, match="name of a saved setting of another kind"):
        heavy.save(state, "light", {"text": "h", "weight": 9})
    assert heavy.all(state) == {} and heavy.get(state, "light") is None


def test_a_copy_that_no_reading_would_let_pass_is_not_saved(state):
    with pytest.raises(BadInput, match="Setting a: weight"):
        NOTES.save(state, "a", Note(text="hi").model_copy(update={"weight": "heavy"}))
    assert state.all("setting") == {}


def test_a_name_that_is_not_saved_is_answered_with_those_that_are(state):
    with pytest.raises(BadInput, match=r"There is no alias 'x'; none is saved\."):
        ALIASES.find(state, "x")
    ALIASES.save(state, "a", {"pattern": "prod-*", "model": "gpt-5.2"})
    assert ALIASES.find(state, "a").model == "gpt-5.2"
    with pytest.raises(BadInput, match=r"those saved are a\."):
        ALIASES.find(state, "x")
