"""What a link says and a page cannot follow is said there, once: over every page and every parameter there is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_held_viewer import SECRET, logged
from tests.pages.whole_app import FILES, ROOT, opened

pytestmark = [pytest.mark.one_server, pytest.mark.heavy]
# Read by what pages share, each under a name or in words of its own; `source` is a filter of most pages as well.
OF_EVERY_PAGE = {"as_of", "with", "finding", "window", "vs", "source"}


def calls() -> Iterator[ast.Call]:
    for path in sorted((ROOT / "pages").rglob("*.py")):
        yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def text_of(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def parameters() -> set[str]:
    """Every name that a page binds to the address or asks it for."""
    found = set()
    for call in calls():
        words = {word.arg: word.value for word in call.keywords}
        if "bind" in words:
            found.add(text_of(words.get("key")))
        if isinstance(call.func, ast.Attribute) and call.func.attr == "read" and call.args:
            found.add(text_of(call.args[0]))
    return found - {""} - OF_EVERY_PAGE


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return logged(tmp_path_factory.mktemp("store"), ["search", SECRET])


def told(app: AppTest) -> str:
    assert not app.exception, app.exception[0].value
    return " ".join(one.value.replace("\\", "") for one in (*app.warning, *app.error))


def test_the_parameters_of_pages_are_known():
    assert {"section", "measure", "months", "part", "policy", "rollout", "grain", "requests"} <= parameters()


@pytest.mark.parametrize("file", FILES)
def test_no_parameter_is_left_out_in_silence(store, monkeypatch, file):
    """Nonsense under every name at once: each is named on the page, as what it does not offer or has no use for."""
    asked = dict.fromkeys(sorted(parameters()), "Nonsense")
    app = opened(store, monkeypatch, file, **asked, window="Nonsense", nobody="Nonsense")
    said = told(app)
    read = ("gpu", "precision", "run") if file == "self_host" else (*asked, "nobody")  # it ends before it knows a model
    missing = [name for name in read if f"{name.replace('_', ' ')} “Nonsense”" not in said]
    known = [name for name in missing if f"no {name} Nonsense" not in said and "policy “Nonsense”" not in said]
    assert not known, (file, known, said)
    again = told(app.run())
    assert "does not offer" not in again and "changes nothing" not in again, "said again after the reader has seen it"


@pytest.mark.parametrize(
    ("file", "query"),
    [
        ("overview", {"by": "Model", "grain": "as fits"}),
        ("explore", {"measure": "Spend", "by": "Team", "window": "7d", "vs": "none"}),
        ("plan", {"part": "Budgets", "months": "12"}),
        ("data_and_prices", {"section": "Prices"}),
        ("self_host", {"source": "Typed volume", "months": "24", "requests": "2000000"}),
    ],
)
def test_an_address_that_asks_for_what_there_is_has_nothing_to_be_said(store, monkeypatch, file, query):
    assert "The link" not in told(opened(store, monkeypatch, file, **query))


@pytest.mark.parametrize("file", ["weekly", "alerts", "policy_replay", "governance", "data_and_prices", "decisions"])
def test_a_team_nobody_has_is_said_on_every_page(store, monkeypatch, file):
    app = opened(store, monkeypatch, file, team="Nonsense")
    assert "Nonsense" in told(app) and app.title, file


@pytest.mark.parametrize(
    ("file", "query", "words"),
    [
        ("self_host", {"source": "Typed volume", "requests": "0"}, "requests “0”"),
        ("self_host", {"source": "Typed volume", "input_tokens": "abc"}, "input tokens “abc”"),
        ("self_host", {"source": "Nonsense"}, "source “Nonsense”"),
        ("governance", {"events": ["Nonsense", "policy.saved"]}, "events “Nonsense, policy.saved”"),
        ("overview", {"with": "[["}, "with “[[”"),
        ("data_and_prices", {"with": '{"section": "Nonsense"}'}, "section “Nonsense”"),
        ("explore", {"vs": "Nonsense"}, "vs “Nonsense”"),
    ],
)
def test_a_value_out_of_reach_is_said(store, monkeypatch, file, query, words):
    assert words in told(opened(store, monkeypatch, file, **query))
