from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest

from analytics.budgets import budget
from analytics.promises import actions
from analytics.scope import Scope
from analytics.weekly import report, review, weeks
from data.errors import BadInput, NoData
from data.state import State
from routing.policies.in_force import forbidden
from tests.analytics import planted
from tests.analytics.commands import run

MONDAY = planted.END - timedelta(days=7)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return planted.build(tmp_path_factory.mktemp("review"), "longer outputs", days=70)


@pytest.fixture
def view(ledger):
    return ledger.at(ledger.snapshot())


@pytest.fixture(scope="module")
def found(ledger, tmp_path_factory):
    state = State.open(tmp_path_factory.mktemp("state"))
    budget.save(state, budget.check_budget(name="company", amount=40))
    actions.ACTIONS.save(
        state,
        "=HYPERLINK(1) shorten <b>answers</b>",
        actions.check_action(
            name="=HYPERLINK(1) shorten <b>answers</b>",
            owner="Ada|B",
            decided=date(2026, 10, 1),
            filters={"feature": ("answers",)},
            expected_usd_month=3,
        ),
    )
    return review.build(ledger.at(ledger.snapshot()), state, MONDAY, forbidden=forbidden(state))


def test_movers_that_are_too_many_end_with_the_rest_of_the_change(view, monkeypatch):
    monkeypatch.setattr(review, "MOVERS", 1)
    told = review._moves(view, Scope.of(view, MONDAY, MONDAY + timedelta(days=7)), "feature")
    first, rest = told["movers"]
    assert (first["name"], rest["name"], rest["driver"]) == ("answers", "everything else", "")
    for total, mine in (("start_usd", "before_usd"), ("end_usd", "after_usd")):
        assert first[mine] + rest[mine] == pytest.approx(told["bridge"][total])


def test_the_report_holds_the_agenda_and_is_plain_json(found):
    assert json.loads(json.dumps(found)) == found
    bridge = found["bridge"]
    assert bridge["start_usd"] + sum(driver["usd"] for driver in bridge["drivers"]) == pytest.approx(
        bridge["end_usd"], abs=1e-6
    )
    assert max(bridge["drivers"], key=lambda d: d["usd"])["name"] == "output"
    assert found["movers"][0]["name"] == "search" and 3 <= len(found["movers"]) <= 5
    change = sum(mover["change_usd"] for mover in found["movers"])
    assert change == pytest.approx(bridge["end_usd"] - bridge["start_usd"], abs=0.03)  # cents of each
    assert found["anomalies"]["rows"][0]["value"] == "answers"
    assert found["pacing"]["budgets"][0]["name"] == "company"
    assert found["actions"][0]["saved_usd_month"] is None  # it is only open: nothing was done that could have saved
    assert found["week"] == "2026-W44" and found["complete"]


def test_the_same_version_makes_the_same_report(view, state):
    assert review.build(view, state, MONDAY, forbidden=forbidden(state)) == review.build(
        view, state, MONDAY, forbidden=forbidden(state)
    )


def test_a_later_load_does_not_change_a_past_week(tmp_path, state):
    rows = planted.usage("quiet", days=60, since=7)
    early = rows[rows["requested_at"] < "2026-10-26"]
    ledger = planted.new_ledger(tmp_path)
    planted.load(ledger, early)
    week = MONDAY - timedelta(days=7)
    version = ledger.snapshot()
    before = review.build(ledger.at(version), state, week, forbidden=forbidden(state))
    planted.load(ledger, rows[rows["requested_at"] >= "2026-10-26"])
    assert review.build(ledger.at(version), state, week, forbidden=forbidden(state)) == before
    after = review.build(ledger.at(ledger.snapshot()), state, week, forbidden=forbidden(state))
    same = ("pacing", "bridge", "movers", "anomalies")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_html_needs_nothing_from_outside_and_runs_nothing(found):
    page = report.html(found)
    assert not re.search(r"<script|src=|href=|url\(|@import|http://|https://", page)
    assert "<b>answers</b>" not in page and "&lt;b&gt;answers&lt;/b&gt;" in page
    assert "prefers-color-scheme: dark" in page and "@media print" in page
    assert page.count("<h2>") == 6 and len(page) < 100_000


def test_markdown_keeps_names_from_the_log_as_text(found):
    text = report.markdown(found)
    assert "\\<b\\>answers" in text and "Ada\\|B" in text
    assert "## Why spend moved" in text


