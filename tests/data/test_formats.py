"""Every format's case table, through the real ingest path: file -> recognise -> normalise -> price -> ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from data.formats import all_formats
from data.ledger import Ledger
from data.loading import narrowed_format
from data.loading.ingest import ingest
from data.loading.report import Report
from data.sql_text import literal
from data.state import State
from tests.data.case_tables import FILES, cases_of, same, write_log
from tests.data.usage_cases import given, numbered
from tests.stores import empty


@pytest.fixture(autouse=True)
def small_files_are_narrowed_too(monkeypatch):
    monkeypatch.setattr(narrowed_format, "WORTH_BYTES", 0)


NAMED_IDS = {"event_id", "call_id", "session_id"}


class Outcome(NamedTuple):
    """What came of a case: its file's report, its rows of the ledger and the reasons of its rejects."""

    report: Report
    rows: list[dict[str, Any]]
    reasons: list[str]


def loaded(ledger: Ledger, state: State, folder: Path, cases: list[dict]) -> list[Outcome]:
    """What comes of the cases when their files are loaded into an empty ledger, those of one named format at once."""
    empty(ledger)
    paths = []
    for number, case in enumerate(cases):
        (place := folder / str(number)).mkdir(parents=True)
        paths.append(write_log(case, place))
    reports: dict[str, Report] = {}
    for form in dict.fromkeys(case.get("format") for case in cases):
        named = [path for path, case in zip(paths, cases, strict=True) if case.get("format") == form]
        reports |= {report.path: report for report in ingest(ledger, state, named, form=form)}
    found = [reports[str(path)] for path in paths]
    batches = ", ".join(literal(report.batch_id) for report in found)
    rows: dict[str, list[dict]] = {report.batch_id: [] for report in found}
    reasons: dict[str, list[str]] = {report.batch_id: [] for report in found}
    # One record may be several model runs.
    for table, order in (("usage", "record_no, event_id"), ("billed", "record_no")):
        for row in ledger.sql(
            f"SELECT * FROM {ledger.name(table)} WHERE batch_id IN ({batches}) ORDER BY {order}"
        ).to_dict("records"):
            rows[row["batch_id"]].append(row)
    for row in ledger.sql(f"SELECT batch_id, reason FROM {ledger.name('rejected')}").itertuples():
        reasons[row.batch_id].append(row.reason)
    return [Outcome(report, rows[report.batch_id], reasons[report.batch_id]) for report in found]


def complaint(case: dict, table: str, outcome: Outcome) -> str:
    """What is not as the case of a table says; "" where all is."""
    report, rows, reasons = outcome
    named = case.get("format", table)
    if report.error or report.format != named and report.format not in case.get("formats", ()):
        return f"recognised as {report.format}: {report.error}"
    if report.loaded + report.duplicate + report.rejected != report.read:
        return f"the counts do not add up: {report}"
    if "reject" in case and not any(case["reject"] in reason for reason in reasons):
        return f"rejected because of {reasons}"
    if report.skipped != case.get("skipped", report.skipped):
        return f"{report.skipped} skipped"
    expected = case.get("expects", [case["expect"]] if "expect" in case else None)
    if expected is None:
        return f"not skipped: {report}" if "skip" in case and (rows or not report.skipped) else ""
    if len(rows) != len(expected):
        return f"{len(rows)} rows: {rows}"
    billed = next(form for form in all_formats() if form.name == report.format).table == "billed"
    left = list(rows)
    for wanted in expected:
        # Several model runs of one record have no order among themselves.
        runs = left[:1] if billed else [row for row in left if row["record_no"] == left[0]["record_no"]]
        wrongs = [{k: (row[k], v) for k, v in wanted.items() if not same(row[k], v)} for row in runs]
        wrong = min(wrongs, key=len)
        if wrong:
            return f"column: (actual, expected): {wrong}"
        left.remove(runs[wrongs.index(wrong)])
    return ""


def apart(case: dict, number: int) -> dict:
    """The case with ids of its own, so that its records are not those of another case; as it is where it says what its
    ids become.
    """
    rows = case.get("expects", [case.get("expect", {})])
    if "csv" in case or any(NAMED_IDS & row.keys() for row in rows):
        return case
    key, value = given(case)
    return case | {key: numbered(value, number)}


def complaints(ledger: Ledger, state: State, folder: Path, table: str, cases: list[dict]) -> dict[str, str]:
    """By name, what is not as the cases say when their files are loaded together, or apart where they meet.

    A case may share its model with another, whose records then tell how to read its own. What comes out wrong among
    others is loaded again without those that came out right, in the end alone.
    """
    outcomes = loaded(ledger, state, folder, cases)
    told = {case["name"]: complaint(case, table, outcome) for case, outcome in zip(cases, outcomes, strict=True)}
    wrong = [case for case in cases if told[case["name"]]]
    half = len(wrong) // 2 if len(wrong) == len(cases) else len(wrong)
    for number, some in enumerate((wrong[:half], wrong[half:]) if len(cases) > 1 else ()):
        told |= complaints(ledger, state, folder / f"part {number}", table, some) if some else {}
    return told


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_records_become_the_expected_rows(path, shared_ledger, state, tmp_path):
    cases = cases_of(path)
    outcomes = loaded(shared_ledger, state, tmp_path / "apart", [apart(case, n) for n, case in enumerate(cases)])
    told = {case["name"]: complaint(case, path.stem, outcome) for case, outcome in zip(cases, outcomes, strict=True)}
    if left := [case for case in cases if told[case["name"]]]:  # some say what the ids are
        told |= complaints(shared_ledger, state, tmp_path / "as they are", path.stem, left)
    assert len(told) == len(cases)
    assert {name: word for name, word in told.items() if word} == {}


def test_every_format_has_a_case_table():
    named = {path.stem for path in FILES}
    covered = {f for path in FILES for case in cases_of(path) for f in (case.get("format"), *case.get("formats", ()))}
    missing = {f.name for f in all_formats()} - named - covered
    assert not missing, f"no case table for {sorted(missing)}"
