"""Baton installed from its wheel: the program by its own name, outside of the repository, with the same figures."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from data import program
from data.errors import BadInput
from data.version import BATON
from pages.installed import NAME
from tests.installed import LOG, ROOT, Installed, build_wheel

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]  # a fresh environment takes minutes on a busy machine


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    return Installed(sys.executable, build_wheel(folder), folder)


def test_it_says_what_it_is(installed):
    assert installed.call("--version").stdout.strip() == BATON
    assert "dashboard" in installed.call("--help").stdout


def test_it_reads_a_log_as_the_repository_does(installed, home):
    for words in (("data", "ingest", str(LOG)), ("analytics", "spend", "--by", "provider", "--json")):
        here = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert installed.spent() == pytest.approx(
        sum(row["cost_usd"] or 0 for row in json.loads(here.stdout)["rows"]), abs=1e-9
    )


def test_it_serves_its_pages_with_its_own_settings(installed):
    assert installed.serves()


def test_it_tells_commands_that_can_be_typed(installed):
    refused = installed.call("analytics", "spend", "--home", "nothing-here")
    assert refused.returncode == 1 and f"{NAME} data ingest" in refused.stderr and "python -m" not in refused.stderr
    assert installed.call("data", "--help").stdout.startswith(f"usage: {NAME} data ")


def test_texts_name_the_program_that_was_called():
    error = BadInput("Load a log with `python -m data ingest PATH`, not with python -m http.server.")
    assert "`python -m data ingest PATH`" in str(error)
    program.call_it(NAME)
    try:
        assert str(error) == f"Load a log with `{NAME} data ingest PATH`, not with python -m http.server."
    finally:
        program.call_it("python -m")
