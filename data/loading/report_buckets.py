"""Provider reports are restated for days: a newer one replaces the whole bucket, not only the lines it still has.

A line that was renamed or has vanished is not in the newer report, and a bucket that became empty has no lines at
all; what the ledger has of it goes.

- **One report** is a chain of pages: a page that says `has_more` is followed by the next one in the order of the
  files. Pages without such a word are reports of their own, the later the newer, also where they are loaded together.
- **A split bucket**, the last of a page and the first of the next, is replaced in parts, since its pages may come by
  separate commands: a page that says there is more replaces what such a page said before (the bucket's head), and the
  page after it replaces the rest. The page after it shares no line with the head; one that does begins anew.
- **A filter** is not told: a report whose lines all name one project is taken for one of that project, and one that
  names an organization for one of that. So is one whose lines all are of one kind of work (embeddings): what it is not
  about stays. One that Baton itself has asked for is about its whole organization, and says so.
- **A bucket with a rejected line** replaces nothing, since nobody knows which of its lines that was.
- **Days and hours** of one count: what a wider bucket holds is counted in it alone, whichever came first.
- **A table of days** (a cloud's bill, a gateway's daily export) has no buckets, and may be one part of several. It
  restates an earlier one where at least half of the smaller of the two is in the other: then every line of its days
  that it has not got is gone. Where less is, or the two files are called parts of one export, it is another part, and
  both stand.
"""

from __future__ import annotations

import re
from pathlib import Path

from data.formats import Format
from data.ledger import Cursor
from data.loading.identity import GOOD

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
SELECT l.row_no, l.event_id, l.bucket, l.project, nullif(l.account, '') AS account, l.subject, l.whole, l.reject,
    l.skip IS NULL AS counts,
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
    SELECT report, any_value(account) FILTER (counts) AS account,
        CASE WHEN NOT bool_or(whole) AND count(DISTINCT coalesce(project, '')) FILTER (counts) = 1
            AND lower(any_value(project) FILTER (counts)) <> 'default'
            THEN any_value(project) FILTER (counts) END AS project,
        CASE WHEN NOT bool_or(whole) AND count(DISTINCT subject) = 1 THEN any_value(subject) END AS subject
    FROM report_lines GROUP BY 1
)
SELECT report, bucket, any_value(s.account) AS account, any_value(s.project) AS project,
    any_value(s.subject) AS subject,
    NOT bool_or(l.leads AND NOT coalesce(h.repeated, TRUE)) AS begins, NOT bool_or(unfinished) AS ends
FROM report_lines l LEFT JOIN scopes s USING (report) LEFT JOIN heads h USING (bucket)
GROUP BY report, bucket HAVING count(reject) = 0"""

SUBJECT = r"coalesce(nullif(regexp_extract({}, ':subject=(\w+)', 1), ''), '-')"  # as a line's id says it


def replace(cursor: Cursor, form: Format) -> int:
    """Take out of `fresh_rows` what a later report of the load restates, and delete from the ledger the lines of the
    staged buckets that their newest report no longer has; returns how many. Inside the load's transaction."""
    cursor.execute(LINES)
    cursor.execute(BUCKETS, {"source": form.name})
    cursor.execute("""CREATE OR REPLACE TEMP TABLE restated AS SELECT DISTINCT l.row_no FROM report_lines l
        JOIN report_buckets b ON b.bucket = l.bucket AND b.report > l.report AND b.begins AND b.ends
            AND coalesce(b.project = l.project, b.project IS NULL) AND coalesce(b.account = l.account, TRUE)
            AND coalesce(b.subject = l.subject, TRUE)""")
    cursor.execute("DELETE FROM fresh_rows WHERE row_no IN (FROM restated)")
    gone = f"""SELECT t.bill_id FROM lake.main.billed t
        JOIN report_buckets b ON starts_with(t.bill_id, '{form.family}:' || b.bucket || ':')
        LEFT JOIN lake.main.page_heads h ON h.source = t.source AND h.bill_id = t.bill_id
        WHERE t.source = '{form.name}' AND coalesce(b.project = t.project, b.project IS NULL)
            AND (b.account IS NULL OR NOT contains(t.bill_id, 'organization_id=')
                OR contains(t.bill_id, 'organization_id=' || b.account))
            AND coalesce(b.subject = {SUBJECT.format("t.bill_id")}, TRUE)
            AND t.bill_id NOT IN (SELECT event_id FROM report_lines WHERE counts AND reject IS NULL
                AND row_no NOT IN (FROM restated))
            AND CASE WHEN h.bill_id IS NULL THEN b.ends ELSE b.begins END"""
    lost = int(cursor.execute(f"DELETE FROM lake.main.billed WHERE bill_id IN ({gone})").fetchall()[0][0])
    lost += _count_once(cursor, form)
    cursor.execute(f"""DELETE FROM lake.main.page_heads WHERE source = '{form.name}'
        AND bucket IN (SELECT bucket FROM report_buckets WHERE begins)""")
    cursor.execute(f"""INSERT INTO lake.main.page_heads SELECT DISTINCT '{form.name}', bucket, event_id
        FROM report_lines WHERE goes_on AND counts AND reject IS NULL AND row_no NOT IN (FROM restated)""")
    return lost


