"""Every command that reads the ledger, on ledgers of a newcomer and on odd ones: it answers or refuses in one sentence,
and no month or year of it is more than the covered days carry."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from data.ledger import Ledger
from tests.analytics.covered_ledgers import FIVE
from tests.odd_stores import ODD, USD_A_DAY
from tests.test_exports import OF_THE_LEDGER

# Without spans of their own: a command's usual days are what a newcomer sees.
WORDS = OF_THE_LEDGER | {
    "analytics bridge": "",
    "analytics budgets": "--set company=1000",
    "analytics focus": "--month 2026-11",
    "simulations buy": "--model gpt-5.2",
    "simulations drill": "--provider openai --hours 1 --fallback gpt-5-mini",
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> Iterator[dict[str, Ledger]]:
    """Open, so that what commands share of a store is asked once, as it is for an agent."""
    made = {name: build(tmp_path_factory.mktemp("store")) for name, build in (FIVE | ODD).items()}
    yield made
    for ledger in made.values():
        ledger.close()


def monthly_and_yearly(found: Any, path: str = "") -> Iterator[tuple[str, float, int]]:
    """Every sum of a month or a year in an answer: where it stands, the number, days of it."""
    if isinstance(found, dict):
        for name, value in found.items():
            yield from monthly_and_yearly(value, f"{path}.{name}")
    elif isinstance(found, list):
        for value in found:
            yield from monthly_and_yearly(value, path)
    elif isinstance(found, (int, float)) and not isinstance(found, bool):
        name = path.rsplit(".", 1)[-1]
        if "usd_month" in name:
            yield path, float(found), 31
        elif "annual" in name or "usd_year" in name:
            yield path, float(found), 365


@pytest.mark.parametrize("store", FIVE | ODD)
@pytest.mark.parametrize("command", WORDS)
def test_a_command_answers_or_refuses_in_a_sentence(stores, capsys, monkeypatch, command, store):
    monkeypatch.setenv("BATON_HOME", str(stores[store].home))
    monkeypatch.setattr(Ledger, "open", lambda home=None: stores[store])
    room, name = command.split()
    code = importlib.import_module(f"{room}.__main__").main([name, *WORDS[command].split(), "--json"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    if code:
        assert said.err.strip() and said.err.strip().count("\n") == 0, said.err
        return
    for path, usd, length in monthly_and_yearly(json.loads(said.out)):
        assert abs(usd) <= USD_A_DAY.get(store, 4) * length * 1.01, (path, usd)
