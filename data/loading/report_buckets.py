"""Provider reports are restated for days: a newer one replaces the whole bucket, not only the lines it still has.

A line that was renamed or has vanished is not in the newer report, and a bucket that became empty has no lines at
all; what the ledger has of it goes. A report that is filtered to one project does not say so: where a bucket's lines
are of one project alone, only that project's are replaced.
"""

from __future__ import annotations

from data.formats import Format
from data.ledger import Cursor


def replace(cursor: Cursor, form: Format) -> int:
    """Delete the lines of the staged buckets that the report no longer has; returns how many. Inside the
    load's transaction.

    A bucket with a rejected line is left as it is, since nobody knows which of its lines that was.
    """
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE report_buckets AS
            SELECT '{form.family}:' || bucket || ':' AS prefix, any_value(project) FILTER (skip IS NULL) AS project,
                count(DISTINCT coalesce(project, '')) FILTER (skip IS NULL) AS projects
            FROM log_rows WHERE bucket IS NOT NULL GROUP BY bucket HAVING count(reject) = 0""")
    gone = f"""SELECT b.bill_id FROM lake.main.billed b JOIN report_buckets r ON starts_with(b.bill_id, r.prefix)
        WHERE b.source = '{form.name}' AND (r.projects <> 1 OR b.project IS NOT DISTINCT FROM r.project)
            AND b.bill_id NOT IN (SELECT event_id FROM log_rows WHERE skip IS NULL AND reject IS NULL)"""
    return int(cursor.execute(f"DELETE FROM lake.main.billed WHERE bill_id IN ({gone})").fetchall()[0][0])
