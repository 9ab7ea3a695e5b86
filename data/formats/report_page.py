"""Pages of provider reports: `{"data": [bucket, ...]}`, each bucket a time span with its `results`.

OpenAI's and Anthropic's usage and cost APIs share the shape. A record may be a whole page or one bucket.
"""

from __future__ import annotations

from collections.abc import Mapping


def results(sample: list[dict]) -> list[dict]:
    """The results of the first buckets that have any; empty when the sample holds no such page."""
    buckets = [
        b for r in sample for b in (r["data"] if isinstance(r.get("data"), list) else [r]) if isinstance(b, dict)
    ]
    found: list[object] = next(
        (b["results"] for b in buckets if isinstance(b.get("results"), list) and b["results"]), []
    )
    return [r for r in found if isinstance(r, dict)]


def fields(start: str, end: str, result: Mapping[str, object]) -> dict[str, object]:
    """The structure of a page or a bucket whose results look like `result`."""
    bucket: dict[str, object] = {start: "VARCHAR", end: "VARCHAR", "results": [result]}
    return {"data": [bucket]} | bucket


def rows(start: str, end: str, alone: str = "d.results") -> str:
    """SQL with one row per result: `started`, `ended`, the struct `r` and its `place`; `alone` finds a lone
    bucket's results.

    An empty bucket is one row whose `r` is NULL: it says that nothing is left of what an earlier report had there.
    """
    bucket = f"struct_pack({start} := d.{start}, {end} := d.{end}, results := {alone})"
    return f"""
        SELECT file_no, record_no, path, raw, bucket.{start} AS started, bucket.{end} AS ended, unnest(found) AS r,
            bucket_no * 1000000 + generate_subscripts(found, 1) AS place
        FROM (SELECT *, CASE WHEN len(bucket.results) = 0 THEN [NULL] ELSE bucket.results END AS found FROM (
              SELECT *, unnest(buckets) AS bucket, generate_subscripts(buckets, 1) AS bucket_no
              FROM (SELECT *, coalesce(d.data, [{bucket}]) AS buckets FROM records)))"""


def lines(counts: Mapping[str, str], relation: str) -> str:
    """SQL with one row per result and count: the struct `line` has `item`, `count` and its number `n`."""
    structs = (
        f"{{'n': {n}, 'item': '{item}', 'count': {sql}}}" for n, (item, sql) in enumerate(counts.items(), start=1)
    )
    return f"SELECT *, unnest([{', '.join(structs)}]) AS line FROM ({relation})"


EMPTY = "CASE WHEN r IS NULL THEN 'an empty bucket: the report has nothing there' END"


def told_apart(relation: str, same: str) -> str:
    """The relation with `namesake`, NULL for the first result of a name within its page: none is lost as a
    duplicate."""
    return f"""SELECT *, nullif(row_number() OVER (PARTITION BY file_no, record_no, {same} ORDER BY place),
        1) AS namesake
        FROM ({relation})"""


def numbered(relation: str, order: str) -> str:
    """The relation with record numbers that count its lines in `order`: one record holds many."""
    return (
        f"SELECT * REPLACE (row_number() OVER (PARTITION BY file_no ORDER BY record_no, {order}) AS record_no) FROM"
        f" ({relation})"
    )
