"""The roll-ups the pages live on, kept in the transaction that changes the rows.

- `spend_by_day`: day x provider x model x team x feature x ... with sums;
- `caveats_by_day`: caveat x day x provider x model x source: rows and dollars (a row with two caveats is in two).

They are additive: a batch appends its own sums and every reader sums again, so loading a day's log never re-reads a
year. `fold` brings days whose rows have changed back to one row per key, `rebuild` all of them; `fold_blocks` sums up
what many loads appended to a day (`data.upkeep`).
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from data.errors import BadInput
from data.ledger import Cursor
from data.schema import TOKENS
from data.sql_text import literal

KEYS = ("provider", "model", "team", "feature", "environment", "task_type", "status", "cost_basis")
SUMS = {
    "attempts": "count(*)",
    "calls": "count(*) FILTER (attempt = 1)",
    "priced_attempts": "count(cost_usd)",
    "cost_usd": "sum(cost_usd)",
    "caveat_cost_usd": "sum(cost_usd) FILTER (caveats IS NOT NULL)",
    "list_cost_usd": "sum(list_cost_usd)",
    "reported_cost_usd": "sum(reported_cost_usd)",
    "tool_fees_usd": "sum(tool_fees_usd)",
    **{name: f"sum({name})" for name in TOKENS},
    "retries": "count(*) FILTER (attempt > 1)",
    "failed": "count(*) FILTER (status = 'error')",
    "failed_cost_usd": "sum(cost_usd) FILTER (status = 'error')",
    "retry_cost_usd": "sum(cost_usd) FILTER (attempt > 1)",
    "latency_ms_sum": "sum(latency_ms)",
    "latency_count": "count(latency_ms)",
}
BY_DAY = ("spend_by_day", "caveats_by_day")
USAGE = "lake.main.usage"


def add(cursor: Cursor, rows: str = USAGE) -> None:
    """Append the sums of the usage rows of a relation, inside the caller's transaction."""
    day = local_day(cursor)
    cursor.execute(f"""INSERT INTO lake.main.spend_by_day (day, {", ".join(KEYS)}, {", ".join(SUMS)})
            SELECT {day} AS usage_day, {", ".join(KEYS)}, {", ".join(SUMS.values())}
            FROM (FROM {rows}) GROUP BY ALL ORDER BY usage_day""")
    cursor.execute(f"""INSERT INTO lake.main.caveats_by_day (caveat, day, provider, model, source, attempts, cost_usd)
            {caveat_sums(rows, day)} ORDER BY day""")


def caveat_sums(rows: str, day: str) -> str:
    """SELECT text of `caveats_by_day` for usage `rows`, with `day` the SQL of their reporting day."""
    return f"""SELECT caveat, usage_day AS day, provider, model, source, count(*) AS attempts, sum(cost_usd) AS cost_usd
        FROM (SELECT unnest(caveats) AS caveat, {day} AS usage_day, provider, model, source, cost_usd
            FROM (SELECT * FROM {rows}) WHERE caveats IS NOT NULL) GROUP BY ALL"""


def fold(cursor: Cursor, changed: str, written: str = "") -> None:
    """Follow rows that changed or went: sum up their days anew, and add those of the rows `written` in other days.

    `changed` is a relation with the `requested_at` of such rows (as it was; time changes in `written` are covered),
    `written` a relation of usage rows that are new.
    """
    day = local_day(cursor)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE changed_days AS SELECT DISTINCT {day} AS changed_day FROM {changed}")
    in_days = f"{day} IN (FROM changed_days)"
    for table in BY_DAY:
        cursor.execute(f"DELETE FROM lake.main.{table} WHERE day IN (FROM changed_days)")
    add(cursor, f"{USAGE} WHERE {_near(cursor, changed)} AND {in_days}")
    if written:
        add(cursor, f"(FROM {written}) WHERE NOT {in_days}")


def _near(cursor: Cursor, rows: str) -> str:
    """A condition on time that holds for all rows of the days of `rows`; the engine skips files by it."""
    found = cursor.execute(
        f"SELECT min(requested_at) - INTERVAL 2 DAY, max(requested_at) + INTERVAL 2 DAY FROM {rows}"
    ).fetchone()
    if not found or found[0] is None:
        return "false"
    return f"requested_at BETWEEN TIMESTAMP '{found[0]}' AND TIMESTAMP '{found[1]}'"


def fold_blocks(cursor: Cursor) -> int:
    """Bring the days that several loads appended to back to one row per key, from the roll-ups' own rows: no usage is
    read. Returns how many days were folded; inside the caller's transaction.
    """
    days: set[date] = set()
    for table, keys, sums in (
        ("spend_by_day", KEYS, tuple(SUMS)),
        ("caveats_by_day", ("caveat", "provider", "model", "source"), ("attempts", "cost_usd")),
    ):
        lake, listed = f"lake.main.{table}", ", ".join(("day", *keys))
        cursor.execute(
            f"""CREATE OR REPLACE TEMP TABLE split_days AS SELECT day FROM {lake}
                GROUP BY day HAVING count(*) > count(DISTINCT ({listed}))"""
        )
        split = [day for (day,) in cursor.execute("FROM split_days").fetchall()]
        if not split:
            continue
        summed = ", ".join(f"sum({name}) AS {name}" for name in sums)
        cursor.execute(
            f"""CREATE OR REPLACE TEMP TABLE folded AS SELECT {listed}, {summed} FROM {lake}
                WHERE day IN (FROM split_days) GROUP BY ALL"""
        )
        cursor.execute(f"DELETE FROM {lake} WHERE day IN (FROM split_days)")
        cursor.execute(f"INSERT INTO {lake} BY NAME FROM folded ORDER BY day")
        days |= set(split)
    return len(days)


def rebuild(cursor: Cursor) -> None:
    """Recompute the roll-ups from all rows."""
    for table in BY_DAY:
        cursor.execute(f"DELETE FROM lake.main.{table}")
    add(cursor)


def set_time_zone(cursor: Cursor, zone: str) -> None:
    """Change the reporting time zone and rebuild the days; raises BadInput for an unknown zone."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(f"There is no time zone {zone!r}; use an IANA name such as Europe/Berlin or UTC.") from error
    cursor.execute("DELETE FROM lake.main.settings WHERE name = 'time_zone'")
    cursor.execute("INSERT INTO lake.main.settings VALUES ('time_zone', ?)", [zone])
    rebuild(cursor)


def local_day(cursor: Cursor) -> str:
    """SQL for the day of `requested_at` in the reporting time zone."""
    row = cursor.execute("SELECT value FROM lake.main.settings WHERE name = 'time_zone'").fetchone()
    return day_in(row[0] if row else "UTC")


def day_in(zone: str) -> str:
    """SQL for the day of `requested_at` in a time zone."""
    if zone == "UTC":
        return "requested_at::DATE"
    return f"timezone({literal(zone)}, timezone('UTC', requested_at))::DATE"
