"""One page as a script of its own, without the app around it."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

PAGES = Path(__file__).resolve().parents[2] / "pages"


def opened(name: str, **params: str) -> AppTest:
    """The page as a link with these parameters opens it."""
    page = AppTest.from_file(str(PAGES / f"{name}.py"), default_timeout=120)
    for key, value in params.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception, page.exception[0].value
    return page
