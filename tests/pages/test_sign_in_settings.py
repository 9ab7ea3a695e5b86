"""Sign-in fails closed: settings that cannot be used serve nobody, and a claim in doubt gives nobody a role."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from streamlit import config
from streamlit.testing.v1 import AppTest

from data import people
from data.errors import Refused
from data.people import LEAST_ROLE, ROLES, Person
from pages.ui import sign_in

ROOT = Path(__file__).resolve().parents[2]
CASES = yaml.safe_load((ROOT / "tests/cases/sign_in.yaml").read_text())
RULES = {
    "viewer": ["staff", "search-people"],
    "operator": ["finops"],
    "admin": ["admins"],
    "teams": {"search-people": ["search"]},
}


@pytest.fixture(autouse=True)
def nobody_left_over():
    yield
    people.ask_sign_in(None)


def written(folder: Path, case: dict) -> Path:
    text = case["whole"] if "whole" in case else CASES["base"].replace(*case["change"])
    path = folder / "secrets.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda c: c["name"])
def test_settings_that_cannot_be_used_are_refused_in_a_sentence(tmp_path, case):
    path = written(tmp_path, case)
    with pytest.raises(Refused) as told:
        sign_in.settings([str(path)])
    assert case["says"] in str(told.value) and str(path) in str(told.value) and "serves nobody" in str(told.value)


def test_right_settings_are_read_and_no_file_is_no_sign_in(tmp_path):
    path = written(tmp_path, {"whole": CASES["base"]})
    found = sign_in.settings([str(path)])
    assert found is not None and found.provider == "" and found.rules == {"viewer": ["staff"]}
    assert sign_in.settings([str(tmp_path / "none.toml")]) is None


@pytest.mark.parametrize("target", ["gone.toml", "secrets.toml"])
def test_a_link_to_nothing_or_to_itself_serves_nobody(tmp_path, target):
    path = tmp_path / "secrets.toml"
    path.symlink_to(tmp_path / target)
    with pytest.raises(Refused, match="serves nobody.*cannot be read"):
        sign_in.settings([str(path)])


def test_a_folder_that_cannot_be_looked_into_serves_nobody(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(Refused, match="serves nobody.*cannot be read"):
        sign_in.settings([str(tmp_path / "loop" / "secrets.toml")])


def test_a_file_that_goes_while_serving_opens_nothing(tmp_path):
    path = written(tmp_path, {"whole": CASES["base"]})
    assert sign_in.settings([str(path)]) is not None
    path.unlink()
    with pytest.raises(Refused, match="serves nobody.*is gone"):
        sign_in.settings([str(path)])
    written(tmp_path, {"whole": CASES["base"]})
    assert sign_in.settings([str(path)]) is not None


def test_a_file_that_is_a_folder_or_may_not_be_read_is_refused(tmp_path):
    with pytest.raises(Refused, match="cannot be read"):
        sign_in.settings([str(tmp_path)])


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES["refused"][:4], ids=lambda c: c["name"])
def test_the_server_does_not_start_on_them(tmp_path, case):
    path = written(tmp_path, case)
    command = [sys.executable, "-m", "pages", "--server.port", "0", "--secrets.files", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and case["says"] in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("case", CASES["refused"][:4], ids=lambda c: c["name"])
def test_a_file_damaged_while_serving_shows_no_page(tmp_path, monkeypatch, capsys, case):
    path = written(tmp_path, case)
    monkeypatch.chdir(ROOT)
    kept = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(path)])
    try:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    finally:
        config.set_option("secrets.files", kept)
    assert [e.value for e in app.error] == [
        "Baton serves nobody at the moment: its sign-in settings cannot be used. The server's log says why."
    ]
    assert not app.title and not app.metric and not app.exception
    assert case["says"] in capsys.readouterr().out


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::", None])
def test_a_wider_address_without_sign_in_is_refused_until_the_owner_names_it(tmp_path, monkeypatch, address):
    none = [str(tmp_path / "none.toml")]
    with pytest.raises(Refused, match="BATON_SERVE_OPENLY"):
        sign_in.check_before_serving(address, none)
    monkeypatch.setenv("BATON_SERVE_OPENLY", "10.0.0.1")
    with pytest.raises(Refused):
        sign_in.check_before_serving(address, none)
    monkeypatch.setenv("BATON_SERVE_OPENLY", address or "*")
    sign_in.check_before_serving(address, none)


def test_what_is_too_open_is_said_at_the_start(tmp_path, monkeypatch):
    path = tmp_path / "secrets.toml"
    path.write_text(CASES["base"])
    path.chmod(0o600)
    assert sign_in.warnings([str(path), str(tmp_path / "none.toml")]) == []
    path.chmod(0o644)
    monkeypatch.setenv("BATON_HOSTS", "*")
    readable, everything = sign_in.warnings([str(path)])
    assert f"chmod 600 {path}" in readable and "BATON_HOSTS lists everything" in everything


@pytest.mark.parametrize("address", sign_in.LOOPBACK)
def test_the_machine_itself_needs_no_sign_in(tmp_path, address):
    sign_in.check_before_serving(address, [str(tmp_path / "none.toml")])


@pytest.mark.parametrize("case", CASES["people"], ids=lambda c: str(c["claims"]))
def test_claims_become_a_person_or_nobody(case):
    person = people.person_of(case["claims"], RULES, now=1000)
    wanted = case["person"]
    assert person == (wanted and Person(wanted[0], wanted[1], frozenset(wanted[2])))


def test_a_role_reaches_what_it_may_and_no_more():
    for action, least in LEAST_ROLE.items():
        for role in ROLES:
            with people.acting_as(Person("ann", role)):
                if ROLES.index(role) >= ROLES.index(least):
                    assert people.require(action).name == "ann"
                else:
                    with pytest.raises(Refused, match=f"takes the role {least}; ann is signed in as {role}"):
                        people.require(action)


def test_behind_sign_in_nobody_acts_where_nobody_is_set():
    assert people.acting().role == "admin" and people.acting().name == people.owner().name
    people.ask_sign_in(lambda: None)
    with pytest.raises(Refused, match="Nobody with a role here is signed in"):
        people.acting()
    people.ask_sign_in(lambda: Person("ann", "viewer"))
    assert people.acting().name == "ann"


def test_a_viewer_saves_nothing_and_an_operator_no_endpoint(state):
    with people.acting_as(Person("vic", "viewer")), pytest.raises(Refused, match="vic is signed in as viewer"):
        state.put("budget", "company", {"amount": 1})
    with people.acting_as(Person("olga", "operator")):
        state.put("budget", "company", {"amount": 1})
        for change in (lambda: state.put("provider", "p", {}), lambda: state.delete("provider", "p")):
            with pytest.raises(Refused, match="takes the role admin"):
                change()
    with people.acting_as(Person("vic", "viewer")), pytest.raises(Refused):
        state.delete("budget", "company")
    assert state.get("budget", "company") == {"amount": 1}
    assert [(e.event, e.actor) for e in state.audit()] == [("budget saved", "olga")]


def test_proxy_settings_need_every_part(tmp_path):
    path = tmp_path / "secrets.toml"
    roles = '[roles]\nviewer = ["staff"]\n'
    path.write_text('[proxy]\naddress = "127.0.0.1"\n' + roles)
    with pytest.raises(Refused, match="secret_header"):
        sign_in.settings([str(path)])
    path.write_text(
        '[proxy]\naddress = "127.0.0.1"\nsecret_header = "X-Baton"\n'
        'name_header = "X-Name"\ngroups_header = "X-Groups"\n'
        f'secret = "{"s" * 32}"\n' + roles
    )
    found = sign_in.settings([str(path)])
    assert found is not None and found.proxy is not None and found.proxy["address"] == "127.0.0.1"
    assert "BATON_SERVE_OPENLY" not in os.environ


@pytest.mark.parametrize(
    ("audience", "ours"),
    [
        ("baton", True),
        (["other", "baton"], True),
        ("other", False),
        (["other"], False),
        ("baton-2", False),
        (None, False),
    ],
)
def test_a_token_for_somebody_else_is_nobodys(audience, ours):
    assert sign_in.meant_for("baton", {"aud": audience, "azp": "baton"}) is ours
