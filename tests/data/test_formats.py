"""Every format's case table, through the real ingest path: file -> recognise -> normalise -> price -> ledger."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from data.formats import all_formats
from data.loading.ingest import ingest

CASES = Path(__file__).parent.parent / "cases" / "formats"
FILES = sorted(CASES.glob("*.yaml"))


def load_cases():
    """Every case of every table; `make quick` asks the first of each."""
    for path in FILES:
        for number, case in enumerate(yaml.safe_load(path.read_text())):
            marks = [pytest.mark.heavy] if number else []
            yield pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}", marks=marks)


def write_log(case: dict, folder: Path) -> Path:
    """The case's record(s) as a file: CSV text as it is, one document, or JSON lines."""
    if "csv" in case:
        path, text = folder / "log.csv", case["csv"]
    elif "document" in case:
        path, text = folder / "log.json", json.dumps(case["document"], indent=1, default=str)
    else:
        records = case.get("records", [case.get("record")])
        path, text = folder / "log.jsonl", "\n".join(json.dumps(r, default=str) for r in records)
    path.write_text(text)
    return path


def same(actual: object, expected: object) -> bool:
    if expected is None or actual is None:
        return actual is expected or actual != actual
    if isinstance(expected, list):
        return list(actual) == expected
    if isinstance(expected, bool):
        return bool(actual) == expected
    if isinstance(expected, (int, float)):
        return actual == actual and abs(Decimal(str(actual)) - Decimal(str(expected))) <= Decimal("0.000000000001")
    if isinstance(expected, dict):
        return expected.items() <= json.loads(actual).items()
    return str(actual) == str(expected)


@pytest.mark.parametrize(("form", "case"), list(load_cases()))
def test_a_record_becomes_the_expected_row(form, case, emptied_ledger, state, tmp_path):
    ledger = emptied_ledger
    named = case.get("format")
    report = ingest(ledger, state, [write_log(case, tmp_path)], form=named)[0]
    assert report.format == (named or form) or report.format in case.get("formats", ()), (
        f"recognised as {report.format}"
    )
    assert report.loaded + report.duplicate + report.rejected == report.read
    table = "billed" if next(f for f in all_formats() if f.name == report.format).table == "billed" else "usage"
    order = "record_no, event_id" if table == "usage" else "record_no"  # one record may be several model runs
    rows = ledger.sql(f"SELECT * FROM {ledger.name(table)} ORDER BY {order}").to_dict("records")
    if "reject" in case:
        reasons = ledger.sql(f"SELECT reason FROM {ledger.name('rejected')}")["reason"].tolist()
        assert any(case["reject"] in reason for reason in reasons), reasons
    assert report.skipped == case.get("skipped", report.skipped)
    if "skip" in case and "expects" not in case:
        assert not rows and report.skipped
    expected = case.get("expects", [case["expect"]] if "expect" in case else None)
    if expected is None:
        return
    assert len(rows) == len(expected), rows
    for wanted in expected:
        # Several model runs of one record have no order among themselves.
        runs = [row for row in rows if row["record_no"] == rows[0]["record_no"]] if table == "usage" else rows[:1]
        wrongs = [{k: (row[k], v) for k, v in wanted.items() if not same(row[k], v)} for row in runs]
        wrong = min(wrongs, key=len)
        assert not wrong, "column: (actual, expected)"
        rows.remove(runs[wrongs.index(wrong)])


def test_every_format_has_a_case_table():
    named = {path.stem for path in FILES}
    covered = {
        f
        for path in FILES
        for case in yaml.safe_load(path.read_text())
        for f in (case.get("format"), *case.get("formats", ()))
    }
    missing = {f.name for f in all_formats()} - named - covered
    assert not missing, f"no case table for {sorted(missing)}"
