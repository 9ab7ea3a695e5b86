"""Laws of every format's first case: less is never dearer without a word, and odd usage never loses the row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

import pytest

from data.formats import all_formats
from tests.data.usage_cases import (
    COUNTED,
    FIRST,
    given,
    is_number,
    loaded,
    surprised,
    tables_without_one,
    with_surprise,
)

COUNTING = [form for form in all_formats() if form.table == "usage" and form.usage]
FORMS = [form for form in COUNTING if "csv" not in FIRST[form.name]]
# A record without one of these is a plain record that says exactly what it means: nothing was cached, no cost was
# stated, no cheaper tier. No reader can tell that a number was taken out.
PLAIN_WITHOUT = re.compile(r"(?i)cache|hit|cost|spend|usd|tier|discount|price|byok|aiu|credits")


def without_one(value: object, counting: bool = False) -> Iterator[tuple[str, object]]:
    """The value without one of its counts, and the name of what was taken out."""
    if isinstance(value, dict):
        here = counting or any(COUNTED.search(key) and is_number(inner) for key, inner in value.items())
        for key, inner in value.items():
            if here and is_number(inner):
                yield key, {k: v for k, v in value.items() if k != key}
            else:
                yield from ((name, {**value, key: changed}) for name, changed in without_one(inner, here))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            named = inner.get("key", "") if isinstance(inner, dict) else ""
            if COUNTED.search(named):
                yield named, [*value[:place], *value[place + 1 :]]
            for name, changed in without_one(inner, counting):
                yield name, [*value[:place], changed, *value[place + 1 :]]
    elif isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            yield from ((name, json.dumps(changed)) for name, changed in without_one(json.loads(value)))
        except ValueError:
            return


@pytest.mark.heavy
@pytest.mark.parametrize("form", COUNTING, ids=lambda form: form.name)
def test_a_record_without_one_of_its_counts_is_not_dearer_without_a_word(form, emptied_ledger, state, tmp_path):
    case = FIRST[form.name]
    key, value = ("csv", case["csv"]) if "csv" in case else given(case)
    changes = list(tables_without_one(value) if key == "csv" else without_one(value))
    _, rows = loaded(emptied_ledger, state, tmp_path, form, [case, *(case | {key: changed} for _, changed in changes)])
    whole = sum(row["cost_usd"] or 0 for row in rows[0] if row["cost_usd"] == row["cost_usd"])
    assert rows[0]
    if form.name == "codex" or any(
        isinstance(row["caveats"], list | tuple) or row["caveats"] is not None for row in rows[0]
    ):
        return  # a running counter without a count looks like a restart; a case that is doubtful proves nothing
    for (name, _), found in zip(changes, rows[1:], strict=True):
        dollars = sum(
            row["cost_usd"] for row in found if row["cost_usd"] == row["cost_usd"] and row["cost_usd"] is not None
        )
        marked = any(isinstance(row["caveats"], list) or row["caveats"] is not None for row in found)
        assert dollars <= whole or marked or PLAIN_WITHOUT.search(name), (name, dollars, whole)


DEEP: object = 7
for _ in range(100):
    DEEP = {"k": DEEP}
ODD = {
    "nested": DEEP,
    "many": {f"k{n}": n + 1 for n in range(10_000)},
    "markup": {"<script>alert('1')</script>\"; DROP TABLE usage; --": 7},
    "huge": 2**63,
    "negative": -7,
    "list": [1, {"n": 7}],
    "text": "7",
}


@pytest.mark.heavy
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_odd_usage_costs_no_row(form, emptied_ledger, state, tmp_path):
    """Where a plain number is noticed, an odd value is too, and the record is read as far as it can be."""
    case = FIRST[form.name]
    key, value = given(case)
    plain, _ = loaded(emptied_ledger, state, tmp_path, form, surprised(case))
    noticed = next(n for n, report in enumerate(plain) if any("surprise" in one.path.lower() for one in report.unread))
    odd = [case | {key: next(islice(with_surprise(value, number), noticed, None))} for number in ODD.values()]
    reports, rows = loaded(emptied_ledger, state, tmp_path, form, [case, *odd], since=len(plain))
    assert [report.error for report in reports] == [""] * len(reports)
    came = [report.loaded + report.duplicate for report in reports]  # a record without an id is a duplicate of its like
    assert came == [came[0]] * len(came)
    assert all(len(report.unread) <= 10 for report in reports)
    for name, found in zip(ODD, rows[1:], strict=True):
        assert any("unread_usage" in (row["caveats"] if row["caveats"] is not None else []) for row in found), name
