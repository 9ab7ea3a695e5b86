"""Numbered steps that bring a state of any earlier version to this one, each in the transaction that counts it."""

from __future__ import annotations

from collections.abc import Callable

from data import audit_trail
from data.audit_trail import Database

# What `data move` takes over; a test holds it against the tables there are.
TABLES = (
    *("documents", "audit", "live_runs", "live_attempts", "live_results", "live_reviews", "live_recordings"),
    "live_pairs",
    *("alert_incidents", "alert_outbox", "source_progress", "source_days", "source_files"),
    "kept_files",
)
STATE_STEPS: list[Callable[[Database], None]] = []
step = STATE_STEPS.append


@step
def m001_documents(db: Database) -> None:
    db.execute(
        "CREATE TABLE documents (kind TEXT, name TEXT, body TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (kind,"
        " name))"
    )
    audit_trail.create(db)


@step
def m002_live_runs(db: Database) -> None:
    """Live routing: runs, every attempt (written before the call), results, the review queue, recorded responses."""
    db.execute(
        "CREATE TABLE live_runs (run_id TEXT PRIMARY KEY, created_at TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT"
        " NULL, status TEXT NOT NULL, wanted TEXT NOT NULL DEFAULT 'run', heartbeat_at REAL, progress TEXT NOT NULL"
        " DEFAULT '{}', ended TEXT)"
    )
    db.execute(
        "CREATE TABLE live_attempts (run_id TEXT, attempt_id TEXT, status TEXT NOT NULL, "
        "reserved_usd TEXT NOT NULL, cost_usd TEXT, body TEXT NOT NULL, PRIMARY KEY (run_id, attempt_id))"
    )
    db.execute(
        "CREATE TABLE live_results (run_id TEXT, policy TEXT, task_id TEXT, repeat INTEGER, status TEXT NOT NULL, body"
        " TEXT NOT NULL, PRIMARY KEY (run_id, policy, task_id, repeat))"
    )
    db.execute(
        "CREATE TABLE live_reviews (review_id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, policy TEXT, task_id TEXT,"
        " kind TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL, opened_at TEXT NOT NULL, decision TEXT,"
        " decided_by TEXT, decided_at TEXT, answer TEXT)"
    )
    db.execute(
        "CREATE TABLE live_recordings (run_id TEXT, call_key TEXT, body TEXT NOT NULL, PRIMARY KEY (run_id, call_key))"
    )


@step
def m003_alerts(db: Database) -> None:
    """Alerts: what is or was so by rule, and messages on their way (written in the transaction that opens them)."""
    db.execute(
        "CREATE TABLE alert_incidents (incident_id INTEGER PRIMARY KEY, rule TEXT NOT NULL, about TEXT NOT NULL,"
        " text TEXT NOT NULL, usd REAL, opened_at TEXT NOT NULL, tell_after TEXT NOT NULL, told_at TEXT, over_at TEXT,"
        " over_told_at TEXT)"
    )
    db.execute("CREATE UNIQUE INDEX alert_open ON alert_incidents (rule, about) WHERE over_at IS NULL")
    db.execute(
        "CREATE TABLE alert_outbox (message_id INTEGER PRIMARY KEY, channel TEXT NOT NULL, title TEXT NOT NULL,"
        " body TEXT NOT NULL, written_at TEXT NOT NULL, try_after TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"
        " sent_at TEXT, given_up_at TEXT, problem TEXT NOT NULL DEFAULT '')"
    )


@step
def m004_source_progress(db: Database) -> None:
    """How far each saved source has been pulled, and what its last try met."""
    db.execute(
        "CREATE TABLE source_progress (name TEXT PRIMARY KEY, watermark TEXT, tried_at TEXT, pulled_at TEXT,"
        " problem TEXT NOT NULL DEFAULT '', loaded INTEGER NOT NULL DEFAULT 0)"
    )


@step
def m005_kept_files(db: Database) -> None:
    """Small files that hosts share (data/kept_files.py); empty in a store of one folder, which has them beside it."""
    db.execute("CREATE TABLE kept_files (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, body TEXT NOT NULL)")


@step
def m006_source_contents(db: Database) -> None:
    """Which days each saved source brought something of, and which of its files (by their mark) have been loaded."""
    db.execute("CREATE TABLE source_days (name TEXT, day TEXT, PRIMARY KEY (name, day))")
    db.execute("CREATE TABLE source_files (name TEXT, path TEXT, mark TEXT NOT NULL, PRIMARY KEY (name, path))")


@step
def m007_live_pairs(db: Database) -> None:
    """What the judge of a run said of the answers of two policies to the same task."""
    db.execute(
        "CREATE TABLE live_pairs (run_id TEXT, policy TEXT, baseline TEXT, task_id TEXT, repeat INTEGER,"
        " body TEXT NOT NULL, PRIMARY KEY (run_id, policy, baseline, task_id, repeat))"
    )
