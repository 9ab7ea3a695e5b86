"""Nothing from a log is markup: every label, tooltip and text of every page escapes the names it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pages.ui.navigation import PAGES
from tests.hostile_names import hostile_store
from tests.pages.whole_app import ROOT, app_at

FILES = [entry[0] for entries in PAGES.values() for entry in entries]
pytestmark = pytest.mark.one_server
NAMES = (
    "![i](http://127.0.0.1:9/leak.png)",
    "[click](javascript:window.x=3)",
    "**bold** # heading",
    "$\\frac{1}{0}$",
    ":red[red] :material/delete:",
    '<img src=x onerror="window.x=1">',
    "https://evil.example/path",
    "www.evil.example/path",
    "x@evil.example",
    "\u202eevil\u202c and \u200bnothing",
)
# Each must not stand in a text that is read as Markdown.
MARKUP = re.compile(
    r"(?<!\\)!\[i\]|(?<!\\)\[click\]|(?<!\\)\*\*bold|(?<!\\)\$\\+frac|(?<!\\):red|(?<!\\):material/delete|(?<!\\)<img|"
    r"https?://evil|https?\\://evil|www\\?\.evil|x@evil|\u202e|\u200b"
)
READ_AS_MARKDOWN = {"label", "help", "body", "caption", "captions", "content", "delta", "markdown", "text"}
PLAIN = {"AlertText", "Dataframe", "ArrowDataFrame", "PlotlyChart", "Selectbox", "Multiselect"}


@pytest.fixture(scope="module")
def hostile_home(tmp_path_factory) -> Path:
    return hostile_store(tmp_path_factory.mktemp("hostile"), NAMES)


def texts(message: object) -> list[tuple[str, str]]:
    """Every text of an element's message that the browser reads as Markdown, with the name of its field."""
    found: list[tuple[str, str]] = []
    for field, value in message.ListFields():  # type: ignore[attr-defined]
        values = value if field.is_repeated else [value]
        for one in values:
            if field.message_type:
                if field.message_type.name not in PLAIN:
                    found += texts(one) if hasattr(one, "ListFields") else []
            elif isinstance(one, str) and field.name in READ_AS_MARKDOWN:
                found.append((field.name, one))
    return found


def elements(block: Any) -> list[Any]:
    """Every element below a block."""
    children = getattr(block, "children", None)
    return [block] if not children else [e for child in children.values() for e in elements(child)]


@pytest.mark.parametrize("file", FILES)
def test_a_page_escapes_every_name(hostile_home, monkeypatch, file):
    monkeypatch.setenv("BATON_HOME", str(hostile_home))
    monkeypatch.chdir(ROOT)
    app = app_at(file, window="All").run()
    assert not app.exception, app.exception[0].value
    shown = [found for e in elements(app._tree) if getattr(e, "proto", None) is not None for found in texts(e.proto)]
    assert shown
    bad = [(name, text[:200]) for name, text in shown if MARKUP.search(text)]
    assert not bad, bad[:5]
