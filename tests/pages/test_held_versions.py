"""A link or a file taken away holds its data version; a link to one that was given up offers the nearest."""

from __future__ import annotations

import pytest
import streamlit as st

from data import rollups
from data.held_versions import held_numbers
from data.ledger import Ledger
from data.state import State
from pages.ui import exports, shell
from tests.pages import page_alone
from tests.pages.whole_app import opened
from tests.simulations.ledgers import ledger_of


@pytest.fixture(autouse=True)
def log(home, alone) -> Ledger:
    ledger = ledger_of(home, [{"team": "core"}] * 40)
    with ledger.write() as cursor:
        rollups.rebuild(cursor)
    return ledger


def test_a_link_to_a_version_that_was_given_up_offers_the_nearest(log, home, monkeypatch):
    newest = log.snapshot()
    log.cursor().execute(f"CALL ducklake_expire_snapshots('lake', versions => [{newest - 1}])")
    app = opened(home, monkeypatch, "explore", as_of=str(newest - 1))
    assert f"Data version {newest - 1} is no longer kept" in app.error[0].value.replace("\\", "")
    offered = next(one for one in app.button if one.label == f"Open data version {newest}")
    offered.click().run()
    assert not app.exception and not app.error and app.query_params["as_of"] in (str(newest), [str(newest)])


class Shown:
    """A popover that somebody has opened."""

    open = True

    def __init__(self, inside) -> None:
        self.inside = inside

    def __enter__(self):
        return self.inside.__enter__()

    def __exit__(self, *raised: object):
        return self.inside.__exit__(*raised)


def test_a_link_that_is_shown_holds_its_version(log, home, monkeypatch):
    page_alone.opened("explore")
    assert not held_numbers(State.open(home)), "a link that nobody looked at"
    popover = st.popover

    def opened_by_somebody(label: str, **options):
        made = popover(label, **options)
        return Shown(made) if label == "Copy snapshot link" else made

    monkeypatch.setattr(st, "popover", opened_by_somebody)
    page = page_alone.opened("explore")
    assert held_numbers(State.open(home)) == {log.snapshot()}
    assert any(f"as_of={log.snapshot()}" in code.value for code in page.code)


def test_a_file_that_is_taken_holds_its_version(home, monkeypatch):
    state = State.open(home)
    monkeypatch.setattr(shell, "state", lambda: state)
    made = []
    monkeypatch.setattr(st, "download_button", lambda label, data, *_words, **_options: made.append(data))
    exports.download_file("CSV", lambda: "a,b", "x.csv", snapshot=5)
    exports.download_file("YAML", "a: 1", "x.yaml")
    assert not held_numbers(state)
    assert made[0]() == "a,b" and made[1] == "a: 1" and held_numbers(state) == {5}
