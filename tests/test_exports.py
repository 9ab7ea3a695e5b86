"""Whatever leaves Baton says which Baton made it, and from which data version where it stands on the ledger."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import tarfile
from pathlib import Path

import pytest
import yaml

from data.facts.models import current
from data.ledger import Ledger
from data.version import BATON, VERSION, file_name, provenance, sign
from routing.export import FORMS, export_policy
from routing.policies.text import examples, read_policy
from tests.routing.live import provider

STORE = Path(__file__).parent / "cases" / "ledgers" / "before_the_house.tar.gz"
# Commands that answer in JSON about the ledger, with what they must be told.
OF_THE_LEDGER = {
    "data check": "",
    "data dimensions": "",
    "analytics spend": "",
    "analytics today": "",
    "analytics bridge": "--from 2026-09-11 --to 2026-09-20",
    "analytics forecast": "",
    "analytics anomalies": "",
    "analytics units": "",
    "analytics savings": "",
    "analytics silent-changes": "",
    "analytics budgets": "",
    "analytics inventory": "",
    "analytics reconcile": "",
    "analytics promises": "",
    "analytics review": "",
    "analytics ahead": "",
    "analytics alerts": "",
    "analytics gauges": "",
    "analytics chargeback": "",
    "analytics focus": "--month 2026-10",
    "simulations replay": "no_chinese_api",
    "simulations buy": "buying_gpt",
    "simulations drill": "vendor_down --hours 1",
    "simulations reroute": "--provider openai --target claude-opus-4-5",
    "simulations frontier": "--models gpt-5-mini --points 2",
}
OF_A_FILE = {
    "data prices": "gpt-5",
    "analytics measures": "",
    "simulations mix": "cto_question",
    "simulations pipeline": "legal_documents",
    "simulations triage": "new_model",
    "simulations decisions": "",
    "routing runs": "",
    "routing reviews": "",
    "routing policy": "in-force show",
    "routing audit": "verify",
    "routing predictions": "",
    "routing export": "no_chinese_api --to yaml",
}
# Not asked here: they change the store, start a run, need a file or the network; all print through `emit_json`, but
# for `formats`, whose answer is a list and stays one.
ELSEWHERE = {
    "analytics": "compare mcp",  # needs a tag of one's own; answers a protocol
    "data": "price-book ingest billed formats forget erase maintain move explain sample backup restore pull receive",
    "simulations": "metrics breakeven handover",
    "routing": "run learn stop decide results canary providers webhook policy-reference",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    with tarfile.open(STORE) as archive:
        archive.extractall(folder, filter="data")
    Ledger.open(folder).close()
    return folder


@pytest.fixture(autouse=True)
def in_the_store(monkeypatch, store):
    monkeypatch.setenv("BATON_HOME", str(store))


def asked(capsys, command: str, words: str) -> dict:
    room, name = command.split()
    assert importlib.import_module(f"{room}.__main__").main([name, *words.split(), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_command_is_looked_at(monkeypatch):
    found: set[str] = set()
    monkeypatch.setattr(
        argparse.ArgumentParser,
        "parse_args",
        lambda top, _: found.update(f"{top.prog.split()[-1]} {n}" for n in names(top)) or top.exit(),
    )
    for room in ("data", "analytics", "simulations", "routing"):
        with pytest.raises(SystemExit):
            importlib.import_module(f"{room}.__main__").main([])
    elsewhere = {f"{room} {name}" for room, words in ELSEWHERE.items() for name in words.split()}
    assert found == {*OF_THE_LEDGER, *OF_A_FILE, *elsewhere}


def names(top: argparse.ArgumentParser) -> list[str]:
    return [name for action in top._actions if isinstance(action.choices, dict) for name in action.choices]


@pytest.mark.parametrize("command", OF_THE_LEDGER)
def test_an_answer_about_the_ledger_names_both_versions(capsys, store, command):
    said = asked(capsys, command, OF_THE_LEDGER[command])
    ledger = Ledger.open(store)
    assert (said["baton_version"], said["snapshot"]) == (VERSION, ledger.snapshot())
    ledger.close()


@pytest.mark.parametrize("command", OF_A_FILE)
def test_an_answer_names_the_version_of_baton(capsys, command):
    assert asked(capsys, command, OF_A_FILE[command])["baton_version"] == VERSION


@pytest.mark.parametrize("ending", ["html", "md", "csv", "json"])
def test_a_written_review_names_both_versions(tmp_path, store, ending):
    file = tmp_path / f"review.{ending}"
    assert importlib.import_module("analytics.__main__").main(["review", "--out", str(file)]) == 0
    text, ledger = file.read_text(), Ledger.open(store)
    said = {"csv": "baton_version,snapshot", "json": f'"baton_version": "{VERSION}"'}
    assert said.get(ending, provenance(ledger.snapshot())) in text
    ledger.close()


@pytest.mark.parametrize("form", FORMS)
def test_a_config_says_what_wrote_it_and_reads_as_before(form, state):
    policy = examples()["simple_router"]
    declared = provider("http://127.0.0.1:1/v1", *policy.targets)
    text, _ = export_policy(policy, form, [declared], current(state))
    assert BATON in text.splitlines()[0] and yaml.safe_load(text)
    assert form != "yaml" or read_policy(text) == policy


def test_what_has_no_place_for_its_origin_is_named_after_it():
    assert file_name("plan", "csv", 7) == f"baton-{VERSION}-plan-data-7.csv"
    assert sign("a: 1\n", 7) == f"# {provenance(7)}\na: 1\n"


def test_every_download_of_the_pages_says_what_made_it():
    """Each button hands out a text that is signed or a report, or a name that says it."""
    origin = re.compile(r"\bsign\(|file_name\(|plan\.html|writers\[|board|\n\s+text,")
    for path in sorted((Path(__file__).parent.parent / "pages").rglob("*.py")):
        for call in re.findall(r"st\.download_button\((.*?)\n {4,12}\)", path.read_text(), re.DOTALL):
            assert origin.search(call), f"{path.name} hands out a file that does not say what made it: {call}"
