"""One store a command: `--home` over `BATON_HOME` over `var/`, for the ledger and for every fact beside it."""

from __future__ import annotations

import argparse
import os

import pytest

from data import console
from data.facts.hosting import hosting_facts
from data.facts.tables import save_own
from data.home import at_home, home_dir, home_path

METER = {"source": "our meter", "as_of": "2026-10-01", "unit": "ratio", "verified": "yes"}


def command(seen: list[float]) -> argparse.ArgumentParser:
    top, commands = console.parser("here", "under test", {})
    commands.add("pue", lambda _: seen.append(hosting_facts()["pue"].value))
    return top


def test_a_command_reads_the_facts_of_the_store_it_names_and_leaves_nothing_behind(home, tmp_path):
    with at_home(tmp_path / "theirs"):
        row = {"name": "pue", "value": "1.1", "low": "1.05", "high": "1.2", **METER}
        save_own("hosting_facts.csv", [row], hosting_facts)
    seen: list[float] = []
    shipped = hosting_facts()["pue"].value
    assert console.run(command(seen), ["pue", "--home", str(tmp_path / "theirs")]) == 0
    assert console.run(command(seen), ["pue"]) == 0
    assert seen == [1.1, shipped] and shipped != 1.1
    assert os.environ["BATON_HOME"] == str(home)


def test_the_store_is_the_one_named_else_the_variable_else_var(home, tmp_path, monkeypatch):
    assert home_path(tmp_path / "named") == tmp_path / "named" and home_path() == home
    assert not home.exists() and home_dir() == home and home.is_dir()
    monkeypatch.delenv("BATON_HOME")
    monkeypatch.chdir(tmp_path)
    assert home_path() == tmp_path / "var"
    monkeypatch.chdir("/")
    assert home_path().as_posix() == "/var"  # what a relative name stands for follows the folder one is in
    with pytest.raises(ZeroDivisionError), at_home("named"):
        raise ZeroDivisionError
    assert "BATON_HOME" not in os.environ
