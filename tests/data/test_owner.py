"""The owner's lists: which variables are keys, which hosts may be called, which folders a typed path may lead to."""

from __future__ import annotations

import pytest

from data import owner, people
from data.errors import Refused
from data.people import Person


@pytest.fixture
def team(monkeypatch):
    """People sign in here."""
    people.ask_sign_in(lambda: Person("ada@example.org", "admin"))
    yield
    people.ask_sign_in(None)


@pytest.mark.parametrize(
    ("name", "listed", "fine"),
    [
        ("PROD_DB_PASSWORD", None, False),
        ("AWS_SECRET_ACCESS_KEY", None, False),
        ("BATON_WEBHOOK_URL", None, False),
        ("PATH", None, False),
        ("OPENAI_API_KEY", None, True),
        ("BATON_KEY_" + "TEAM", None, True),
        ("MY_GATEWAY_TOKEN", "MY_GATEWAY_TOKEN, OTHER", True),
        ("OPENAI_API_KEY", "MY_GATEWAY_TOKEN", False),
        ("OPENAI_API_KEY", "", False),
        ("GATEWAY_A", "GATEWAY_?", True),
        ("ANYTHING", "*", True),
    ],
)
def test_only_listed_variables_are_keys(name, listed, fine, monkeypatch):
    if listed is not None:
        monkeypatch.setenv(owner.KEYS, listed)
    assert owner.key_allowed(name) is fine


@pytest.mark.parametrize(
    ("host", "listed", "alone", "among_others"),
    [
        ("api.openai.com", None, True, True),
        ("acme.openai.azure.com", None, True, True),
        ("evil.example.com", None, True, False),
        ("127.0.0.1", None, True, False),
        ("localhost", None, True, False),
        ("api.openai.com.evil.example.com", None, True, False),
        ("gateway.acme.internal", "*.acme.internal", True, True),
        ("api.openai.com", "gateway.acme.internal", False, False),
        ("10.1.2.3", "10.0.0.0/8", True, True),
        ("11.1.2.3", "10.0.0.0/8", False, False),
        ("::1", "127.0.0.1, ::1", True, True),
        ("API.OpenAI.com", "api.openai.com", True, True),
        ("api.openai.com", "", False, False),
    ],
)
def test_hosts_are_the_owners_and_with_sign_in_the_known_ones(host, listed, alone, among_others, monkeypatch):
    if listed is not None:
        monkeypatch.setenv(owner.HOSTS, listed)
    assert owner.host_allowed(host) is alone
    people.ask_sign_in(lambda: None)
    try:
        assert owner.host_allowed(host) is among_others
        monkeypatch.setenv(owner.HOSTS, owner.environment_to_inherit()[owner.HOSTS])
    finally:
        people.ask_sign_in(None)
    # A process started from there has no sign-in and keeps the list.
    assert owner.host_allowed(host) is among_others


def test_paths_stay_in_the_store_and_the_listed_folders(team, home, tmp_path, monkeypatch):
    logs, secret = tmp_path / "logs", tmp_path / "secret"
    for folder in (home, logs, secret):
        folder.mkdir(exist_ok=True)
        (folder / "a.jsonl").write_text("{}")
    (logs / "way-out").symlink_to(secret)
    owner.require_folder(home / "a.jsonl", home)
    outside = [
        logs / "a.jsonl",
        "/etc/passwd",
        "/proc/self/environ",
        home / ".." / "secret" / "a.jsonl",
        tmp_path / "*" / "a.jsonl",
    ]
    for path in outside:
        with pytest.raises(Refused, match="outside of the folders"):
            owner.require_folder(path, home)
    monkeypatch.setenv(owner.FOLDERS, str(logs))
    owner.require_folder(logs / "*.jsonl", home)
    for path in (logs / "way-out" / "a.jsonl", logs / "**" / "a.jsonl", secret / "none.jsonl"):
        with pytest.raises(Refused):
            owner.require_folder(path, home)


def test_a_list_that_allows_everything_is_said(monkeypatch):
    assert owner.too_open() == []
    monkeypatch.setenv(owner.KEYS, "OPENAI_API_KEY,*")
    monkeypatch.setenv(owner.FOLDERS, "/")
    assert [sentence.split()[0] for sentence in owner.too_open()] == [owner.KEYS, owner.FOLDERS]


def test_the_owner_alone_reads_where_they_please(home):
    owner.require_folder("/etc/passwd", home)
