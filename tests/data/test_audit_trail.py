"""What the audit trail can show with and without an anchor outside the store."""

from __future__ import annotations

import json
import sqlite3

import pytest

from data import audit_trail
from data.errors import BadInput
from data.state import State
from routing.__main__ import main as routing
from tests.routing.loopback_webhook import LoopbackWebhook


@pytest.fixture
def trail(state):
    for number in range(5):
        state.append_audit("decided", {"n": number})
    return state


@pytest.fixture
def anchored(trail, tmp_path, monkeypatch):
    path = tmp_path / "anchors.jsonl"
    monkeypatch.setenv("BATON_AUDIT_ANCHORS", str(path))
    monkeypatch.setenv("BATON_AUDIT_KEY", "the owner's")
    trail.anchor_audit(path)
    return trail


def rewritten(state: State, keep: int, change: str | None = None) -> None:
    """What somebody with the file can do: drop the guards, cut the end off, write the rest anew with right seals."""
    raw = sqlite3.connect(state.path)
    for verb in ("update", "delete"):
        raw.execute(f"DROP TRIGGER IF EXISTS audit_no_{verb}")
    rows = raw.execute("SELECT at, actor, event, detail FROM audit ORDER BY seq LIMIT ?", (keep,)).fetchall()
    raw.execute("DELETE FROM audit")
    for number, (_, actor, event, detail) in enumerate(rows):
        audit_trail.append(raw, event, {"n": change} if change and number == 2 else json.loads(detail), actor)
    raw.commit()
    raw.close()


@pytest.mark.parametrize(
    ("keep", "change"), [(2, None), (0, None), (5, "another")], ids=["cut", "emptied", "written anew"]
)
def test_without_an_anchor_the_trail_says_what_it_cannot_exclude(trail, keep, change):
    rewritten(trail, keep, change)
    found = trail.audit_standing()
    assert found.holds and "cannot be excluded" in found.sentence and f"up to entry {keep}" in found.sentence


@pytest.mark.parametrize(
    ("keep", "change"), [(2, None), (0, None), (5, "another")], ids=["cut", "emptied", "written anew"]
)
def test_with_an_anchor_it_is_found(anchored, keep, change):
    rewritten(anchored, keep, change)
    found = anchored.audit_standing()
    assert not found.holds and "entry 5" in found.sentence and anchored.verify_audit() == (False, 5)


def test_an_anchored_trail_says_so_and_grows_on(anchored):
    anchored.append_audit("decided", {"n": 6})
    told = anchored.audit_standing().sentence
    assert "consistent up to entry 6, anchored at 5" in told and "unsigned" not in told


def test_an_anchor_of_somebody_else_is_not_believed(anchored, tmp_path, monkeypatch):
    monkeypatch.setenv("BATON_AUDIT_KEY", "a thief's")
    anchored.anchor_audit(tmp_path / "anchors.jsonl")
    monkeypatch.setenv("BATON_AUDIT_KEY", "the owner's")
    with pytest.raises(BadInput, match="Line 2 .* is not signed"):
        anchored.audit_standing()


def test_a_damaged_anchor_file_is_named(anchored, tmp_path):
    (tmp_path / "anchors.jsonl").write_text("no anchor\n")
    with pytest.raises(BadInput, match=r"Line 1 of .*anchors\.jsonl is no anchor"):
        anchored.audit_standing()


def test_guards_that_were_dropped_are_put_back_and_noted(trail, home):
    raw = sqlite3.connect(trail.path)
    raw.execute("DROP TRIGGER audit_no_delete")
    raw.commit()
    raw.close()
    again = State.open(home)
    assert again.audit(1)[0].event == "audit guards put back" and again.verify_audit() == (True, None)
    with pytest.raises(sqlite3.IntegrityError), again.transaction() as db:
        db.execute("DELETE FROM audit")


def test_the_command_anchors_and_verifies(trail, tmp_path, monkeypatch, capsys):
    path = tmp_path / "anchors.jsonl"
    assert routing(["audit", "anchor", "--out", str(path)]) == 0
    monkeypatch.setenv("BATON_AUDIT_ANCHORS", str(path))
    capsys.readouterr()
    assert routing(["audit", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["anchored"] == 5
    rewritten(trail, 3)
    assert routing(["audit", "verify"]) == 1 and "does not reach its anchor" in capsys.readouterr().err
    monkeypatch.delenv("BATON_AUDIT_ANCHORS")
    assert routing(["audit", "anchor"]) == 1 and "BATON_AUDIT_ANCHORS" in capsys.readouterr().err


def test_an_anchor_goes_to_the_webhook_in_a_form_that_can_be_verified(trail, tmp_path, monkeypatch, capsys):
    """Who kept the message puts its line into a file, and every later verification holds the trail against it."""
    with LoopbackWebhook([200]) as chat:
        monkeypatch.setenv("BATON_WEBHOOK_URL", chat.url)
        assert routing(["audit", "anchor", "--out", str(tmp_path / "lost.jsonl"), "--post"]) == 0
    kept = tmp_path / "kept.jsonl"
    kept.write_text(chat.bodies[0]["text"].split("`")[1] + "\n")
    monkeypatch.setenv("BATON_AUDIT_ANCHORS", str(kept))
    rewritten(trail, 3)
    capsys.readouterr()
    assert routing(["audit", "verify"]) == 1 and "does not reach its anchor" in capsys.readouterr().err
