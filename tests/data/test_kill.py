"""kill -9 at any moment of any writer: whole batches only, and doing the same again finishes the work.

Five hundred kills are in tests/benchmarks/kills.py.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.data.killing import WRITERS, Scene

pytestmark = pytest.mark.kill


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Scene:
    return Scene(Path(tmp_path_factory.mktemp("kills")), rows=200)


@pytest.mark.parametrize("name", WRITERS)
def test_a_killed_writer_leaves_a_whole_store_and_the_next_one_finishes(name, scene):
    scene.kill(name, random.Random(name), list(WRITERS).index(name))
