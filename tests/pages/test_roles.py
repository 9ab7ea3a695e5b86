"""Every change is refused, where it is made, to a role that may not make it, and leaves everything as it was."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data import checks, erasure, people
from data.document_kinds import KINDS
from data.errors import Refused
from data.loading.ingest import ingest
from data.loading.reprice import reapply_meaning, reprice
from data.people import LEAST_ROLE, OF_KIND, ROLES, Person
from data.prices import refresh, second_catalogue
from data.rollups import set_time_zone
from routing.runs import launch, webhook
from routing.runs.reviews import decide, open_review, review
from routing.runs.store import create_run, list_runs, want

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("data", "analytics", "simulations", "routing", "pages")
LOG = Path(__file__).resolve().parents[1] / "cases/litellm_spend_logs.jsonl"
PRICES = Path(__file__).resolve().parents[1] / "cases/litellm_spend_logs.jsonl"  # refused before it is looked at
ELSEWHERE = {
    "look": "every page (HELD_PAGES for those held to teams)",
    "export": "every download of a page",
    "documents": "test_a_document_of_every_kind_takes_its_role",
    "endpoints": "test_a_document_of_every_kind_takes_its_role",
    "paths": "test_a_typed_path_takes_an_admin",
    "sources": "sources are saved by commands alone",
    "alert channels": "channels are set in the environment",
    "roles": "the secrets file, which no page writes",
}
SPEC = {"max_usd": 1, "policies": []}


def zoned(ledger) -> None:
    with ledger.write() as cursor:
        set_time_zone(cursor, "Europe/Berlin")


# The change, by the action of LEAST_ROLE it takes. `run` and `item` are what the owner made before.
CHANGES: dict[str, list[Callable]] = {
    "load": [
        lambda ledger, state, run, item: ingest(ledger, state, [LOG]),
        lambda ledger, state, run, item: reapply_meaning(ledger, state),
        lambda ledger, state, run, item: zoned(ledger),
    ],
    "reprice": [lambda ledger, state, run, item: reprice(ledger, state)],
    "prices": [lambda ledger, state, run, item: second_catalogue.install(ledger.home, PRICES)],
    "price book": [lambda ledger, state, run, item: refresh.take_back(ledger, state)],
    "maintenance": [lambda ledger, state, run, item: checks.repair(ledger, [])],
    "erase": [lambda ledger, state, run, item: erasure.erase(ledger, state, erasure.Wish(("ann",)))],
    "runs": [
        lambda ledger, state, run, item: create_run(state, "another", SPEC, "x"),
        lambda ledger, state, run, item: want(state, run, "stop", "x"),
        lambda ledger, state, run, item: launch.launch(state, run),
    ],
    "reviews": [lambda ledger, state, run, item: decide(state, item, "approved", "x")],
    "post": [lambda ledger, state, run, item: webhook.post({"text": "x"}, "https://example.org")],
}


def test_every_action_is_in_the_one_table_and_every_row_of_it_is_tried():
    asked = set()
    for path in (*ROOT.glob("*.py"), *(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "attr", getattr(called, "id", ""))
            if name in ("require", "may") and isinstance(node, ast.Call):
                asked |= {word.value for word in node.args if isinstance(word, ast.Constant)}
    assert asked - {*LEAST_ROLE} == set()
    assert {*LEAST_ROLE} == {*CHANGES, *ELSEWHERE}


@pytest.mark.heavy
@pytest.mark.parametrize("field,button", [("load_path", "Load from path"), ("litellm_prices", "Import it beside")])
def test_a_typed_path_takes_an_admin(home, ledger, state, field, button):
    ingest(ledger, state, [LOG])
    people.ask_sign_in(lambda: Person("olga", "operator"))
    app = AppTest.from_file(str(ROOT / "pages/data_and_prices.py"), default_timeout=300)
    app.session_state["inside_the_app"] = True
    app.query_params["section"] = "Prices" if field == "litellm_prices" else "Load"
    app.run()
    app.text_input(key=field).set_value("/etc/passwd").run()
    next(one for one in app.button if button in one.label).click().run()
    assert any("takes the role admin" in one.value for one in app.error), [one.value for one in app.error]


@pytest.fixture
def run(state) -> str:
    return create_run(state, "the owner's", SPEC, "owner")


@pytest.fixture
def item(state, run) -> int:
    return open_review(state, run, "answer", "to see", {})


def stored(ledger, state, item) -> tuple:
    runs = {name: (one["status"], one.get("wanted")) for name, one in list_runs(state).items()}
    return ledger.snapshot(), runs, review(state, item)["decision"], len(state.audit())


@pytest.mark.parametrize(
    "action,change", [(action, change) for action, changes in CHANGES.items() for change in changes]
)
def test_a_role_below_the_least_changes_nothing(ledger, state, run, item, action, change):
    before = stored(ledger, state, item)
    for role in ROLES[: ROLES.index(LEAST_ROLE[action])]:
        with (
            people.acting_as(Person("vic", role)),
            pytest.raises(Refused, match=f"takes the role {LEAST_ROLE[action]}"),
        ):
            change(ledger, state, run, item)
        assert stored(ledger, state, item) == before


@pytest.mark.parametrize(
    "change", [*CHANGES["load"], *CHANGES["reprice"], CHANGES["runs"][0], CHANGES["runs"][1], *CHANGES["reviews"]]
)
def test_an_operator_may(ledger, state, run, item, change):
    with people.acting_as(Person("olga", "operator")):
        change(ledger, state, run, item)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_of_every_kind_takes_its_role(state, kind):
    least = LEAST_ROLE[OF_KIND.get(kind, "documents")]
    for role in ROLES:
        with people.acting_as(Person("vic", role)):
            if ROLES.index(role) < ROLES.index(least):
                for change in (
                    lambda: state.put(kind, "it", {"a": 1}),
                    lambda: state.change(kind, {"it": {"a": 1}}, [], {}),
                    lambda: state.delete(kind, "it"),
                ):
                    with pytest.raises(Refused, match=f"takes the role {least}"):
                        change()
                assert state.get(kind, "it") is None
            else:
                state.put(kind, "it", {"a": 1})
                assert state.get(kind, "it") == {"a": 1}
                state.delete(kind, "it")
