"""Reports that change after the fact: the ledger bills what the newest report says, and no dimension is lost."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from data.errors import UnknownFormat
from data.loading.ingest import ingest

DAY = 1793491200  # 2026-11-01


def openai(*lines: tuple, start: int = DAY) -> dict:
    return {
        "object": "bucket",
        "start_time": start,
        "end_time": start + 86400,
        "results": [
            {
                "object": "organization.costs.result",
                "amount": {"value": usd, "currency": "usd"},
                "line_item": item,
                "project_id": project,
            }
            for usd, item, project in lines
        ],
    }


def total(ledger) -> float:
    return float(ledger.sql("SELECT coalesce(sum(amount), sum(quantity), 0) AS n FROM lake.main.billed")["n"][0])


def bill(ledger, state, folder, *pages: list[dict], form: str | None = "openai_costs") -> float:
    for number, buckets in enumerate(pages):
        path = folder / f"page{number}.json"
        path.write_text(json.dumps({"object": "page", "data": buckets, "has_more": False}))
        ingest(ledger, state, [path], form=form)
    return total(ledger)


OTHER_DAY = openai((7, "a", "p"), start=DAY + 86400)


@pytest.mark.parametrize(
    ("before", "after", "right"),
    [
        ([(10, "a", "p"), (5, "b", "p")], [(10, "a", "p"), (5, "renamed", "p")], 15),
        ([(10, "a", "p"), (5, "b", "p")], [(10, "a", "p")], 10),
        ([(10, "a", "p"), (5, "b", "p")], [(4, "a", "p"), (6, "b", "p")], 10),
        ([(10, "a", "p")], [], 0),
        ([(10, "a", "p"), (5, "a", "q")], [(8, "a", "p")], 13),  # filtered to one project: the other's stays
        ([(10, "a", "p"), (5, "a", "q")], [(8, "a", "q"), (1, "a", "r")], 9),
        ([(10, "a", "p")], [(10, "a", "p")], 10),
        ([(10, "a", "p"), (5, "a", "q")], [(14, "a", None)], 14),  # not grouped: it is about all of them
    ],
)
def test_a_newer_report_replaces_its_whole_bucket_and_no_other(ledger, state, tmp_path, before, after, right):
    first, second = [openai(*before), OTHER_DAY], [openai(*after)]
    assert bill(ledger, state, tmp_path, first, second) == right + 7


def test_pages_of_one_report_loaded_together_are_one_report(ledger, state, tmp_path):
    for number, line in enumerate([(10, "a", "p"), (5, "b", "q")]):
        (tmp_path / f"{number}.json").write_text(json.dumps({"data": [openai(line)]}))
    ingest(ledger, state, [tmp_path], form="openai_costs")
    assert float(ledger.sql("SELECT sum(amount) AS n FROM lake.main.billed")["n"][0]) == 15


def page(folder: Path, name: str, *buckets: dict, more: bool | None = False) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"object": "page", "data": buckets} | ({} if more is None else {"has_more": more})))
    return path


# A bucket split over two pages, its neighbours on either side; then the pages as a later pull finds them.
FIRST = [openai((1, "x", "p"), start=DAY - 86400), openai((10, "a", "p"), (5, "b", "q"))]
SECOND = [openai((3, "c", "p")), OTHER_DAY]
RENAMED = [FIRST[0], openai((10, "a", "p"), (5, "renamed", "q"))]
SHORTER = [openai((2, "d", "q")), OTHER_DAY]


WHOLE = [
    ([(FIRST, True), (SECOND, False)], 26),
    ([(SECOND, False), (FIRST, True)], 26),  # in the wrong order
    ([(FIRST, True), (SECOND, False), (RENAMED, True), (SHORTER, False)], 25),
    ([(FIRST, True), (SECOND, False), ([openai((4, "a", "p"), (1, "z", "q"))], False)], 13),  # on one page now
]
PARTS = [
    ([(FIRST, True), (SECOND, False), (RENAMED, True)], 26),  # the second page is the same and not loaded again
    ([(FIRST, True), (SECOND, False), (SHORTER, False)], 25),  # the first page is
]


@pytest.mark.parametrize(
    ("pulls", "right", "together"),
    [(*case, together) for cases in (WHOLE, PARTS) for case in cases for together in {False, cases is WHOLE}],
)
def test_a_bucket_split_over_pages_is_one_bucket(ledger, state, tmp_path, pulls, right, together):
    paths = [page(tmp_path, f"page-{n + 8}", *buckets, more=more) for n, (buckets, more) in enumerate(pulls)]
    for load in [[tmp_path]] if together else [[path] for path in paths]:
        ingest(ledger, state, load)
    assert total(ledger) == right


def test_two_versions_of_a_report_in_one_folder_are_the_newer_one(ledger, state, tmp_path):
    page(tmp_path, "costs-9", openai((10, "a", "p"), (5, "b", "q")), OTHER_DAY)
    page(tmp_path, "costs-10", openai((11, "a", "p"), (5, "renamed", "q")), more=None)
    ingest(ledger, state, [tmp_path])
    assert total(ledger) == 23
    page(tmp_path, "costs-11", openai())
    assert sum(report.gone for report in ingest(ledger, state, [tmp_path])) == 2
    assert total(ledger) == 7


def test_a_report_that_says_again_what_it_said_at_first_counts_again(ledger, state, tmp_path):
    paths = [page(tmp_path, name, openai((usd, "a", "p"))) for name, usd in (("monday", 10), ("tuesday", 12))]
    for path in paths:
        ingest(ledger, state, [path])
    ingest(ledger, state, paths)
    assert total(ledger) == 12
    later = time.time() + 60
    os.utime(paths[0], (later, later))
    ingest(ledger, state, [paths[0]])
    assert total(ledger) == 10
    assert ledger.sql("SELECT count(*) AS n FROM lake.main.batches")["n"][0] == 2


def test_reports_of_two_organizations_stand_beside_each_other(ledger, state, tmp_path):
    for name, usd in (("one", 10), ("two", 5), ("two", 6)):
        bucket = openai((usd, "a", f"{name}-p"), (usd, "a", f"{name}-q"))
        for line in bucket["results"]:
            line["organization_id"] = f"org-{name}"
        ingest(ledger, state, [page(tmp_path, f"{name}-{usd}", bucket)])
    assert total(ledger) == 32


def test_a_page_without_a_result_empties_the_report_that_the_ledger_has(ledger, state, tmp_path):
    ingest(ledger, state, [page(tmp_path, "full", openai((10, "a", "p")), OTHER_DAY)])
    assert ingest(ledger, state, [page(tmp_path, "empty", openai())])[0].format == "openai_costs"
    assert total(ledger) == 7
    with pytest.raises(UnknownFormat, match="name it: --format openai_costs or openai_usage"):
        ingest(ledger, state, [page(tmp_path, "unknown", openai(start=DAY + 30 * 86400))])


def anthropic(*results: dict) -> dict:
    return {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z", "results": list(results)}


@pytest.mark.parametrize("dimension", ["product", "a_dimension_nobody_knows"])
def test_rows_that_differ_in_one_dimension_only_are_all_counted(ledger, state, tmp_path, dimension):
    page = [
        anthropic(
            *(
                {"uncached_input_tokens": n, "output_tokens": 10, "model": "claude-opus-4-5", dimension: name}
                for name, n in (("chat", 100), ("claude_code", 200))
            )
        )
    ]
    assert bill(ledger, state, tmp_path, page, page, form=None) == 320
