"""Numbered steps that bring a ledger of any earlier version to this one.

Each step runs in one transaction together with the note that it ran; a new ledger is made in few. A ledger that has
steps this Baton does not know was written by a newer one and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from data.errors import LedgerError
from data.lake import TABLES
from data.schema import (
    BATCHES,
    BILLED,
    IDENTITIES_ROW_GROUP,
    KEY_ALIAS,
    MEDIA_TOKENS,
    MONEY,
    REJECTED,
    TOKENS,
    TOTAL,
    USAGE,
    ddl,
    identities,
)

Step = Callable[[Any], None]
Numbered = tuple[int, Step]
STEPS: list[Step] = []
APART: set[Step] = set()  # steps that need what was made before them committed
step = STEPS.append


def step_apart(migrate: Step) -> None:
    """A step that begins a transaction."""
    APART.add(migrate)
    step(migrate)


@step
def m001_ledger(cursor) -> None:
    """The tables of the first release."""
    for name, columns in (("usage", USAGE), ("billed", BILLED), ("rejected", REJECTED), ("batches", BATCHES)):
        cursor.execute(ddl(f"lake.main.{name}", columns))
    # Month partitions let a date filter skip whole files.
    cursor.execute("ALTER TABLE lake.main.usage SET PARTITIONED BY (year(requested_at), month(requested_at))")
    # Prompts and completions, only where the operator asked to keep them.
    cursor.execute("CREATE TABLE lake.main.texts (event_id VARCHAR, prompt VARCHAR, completion VARCHAR)")
    cursor.execute("CREATE TABLE lake.main.settings (name VARCHAR, value VARCHAR)")
    cursor.execute(
        "CREATE TABLE lake.main.semantics (source VARCHAR, provider VARCHAR, model VARCHAR, input_has_cache BOOLEAN, "
        "output_has_reasoning BOOLEAN, verdict VARCHAR, evidence VARCHAR, records BIGINT, batch_id VARCHAR)"
    )
    sums = ", ".join(f"{name} BIGINT" for name in TOKENS)
    cursor.execute(
        "CREATE TABLE lake.main.spend_by_day (day DATE, provider VARCHAR, model VARCHAR, team VARCHAR, feature"
        " VARCHAR, environment VARCHAR, task_type VARCHAR, status VARCHAR, cost_basis VARCHAR, attempts BIGINT, calls"
        f" BIGINT, priced_attempts BIGINT, cost_usd {TOTAL}, list_cost_usd {TOTAL}, reported_cost_usd {TOTAL}, {sums},"
        f" retries BIGINT, failed BIGINT, failed_cost_usd {TOTAL}, retry_cost_usd {TOTAL}, latency_ms_sum DOUBLE,"
        " latency_count BIGINT)"
    )
    cursor.execute(
        "CREATE TABLE lake.main.latency_by_hour (hour TIMESTAMP, model VARCHAR, bucket INTEGER, ttft BOOLEAN, attempts"
        " BIGINT)"
    )


@step
def m002_caveats(cursor) -> None:
    """The log's own word for the provider, and what a row's reading assumed; unknown for rows loaded before."""
    for name, kind in (("provider_raw", "VARCHAR"), ("caveats", "VARCHAR[]")):
        cursor.execute(f"ALTER TABLE lake.main.usage ADD COLUMN IF NOT EXISTS {name} {kind}")


@step
def m003_media_and_fees(cursor) -> None:
    """Tokens that are no text in buckets of their own, and tools the provider ran with their fees; unknown before."""
    for name in MEDIA_TOKENS:
        for table in ("usage", "spend_by_day"):
            cursor.execute(f"ALTER TABLE lake.main.{table} ADD COLUMN IF NOT EXISTS {name} BIGINT")
    cursor.execute("ALTER TABLE lake.main.usage ADD COLUMN IF NOT EXISTS server_tools JSON")
    for table, money in (("usage", MONEY), ("spend_by_day", TOTAL)):
        cursor.execute(f"ALTER TABLE lake.main.{table} ADD COLUMN IF NOT EXISTS tool_fees_usd {money}")


@step
def m004_identities(cursor) -> None:
    """An index of the ids, which step 9 builds, and what caveats weigh."""
    cursor.execute("CREATE TABLE lake.main.identities (id_hash UINTEGER, day DATE)")
    cursor.execute(
        "CREATE TABLE lake.main.caveats_by_day (caveat VARCHAR, day DATE, provider VARCHAR, model VARCHAR, "
        f"source VARCHAR, attempts BIGINT, cost_usd {TOTAL})"
    )
    cursor.execute(f"ALTER TABLE lake.main.spend_by_day ADD COLUMN IF NOT EXISTS caveat_cost_usd {TOTAL}")


@step
def m005_restated(cursor) -> None:
    """When the log last changed a record, and which bill lines are the head of a bucket that goes on on another page
    (see data/loading/report_buckets.py)."""
    cursor.execute("ALTER TABLE lake.main.usage ADD COLUMN IF NOT EXISTS recorded_at TIMESTAMP")
    cursor.execute("CREATE TABLE lake.main.page_heads (source VARCHAR, bucket VARCHAR, bill_id VARCHAR)")


@step
def m006_dimensions(cursor) -> None:
    """The operator's own dimensions (data/dimensions.py), and the key's name as a column."""
    cursor.execute("CREATE TABLE IF NOT EXISTS lake.main.dimensions (name VARCHAR, tag VARCHAR)")
    cursor.execute("ALTER TABLE lake.main.usage ADD COLUMN IF NOT EXISTS key_alias VARCHAR")
    if _row_count(cursor, "usage"):  # planning it takes longer than all else that a new ledger takes
        cursor.execute(f"UPDATE lake.main.usage SET key_alias = {KEY_ALIAS} WHERE {KEY_ALIAS} IS NOT NULL")


@step
def m007_lost_rows(cursor) -> None:
    """What is gone with files that were set aside (data/lost_rows.py)."""
    cursor.execute("""CREATE TABLE IF NOT EXISTS lake.main.lost_files (file VARCHAR, table_name VARCHAR, rows BIGINT,
            first_day DATE, last_day DATE, sources VARCHAR[], batches VARCHAR[], paths VARCHAR[],
            set_aside_at TIMESTAMP, ids_known BOOLEAN)""")
    cursor.execute("CREATE TABLE IF NOT EXISTS lake.main.lost_rows (day DATE, id_hash UINTEGER, sources VARCHAR[])")


@step
def m008_instants(cursor) -> None:
    """The index is to say the instant of every id (see data/loading/identity.py), no longer its day."""
    cursor.execute("DROP TABLE lake.main.identities")
    cursor.execute("CREATE TABLE lake.main.identities (id_hash UINTEGER, requested_at TIMESTAMP)")


@step_apart
def m009_index(cursor) -> None:
    """The index in files of small row groups; a table takes such a setting only when its making is committed."""
    cursor.execute(
        f"""CALL lake.set_option('parquet_row_group_size', {IDENTITIES_ROW_GROUP}, schema => 'main',
            table_name => 'identities')"""
    )
    cursor.execute(f"INSERT INTO lake.main.identities {identities('lake.main.usage')}")


@step
def m010_caveats_of_bills(cursor) -> None:
    """What was left unread in a provider's report; unknown for lines loaded before."""
    cursor.execute("ALTER TABLE lake.main.billed ADD COLUMN IF NOT EXISTS caveats VARCHAR[]")


