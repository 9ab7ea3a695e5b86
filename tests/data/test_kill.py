"""kill -9 at any moment of an ingest: whole batches only, and the next run finishes the work.

Two hundred kills are in tests/benchmarks/kills.py.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.data.killing import Victim

pytestmark = pytest.mark.kill


@pytest.fixture(scope="module")
def victim(tmp_path_factory) -> Victim:
    return Victim(Path(tmp_path_factory.mktemp("kills")), rows=300)


@pytest.mark.parametrize("number", range(5))
def test_a_killed_ingest_leaves_whole_batches_and_the_next_one_finishes(number, victim):
    victim.trial(random.Random(number), number)
