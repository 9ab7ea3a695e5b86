"""Laws of every format's first case: a number that no column reads marks its row and is named, odd usage never loses
the row, and less is never dearer without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

import pytest

from data.formats import Format, all_formats, usage_words
from data.loading.report import Report
from tests.data.usage_cases import (
    COUNTED,
    FIRST,
    SURPRISE,
    given,
    is_number,
    loaded,
    surprised,
    tables_without_one,
    with_surprise,
)
from tests.stores import empty

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


def changed(form: Format) -> dict[str, list[tuple[str, dict]]]:
    """The first case of a format as it is, without one of its counts, with a number nobody knows beside them, and with
    odd ones in that place: by law, named cases.
    """
    case = FIRST[form.name]
    key, value = ("csv", case["csv"]) if "csv" in case else given(case)
    less = tables_without_one(str(value)) if key == "csv" else without_one(value)
    return {
        "plain": [("", case)],
        "less": [(name, case | {key: other}) for name, other in less] if form.table == "usage" else [],
        "more": [("", other) for other in surprised(case)],
        "odd": [(name, case | {key: other}) for name, number in ODD.items() for other in with_surprise(value, number)]
        if key != "csv" and form.table == "usage"
        else [],
    }


@pytest.mark.heavy
@pytest.mark.parametrize("form", [form for form in all_formats() if form.usage], ids=lambda form: form.name)
def test_every_count_of_a_format_is_read_or_named(form: Format, shared_ledger, state, tmp_path):
    """The laws are held over records of one load, in a file each; of tables, whose rows have no ids, in two; bills are
    loaded one by one, since the same lines in another file are the same bill."""
    laws = changed(form)
    every = [(law, *case) for law, cases in laws.items() for case in cases]
    if form.table == "billed":
        loads = [[case] for case in every]
    elif "csv" in FIRST[form.name]:
        loads = [[case for case in every if (case[0] == "more") is more] for more in (True, False)]
    else:
        loads = [every]
    came: dict[str, list[tuple[str, Report, list[dict]]]] = {law: [] for law in laws}
    for number, cases in enumerate(loads):
        (place := tmp_path / str(number)).mkdir()
        empty(shared_ledger)
        found = zip(*loaded(shared_ledger, state, place, form, [case for _, _, case in cases]), strict=True)
        for (law, name, _), (report, rows) in zip(cases, found, strict=True):
            came[law].append((name, report, rows))
    assert all(report.error == "" for named in came.values() for _, report, _ in named)
    [(_, _, plain)] = came["plain"]
    at = an_unknown_number_is_named(form, came["more"])
    odd_usage_costs_no_row(came["odd"], at, len(came["more"]))
    if form.table == "usage":
        assert plain
        # A running counter without a count looks like a restart; a case that is doubtful proves nothing.
        if form.name != "codex" and not any(map(marked, plain)):
            less_is_never_dearer_without_a_word(dollars(plain), came["less"])


def marked(row: dict) -> list[str]:
    """The caveats of a row."""
    return [] if not isinstance(row["caveats"], Iterable) else list(row["caveats"])


def dollars(rows: list[dict]) -> float:
    return sum(row["cost_usd"] for row in rows if row["cost_usd"] is not None and row["cost_usd"] == row["cost_usd"])


def an_unknown_number_is_named(form: Format, more: list[tuple[str, Report, list[dict]]]) -> int:
    """Each file has it in another place; returns the first in which it is seen."""
    named = [[one for one in report.unread if "surprise" in one.path.lower()] for _, report, _ in more]
    assert named, f"no key of the first case of {form.name} is a count that COUNTED knows"
    # Some places belong to a parent that gives way to what is below it; in one at least it must be seen.
    assert any(named), [report.unread for _, report, _ in more]
    for (_, report, rows), unread in zip(more, named, strict=True):
        assert all(one.sum / one.rows == SURPRISE for one in unread), report.unread
        if unread and form.table == "usage":
            assert any("unread_usage" in marked(row) for row in rows)
    return next(place for place, unread in enumerate(named) if unread)


def odd_usage_costs_no_row(odd: list[tuple[str, Report, list[dict]]], at: int, places: int) -> None:
    """Where a plain number is noticed, an odd value is too, and the record is read as far as it can be."""
    here = [one for number, one in enumerate(odd) if number % places == at]
    # A record without an id is a duplicate of its like.
    assert len({report.loaded + report.duplicate for _, report, _ in here}) <= 1
    for name, report, rows in here:
        assert len(report.unread) <= 10
        assert any("unread_usage" in marked(row) for row in rows), name


def less_is_never_dearer_without_a_word(whole: float, less: list[tuple[str, Report, list[dict]]]) -> None:
    for name, _, rows in less:
        assert dollars(rows) <= whole or any(map(marked, rows)) or PLAIN_WITHOUT.search(name), (
            name,
            dollars(rows),
            whole,
        )


@pytest.mark.parametrize("form", all_formats(), ids=lambda form: form.name)
def test_a_format_declares_its_usage_or_says_why_it_cannot(form: Format):
    assert bool(form.usage) != bool(form.no_usage)


# Known numbers that no column needs, by format: they say again what another one says.
SAID_AGAIN = {
    "azure_apim": {"promptTokens", "completionTokens", "totalTokens"},  # read under the table's names
    "claude_code_result": {"web_search_requests", "web_fetch_requests", "model"},  # the sums by model have them
    "cursor": {"Cost to you"},  # what the plan leaves to pay; Cost is what the request is worth
    "deepseek_export": {"price"},
    "litellm": {"response_cost"},  # of the payload, whose format reads it
    "litellm_activity": {"successful_requests", "total_tokens"},
    "opik": {
        *("input_tokens", "output_tokens"),
        *("prompt_token_count", "candidates_token_count", "total_token_count"),
    },
    "posthog": {"$ai_cache_cost_usd", "$ai_max_tokens", "$ai_tool_call_count"},
    "vertex_log": {"inference_geo"},  # the endpoint's region counts
}


def leaf_names(known: object) -> Iterator[str]:
    if isinstance(known, Mapping):
        for name, inner in known.items():
            yield from leaf_names(inner) if isinstance(inner, Mapping | list) else [name.rpartition(".")[2]]
    elif isinstance(known, list):
        yield from leaf_names(known[0])


@pytest.mark.parametrize("form", all_formats(), ids=lambda form: form.name)
def test_what_a_format_knows_some_column_reads(form: Format):
    """What is known is never named as unread: it must be read. (Answers in any provider's words have counts beside the
    log's own, which are compared by their total.)"""
    sql = re.sub(r"'\{\".*?\}'", "", form.rows, flags=re.DOTALL) + " ".join(form.columns.values())
    for usage in form.usage:
        if usage.known is usage_words.STRUCTURE:
            continue
        names = {name for name in leaf_names(usage.known) if not usage.only or re.search(f"(?i){usage.only}", name)}
        unread = {name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql)}
        assert unread <= SAID_AGAIN.get(form.name, set()) | set(usage.harmless), unread
