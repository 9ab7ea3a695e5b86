"""The case tables of the formats: which there are, their cases, and a case as the file that a user would have."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import yaml

CASES = Path(__file__).parent.parent / "cases" / "formats"
FILES = sorted(CASES.glob("*.yaml"))


def cases_of(path: Path) -> list[dict]:
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)


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
        return expected.items() <= json.loads(str(actual)).items()
    return str(actual) == str(expected)
