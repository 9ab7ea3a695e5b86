"""Reports that change after the fact: the ledger bills what the newest report says, and no dimension is lost."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from data import caveats
from data.errors import UnknownFormat
from data.loading import report_buckets
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


# -- tables of days: no buckets, and perhaps one part of several ------------------------------------


def table(folder: Path, name: str, *rows: tuple[int, str, float], team: str = "t") -> Path:
    """A daily spend table of LiteLLM: day of November, model and dollars."""
    lines = [f"2026-11-{day:02},{team},k,{model},openai,{usd},1,0,0" for day, model, usd in rows]
    path = folder / f"{name}.csv"
    header = "date,team_id,api_key,model,custom_llm_provider,spend,api_requests,prompt_tokens,completion_tokens"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def dollars(ledger) -> float:
    return float(ledger.sql("SELECT coalesce(sum(amount), 0) AS n FROM lake.main.billed")["n"][0])


MONTH = [(1, "a", 10.0), (1, "b", 5.0), (2, "a", 7.0), (3, "a", 2.0)]


@pytest.mark.parametrize(
    ("later", "right"),
    [
        ([(1, "a", 10.0), (1, "renamed", 5.0), (2, "a", 7.0), (3, "a", 2.0)], 24),
        ([(1, "a", 10.0), (2, "a", 7.0), (3, "a", 2.0)], 19),  # a line has vanished
        ([(1, "a", 10.0), (1, "b", 5.0), (3, "a", 2.0)], 17),  # a day within was emptied
        ([(1, "a", 9.0), (1, "b", 5.0), (2, "a", 7.0), (3, "a", 2.0), (4, "a", 1.0)], 24),  # and one came
        ([(4, "a", 1.0), (5, "b", 1.0)], 26),  # other days
        ([(1, "c", 3.0), (2, "d", 4.0)], 31),  # another part of the same days
        ([(1, "c", 3.0), (2, "d", 4.0), (3, "e", 1.0), (3, "f", 1.0), (3, "a", 2.0)], 33),  # with little in common
    ],
)
def test_a_restated_table_of_days_takes_the_place_of_the_earlier_one(ledger, state, tmp_path, later, right):
    for name, rows in (("first", MONTH), ("second", later)):
        report = ingest(ledger, state, [table(tmp_path, name, *rows)])[0]
        assert report.format == "litellm_daily"
    assert dollars(ledger) == right


def test_a_table_of_one_team_says_nothing_of_another(ledger, state, tmp_path):
    ingest(ledger, state, [table(tmp_path, "one", *MONTH)])
    ingest(ledger, state, [table(tmp_path, "two", *MONTH, team="u")])
    assert dollars(ledger) == 48
    ingest(ledger, state, [table(tmp_path, "three", *MONTH[:3], team="u")])
    assert dollars(ledger) == 48  # a day after its last may be in another file


def test_a_table_with_a_line_that_cannot_be_read_takes_nothing_away(ledger, state, tmp_path):
    ingest(ledger, state, [table(tmp_path, "one", *MONTH)])
    ingest(ledger, state, [table(tmp_path, "two", *MONTH[:2], (40, "a", 1.0))])
    assert dollars(ledger) == 24


def usage(
    folder: Path, name: str, *spans: tuple[int, int, int], project: str | None = "p", work: str = "completions"
) -> Path:
    """A usage report of OpenAI: hours from and to, and input tokens."""
    buckets = [
        {
            "object": "bucket",
            "start_time": DAY + 3600 * first,
            "end_time": DAY + 3600 * last,
            "results": [
                {
                    "object": f"organization.usage.{work}.result",
                    "input_tokens": tokens,
                    "num_model_requests": 0,
                    "model": "gpt-5.2",
                    "project_id": project,
                }
            ],
        }
        for first, last, tokens in spans
    ]
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"object": "page", "data": buckets, "has_more": False}))
    return path


HOURS, WHOLE_DAY = [(0, 1, 100), (1, 2, 50), (23, 24, 7)], (0, 24, 200)


@pytest.mark.parametrize("order", ["hours first", "day first", "together"])
def test_what_a_day_holds_is_not_counted_again_by_its_hours(ledger, state, tmp_path, order):
    hours, day = usage(tmp_path, "b-hours", *HOURS), usage(tmp_path, "a-day", WHOLE_DAY)
    next_day = usage(tmp_path, "c-next", (24, 25, 1000))
    loads = {"hours first": [[hours], [day]], "day first": [[day], [hours]], "together": [[hours, day]]}[order]
    for load in [*loads, [next_day]]:
        ingest(ledger, state, load)
    assert total(ledger) == 1200


def test_hours_of_another_project_than_the_day_count(ledger, state, tmp_path):
    ingest(ledger, state, [usage(tmp_path, "hours", *HOURS, project="q")])
    ingest(ledger, state, [usage(tmp_path, "day", WHOLE_DAY)])
    assert total(ledger) == 357


def test_a_bill_line_with_unread_usage_carries_the_caveat(ledger, state, tmp_path):
    path = table(tmp_path, "odd", *MONTH)
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},surprise_tokens", *(f"{line},7" for line in lines)]) + "\n")
    report = ingest(ledger, state, [path])[0]
    assert [(unread.path, unread.rows) for unread in report.unread] == [("record.surprise_tokens", 4)]
    lines = ledger.sql("SELECT line_item, caveats FROM lake.main.billed WHERE caveats IS NOT NULL")
    assert lines["line_item"].tolist() == ["spend"] * 4 and lines["caveats"][0].tolist() == ["unread_usage"]
    assert caveats.summary(ledger)["bill_lines"] == [{"caveat": "unread_usage", "format": "litellm_daily", "lines": 4}]


def focus(folder: Path, name: str, *charges: tuple[str, float]) -> Path:
    """A FOCUS export of one day: what each charge is called, and dollars."""
    head = "BilledCost,BillingCurrency,ChargeCategory,ChargeDescription,ChargePeriodStart,ChargePeriodEnd,ProviderName"
    rows = (f"{usd},USD,Usage,{told},2026-01-05T00:00:00Z,2026-01-06T00:00:00Z,OpenAI" for told, usd in charges)
    path = folder / name
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_parts_of_one_export_have_lines_equal_in_all_but_the_amount_or_in_everything(emptied_ledger, state, tmp_path):
    """None of them is a repeat of the other; loaded again, or restated, each stands for itself."""

    def load(name: str, *usd: float) -> float:
        ingest(emptied_ledger, state, [focus(tmp_path, name, *(("tokens", one) for one in usd))])
        return dollars(emptied_ledger)

    assert load("export-00001.csv", 1, 2) == 3
    assert load("export-00002.csv", 3, 2) == 8
    assert load("export-00002.csv", 3, 2) == 8
    assert load("export-00001.csv", 1, 2.5) == 8.5
    assert load("export-00002.csv", 3) == 6.5
    assert load("export-2026-01-06.csv", 1, 2.5, 3) == 6.5  # all of it in one file, the day after


def test_parts_that_share_few_lines_stand_beside_each_other_and_are_restated_alone(emptied_ledger, state, tmp_path):
    def load(name: str, *charges: tuple[str, float]) -> float:
        ingest(emptied_ledger, state, [focus(tmp_path, name, *charges)])
        return dollars(emptied_ledger)

    east, west = ([(f"{kind} {n} tokens", 1.0) for n in range(5)] for kind in ("chat", "image"))
    assert load("east.csv", *east, ("search tokens", 5)) == 10
    assert load("west.csv", *west, ("search tokens", 7)) == 22
    assert load("west.csv", *west[1:], ("search tokens", 6)) == 20


def test_equal_tables_under_other_names_are_one_table(emptied_ledger, state, tmp_path):
    """Whoever downloads an export again gets `bill (1).csv`; what tells two places apart is in a column."""

    def load(name: str, *usd: float) -> float:
        ingest(emptied_ledger, state, [focus(tmp_path, name, *(("tokens", one) for one in usd))])
        return dollars(emptied_ledger)

    assert load("bill.csv", 1, 2) == 3
    assert load("bill (1).csv", 1, 2) == 3
    assert load("bill (2).csv", 1, 2.5) == 3.5  # restated since


@pytest.mark.parametrize(
    ("one", "other", "parts"),
    [
        ("export-00001.csv.gz", "export-00002.csv.gz", True),
        ("part_0_0001.csv", "part_1_0001.csv", True),
        ("part-00000-8f-c000.snappy.parquet", "part-00001-8f-c000.snappy.parquet", True),
        ("part-00000-8f-c000.snappy.parquet", "part-00001-9a-c000.snappy.parquet", False),
        ("focus-000000000000.csv", "focus-000000000001.csv", True),
        ("focus-20260101.csv", "focus-20260102.csv", False),
        ("2026-01.csv", "2026-02.csv", False),
        ("a.csv", "a.csv", False),
    ],
)
def test_parts_are_told_by_their_names(one, other, parts):
    assert report_buckets.are_parts(Path("x", one), Path("x", other)) == parts
    assert not report_buckets.are_parts(Path("x", one), Path("y", other))


@pytest.mark.parametrize("project", ["p", None])
def test_a_report_of_embeddings_stands_beside_that_of_completions_and_restates_its_own(
    ledger, state, tmp_path, project
):
    made = {
        (name, tokens): usage(tmp_path, f"{name}-{tokens}", (0, 24, tokens), project=project, work=name)
        for name, tokens in (("completions", 200), ("embeddings", 30), ("embeddings", 40), ("completions", 100))
    }
    for file, right in zip(made.values(), (200, 230, 240, 140), strict=True):
        ingest(ledger, state, [file])
        assert total(ledger) == right


def test_reports_of_two_kinds_of_work_in_one_load_and_hours_of_one_of_them(ledger, state, tmp_path):
    files = [usage(tmp_path, work, (0, 24, 100), work=work) for work in ("completions", "embeddings", "moderations")]
    ingest(ledger, state, files)
    assert total(ledger) == 300
    ingest(ledger, state, [usage(tmp_path, "hours", (0, 1, 60), work="embeddings")])
    assert total(ledger) == 300


def test_a_document_of_several_kinds_of_work_is_about_all_of_them(ledger, state, tmp_path):
    files = [usage(tmp_path, work, (0, 24, 100), work=work) for work in ("completions", "embeddings")]
    ingest(ledger, state, files)
    merged = [json.loads(file.read_text())["data"] for file in files]
    two_days = [{**merged[0][0], "start_time": DAY + 86400, "end_time": DAY + 172800}, *merged[0]]
    two_days[0]["results"] = [*merged[0][0]["results"], *merged[1][0]["results"]]
    (tmp_path / "both.json").write_text(json.dumps({"object": "page", "data": two_days, "has_more": False}))
    ingest(ledger, state, [tmp_path / "both.json"])
    assert total(ledger) == 300  # the first day has no embeddings any more
