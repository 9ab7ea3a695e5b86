from __future__ import annotations

import gc
from pathlib import Path
from weakref import ref

from analytics import answers_by_version


class Version:
    home = Path("of-no-store")

    def __init__(self, pinned):
        self.pinned = pinned


def test_a_pinned_version_is_asked_once_and_the_newest_every_time():
    asked = []

    @answers_by_version.remember
    def question(view, number):
        asked.append(number)
        return number + 1

    pinned, newest = Version(3), Version(None)
    assert [question(pinned, 1), question(pinned, 1), question(pinned, 2), question(Version(3), 1)] == [2, 2, 3, 2]
    assert asked == [1, 2, 1]
    assert [question(newest, 1), question(newest, 1)] == [2, 2] and asked == [1, 2, 1, 1, 1]


def test_answers_are_bounded_and_go_with_their_version():
    question = answers_by_version.remember(lambda view, number: bytearray(number))
    view = Version(1)
    first = question(view, 0)
    for number in range(1, answers_by_version.KEPT + 1):
        question(view, number)
    assert question(view, 0) is not first
    gone = ref(view)
    del view
    gc.collect()
    assert gone() is None
