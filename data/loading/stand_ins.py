"""Records that stand for a call only until the call itself turns up.

A side conversation of a coding agent replays messages of the main line under new request ids. In a format
with `stand_ins` such a record has the call's id as its event key, and gives way to any other record of
that call: in the same files, in files loaded before, or in files still to come.
"""

from __future__ import annotations

from data.formats import Format


def settle(cursor, form: Format) -> int:
    """Take stand-ins whose call is known out of `fresh_rows`, and out of the ledger; returns how many the ledger lost.

    Expects the temporary `fresh_rows`, `log_rows` and `gone_rows` (which gets the times of the lost), inside the
    transaction that writes them.
    """
    stand_in = f"'{form.family}:' || {{}}.call_id"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE settled AS SELECT DISTINCT {stand_in.format('s')} AS event_id FROM log_rows s"
        f" WHERE s.skip IS NULL AND s.reject IS NULL AND s.event_id <> {stand_in.format('s')} UNION SELECT"
        f" {stand_in.format('t')} FROM lake.main.usage t WHERE t.source = '{form.name}' AND t.event_id <>"
        f" {stand_in.format('t')} AND {stand_in.format('t')} IN (SELECT event_id FROM fresh_rows)"
    )
    cursor.execute("DELETE FROM fresh_rows WHERE event_id IN (SELECT event_id FROM settled)")
    lost = cursor.execute(
        "INSERT INTO gone_rows SELECT requested_at FROM lake.main.usage WHERE event_id IN (SELECT event_id FROM"
        " settled)"
    ).fetchall()[0][0]
    if lost:
        cursor.execute("DELETE FROM lake.main.usage WHERE event_id IN (SELECT event_id FROM settled)")
    return lost
