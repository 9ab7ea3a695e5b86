"""Reports that change after the fact: the ledger bills what the newest report says, and no dimension is lost."""

from __future__ import annotations

import json

import pytest

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


def bill(ledger, state, folder, *pages: list[dict], form: str | None = "openai_costs") -> float:
    for number, buckets in enumerate(pages):
        path = folder / f"page{number}.json"
        path.write_text(json.dumps({"object": "page", "data": buckets, "has_more": False}))
        ingest(ledger, state, [path], form=form)
    return float(ledger.sql("SELECT coalesce(sum(amount), sum(quantity), 0) AS n FROM lake.main.billed")["n"][0])


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
