"""What every routing test has: the names of keys the tests use, as an owner would list them."""

from __future__ import annotations

import pytest

from data import owner


@pytest.fixture(autouse=True)
def listed_keys(monkeypatch):
    monkeypatch.setenv(owner.KEYS, "CANARY_KEY,MY_KEY,NO_SUCH_KEY,NOT_SET_HERE")
