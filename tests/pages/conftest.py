"""Fixtures of the tests of pages: what a server keeps from one test to the next; a page without its app."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(scope="session", autouse=True)
def components_known() -> Iterator[None]:
    """AppTest looks through every installed package for components at each run; a server does at its start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


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
