"""No line of a report is lost because another one has the same day, model and key: a word tells them apart."""

from __future__ import annotations

import pytest

from data.formats import Format, all_formats
from data.loading.ingest import ingest
from tests.data.case_tables import write_log
from tests.data.usage_cases import FIRST, given
from tests.stores import empty

REPORTS = [form for form in all_formats() if form.days or "bucket" in form.columns]
WORD = "surprise_word"  # a column that a newer report has, by which it is grouped
PLACES = ("results", "data")  # where a page has its lines


def in_groups(value: object, groups: list[dict]) -> list:
    """A report with each of its lines once for every group, by the words of that."""
    if isinstance(value, list):
        return [line for inner in value for line in _grouped(inner, groups)]
    return in_groups([value], groups)


def _grouped(value: object, groups: list[dict]) -> list:
    if isinstance(value, dict):
        for place in PLACES:
            if isinstance(value.get(place), list):
                return [{**value, place: in_groups(value[place], groups)}]
        return [{**value, **group} for group in groups]
    return [value]


def report(form: Format, groups: list[dict]) -> dict:
    """The first case of a format, grouped."""
    case = FIRST[form.name]
    if "csv" in case:
        header, *rows = case["csv"].strip().split("\n")
        names = "".join(f",{name}" for name in groups[0])
        lines = [f"{row.rstrip()}{''.join(f',{word}' for word in group.values())}" for row in rows for group in groups]
        return case | {"csv": "\n".join([f"{header.rstrip()}{names}", *lines]) + "\n"}
    key, value = given(case)
    grouped = in_groups(value, groups)
    return {
        "name": "",
        **({"document": grouped[0]} if key == "document" and len(grouped) == 1 else {"records": grouped}),
    }


@pytest.mark.parametrize("form", REPORTS, ids=lambda form: form.name)
def test_lines_that_differ_in_a_word_alone_are_all_kept(form, emptied_ledger, state, tmp_path):
    def sums(groups: list[dict], name: str) -> tuple:
        empty(emptied_ledger)
        (place := tmp_path / name).mkdir()
        path = write_log(report(form, groups), place)
        found = []
        for _ in range(2):  # the same report again is no second one
            [told] = ingest(emptied_ledger, state, [path], form=form.name)
            assert not told.rejected
            billed = emptied_ledger.name("billed")
            found.append(emptied_ledger.rows(f"SELECT count(*), sum(amount), sum(quantity) FROM {billed}")[0])
            path.write_text(path.read_text() + "\n")
        assert found[0] == found[1]
        return found[0]

    lines, amount, quantity = sums([{WORD: "one"}], "one")
    both = sums([{WORD: "one"}, {WORD: "two"}], "two")
    assert both == (2 * lines, amount and 2 * amount, quantity and 2 * quantity)


@pytest.mark.parametrize("name", ["litellm_daily", "openrouter_daily", "deepseek_export", "vercel"])
def test_a_line_told_again_at_another_time_is_one_line(name, emptied_ledger, state, tmp_path):
    form = next(form for form in REPORTS if form.name == name)
    again = [{"exported": "2026-11-03T08:00:00Z"}, {"exported": "2026-11-04T08:00:00Z"}]
    counts = []
    for number, groups in enumerate((again[:1], again)):
        empty(emptied_ledger)
        (place := tmp_path / str(number)).mkdir()
        ingest(emptied_ledger, state, [write_log(report(form, groups), place)], form=name)
        counts.append(emptied_ledger.rows(f"SELECT count(*) FROM {emptied_ledger.name('billed')}"))
    assert counts[0] == counts[1]
