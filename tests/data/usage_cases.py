"""The first case of every format, with a number too many or one too few, and loads of many such cases at once."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from data.formats import Format, all_formats
from data.loading.ingest import ingest
from data.sql_text import literal
from tests.data.case_tables import FILES, cases_of, write_log

ID = re.compile(r"(?i)(^|_|\b)(id|uuid)$|[a-z](Id|ID)$|^baton_live_attempt$|Id\.?$")
COUNTED = re.compile(r"(?i)token|_tok$|units$|^(input|prompt)$")
SURPRISE = 7


def records_of(case: dict) -> list[dict]:
    document = case.get("document")
    return case.get("records") or (document if isinstance(document, list) else [case.get("record") or document])


def first_cases() -> dict[str, dict]:
    """The first case of each format that is a record with a count and expects rows."""
    found: dict[str, dict] = {}
    for path in FILES:
        # Of several records one may be a repeat, so that nothing of it counts.
        for case in sorted(cases_of(path), key=lambda case: ("records" in case) + 2 * ("csv" in case)):
            if "expect" in case or "expects" in case:
                found.setdefault(case.get("format") or format_of(case, path.stem), case)
    return found


def format_of(case: dict, stem: str) -> str:
    told = case.get("formats", [stem])[0]
    if "csv" in case:
        return told
    return next((form.name for form in all_formats() if form.recognise(records_of(case))), told)


def with_surprise(value: object, number: object = SURPRISE) -> Iterator[object]:
    """The value with one unknown number beside its counts, at each place where it counts something."""
    if isinstance(value, dict):
        if any(COUNTED.search(key) and is_number(inner) for key, inner in value.items()):
            counted = next(key for key, inner in value.items() if COUNTED.search(key) and is_number(inner))
            yield value | {unknown(counted): number}
        for key, inner in value.items():
            yield from ({**value, key: changed} for changed in with_surprise(inner, number))
    elif isinstance(value, list):
        fields = [item["field"] for item in value if isinstance(item, dict) and "field" in item]
        if any(name.endswith("TokenCount") for name in fields):  # an answer of Logs Insights
            yield [
                *value,
                *({"field": name, "value": str(leaf)} for name, leaf in flat("input.surprise_tokens", number)),
            ]
        names = [item.get("key", "") for item in value if isinstance(item, dict)]
        if any(name.startswith(("gen_ai.usage.", "llm.token_count.")) for name in names):
            yield [*value, {"key": "gen_ai.usage.surprise", "value": attribute(number, value[0])}]
        elif any(COUNTED.search(name) for name in names):  # an agent's event
            yield [*value, {"key": "surprise_tokens", "value": attribute(number, value[0])}]
        for place, inner in enumerate(value):
            yield from ([*value[:place], changed, *value[place + 1 :]] for changed in with_surprise(inner, number))
    elif isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            yield from (json.dumps(changed) for changed in with_surprise(json.loads(value), number))
        except ValueError:
            return


def flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    """The leaves of a value by their dotted names, as a log's fields are written."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield name, value
    else:
        for key, part in inner:
            yield from flat(f"{name}.{key}", part)


def attribute(value: object, like: dict) -> object:
    """A value as the attributes of this list are written."""
    if not isinstance(like.get("value"), dict):
        return value if isinstance(value, int | str) else json.dumps(value)
    return (
        {"intValue": str(value)}
        if isinstance(value, int)
        else {"stringValue": value if isinstance(value, str) else json.dumps(value)}
    )


def is_number(value: object) -> bool:
    return isinstance(value, int | float) or isinstance(value, str) and value.isdigit()


def unknown(counted: str) -> str:
    """A name as a count is called, that nobody knows."""
    place, dot, name = counted.strip('"').rpartition(".")
    other = re.sub("(?i)input|output|prompt|completion|uncached|total", "surprise", name, count=1)
    return f"{place}{dot}{other if other != name else 'surprise_tokens'}"


def surprised(case: dict) -> list[dict]:
    """The case with the surprise, once for each place that counts something."""
    if "csv" in case:
        header, *rows = case["csv"].strip().split("\n")
        counted = next((name for name in header.split(",") if COUNTED.search(name.rpartition(".")[2])), "")
        lines = [f"{header.rstrip()},{unknown(counted)}", *(f"{row.rstrip()},{SURPRISE}" for row in rows)]
        return [case | {"csv": "\n".join(lines)}]
    key, value = given(case)
    return [case | {key: changed} for changed in with_surprise(value)]


def given(case: dict) -> tuple[str, object]:
    """Where a case has its record or records, and these as plain JSON."""
    key = next(key for key in ("records", "record", "document") if key in case)
    return key, json.loads(json.dumps(case[key], default=str))


def numbered(value: object, number: int) -> object:
    """The value with other ids, so that it is another record."""
    if isinstance(value, dict):
        if ID.search(str(value.get("field", ""))) and isinstance(value.get("value"), str):
            return value | {"value": f"{value['value']}-{number}"}
        typed = value.get("key") if isinstance(value.get("key"), str) else ""
        if ID.search(typed or "") and isinstance(value.get("value"), dict) and "stringValue" in value["value"]:
            return value | {"value": {"stringValue": f"{value['value']['stringValue']}-{number}"}}
        return {
            k: f"{v}-{number}" if ID.search(k) and isinstance(v, str) else numbered(v, number) for k, v in value.items()
        }
    if isinstance(value, list):
        return [numbered(inner, number) for inner in value]
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return json.dumps(numbered(json.loads(value), number))
        except ValueError:
            return value
    return value


def numbered_table(text: str, number: int) -> str:
    """The rows of a CSV with other ids."""
    names, *rows = csv.reader(io.StringIO(text.strip()))
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [
            names,
            *([f"{v}-{number}" if ID.search(n) and v else v for n, v in zip(names, row, strict=False)] for row in rows),
        ]
    )
    return out.getvalue()


def tables_without_one(text: str) -> Iterator[tuple[str, str]]:
    """A CSV with one of its counts empty, and the count's name."""
    names, *rows = csv.reader(io.StringIO(text.strip()))
    for place, name in enumerate(names):
        if COUNTED.search(name) and any(row[place] for row in rows):
            out = io.StringIO()
            csv.writer(out, lineterminator="\n").writerows(
                [names, *([*row[:place], "", *row[place + 1 :]] for row in rows)]
            )
            yield name, out.getvalue()


def loaded(ledger, state, folder: Path, form: Format, cases: list[dict]):
    """The reports of files of these cases, made different records, and by file the usage rows that came of it."""
    paths = []
    for number, case in enumerate(cases):
        (place := folder / f"{number:03}").mkdir()
        other = {key: numbered(case[key], number) for key in ("records", "record", "document") if key in case}
        other |= {"csv": numbered_table(case["csv"], number)} if "csv" in case else {}
        paths.append(write_log(case | other, place))
    reports = ingest(ledger, state, paths, form=form.name)
    rows: dict[str, list[dict]] = {str(path): [] for path in paths}
    usage, batches = ledger.name("usage"), ledger.name("batches")
    for row in ledger.sql(
        f"SELECT b.path, cost_usd, caveats, cost_basis FROM {usage} u JOIN {batches} b USING (batch_id)"
        f" WHERE b.path IN ({', '.join(map(literal, rows))})"
    ).to_dict("records"):
        rows[row["path"]].append(row)
    return reports, [rows[str(path)] for path in paths]


FIRST = first_cases()
