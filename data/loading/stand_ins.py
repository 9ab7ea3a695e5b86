"""Records that stand for a call only until the call itself turns up.

A side conversation of a coding agent replays messages of the main line under new request ids; a step of a run says
again what the run does. Such a record (`StandIn` of its format) gives way to any other record that tells of what it
stands for: in the same files, in files loaded before, or in files still to come.
"""

from __future__ import annotations

from data.formats import Format, StandIn
from data.loading.identity import GOOD


def settle(cursor, form: Format) -> int:
    """Take stand-ins whose call is known out of `fresh_rows`, and out of the ledger; returns how many the ledger lost.

    Expects the temporary `fresh_rows`, `log_rows` and `gone_rows` (which gets the times of the lost), inside the
    transaction that writes them.
    """
    return sum(_settle(cursor, form, rule) for rule in form.stand_ins)


def _settle(cursor, form: Format, rule: StandIn) -> int:
    is_one, stands_for, tells = (
        {row: sql.format(r=f"{row}.", family=form.family) for row in "st"}
        for sql in (rule.is_one, rule.stands_for, rule.tells)
    )
    own = f"t.source = '{form.name}'"
    told = cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE settled AS SELECT DISTINCT {tells['s']} AS told FROM {GOOD} s"
        f" WHERE NOT ({is_one['s']}) AND {tells['s']} IS NOT NULL"
    ).fetchall()[0][0]
    waiting = f"SELECT {stands_for['s']} FROM {GOOD} s SEMI JOIN fresh_rows USING (row_no) WHERE {is_one['s']}"
    if cursor.execute(f"{waiting} LIMIT 1").fetchall():
        cursor.execute(
            f"INSERT INTO settled SELECT DISTINCT {tells['t']} FROM lake.main.usage t"
            f" WHERE {own} AND NOT ({is_one['t']}) AND {tells['t']} IN ({waiting})"
        )
        cursor.execute(
            f"DELETE FROM fresh_rows WHERE row_no IN (SELECT row_no FROM {GOOD} s WHERE {is_one['s']} AND"
            f" {stands_for['s']} IN (FROM settled))"
        )
    if not told:
        return 0
    lost = f"{own} AND {is_one['t']} AND {stands_for['t']} IN (FROM settled)"
    count = cursor.execute(f"INSERT INTO gone_rows SELECT requested_at FROM lake.main.usage t WHERE {lost}")
    [(count,)] = count.fetchall()
    if count:
        cursor.execute(f"DELETE FROM lake.main.usage t WHERE {lost}")
    return count
