"""Every real sample is read by its own format, and by no other one, however it is wrapped."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from data.errors import BatonError
from data.formats import all_formats
from data.formats.not_read import NOT_READ
from data.ledger import Cursor
from data.loading.recognition import recognise
from tests.data.bad_logs import one_sentence
from tests.stores import new_ledger

SHARED = Path(os.environ.get("BATON_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
CASES = Path(__file__).parent.parent / "cases" / "formats"
SAMPLES = yaml.safe_load((CASES.parent / "samples.yaml").read_text())
OWN = {name: form for form, names in SAMPLES.items() for name in names}


@pytest.fixture(scope="module")
def cursor(tmp_path_factory) -> Iterator[Cursor]:
    """One for all: recognising writes nothing."""
    ledger = new_ledger(tmp_path_factory.mktemp("recognition"))
    yield ledger.cursor()
    ledger.close()


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_real_sample_is_its_own_format(name, cursor, tmp_path):
    if not (SHARED / name).exists():
        pytest.skip(f"no sample {name} in {SHARED}")
    if OWN[name] == "refused":
        with pytest.raises(BatonError):
            recognise(cursor, tmp_path, SHARED / name, None)
    else:
        assert recognise(cursor, tmp_path, SHARED / name, None).form.name == OWN[name]


def wrapped(records: list[dict]) -> dict[str, bytes]:
    """The records of a case as lines, as a list, compressed, and one alone as a document."""
    lines = "\n".join(json.dumps(r, default=str) for r in records).encode()
    return {
        "lines.jsonl": lines,
        "list.json": json.dumps(records, default=str).encode(),
        "list.txt": json.dumps(records, default=str, indent=2).encode(),
        "lines.gz": gzip.compress(lines),
        "one.json": json.dumps(records[0], default=str, indent=1).encode(),
    }


@pytest.mark.parametrize("form", all_formats(), ids=lambda form: form.name)
def test_the_records_of_a_format_are_its_own_however_they_are_wrapped(form, cursor, tmp_path):
    path = CASES / f"{form.name}.yaml"
    cases = yaml.safe_load(path.read_text()) if path.exists() else []
    for number, case in enumerate(c for c in cases if not {"csv", "format", "formats"} & c.keys()):
        records = case.get("records") or [case.get("record") or case.get("document")]
        if not all(isinstance(r, dict) for r in records):
            continue
        for name, content in wrapped(records).items():
            file = tmp_path / f"{number}-{name}"
            file.write_bytes(content)
            if name == "one.json" and "records" in case:
                continue  # the first record alone may be one that any tool writes
            assert recognise(cursor, tmp_path, file, None).form.name == form.name, (case["name"], name)


REFUSALS = yaml.safe_load((CASES.parent / "refusals.yaml").read_text())


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["file"])
def test_a_refusal_says_what_the_file_is_and_what_to_do(case, cursor, tmp_path):
    path = tmp_path / case["file"]
    path.write_bytes(case["text"].encode("latin-1"))
    with pytest.raises(BatonError) as refused:
        recognise(cursor, tmp_path / "scratch", path, None)
    told = str(refused.value)
    assert told.startswith(case["file"]) and one_sentence(told)
    assert [words for words in case["says"] if words not in told] == [], told
    assert sum(form.label in told for form in all_formats()) <= 3


UNREAD = yaml.safe_load((CASES.parent / "not_read.yaml").read_text())


@pytest.mark.parametrize("case", UNREAD, ids=lambda case: case["file"])
def test_what_is_said_not_to_be_read_is_refused_and_guessed_at_by_no_format(case, cursor, tmp_path):
    path = tmp_path / case["file"]
    path.write_bytes(case["text"].encode("latin-1"))
    with pytest.raises(BatonError) as refused:
        recognise(cursor, tmp_path / "scratch", path, None)
    assert str(refused.value).startswith(case["file"]) and one_sentence(str(refused.value))


def test_each_source_that_is_not_read_has_its_file_here():
    assert sorted(case["source"] for case in UNREAD) == sorted(one.source for one in NOT_READ)
