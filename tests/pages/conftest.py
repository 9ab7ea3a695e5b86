"""Fixtures of the tests of pages: what a server keeps from one test to the next; a page without its app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st


@pytest.fixture(autouse=True)
def fresh_caches(request) -> Iterator[None]:
    """Nothing is kept, but in modules marked `one_server`: their tests patch nothing that a page asks, and are its
    readers one after the other.
    """
    yield
    if not request.node.get_closest_marker("one_server"):
        forget_answers()


@pytest.fixture(scope="module", autouse=True)
def fresh_server() -> Iterator[None]:
    yield
    forget_answers()


def forget_answers() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def alone(monkeypatch) -> None:
    """One page without its app: links to other pages have nowhere to lead."""
    monkeypatch.setattr(st, "page_link", lambda *args, **options: None)
