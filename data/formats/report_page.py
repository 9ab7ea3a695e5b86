"""Pages of provider reports: `{"data": [bucket, ...]}`, each bucket a time span with its `results`.

OpenAI's and Anthropic's usage and cost APIs share the shape. A record may be a whole page or one bucket.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from data.formats import Format, UsageObject
from data.sql_text import literal

WHOLE = "baton_whole"  # a page that was asked for without a filter says so by this key


def results(sample: list[dict]) -> list[dict]:
    """The results of the first buckets that have any; empty when the sample holds no such page."""
    buckets = [
        b for r in sample for b in (r["data"] if isinstance(r.get("data"), list) else [r]) if isinstance(b, dict)
    ]
    found: list[object] = next(
        (b["results"] for b in buckets if isinstance(b.get("results"), list) and b["results"]), []
    )
    return [r for r in found if isinstance(r, dict)]


def empty_buckets(sample: list[dict], form: Format) -> list[str]:
    """The beginnings of the buckets of a page whose buckets are all empty, where it has the format's shape; an empty
    page does not say of which report it is."""
    start = next((key for key in ("start_time", "starting_at") if key in form.fields), None)
    pages = [r["data"] for r in sample if isinstance(r.get("data"), list)]
    buckets = [b for page in pages for b in page if isinstance(b, dict)] if pages else sample
    empty = start and buckets and all(b.get("results") == [] and start in b for b in buckets)
    return [str(b[start]) for b in buckets] if empty else []


def fields(start: str, end: str) -> dict[str, object]:
    """The structure of a page or a bucket; its results stay JSON, since a report groups by what it likes."""
    bucket: dict[str, object] = {start: "VARCHAR", end: "VARCHAR", "results": ["JSON"]}
    return {"data": [bucket], "has_more": "BOOLEAN", WHOLE: "BOOLEAN"} | bucket


def usage(
    start: str, end: str, result: Mapping[str, object], harmless: Mapping[str, str] | None = None
) -> tuple[UsageObject, ...]:
    """What is to be read of a page or bucket whose results look like `result`: all of it, on its first line alone."""
    bucket: dict[str, object] = {start: "VARCHAR", end: "VARCHAR", "results": [result]}
    places = ("", "results[].", "data[].results[].")
    paths = {f"{place}{path}": reason for path, reason in (harmless or {}).items() for place in places}
    first = "coalesce(place, 1000001) = 1000001 AND coalesce(line.n, 1) = 1"
    return (UsageObject(f"CASE WHEN {first} THEN raw END", {"data": [bucket]} | bucket | dict(result), paths, "page"),)


def rows(start: str, end: str, result: Mapping[str, object], alone: str = "d.results") -> str:
    """SQL with one row per result: `started`, `ended`, the struct `r` (a `result`), its `place`, the `page` it is on,
    whether there is `more` after that, whether it is about the `whole` organization, and `others`; `alone` finds a
    lone bucket's results.

    `others` are the result's words that `result` does not know: what a report is grouped by tells its lines apart,
    known or not. Numbers are measures. A page is numbered by its record; the lone buckets of a file are its page 0.
    An empty bucket is one row whose `r` is NULL: it says that nothing is left of what an earlier report had there.
    """
    bucket = f"struct_pack({start} := d.{start}, {end} := d.{end}, results := {alone})"
    known = ", ".join(literal(name) for name in (*result, start, end, f"{start}_iso", f"{end}_iso"))
    value = "json_extract_string(result, '/' || replace(replace(name, '~', '~0'), '/', '~1'))"
    words = f"""list_filter(json_keys(result), lambda name: name NOT IN ({known}) AND number({value}) IS NULL
        AND json_type(result, '/' || replace(replace(name, '~', '~0'), '/', '~1')) IN ('VARCHAR', 'BOOLEAN'))"""
    return f"""
        SELECT * EXCLUDE result, json_transform(result, {literal(json.dumps(result))}) AS r,
            nullif(array_to_string(list_transform(list_sort({words}), lambda name: name || '=' || {value}), ':'), '')
                AS others
        FROM (SELECT file_no, record_no, path, raw, bucket.{start} AS started, bucket.{end} AS ended, page, more, whole,
                unnest(found) AS result, bucket_no * 1000000 + generate_subscripts(found, 1) AS place
            FROM (SELECT *, CASE WHEN len(bucket.results) = 0 THEN [NULL] ELSE bucket.results END AS found FROM (
                SELECT *, unnest(buckets) AS bucket, generate_subscripts(buckets, 1) AS bucket_no
                FROM (SELECT *, coalesce(d.data, [{bucket}]) AS buckets, d.has_more AS more, d.{WHOLE} AS whole,
                    CASE WHEN d.data IS NULL THEN 0 ELSE record_no END AS page FROM records))))"""


def lines(counts: Mapping[str, str], relation: str) -> str:
    """SQL with one row per result and count: the struct `line` has `item`, `count` and its number `n`."""
    structs = (
        f"{{'n': {n}, 'item': '{item}', 'count': {sql}}}" for n, (item, sql) in enumerate(counts.items(), start=1)
    )
    return f"SELECT *, unnest([{', '.join(structs)}]) AS line FROM ({relation})"


# What every such report says of a line beside its own columns.
PLACE = {"bucket": "started", "page": "page", "more": "more", "whole": "whole"}
SPAN = "concat_ws(':', started, ended)"  # the bucket of a report whose buckets may be days or hours
ORGANIZATION = "regexp_extract(others, '(?:^|:)organization_id=([^:]+)', 1)"
EMPTY = "CASE WHEN r IS NULL THEN 'an empty bucket: the report has nothing there' END"


def subject_word(subject: str) -> str:
    """SQL for the part of a line's id that says what its report is about, as `report_buckets` finds it there."""
    return f"'subject=' || {subject}"


