"""What the environment says of a store's parts, and what it may not say: passwords are refused and never repeated."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data.__main__ import main
from data.ailments import shared_ailment
from data.errors import BadInput
from data.store import CATALOG, DATA, ENDPOINT, KEY, KEY_ID, WAIT, Store, lock_wait_s
from tests.stores import new_ledger

HOME = Path("/srv/baton")
GOOD = "postgresql://baton@db.example:6432/ledger"
KEYS = {KEY_ID: "id", KEY: "canary"}


def of(**settings: str) -> Store:
    return Store.of(HOME, settings)


def test_without_settings_a_store_is_one_folder():
    store = of()
    assert not store.shared and store.where == "/srv/baton" and store.extensions == ("ducklake", "sqlite")
    assert "ducklake:sqlite:/srv/baton/catalog.sqlite" in store.attach_text("lake")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({DATA: "/srv/files"}, "BATON_DATA is set without BATON_CATALOG"),
        ({DATA: "s3://bucket/x", **KEYS}, "BATON_DATA is set without BATON_CATALOG"),
        ({ENDPOINT: "http://s3"}, "BATON_S3_ENDPOINT is set without BATON_CATALOG"),
        ({CATALOG: GOOD}, "needs BATON_DATA"),
        ({CATALOG: GOOD, DATA: "files"}, "is 'files', which is another folder wherever Baton is started"),
        ({CATALOG: "mysql://canary@db/x", DATA: "/srv"}, "must read like postgresql://"),
        ({CATALOG: "postgresql://db/canary", DATA: "/srv"}, "must read like postgresql://"),
        ({CATALOG: "postgresql://u@db:canary/x", DATA: "/srv"}, "must read like postgresql://"),
        ({CATALOG: "postgresql://u:canary@db/x", DATA: "/srv"}, "holds a password"),
        ({CATALOG: f"{GOOD}?password=canary", DATA: "/srv"}, "holds a password"),
        ({CATALOG: f"{GOOD}?options=canary", DATA: "/srv"}, "may end in ?name=value"),
        ({CATALOG: GOOD, DATA: "gs://canary", **KEYS}, "must be a folder or s3://"),
        ({CATALOG: GOOD, DATA: "s3://id:canary@bucket/x", **KEYS}, "must be a folder or s3://"),
        ({CATALOG: GOOD, DATA: "s3://bucket/x"}, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({CATALOG: GOOD, DATA: "s3://bucket/x", ENDPOINT: "http://id:canary@s3", **KEYS}, "without keys in it"),
    ],
)
def test_settings_that_do_not_fit_are_one_sentence_without_a_secret(settings, said):
    with pytest.raises(BadInput) as refusal:
        of(**settings)
    assert said in str(refusal.value) and "canary" not in str(refusal.value)


@given(st.text(min_size=8), st.booleans())
def test_whatever_a_password_looks_like_it_is_refused_and_not_repeated(password, encoded):
    assume(len(set(password)) > 4 and password not in GOOD)
    word = quote(password) if encoded else password
    try:
        store = of(**{CATALOG: f"postgresql://baton:{word}@db.example/ledger", DATA: "/srv"})
    except BadInput as refusal:
        assert password not in str(refusal) and word not in str(refusal)
    else:
        raise AssertionError(f"taken as {store}")


def test_what_is_told_of_a_shared_store_names_no_user_and_no_key():
    store = of(**{CATALOG: f"{GOOD}?sslmode=require", DATA: "s3://bucket/x/", ENDPOINT: "https://s3:9", **KEYS})
    assert store.where == "of the catalogue “ledger” at db.example:6432 (files in s3://bucket/x)"
    assert store.extensions == ("ducklake", "postgres", "httpfs")
    assert "sslmode='require'" in store.catalog.dsn and "canary" not in store.attach_text("lake")


def test_a_quote_in_a_name_stays_in_the_name():
    store = of(**{CATALOG: "postgresql://o%27hara@db/x", DATA: "/srv"})
    assert r"user='o\'hara'" in store.catalog.dsn


def test_what_libpq_says_is_told_without_its_address():
    store = of(**{CATALOG: GOOD, DATA: "/srv"})
    said = f'Unable to connect to Postgres at "{store.catalog.dsn}": connection refused'
    assert shared_ailment(store, said).startswith("The catalogue “ledger” at db.example:6432 cannot be reached;")


@pytest.mark.parametrize("text", ["soon", "0", "-1", "1e9", "nan"])
def test_a_wait_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setenv(WAIT, text)
    with pytest.raises(BadInput, match=WAIT):
        lock_wait_s()


@pytest.mark.parametrize(
    "words",
    ["check", "maintain", "forget policy x", "erase --name ann", "backup {}/copy", "move --to {}/other", "dimensions"],
)
def test_a_command_that_works_on_a_store_makes_none_of_a_mistyped_folder(words, tmp_path, capsys):
    command = [*words.format(tmp_path).split(), "--home", str(tmp_path / "typo")]
    assert main(command) == 1
    assert "There is no store in" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_a_folder_with_a_store_named_beside_a_shared_one_is_asked_about(tmp_path, capsys, monkeypatch):
    (tmp_path / "catalog.sqlite").touch()
    monkeypatch.setenv(CATALOG, GOOD)
    monkeypatch.setenv(DATA, "/srv/files")
    assert main(["check", "--home", str(tmp_path)]) == 1
    assert f"{tmp_path} holds a store, and BATON_CATALOG names another" in capsys.readouterr().err


@pytest.mark.heavy
def test_a_move_from_folder_to_folder_says_how_to_use_the_new_one(tmp_path, capsys, monkeypatch):
    new_ledger(tmp_path / "old").close()
    assert main(["move", "--to", str(tmp_path / "new"), "--home", str(tmp_path / "old")]) == 0
    said = capsys.readouterr().out
    assert f"moved to {tmp_path / 'new'}, counted again there. Set BATON_HOME to {tmp_path / 'new'}" in said
    assert CATALOG not in said
