"""The whole app opened at one of its pages, as a link does: entry, navigation, sidebar and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from pages.ui.navigation import PAGES

ROOT = Path(__file__).resolve().parents[2]
FILES = [file for entries in PAGES.values() for file, *_ in entries]
ADDRESS = {file: address for entries in PAGES.values() for file, _, _, address in entries}


def app_at(file: str, timeout: int = 120, **query: Any) -> AppTest:
    """The app at a page's address, not yet run.

    AppTest by itself opens the first page and is switched from there, which costs every test that page's work.
    """
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=timeout)
    app._page_hash = calc_hash(ADDRESS[file]) if ADDRESS[file] else ""
    for name, value in query.items():
        app.query_params[name] = value
    return app


def opened(home: Path, monkeypatch, file: str, **query: Any) -> AppTest:
    monkeypatch.setenv("BATON_HOME", str(home))
    monkeypatch.chdir(ROOT)
    return app_at(file, **query).run()


def answered(home: Path, monkeypatch, file: str, **query: Any) -> AppTest:
    """The page opened, with a title that says something and without an error."""
    app = opened(home, monkeypatch, file, **query)
    assert not app.exception, app.exception[0].value
    assert not app.error, [e.value for e in app.error]
    assert app.title and app.title[0].value.strip()
    assert "nan" not in app.title[0].value.lower().split()
    return app
