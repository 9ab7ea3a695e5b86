"""A store that many tests read is filled once a session, and no reader's copy is another's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.stores import made_once


def test_whoever_asks_first_fills_it_and_everybody_has_a_copy(tmp_path_factory):
    filled: list[Path] = []

    def fill(home: Path) -> None:
        filled.append(home)
        (home / "rows").write_text("as filled")

    with ThreadPoolExecutor(3) as workers:
        homes = list(workers.map(lambda _: made_once(tmp_path_factory, "asked-by-three", fill), range(3)))
    assert len(filled) == 1 and len({*homes, *filled}) == 4
    (homes[0] / "rows").write_text("changed")
    assert (made_once(tmp_path_factory, "asked-by-three", fill) / "rows").read_text() == "as filled"


def test_what_a_failure_left_is_not_taken_for_a_store(tmp_path_factory):
    def fail(home: Path) -> None:
        (home / "half").touch()
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        made_once(tmp_path_factory, "failed-at-first", fail)
    home = made_once(tmp_path_factory, "failed-at-first", lambda home: (home / "whole").touch())
    assert [one.name for one in home.iterdir()] == ["whole"]
