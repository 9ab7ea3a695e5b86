"""Documents and the audit chain."""

from __future__ import annotations

import sqlite3

import pytest

from data.errors import BadInput, LedgerError
from data.state import State


def test_documents_round_trip(state):
    state.put("budget", "company", {"usd": 600000})
    state.put("budget", "company", {"usd": 380000})
    assert state.get("budget", "company") == {"usd": 380000}
    assert state.all("budget") == {"company": {"usd": 380000}}
    state.delete("budget", "company")
    assert state.get("budget", "company") is None


def test_a_document_needs_a_name(state):
    with pytest.raises(BadInput, match="needs a name"):
        state.put("budget", "  ", {})


def test_the_version_changes_with_the_documents(state):
    before = state.version("alias")
    state.put("alias", "x", {"model": "gpt-5"})
    assert state.version("alias") != before


def test_the_audit_chain_holds(state):
    for number in range(5):
        state.append_audit("decided", {"n": number})
    assert state.verify_audit() == (True, None)
    assert [e.seq for e in state.audit(2)] == [5, 4]


@pytest.mark.parametrize(
    "tamper", ["UPDATE audit SET detail = '{\"n\": 99}' WHERE seq = 3", "DELETE FROM audit WHERE seq = 3"]
)
def test_a_changed_or_missing_entry_shows(state, tamper):
    for number in range(5):
        state.append_audit("decided", {"n": number})
    with pytest.raises(sqlite3.IntegrityError), state.transaction() as db:
        db.execute(tamper)  # the triggers refuse it
    raw = sqlite3.connect(state.path)
    for verb in ("update", "delete"):
        raw.execute(f"DROP TRIGGER audit_no_{verb}")
    raw.execute(tamper)
    raw.commit()
    raw.close()
    assert state.verify_audit() == (False, 3)


def test_a_state_from_a_newer_baton_is_refused(state):
    raw = sqlite3.connect(state.path)
    raw.execute("PRAGMA user_version = 999")
    raw.close()
    with pytest.raises(LedgerError, match="newer Baton"):
        State.open(state.path.parent)


def test_a_damaged_file_is_one_sentence(home):
    home.mkdir(parents=True)
    (home / "state.sqlite").write_bytes(b"not a database at all" * 50)
    with pytest.raises(LedgerError, match="damaged"):
        State.open(home)