# The span of a line, as its id begins: instants as the provider writes them, with or without colons.
_INSTANT = r"(\d{9,}|\d{4}-\d\d-\d\d(?:T[0-9:.]+(?:Z|[+-]\d\d:\d\d)?)?)"


def _spans(form: Format, lines: str) -> str:
    """SQL: the lines (`event_id`, `project`) whose ids begin with a span, as `started` and `ended`."""
    found = f"regexp_extract(event_id, '^{form.family}:{_INSTANT}:{_INSTANT}:', ['a', 'b'])"
    return f"""SELECT event_id, project, {SUBJECT.format("event_id")} AS subject,
            utc(nullif(span.a, '')) AS started, utc(nullif(span.b, '')) AS ended
        FROM (SELECT event_id, project, {found} AS span FROM ({lines})) WHERE span.b <> ''"""


def _count_once(cursor: Cursor, form: Format) -> int:
    """Leave out lines that a wider bucket of the same report, stored or staged, holds; returns how many of the stored
    ones."""
    stored = f"SELECT bill_id AS event_id, project FROM lake.main.billed WHERE source = '{form.name}'"
    staged = "SELECT event_id, project FROM report_lines WHERE row_no IN (SELECT row_no FROM fresh_rows)"
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE line_spans AS
        SELECT *, TRUE AS stored FROM ({_spans(form, stored)}) UNION ALL
        SELECT *, FALSE FROM ({_spans(form, staged)})""")
    cursor.execute("""CREATE OR REPLACE TEMP TABLE held AS SELECT DISTINCT n.event_id, n.stored FROM line_spans n
        JOIN (SELECT DISTINCT project, subject, started, ended FROM line_spans) w
            ON n.subject = w.subject AND n.started >= w.started AND n.ended <= w.ended
            AND n.ended - n.started < w.ended - w.started
            AND (w.project IS NULL OR w.project IS NOT DISTINCT FROM n.project)""")
    cursor.execute("DELETE FROM fresh_rows WHERE event_id IN (SELECT event_id FROM held WHERE NOT stored)")
    return int(
        cursor.execute(
            "DELETE FROM lake.main.billed WHERE bill_id IN (SELECT event_id FROM held WHERE stored)"
        ).fetchall()[0][0]
    )


# Which of an export's files one is: a number after "part", or one filled up with zeros. Dates are none.
PART = re.compile(r"(?i)part[-_.]?\d+([-_.]\d+)*|(?<!\d)00\d{3,}(?!\d)")


def are_parts(one: Path, other: Path) -> bool:
    """Whether two files lie side by side and are called the same but for the number of a part."""
    whole, beside = (PART.sub("#", path.name, count=1) for path in (one, other))
    return one.parent == other.parent and one.name != other.name and whole == beside and "#" in whole


def tell_days_apart(cursor: Cursor, form: Format, path: Path) -> None:
    """What a table of days restates of the ledger's lines: temp table `earlier_lines` (bill_id, again: it has it too),
    no lines of a table that it is another part beside. A line of it that is equal to a line of such a part in all but
    the amount is one more of these: it gets the next free place among them.

    Inside the load's transaction, before `fresh_rows` are chosen.
    """
    cursor.execute("CREATE OR REPLACE TEMP TABLE earlier_lines (bill_id VARCHAR, again BOOLEAN)")
    days, first, last, odd, projects, project = cursor.execute(
        """SELECT count(DISTINCT day), min(day), max(day), count(reject), count(DISTINCT coalesce(project, '')),
            any_value(project) FROM log_rows WHERE day IS NOT NULL OR reject IS NOT NULL"""
    ).fetchall()[0]
    if not days:
        return
    cursor.execute(
        """CREATE OR REPLACE TEMP TABLE stored_lines AS
            SELECT bill_id, t.batch_id, path, coalesce(project = $project, $project IS NULL) AS meant
            FROM lake.main.billed t LEFT JOIN lake.main.batches b ON b.batch_id = t.batch_id
            WHERE source = $source AND day BETWEEN $first AND $last""",
        {"source": form.name, "first": first, "last": last, "project": project if projects == 1 else None},
    )
    restated = _restated(cursor, path)
    if "alike" in form.columns:  # this very file, as it was before, is told by its lines only when they have moved
        itself = cursor.execute("SELECT DISTINCT batch_id FROM stored_lines WHERE path = ?", [str(path)]).fetchall()
        _place_behind(cursor, form, restated + [batch for (batch,) in itself])
        restated = _restated(cursor, path)
        _place_behind(cursor, form, restated)
    if not odd and not cursor.execute("SELECT count(*) FROM misfits").fetchall()[0][0]:
        cursor.execute(
            f"""INSERT INTO earlier_lines SELECT bill_id, bill_id IN (SELECT event_id FROM {GOOD}) FROM stored_lines
                WHERE meant AND batch_id IN (SELECT unnest(?::VARCHAR[]))""",
            [restated],
        )


def _restated(cursor: Cursor, path: Path) -> list[str]:
    """The batches of `stored_lines` that the staged file says anew."""
    now = cursor.execute(f"SELECT count(DISTINCT event_id) FROM {GOOD}").fetchall()[0][0]
    batches = cursor.execute(
        f"""SELECT batch_id, count(*) FILTER (bill_id IN (SELECT event_id FROM {GOOD})), count(*), any_value(path)
            FROM stored_lines WHERE meant GROUP BY 1"""
    ).fetchall()
    return [
        batch
        for batch, again, earlier, at in batches
        if again and 2 * again >= min(earlier, now) and not (at and are_parts(path, Path(at)))
    ]


def _place_behind(cursor: Cursor, form: Format, restated: list[str]) -> None:
    """Move the staged lines that meet a line of another part on, with those alike, until none does."""
    met = f"""SELECT alike, max(place) AS taken FROM {GOOD} WHERE event_id IN (
        SELECT bill_id FROM stored_lines WHERE batch_id NOT IN (SELECT unnest(?::VARCHAR[]))) GROUP BY 1"""
    while cursor.execute(f"CREATE OR REPLACE TEMP TABLE met AS {met}", [restated]).fetchall()[0][0]:
        cursor.execute("""UPDATE staged SET place = place + taken - (SELECT min(place) - 1 FROM staged s
                WHERE s.alike = staged.alike) FROM met WHERE met.alike = staged.alike""")
        key = form.columns["event_key"]
        cursor.execute(f"""UPDATE staged SET event_id = '{form.family}:' || ({key})
            WHERE alike IN (SELECT alike FROM met)""")


def replace_days(cursor: Cursor) -> int:
    """Delete from the ledger the lines that a restated table of days no longer has; returns how many. Inside the
    load's transaction, before its lines are written."""
    gone = "DELETE FROM lake.main.billed WHERE bill_id IN (SELECT bill_id FROM earlier_lines WHERE NOT again)"
    return int(cursor.execute(gone).fetchall()[0][0])
