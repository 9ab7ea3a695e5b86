"""Provider reports are restated for days: a newer one replaces the whole bucket, not only the lines it still has.

A line that was renamed or has vanished is not in the newer report, and a bucket that became empty has no lines at
all; what the ledger has of it goes.

- **One report** is a chain of pages: a page that says `has_more` is followed by the next one in the order of the
  files. Pages without such a word are reports of their own, the later the newer, also where they are loaded together.
- **A split bucket**, the last of a page and the first of the next, is replaced in parts, since its pages may come by
  separate commands: a page that says there is more replaces what such a page said before (the bucket's head), and the
  page after it replaces the rest. The page after it shares no line with the head; one that does begins anew.
- **A filter** is not told: a report whose lines all name one project is taken for one of that project, and one that
  names an organization for one of that. What it is not about stays.
- **A bucket with a rejected line** replaces nothing, since nobody knows which of its lines that was.
"""

from __future__ import annotations

from data.formats import Format
from data.ledger import Cursor

# Every line of the load with the report it is in. `leads`: its bucket is the first of the report. `goes_on`: its bucket
# has lines on the next page too, or may have; `unfinished`: that page is not in this load.
LINES = """
CREATE OR REPLACE TEMP TABLE report_lines AS
WITH pages AS (
    SELECT file_no, page, bool_or(more) AS more, arg_min(bucket, record_no) AS opening,
        arg_max(bucket, record_no) AS closing
    FROM log_rows WHERE bucket IS NOT NULL GROUP BY ALL
), linked AS (
    SELECT *, lag(more, 1, FALSE) OVER in_order AS follows, lead(opening) OVER in_order AS next FROM pages
    WINDOW in_order AS (ORDER BY file_no, page)
), reports AS (
    SELECT *, count(*) FILTER (NOT follows) OVER (ORDER BY file_no, page) AS report FROM linked
)
SELECT l.row_no, l.event_id, l.bucket, l.project, nullif(l.account, '') AS account, l.skip IS NULL AS counts, l.reject,
    p.report, NOT p.follows AND l.bucket = p.opening AS leads,
    p.more AND l.bucket = p.closing AND (p.next IS NULL OR p.next = l.bucket) AS goes_on,
    p.more AND l.bucket = p.closing AND p.next IS NULL AS unfinished
FROM log_rows l JOIN reports p ON l.file_no = p.file_no AND l.page IS NOT DISTINCT FROM p.page
WHERE l.bucket IS NOT NULL"""

# What each report says of each bucket: whether it has its beginning and its end, and what it is about (NULL: all).
BUCKETS = """
CREATE OR REPLACE TEMP TABLE report_buckets AS
WITH heads AS (
    SELECT h.bucket, bool_or(l.event_id IS NOT NULL) AS repeated
    FROM (SELECT bucket, bill_id FROM lake.main.page_heads WHERE source = $source) h
    LEFT JOIN report_lines l ON l.event_id = h.bill_id AND l.leads GROUP BY 1
), scopes AS (
    SELECT report, any_value(account) AS account,
        CASE WHEN count(DISTINCT coalesce(project, '')) = 1 AND lower(any_value(project)) <> 'default'
            THEN any_value(project) END AS project
    FROM report_lines WHERE counts GROUP BY 1
)
SELECT report, bucket, any_value(s.account) AS account, any_value(s.project) AS project,
    NOT bool_or(l.leads AND NOT coalesce(h.repeated, TRUE)) AS begins, NOT bool_or(unfinished) AS ends
FROM report_lines l LEFT JOIN scopes s USING (report) LEFT JOIN heads h USING (bucket)
GROUP BY report, bucket HAVING count(reject) = 0"""


def replace(cursor: Cursor, form: Format) -> int:
    """Take out of `fresh_rows` what a later report of the load restates, and delete from the ledger the lines of the
    staged buckets that their newest report no longer has; returns how many. Inside the load's transaction."""
    cursor.execute(LINES)
    cursor.execute(BUCKETS, {"source": form.name})
    cursor.execute("""CREATE OR REPLACE TEMP TABLE restated AS SELECT DISTINCT l.row_no FROM report_lines l
        JOIN report_buckets b ON b.bucket = l.bucket AND b.report > l.report AND b.begins AND b.ends
            AND coalesce(b.project = l.project, b.project IS NULL) AND coalesce(b.account = l.account, TRUE)""")
    cursor.execute("DELETE FROM fresh_rows WHERE row_no IN (FROM restated)")
    gone = f"""SELECT t.bill_id FROM lake.main.billed t
        JOIN report_buckets b ON starts_with(t.bill_id, '{form.family}:' || b.bucket || ':')
        LEFT JOIN lake.main.page_heads h ON h.source = t.source AND h.bill_id = t.bill_id
        WHERE t.source = '{form.name}' AND coalesce(b.project = t.project, b.project IS NULL)
            AND (b.account IS NULL OR NOT contains(t.bill_id, 'organization_id=')
                OR contains(t.bill_id, 'organization_id=' || b.account))
            AND t.bill_id NOT IN (SELECT event_id FROM report_lines WHERE counts AND reject IS NULL
                AND row_no NOT IN (FROM restated))
            AND CASE WHEN h.bill_id IS NULL THEN b.ends ELSE b.begins END"""
    lost = int(cursor.execute(f"DELETE FROM lake.main.billed WHERE bill_id IN ({gone})").fetchall()[0][0])
    cursor.execute(f"""DELETE FROM lake.main.page_heads WHERE source = '{form.name}'
        AND bucket IN (SELECT bucket FROM report_buckets WHERE begins)""")
    cursor.execute(f"""INSERT INTO lake.main.page_heads SELECT DISTINCT '{form.name}', bucket, event_id
        FROM report_lines WHERE goes_on AND counts AND reject IS NULL AND row_no NOT IN (FROM restated)""")
    return lost
