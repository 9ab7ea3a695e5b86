"""Records inside of something else: the pages of an API's answer, the lines that a log collector has put into its own.

Which record is the log's is told from the usual names alone; what is inside is then recognised like any other record.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard

from data.json_text import value_of
from data.loading.containers import LOKI, SAMPLE, File

WRAPPERS = (
    *("data", "result", "results", "rows", "observations", "logs", "records", "items", "runs", "spans", "value"),
    *("traces", "events", "content", "logEvents", "hits.hits"),
)
# Where a collector keeps the line that a program wrote, as text or as an object: Elasticsearch, Docker, Fluentd and
# CloudWatch, Google Cloud Logging, Splunk, journald, Datadog, events of a server (`data`). Of nested paths the first
# that is there counts.
ENVELOPES = (
    *("_source", "log", "message", "@message", "jsonPayload", "textPayload", "result._raw", "_raw", "MESSAGE"),
    *("attributes.attributes", "attributes", "line", "msg", "event", "data"),
)


def _loki_lines(record: dict) -> list[object]:
    """The lines in an answer of Loki (`query_range`): `data.result[].values[]` are pairs of an instant and a line."""
    streams = _at(record, LOKI)
    found = [s.get("values") for s in streams if isinstance(s, dict)] if isinstance(streams, list) else []
    pairs = [pair for values in found if isinstance(values, list) for pair in values if isinstance(pair, list)]
    return [pair[1] for pair in pairs if len(pair) > 1 and isinstance(pair[1], str)]


def unwrap(file: File, sample: list[dict]) -> tuple[File, list[dict]]:
    """A JSON document that holds a list of records under a usual name, as those records; a list or lines of such
    documents, as answers of an API are collected page by page, too."""
    if file.kind in ("document", "lines") and (lines := [line for record in sample for line in _loki_lines(record)]):
        kind = "wrapped" if file.kind == "document" else file.kind
        return replace(file, kind=kind, wrapper=LOKI), [_record(line) for line in lines[:SAMPLE]]
    if file.kind in ("document", "array", "lines"):
        for key in WRAPPERS:
            pages = [page for record in sample if _is_page(page := _at(record, key))]
            if pages and len(pages) == len(sample) and any(pages):
                kind = "wrapped" if file.kind == "document" else file.kind
                return replace(file, kind=kind, wrapper=key), [r for page in pages for r in page][:SAMPLE]
    return file, sample


def open_records(file: File, sample: list[dict]) -> tuple[File, list[dict]]:
    """Records that a log collector has put into its own, as those; no records where none of the usual ones fits."""
    for key in ENVELOPES:
        inner = [_record(_at(record, key)) for record in sample]
        found = [record for record in inner if record]
        if 2 * len(found) > len(inner):
            return replace(file, envelope=key), found
    return file, []


def _at(record: object, path: str) -> object:
    """What stands under a dotted path; None where there is nothing."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _record(value: object) -> dict:
    found = value_of(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def _is_page(value: object) -> TypeGuard[list[dict]]:
    return isinstance(value, list) and all(isinstance(r, dict) for r in value)
