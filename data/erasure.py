"""Retention and forgetting: texts and names taken out of every data version and every file, dollars kept.

`python -m data erase` drops prompts and answers, or the names of users and customers, older than a day, and everything
that names somebody. The rows stay, without the name, so that every sum and every roll-up stays as it was. Older data
versions are given up, since they hold what is to be forgotten; files are written anew and both databases are rewritten
whole, so that no byte of it is left in a page that is free. Each step may die: run again, it finishes.
What stays is told: the audit trail (its chain forbids a change), documents that people wrote, ids by which rows are
told apart, and backups (`data.erasure_proof`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from data import data_files, kept_answers, people, run_texts, scratch, shared_tables
from data.errors import BadInput
from data.lake import ROLLUPS, TABLES
from data.ledger import Cursor, Ledger
from data.room import require_room
from data.sql_text import identifier, literal
from data.state import State
from data.state_file import rewrite_database

FORGOTTEN = "[forgotten]"
# Columns by which rows are summed up, joined or told apart; a name in one of them stays and is told.
KEPT = frozenset(
    {
        *("event_id", "bill_id", "batch_id", "batches", "source", "sources", "format", "digest", "file", "table_name"),
        *("provider", "provider_raw", "host", "region", "service_tier", "model", "model_raw", "operation"),
        *("team", "feature", "environment", "task_type", "criticality", "data_class", "status", "error_class"),
        *("token_semantics", "cost_basis", "quality_source", "server_tools", "caveats"),
        *("kind", "currency", "unit", "reason", "verdict", "evidence"),
    }
)
UNTOUCHED = ("identities", "page_heads", "dimensions", "lost_rows", *ROLLUPS)
BEGUN, DONE = "erasure begun", "erasure finished"


class Wish(NamedTuple):
    """What is to be forgotten: names as the log has them, and the first days whose texts and names stay."""

    names: tuple[str, ...] = ()
    texts_before: date | None = None
    names_before: date | None = None

    @property
    def audit_detail(self) -> dict[str, object]:
        """For the audit trail, which must not keep what is forgotten: names by their SHA-256."""
        return {
            "names_sha256": [sha256(name.encode()).hexdigest() for name in self.names],
            "texts_before": self.texts_before,
            "names_before": self.names_before,
        }


def erase(ledger: Ledger, state: State, wish: Wish) -> dict[str, int]:
    """Forget what is wished for; returns how many rows, texts, records and run entries were changed.

    Raises BadInput for a wish of nothing, Refused for who is no admin.
    """
    people.require("erase")
    if not any(wish):
        raise BadInput("Nothing is named to be forgotten; give --name, --texts-older-than or --names-older-than.")
    if short := [name for name in wish.names if len(name.strip()) < 2]:
        raise BadInput(f"The name {short[0]!r} is too short to be looked for; give it as the log has it.")
    require_room(ledger.home)
    state.append_audit(BEGUN, wish.audit_detail)
    changed = {"run_entries": run_texts.forget(state, name_pattern(wish.names, r"\w"), wish.texts_before, FORGOTTEN)}
    with ledger.write() as cursor:
        changed |= _forget_in_ledger(cursor, wish)
    _drop_loose_files(ledger.home)
    write_anew(ledger, state)
    state.append_audit(DONE, {**wish.audit_detail, **changed})
    return changed


def unfinished_erasure(state: State) -> str:
    """A sentence for an erasure that was cut short; "" where the last one came to its end."""
    last = next((entry for entry in state.audit() if entry.event in (BEGUN, DONE)), None)
    if last is None or last.event == DONE:
        return ""
    return f"The erasure that {last.actor} began on {last.at[:10]} did not come to its end; run the same command again."


def name_pattern(names: Iterable[str], letter: str = r"\p{L}\p{N}_") -> str:
    """A regular expression for any of these names standing by itself, also as JSON writes it; "" for none.

    Groups 1 and 3 are what stands before and after; `letter` is how the dialect writes a letter (the engine's RE2).
    """
    spelled = {
        text for name in names for text in (name, *(json.dumps(name, ensure_ascii=a)[1:-1] for a in (True, False)))
    }
    longest_first = sorted(spelled, key=lambda text: (-len(text), text))
    either = "|".join(re.sub(r"([!-/:-@[-`{-~ ])", r"\\\1", text) for text in longest_first)
    return f"(^|[^{letter}])({either})($|[^{letter}])" if either else ""


def write_anew(ledger: Ledger, state: State) -> None:
    """Give up every older data version, also those of a clock that ran ahead, and write all that is left anew, without
    what was deleted from it.
    """
    with ledger.lock(), ledger.explain_ailments():
        cursor = ledger.cursor()
        for call in (
            "ducklake_flush_inlined_data('lake')",
            "ducklake_rewrite_data_files('lake', delete_threshold => 0)",
            "ducklake_expire_snapshots('lake', older_than => TIMESTAMPTZ '9999-12-31')",
            "ducklake_cleanup_old_files('lake', cleanup_all => true)",
            "ducklake_delete_orphaned_files('lake', cleanup_all => true)",
        ):
            cursor.execute(f"CALL {call}").fetchall()
        kept_answers.forget(ledger.home)  # by user, some of them; none is kept of a version that is gone
        data_files.narrow_bounds(cursor)
        if ledger.store.shared:
            shared_tables.write_anew(ledger.store)
        else:
            data_files.keep_checksums(cursor, ledger.home)
            rewrite_database(ledger.home / "catalog.sqlite")
            rewrite_database(state.path)


def _forget_in_ledger(cursor: Cursor, wish: Wish) -> dict[str, int]:
    changed = {"rows": 0, "texts": 0, "records": 0}
    if wish.texts_before:
        changed["texts"] += _count(
            cursor,
            f"""DELETE FROM lake.main.texts WHERE event_id NOT IN (SELECT event_id FROM lake.main.usage
                WHERE requested_at >= DATE '{wish.texts_before}' AND event_id IS NOT NULL)""",
        )
        changed["records"] += _count(
            cursor,
            f"""UPDATE lake.main.rejected SET record = '{FORGOTTEN}' WHERE record <> '{FORGOTTEN}' AND batch_id IN (
                SELECT batch_id FROM lake.main.batches WHERE ingested_at < DATE '{wish.texts_before}')""",
        )
    if wish.names_before:
        changed["rows"] += _count(
            cursor,
            f"""UPDATE lake.main.usage SET user_id = NULL, customer_id = NULL, tags = NULL
                WHERE requested_at < DATE '{wish.names_before}'
                    AND (user_id IS NOT NULL OR customer_id IS NOT NULL OR tags IS NOT NULL)""",
        )
    if wish.names:
        _forget_names(cursor, wish.names, changed)
    return changed


def _forget_names(cursor: Cursor, names: tuple[str, ...], changed: dict[str, int]) -> None:
    listed = ", ".join(literal(name) for name in names)
    changed["texts"] += _count(
        cursor,
        f"""DELETE FROM lake.main.texts WHERE event_id IN (SELECT event_id FROM lake.main.usage
            WHERE user_id IN ({listed}) OR customer_id IN ({listed}))""",
    )
    pattern = literal(name_pattern(names))
    changed["records"] += _count(
        cursor,
        f"UPDATE lake.main.rejected SET record = '{FORGOTTEN}' WHERE regexp_matches(record, {pattern})",
    )
    for table in TABLES:
        if table in UNTOUCHED or table == "rejected":
            continue
        columns = cursor.execute(
            """SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'lake' AND table_name = ?
                AND data_type IN ('VARCHAR', 'JSON', 'VARCHAR[]')""",
            [table],
        ).fetchall()
        free = [(identifier(name), kind) for name, kind in columns if name not in KEPT]
        if not free:
            continue
        found = " OR ".join(f"regexp_matches({name}::VARCHAR, {pattern})" for name, _ in free)
        sets = ", ".join(f"{name} = {_without(name, kind, pattern)}" for name, kind in free)
        count = _count(cursor, f"UPDATE lake.main.{table} SET {sets} WHERE {found}")
        kind = "rows" if table in ("usage", "billed") else "texts" if table == "texts" else "records"
        changed[kind] += count


def _without(column: str, kind: str, pattern: str) -> str:
    """SQL for a column's value without the names; a user or customer that is one becomes unknown."""
    if column in ('"user_id"', '"customer_id"'):
        return f"CASE WHEN regexp_matches({column}, {pattern}) THEN NULL ELSE {column} END"
    if kind == "VARCHAR[]":
        return f"list_transform({column}, lambda one: {_replaced('one', pattern)})"
    return f"{_replaced(f'{column}::VARCHAR', pattern)}::{kind}"


def _replaced(value: str, pattern: str) -> str:
    once = f"regexp_replace({value}, {pattern}, '\\1{FORGOTTEN}\\3', 'g')"
    return f"regexp_replace({once}, {pattern}, '\\1{FORGOTTEN}\\3', 'g')"  # two names may share what is between them


def _count(cursor: Cursor, statement: str) -> int:
    return int(cursor.execute(statement).fetchall()[0][0])


def _drop_loose_files(home: Path) -> None:
    """Uploads that wait for their columns to be named, and files set aside as damaged: nobody can look into them."""
    for folder in (home / "uploads", home / data_files.DAMAGED):
        shutil.rmtree(folder, ignore_errors=True)
    scratch.sweep(home)