@step
def m011_no_latency_by_hour(cursor) -> None:
    """A roll-up that every load wrote and nothing read: percentiles come from the rows."""
    cursor.execute("DROP TABLE IF EXISTS lake.main.latency_by_hour")


@step
def m012_index_sorted(cursor) -> None:
    """Merged files of the index are in the order of the hashes too, so that a few are found in a part of a file."""
    cursor.execute("ALTER TABLE lake.main.identities SET SORTED BY (id_hash ASC)")


@step
def m013_compression(cursor) -> None:
    """Files from now on in Zstandard: half the size, written in less time, read in no more."""
    cursor.execute("CALL lake.set_option('parquet_compression', 'zstd')")


@step_apart
def m014_row_in_empty_tables(cursor) -> None:
    """A row in each empty table, which the next step takes out: only a table that once had one has statistics in the
    catalogue, and where there are none every query on it reads the whole catalogue anew."""
    for table in TABLES:
        if _row_count(cursor, table) == 0:
            cursor.execute(f"INSERT INTO lake.main.{table} BY NAME SELECT NULL AS {_columns(cursor, table)[0]}")


@step_apart
def m015_empty_tables(cursor) -> None:
    """The rows of the step before; apart from it, since rows that come and go in one transaction leave nothing."""
    for table in TABLES:
        if _row_count(cursor, table) == 1:
            nothing = " AND ".join(f"{name} IS NULL" for name in _columns(cursor, table))
            cursor.execute(f"DELETE FROM lake.main.{table} WHERE {nothing}")


def _row_count(cursor, table: str) -> int:
    return cursor.execute(f"SELECT count(*) FROM lake.main.{table}").fetchone()[0]


def _columns(cursor, table: str) -> list[str]:
    return [f'"{name}"' for (name, *_) in cursor.execute(f"DESCRIBE lake.main.{table}").fetchall()]


def applied_steps(cursor) -> list[int]:
    """Numbers of the steps this ledger has."""
    try:
        return [n for (n,) in cursor.execute("SELECT number FROM lake.main.migrations ORDER BY 1").fetchall()]
    except Exception as error:
        if type(error).__name__ == "CatalogException":  # before the first step; asking the catalogue reads all of it
            return []
        raise


def pending(cursor) -> bool:
    """Whether steps are missing; raises LedgerError for a ledger from a newer Baton."""
    have = applied_steps(cursor)
    if have and max(have) > len(STEPS):
        raise LedgerError(
            f"This ledger was written by a newer Baton (step {max(have)}; this one knows {len(STEPS)}); "
            "update Baton, nothing was changed."
        )
    return len(have) < len(STEPS)


def apply(cursor) -> None:
    """Run the missing steps; the caller holds the writers' lock."""
    have = set(applied_steps(cursor))
    missing = [(number, migrate) for number, migrate in enumerate(STEPS, start=1) if number not in have]
    for together in _transactions(missing, alone=bool(have)):
        cursor.execute("BEGIN TRANSACTION")
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS lake.main.migrations (number INTEGER, name VARCHAR, applied_at TIMESTAMP)"
        )
        for number, migrate in together:
            migrate(cursor)
            cursor.execute(
                f"INSERT INTO lake.main.migrations VALUES ({number}, '{migrate.__name__}', now()::TIMESTAMP)"
            )
        cursor.execute("COMMIT")


def _transactions(steps: list[Numbered], alone: bool) -> list[list[Numbered]]:
    """The steps by transaction: `alone`, one in each, since rows that a step writes may be in the way of the next."""
    found: list[list[Numbered]] = []
    for number, migrate in steps:
        if alone or not found or migrate in APART:
            found.append([])
        found[-1].append((number, migrate))
    return found
