"""Where a reader is stands in the address: period, comparison, filters; and what a click on a chart adds to it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st_
from streamlit.testing.v1 import AppTest

from analytics.scope import Scope
from data.ledger import Ledger
from pages.ui import charts, drill, place
from tests.pages.test_held_viewer import SECRET, logged
from tests.pages.whole_app import opened

pytestmark = pytest.mark.one_server


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """1 September to 30 October 2026, two teams; the last day is not over."""
    return logged(tmp_path_factory.mktemp("store"), ["search", SECRET])


def chips(app: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in app.button if (button.key or "").startswith("chip_")]


def title(app: AppTest) -> str:
    assert not app.exception, app.exception[0].value
    return app.title[0].value.replace("\\", "")


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({"window": "last_month"}, "in 30 days"),
        ({"window": "last_quarter"}, "on 30 of 92 days"),
        ({"window": "MTD"}, "on 29 of 30 days, 30 Oct so far"),  # as links of earlier versions write it
        ({"window": "All"}, "on 59 of 60 days, 30 Oct so far"),
        ({"window": "days", "from": "2026-10-01", "to": "2026-10-10"}, "in 10 days"),
        ({"from": "2026-10-01", "to": "2026-10-10"}, "in 10 days"),  # days without the word for them
        ({}, "in 28 days"),
    ],
)
def test_the_days_of_a_link_are_the_days_of_the_page(store, monkeypatch, query, days):
    app = opened(store, monkeypatch, "explore", **query)
    assert days in title(app) and not app.warning


@pytest.mark.parametrize(
    "query",
    [
        {"window": "fortnight"},
        {"window": "days", "from": "2026-10-10", "to": "2026-10-01"},
        {"window": "days", "from": "yesterday", "to": "9999-12-31"},
        {"window": "days"},
        {"from": "2026-13-45", "to": "abc"},
        {"to": "2026-10-10"},
    ],
)
def test_days_that_are_none_are_said_and_the_usual_ones_shown(store, monkeypatch, query):
    app = opened(store, monkeypatch, "explore", **query)
    assert "28 days" in title(app) and "which Baton cannot read; showing 28d" in app.warning[0].value


def test_what_a_link_names_and_nobody_can_read_is_said_once(store, monkeypatch):
    """`as_of=-1` was told three times, days to compare with that are none not at all."""
    app = opened(store, monkeypatch, "overview", as_of="-1", vs="dates", vs_from="2026-13-45")
    told = sorted(one.value for one in app.warning)
    assert len(told) == 2 and "which is no number" in told[0] and "nothing is compared" in told[1], told


def test_a_team_that_the_log_does_not_have_is_on_course_for_nothing(store, monkeypatch):
    app = opened(store, monkeypatch, "overview", team="<b>x")
    assert "is not known" in title(app) and "$" not in title(app)


def test_days_before_the_log_match_nothing_and_say_so(store, monkeypatch):
    app = opened(store, monkeypatch, "explore", window="days", **{"from": "2020-01-01", "to": "2020-01-31"})
    assert title(app) == "Nothing matches these filters" and "1 to 31 Jan 2020" in app.info[0].value


def test_a_filter_is_a_chip_whose_cross_removes_it(store, monkeypatch):
    app = opened(store, monkeypatch, "explore", team=["search", SECRET, "unknown"], window="7d")
    app.query_params["not.model"] = f"{SECRET}-model"
    app.run()
    assert chips(app) == ["Team is **search, zebra and 1 more**", "Model is not **zebra-model**"]
    narrow = title(app)
    app.button(key="chip_not_model").click().run()
    assert chips(app) == ["Team is **search, zebra and 1 more**"] and title(app) != narrow
    app.button(key="chip_is_team").click().run()
    assert not chips(app) and "in 7 days" in title(app)


def test_is_and_is_not_split_the_whole(store):
    ledger = Ledger.open(store)
    for dimension, value in (("model", "gpt-5.2"), ("team", SECRET), ("hour", "2"), ("customer_id", "acme")):
        whole, one, rest = (
            int(ledger.frame(scope.usage(ledger).count().as_table()).iloc[0, 0])
            for scope in (
                Scope.of(ledger),
                Scope.of(ledger).with_filter(dimension, value),
                Scope.of(ledger).excluding(dimension, value),
            )
        )
        assert 0 < one < whole and one + rest == whole
    ledger.close()


@given(data=st_.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_splits_the_whole_by_any_dimension(store, data):
    """A link may ask any dimension for anything: it has some rows, the rest has the others, and nothing breaks."""
    ledger = Ledger.open(store)
    name = data.draw(st_.sampled_from(place.dimensions(ledger)))
    values = data.draw(
        st_.lists(st_.one_of(st_.text(max_size=8), st_.sampled_from(["9" * 30, "unknown", "1e9", "\0"])))
    )
    whole = Scope.of(ledger)
    counts = [
        int(ledger.frame(scope.usage(ledger).count().as_table()).iloc[0, 0])
        for scope in (whole, whole.with_filter(name, *values), whole.excluding(name, *values))
    ]
    ledger.close()
    assert counts[0] == counts[1] + counts[2]


HOSTILE = [
    {"window": "days", "from": "0001-01-01", "to": "9998-12-31"},
    {"window": "days", "from": "0001-01-01", "to": "0001-01-02", "vs": "previous"},
    {"window": "days", "from": "1970-01-01", "to": "2199-12-31", "vs": "year"},
    {"window": "28d", "vs": "dates", "vs_from": "0001-01-01", "vs_to": "9999-12-31"},
    {"window": "²", "vs": "²", "from": "²", "as_of": "²"},
    {"hour": "abc", "not.hour": "9" * 40, "team": "\0", "not.team": "'; DROP TABLE usage --"},
    {"tag:nobody": "1", "not.tag:": "2", "model": "x" * 5000, "user_id": "<script>"},
    {"finding": "nope", "by": "nope", "over": "nope", "measure": "nope", "week": "nope", "with": "[["},
]


CROSSED = {**HOSTILE[5], **HOSTILE[6], **HOSTILE[7], **HOSTILE[2]}
WALKED = [(file, query) for file in ("overview", "explore") for query in HOSTILE]
WALKED += [
    (file, CROSSED)
    for file in ("weekly", "plan", "savings", "mix", "policy_replay", "self_host", "vendors", "pipeline", "new_model")
]


@pytest.mark.parametrize(("file", "query"), WALKED)
def test_no_address_breaks_a_page(store, monkeypatch, file, query):
    app = opened(store, monkeypatch, file, **query)
    assert not app.exception, app.exception[0].message
    assert app.title or app.error


def test_a_comparison_is_with_what_the_link_says(store, monkeypatch):
    days = {"window": "days", "from": "2026-10-01", "to": "2026-10-10"}

    def told(**query: str) -> str:
        app = opened(store, monkeypatch, "overview", **query)
        assert not app.exception, app.exception[0].value
        return "".join(c.value for c in app.caption).replace("\\", "") + f"delta {app.metric[1].delta or 'none'}"

    assert "from 1 to 10 Sep 2026" in told(**days, vs="month")
    assert "from 21 to 30 Sep 2026" in told(**days, vs="nonsense")
    assert "the log starts 1 Sep 2026" in (year := told(**days, vs="year")) and "delta none" in year
    assert "none is chosen" in (nothing := told(**days, vs="none")) and "delta none" in nothing
    assert "from 2 to 13 Sep 2026. 10 days against 12" in told(
        **days, vs="dates", vs_from="2026-09-02", vs_to="2026-09-13"
    )


@pytest.mark.parametrize(
    ("point", "over", "steps"),
    [
        ({"x": 3.5, "customdata": [None, "gpt-5.2"]}, None, {"model": ["gpt-5.2"]}),
        ({"x": 3.5, "customdata": [None, charts.OTHER]}, None, {}),
        ({"x": 3.5}, None, {}),
        (
            {"x": "2026-10-05", "customdata": ["$3", "a"]},
            "day",
            {"model": ["a"], "window": "days", "from": "2026-10-05", "to": "2026-10-05"},
        ),
        (
            {"x": "2026-10-05T00:00:00", "customdata": ["$3", charts.OTHER]},
            "week",
            {"window": "days", "from": "2026-10-05", "to": "2026-10-11"},
        ),
        (
            {"x": "2024-02-01", "customdata": ["$3", "a"]},
            "month",
            {"model": ["a"], "window": "days", "from": "2024-02-01", "to": "2024-02-29"},
        ),
        *(
            (
                {"x": at, "customdata": ["$3", charts.OTHER]},
                "clock_hour",
                {"window": "days", "from": "2026-10-05", "to": "2026-10-05", "hour": [hour]},
            )
            for at, hour in (("2026-10-05 14:00", "14"), ("2026-10-05T09:00:00", "9"), ("2026-10-05", "0"))
        ),
        ({"x": "search", "customdata": ["$3", "a"]}, "team", {"model": ["a"], "team": ["search"]}),
    ],
)
def test_a_click_becomes_a_step(monkeypatch, point, over, steps):
    went: list[dict] = []
    monkeypatch.setattr(place, "go", lambda **params: went.append(params))
    monkeypatch.setattr(st, "session_state", {"chart": SimpleNamespace(selection=SimpleNamespace(points=[point]))})
    drill.narrow_on_click("chart", "model", over)()
    assert went == ([steps] if steps else [])
    monkeypatch.setattr(st, "session_state", {"chart": SimpleNamespace(selection=SimpleNamespace(points=[]))})
    drill.narrow_on_click("chart", "model", over)()
    assert len(went) == bool(steps)


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ({"from": "2026-10-05", "to": "2026-10-07"}, "Spend by hour"),
        ({"from": "2026-10-05", "to": "2026-10-07", "grain": "a day"}, "Spend by day"),
        ({"from": "2026-10-05", "to": "2026-10-12", "grain": "an hour"}, "Spend by hour"),
        ({"window": "28d", "grain": "an hour"}, "Spend by day"),
        ({"window": "28d", "grain": "a week"}, "Spend by week"),
    ],
)
def test_a_few_days_are_drawn_by_hour_and_the_grain_can_be_set(store, monkeypatch, query, heading):
    app = opened(store, monkeypatch, "overview", **query)
    assert not app.exception, app.exception[0].value
    assert heading in [one.value for one in app.subheader]
    too_fine = [one.value for one in app.warning if "too many for a bar each hour" in one.value]
    assert bool(too_fine) == (query.get("window") == "28d" and query["grain"] == "an hour")
