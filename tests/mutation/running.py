"""Runs tests over a mutant in a process of its own, forked where the libraries are already imported."""

from __future__ import annotations

import contextlib
import importlib.machinery
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.mutation.mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = [
    "-x",
    "-q",
    "--no-header",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "-p",
    "no:xdist",
    "--hypothesis-seed=0",
    "--timeout=0",  # by the wall: on a busy machine it failed tests of code that is right
    "-W",
    "ignore:Module already imported:pytest.PytestAssertRewriteWarning",
]
WORTH_S = 8.0  # of tests a mutant is tried on: what only dearer ones would catch lacks a cheap test
PATIENCE, SPARE_S = 10, 30  # the clock runs out after so many times the tests' own seconds of a core, and some more
STUCK_S = 1800.0  # by the wall: one that waits and never works is stuck, however busy the machine is


class Covered(NamedTuple):
    """What the tests of a subject reach: seconds of a core by test, and tests by (file, function) of the code."""

    seconds: dict[str, float]
    tests: dict[str, list[str]]

    def of(self, mutant: Mutant) -> list[str]:
        """Tests that enter the mutant's function (or the file, for what is done at import), `WORTH_S` of them: those of
        the first file of tests first, the cheapest of a file first.
        """
        place = f"{mutant.path}::{mutant.function}"
        if mutant.function:
            enter = set(self.tests.get(place, []))
        else:
            enter = {name for key, names in self.tests.items() if key.startswith(place) for name in names}
        files = list(dict.fromkeys(name.partition("::")[0] for name in self.seconds))
        chosen, spent = [], 0.0
        for name in sorted(enter, key=lambda name: (files.index(name.partition("::")[0]), self.seconds[name])):
            spent += self.seconds[name]
            if chosen and spent > WORTH_S:
                break
            chosen.append(name)
        return chosen


def covered(files: Sequence[str], tests: Sequence[str], blank: Path) -> Covered:
    """Run the tests on the code as it is; raises RuntimeError unless they pass."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        watch = Watch({str(ROOT / name): name for name in files})
        code = _pytest([*OPTIONS, "-o", "addopts=", *tests], [watch], blank, quiet=False)
        with os.fdopen(write, "w") as out:
            json.dump([code, watch.seconds, {key: sorted(names) for key, names in watch.entered.items()}], out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        code, seconds, entered = json.load(told)
    os.waitpid(child, 0)
    if code:
        raise RuntimeError("the tests fail on the code as it is; mend that first")
    return Covered(seconds, entered)


def survives(mutant: Mutant, tests: Sequence[str], seconds: float, blank: Path) -> bool:
    """Whether every test passes on the mutant; one that runs on and on is caught by the clock.

    The clock counts the mutant's own seconds of a core: by the wall a busy machine would catch what no test does.
    """
    child = os.fork()
    if not child:
        os.setsid()
        limit = int(PATIENCE * seconds + SPARE_S)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        _install(mutant)
        paths = list(dict.fromkeys(name.partition("::")[0] for name in tests))
        os._exit(_pytest([*OPTIONS, "-o", "addopts=", *paths], [Only(tests)], blank, quiet=True))
    until = time.monotonic() + STUCK_S
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _pytest(arguments: list[str], plugins: list[Any], blank: Path, *, quiet: bool) -> int:
    """Run in a forked child, where a store that is made already stands for a new one."""
    if quiet:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
    os.chdir(ROOT)
    with contextlib.suppress(BaseException):  # a mutant that breaks the import is caught by pytest as well
        from tests import stores

        stores.blank_store = lambda: blank
    try:
        return int(pytest.main(arguments, plugins=plugins))
    except BaseException:  # what a mutant raises where pytest does not catch it
        traceback.print_exc(file=sys.stdout)
        return 1
    finally:
        sys.stdout.flush()


def _install(mutant: Mutant) -> None:
    path, plain = str(ROOT / mutant.path), importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: Any, name: str) -> Any:
        if loader.path == path:
            return compile(mutant.tree, path, "exec", dont_inherit=True)
        return plain(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code


class Watch:
    """Notes which functions of some files each test enters, and how long it takes."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files, self.seconds, self.entered = files, {}, {}  # type: tuple[dict, dict, dict]
        self._now, self._shared = "", False

    def _called(self, frame: Any, event: str, _: Any) -> None:
        name = self.files.get(frame.f_code.co_filename)
        if name and self._now:
            function = frame.f_code.co_qualname.replace(".<locals>", "").partition(".<")[0]
            self.entered.setdefault(f"{name}::{function}", set()).add(self._now)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self._now, begun = item.nodeid, time.process_time()
        sys.settrace(self._called)
        threading.settrace(self._called)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.seconds[item.nodeid] = time.process_time() - begun


class Only:
    """Keeps the named tests, in the order they are named."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.places = {name: place for place, name in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.places), key=lambda item: self.places[item.nodeid]
        )
