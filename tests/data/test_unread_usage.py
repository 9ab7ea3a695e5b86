"""The law of unread usage, for every format: a number that no column reads marks its row and is named in the report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from data.formats import Format, all_formats
from data.loading.ingest import ingest
from tests.data.test_formats import CASES, write_log

COUNTED = re.compile(r"(?i)token|units$|^(input|prompt)$")
SURPRISE = 7


def records_of(case: dict) -> list[dict]:
    return case.get("records") or [case.get("record") or case["document"]]


def first_cases() -> dict[str, dict]:
    """The first case of each format that is a record with a count and expects rows."""
    found: dict[str, dict] = {}
    for path in sorted(CASES.glob("*.yaml")):
        # Of several records one may be a repeat, so that nothing of it counts.
        for case in sorted(yaml.safe_load(path.read_text()), key=lambda case: "records" in case):
            if "expect" in case or "expects" in case:
                found.setdefault(case.get("format") or format_of(case, path.stem), case)
    return found


def format_of(case: dict, stem: str) -> str:
    if "csv" in case:
        return case.get("formats", [stem])[0]
    return next((form.name for form in all_formats() if form.recognise(records_of(case))), stem)


def with_surprise(value: object, number: object = SURPRISE) -> Iterator[object]:
    """The value with one unknown number beside its counts, at each place where it counts something."""
    if isinstance(value, dict):
        if any(COUNTED.search(key) and is_number(inner) for key, inner in value.items()):
            dotted = next((key for key in value if key.startswith(("gen_ai.usage.", "llm.token_count."))), "")
            yield (
                value | {f"{dotted.rpartition('.')[0]}.surprise".lstrip("."): number}
                if dotted
                else value | {"surprise_tokens": number}
            )
        for key, inner in value.items():
            yield from ({**value, key: changed} for changed in with_surprise(inner, number))
    elif isinstance(value, list):
        fields = [item["field"] for item in value if isinstance(item, dict) and "field" in item]
        if any(name.endswith("TokenCount") for name in fields):  # an answer of Logs Insights
            yield [*value, {"field": "input.surprise_tokens", "value": str(number)}]
        names = [item.get("key", "") for item in value if isinstance(item, dict)]
        if any(name.startswith(("gen_ai.usage.", "llm.token_count.")) for name in names):
            typed = "value" in value[0] and isinstance(value[0]["value"], dict)
            yield [*value, {"key": "gen_ai.usage.surprise", "value": {"intValue": str(number)} if typed else number}]
        for place, inner in enumerate(value):
            yield from ([*value[:place], changed, *value[place + 1 :]] for changed in with_surprise(inner, number))
    elif isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            yield from (json.dumps(changed) for changed in with_surprise(json.loads(value), number))
        except ValueError:
            return


def is_number(value: object) -> bool:
    return isinstance(value, int | float) or isinstance(value, str) and value.isdigit()


def surprised(case: dict) -> dict:
    """The case with the surprise at the first place that counts something."""
    if "csv" in case:
        header, *rows = case["csv"].strip().split("\n")
        return case | {"csv": "\n".join([f"{header.rstrip()},surprise_tokens", *(f"{row.rstrip()},7" for row in rows)])}
    key = next(key for key in ("records", "record", "document") if key in case)
    return case | {key: next(with_surprise(json.loads(json.dumps(case[key], default=str))))}


FIRST = first_cases()


@pytest.mark.parametrize("form", all_formats(), ids=lambda form: form.name)
def test_a_format_declares_its_usage_or_says_why_it_cannot(form: Format):
    assert bool(form.usage) != bool(form.no_usage)


@pytest.mark.parametrize("form", [form for form in all_formats() if form.usage], ids=lambda form: form.name)
def test_an_unknown_number_beside_the_counts_marks_the_row_and_is_named(form: Format, ledger, state, tmp_path: Path):
    case = surprised(FIRST[form.name])
    report = ingest(ledger, state, [write_log(case, tmp_path)], form=form.name)[0]
    assert report.loaded, report
    assert [unread.path.rpartition(".")[2].rpartition("_tokens")[0] or "surprise" for unread in report.unread] == [
        "surprise"
    ]
    assert {unread.sum / unread.rows for unread in report.unread} == {SURPRISE}
    if form.table == "usage":
        marked = ledger.sql(
            f"SELECT count(*) AS n FROM {ledger.name('usage')} WHERE list_contains(caveats, 'unread_usage')"
        )
        assert marked["n"][0] == report.unread[0].rows
