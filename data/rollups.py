"""The two roll-ups the pages live on, kept in the transaction that changes the rows.

They are additive: a batch appends its own sums and every reader sums again, so loading a day's log
never re-reads a year. `rebuild` folds them back to one row per key, and follows a change of rows.
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from data.errors import BadInput
from data.schema import TOKENS

KEYS = ("provider", "model", "team", "feature", "environment", "task_type", "status", "cost_basis")
SUMS = {
    "attempts": "count(*)",
    "calls": "count(*) FILTER (attempt = 1)",
    "priced_attempts": "count(cost_usd)",
    "cost_usd": "sum(cost_usd)",
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


def add(cursor, where: str) -> None:
    """Append the sums of the usage rows that match `where`, inside the caller's transaction."""
    day = _day(cursor)
    cursor.execute(
        f"INSERT INTO lake.main.spend_by_day (day, {', '.join(KEYS)}, {', '.join(SUMS)}) SELECT {day} AS usage_day,"
        f" {', '.join(KEYS)}, {', '.join(SUMS.values())} FROM lake.main.usage WHERE {where} GROUP BY ALL ORDER BY"
        " usage_day"
    )
    for measure, is_ttft in (("latency_ms", "false"), ("ttft_ms", "true")):
        cursor.execute(
            "INSERT INTO lake.main.latency_by_hour SELECT date_trunc('hour', requested_at) AS usage_hour, model, "
            f"floor(10 * ln({measure} + 1))::INTEGER AS bucket, {is_ttft}, count(*) FROM lake.main.usage "
            f"WHERE ({where}) AND {measure} >= 0 GROUP BY ALL ORDER BY usage_hour"
        )


def rebuild(cursor, first: date | None = None, last: date | None = None) -> None:
    """Recompute the roll-ups from the rows, for UTC days `first` to `last` (both inclusive), or all."""
    if first is None or last is None or _zone(cursor) != "UTC":
        cursor.execute("DELETE FROM lake.main.spend_by_day")
        cursor.execute("DELETE FROM lake.main.latency_by_hour")
        return add(cursor, "true")
    cursor.execute("DELETE FROM lake.main.spend_by_day WHERE day BETWEEN ? AND ?", [first, last])
    cursor.execute("DELETE FROM lake.main.latency_by_hour WHERE hour >= ?::DATE AND hour < ?::DATE + 1", [first, last])
    return add(cursor, f"requested_at >= DATE '{first}' AND requested_at < DATE '{last}' + 1")


def set_time_zone(cursor, zone: str) -> None:
    """Change the reporting time zone and rebuild the days; raises BadInput for an unknown zone."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(f"There is no time zone {zone!r}; use an IANA name such as Europe/Berlin or UTC.") from error
    cursor.execute("DELETE FROM lake.main.settings WHERE name = 'time_zone'")
    cursor.execute("INSERT INTO lake.main.settings VALUES ('time_zone', ?)", [zone])
    rebuild(cursor)


def _zone(cursor) -> str:
    row = cursor.execute("SELECT value FROM lake.main.settings WHERE name = 'time_zone'").fetchone()
    return row[0] if row else "UTC"


def _day(cursor) -> str:
    zone = _zone(cursor)
    return "requested_at::DATE" if zone == "UTC" else f"timezone('{zone}', timezone('UTC', requested_at))::DATE"