def test_csv_of_actions_is_safe_in_a_spreadsheet(found):
    lines = report.actions_csv(found).splitlines()
    assert lines[0] == ",".join(report.ACTION_COLUMNS)
    assert lines[1].startswith("'=HYPERLINK")


def test_the_chat_message_is_text_without_mentions(found):
    text = report.message(found | {"movers": [found["movers"][0] | {"name": "<!channel>"}]})["text"]
    assert "&lt;!channel&gt;" in text and "<!channel>" not in text
    assert found["message"]["text"].startswith("*Week 2026-W44 cost")


def test_the_first_week_has_nothing_to_compare_with_and_says_so(view, state):
    first = review.build(view, state, date(2026, 8, 24), forbidden=forbidden(state))
    assert first["bridge"] is None and first["movers"] == []
    assert "nothing to compare it with (the log starts 24 Aug 2026)" in report.headline(first)
    told = "nothing to compare this week with: the log starts 24 Aug 2026"
    assert report.markdown(first).count(told) == 2 and report.html(first).count(told) == 2  # no bridge, no movers
    assert "Nothing moved" not in report.markdown(first)


@pytest.mark.parametrize("monday", [date(2026, 1, 5), date(2027, 1, 4)])
def test_a_week_outside_the_data_is_refused(view, state, monday):
    with pytest.raises(NoData, match="outside the data"):
        review.build(view, state, monday, forbidden=forbidden(state))


def test_a_week_with_a_missing_log_says_which_days(tmp_path, state):
    rows = planted.usage("quiet", days=40, since=7)
    gap = rows["requested_at"].dt.date.isin([date(2026, 10, 28), date(2026, 10, 29)])
    ledger = planted.new_ledger(tmp_path)
    planted.load(ledger, rows[~gap])
    found = review.build(ledger.at(ledger.snapshot()), state, MONDAY, forbidden=forbidden(state))
    assert found["pacing"]["no_log"] == ["2026-10-28", "2026-10-29"]
    assert "No log at all on 28 Oct 2026, 29 Oct 2026" in report.html(found)


def test_a_week_without_any_log_is_unknown_and_the_week_after_is_no_alarm(tmp_path, state):
    rows = planted.usage("quiet", days=60, since=7)
    gap = rows["requested_at"].dt.date.between(date(2026, 10, 19), date(2026, 10, 25))
    ledger = planted.new_ledger(tmp_path)
    planted.load(ledger, rows[~gap])
    view = ledger.at(ledger.snapshot())
    empty, after = (
        review.build(view, state, monday, forbidden=forbidden(state)) for monday in (date(2026, 10, 19), MONDAY)
    )
    assert report.headline(empty) == "Week 2026-W43 has no log at all: what it cost is not known"
    assert (
        len(empty["pacing"]["no_log"]) == 7
        and "No log at all on 19 Oct 2026" in report.html(empty)
        and report.markdown(empty)
    )
    assert report.headline(after).endswith("nothing to compare it with (no whole log on 19 to 25 Oct)")
    assert after["anomalies"]["rows"] == []


def test_weeks_are_iso_weeks():
    assert weeks.week_of("2026-W44") == MONDAY == weeks.week_of("2026W44")
    assert weeks.week_name(date(2026, 12, 28)) == "2026-W53"
    for wrong in ("2026-44", "2026-W54", "", "last"):
        with pytest.raises(BadInput, match="2026-W46"):
            weeks.week_of(wrong)


def test_the_command_writes_every_form_twice_the_same(ledger, tmp_path, capsys):
    def write(number):
        files = [tmp_path / f"{number}{suffix}" for suffix in review.WRITERS]
        words = [word for file in files for word in ("--out", file)]
        assert (
            run(review, "review", "--home", ledger.home, "--week", "2026-W44", "--as-of", ledger.snapshot(), *words)
            == 0
        )
        return [file.read_text() for file in files]

    assert write(1) == write(2)
    assert run(review, "review", "--home", ledger.home, "--out", "x.pdf") == 1
    assert ".html" in capsys.readouterr().err
    assert run(review, "review", "--home", ledger.home, "--out", tmp_path / "missing" / "r.html") == 1
    assert run(review, "review", "--home", ledger.home, "--by", "colour") == 1
    assert "no dimension 'colour'" in capsys.readouterr().err


def test_an_action_of_a_negative_saving_is_refused():
    with pytest.raises(BadInput, match="expected_usd_month"):
        actions.check_action(name="a", decided=MONDAY, expected_usd_month=-1)