def with_namesakes(relation: str, same: str) -> str:
    """The relation with `namesake`, NULL for the first result of a name within its page: none is lost as a
    duplicate."""
    return f"""SELECT *, nullif(row_number() OVER (PARTITION BY file_no, record_no, {same} ORDER BY place),
        1) AS namesake
        FROM ({relation})"""


def told_apart(relation: str, same: str, known: Iterable[str], *records: str) -> str:
    """The relation with `namesake`, NULL for the first of the rows of a file that are the same by `same`: those that
    differ in a word which is not in it (of the JSON `records`, names that are not `known`) are lines of their own.

    Rows of the same words are one line told again, and times say when that was; so neither they nor numbers count.
    """
    names = ", ".join(map(literal, known))
    told = []
    for record in records:
        value = "json_extract_string(of_record, '/' || replace(replace(name, '~', '~0'), '/', '~1'))"
        words = f"""list_filter(json_keys(of_record), lambda name: name NOT IN ({names})
            AND text_of({value}) IS NOT NULL AND count_of({value}) IS NULL AND number({value}) IS NULL
            AND utc({value}) IS NULL
            AND json_type(of_record, '/' || replace(replace(name, '~', '~0'), '/', '~1')) IN ('VARCHAR', 'BOOLEAN'))"""
        named = f"list_transform(list_sort({words}), lambda name: name || '=' || {value})"
        told.append(f"list_transform([({record})::JSON], lambda of_record: array_to_string({named}, ':'))[1]")
    others = f"concat_ws(':', {', '.join(told)})"
    return f"""SELECT *, nullif(dense_rank() OVER (PARTITION BY file_no, {same} ORDER BY words), 1) AS namesake
        FROM (SELECT *, {others} AS words FROM ({relation}))"""


def with_record_numbers(relation: str, order: str) -> str:
    """The relation with record numbers that count its lines in `order`: one record holds many."""
    return (
        f"SELECT * REPLACE (row_number() OVER (PARTITION BY file_no ORDER BY record_no, {order}) AS record_no) FROM"
        f" ({relation})"
    )
