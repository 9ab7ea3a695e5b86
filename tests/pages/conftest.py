"""Fixtures of the tests of pages: nothing is kept from one test to the next; a page without its app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st


@pytest.fixture(autouse=True)
def fresh_caches() -> Iterator[None]:
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def alone(monkeypatch) -> None:
    """One page without its app: links to other pages have nowhere to lead."""
    monkeypatch.setattr(st, "page_link", lambda *args, **options: None)
