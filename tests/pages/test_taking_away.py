"""What leaves the screen says what it is: tables as CSV and Markdown, charts as pictures; sums, shares and changes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from analytics.coverage import Comparison
from analytics.scope import ClosedScope, Scope
from data.ledger import Ledger
from data.version import BATON
from pages.parts.explore import tables
from pages.ui import charts, exports, taking_away
from tests.pages.page_alone import opened

SCOPE = ClosedScope(start=date(2026, 10, 1), end=date(2026, 10, 29), filters=(("team", ("search", "a|b")),))


def test_markdown_says_what_it_stands_on_and_writes_numbers_by_their_unit():
    frame = pd.DataFrame(
        {
            "model": ["a|b *x*", "m"],
            "cost_usd": [Decimal("1234.5"), None],
            "share": [0.25, None],
            "day": [date(2026, 10, 1), pd.NaT],
        }
    )
    said = taking_away.about("Spend by model", SCOPE, 15, sample=True)
    text = taking_away.markdown(frame, said, {"cost_usd": "USD", "share": "share"}, {"cost_usd": "Spend, USD"})
    lines = text.splitlines()
    assert lines[0] == "**Spend by model**"
    assert lines[2:4] == ["| model | Spend, USD | share | day |", "| --- | ---: | ---: | --- |"]
    assert lines[4:6] == [r"| a\|b \*x\* | $1,234.50 | 25.0% | 2026-10-01 |", "| m | – | – | – |"]
    assert lines[-1].startswith("_1 to 28 Oct 2026, days in UTC; Team is search or a\\|b; sample company")
    assert f"{BATON}, data version 15" in lines[-1]


def test_a_long_table_is_cut_for_a_chat_and_says_so():
    frame = pd.DataFrame({"model": [f"m{n}" for n in range(140)]})
    text = taking_away.markdown(frame, taking_away.about("t", Scope(), 1), {}, {})
    assert text.count("\n| m") - 1 == taking_away.MARKDOWN_ROWS and "40 more rows are in the CSV." in text


def test_a_picture_carries_title_days_filters_and_version_whatever_the_theme():
    frame = pd.DataFrame({"model": ["<b>x</b>", "m"], "cost_usd": [2.0, 1.0]})
    draw = lambda tints: charts.bars(frame, tints, by="model", value="cost_usd", unit="USD")  # noqa: E731
    bare = draw(charts.DARK)
    drawn = taking_away.picture(taking_away.about("Spend by <model>", SCOPE, 15, draw=draw))
    told = drawn.layout.title.text
    assert "Spend by &lt;model&gt;" in told and "1 to 28 Oct 2026" in told and "data version 15" in told
    assert drawn.layout.paper_bgcolor == charts.LIGHT.background and drawn.layout.height > bare.layout.height
    assert "<b>x</b>" not in str(drawn.data[0].y)


@pytest.mark.parametrize(
    ("starts", "grain", "words"),
    [
        ([date(2026, 11, 20)], "day", ["20 Nov"]),
        ([date(2026, 11, 16), date(2026, 11, 23)], "week", ["16 Nov", "23 Nov"]),
        ([date(2026, 10, 1)], "month", ["Oct 2026"]),
        ([date(2026, 11, day) for day in range(1, 21)], "day", None),
    ],
)
def test_few_bars_of_time_are_named_by_their_days(starts, grain, words):
    frame = pd.DataFrame({grain: starts, "model": "m", "cost_usd": 1.0})
    axis = charts.stacked_bars(frame, charts.LIGHT, x=grain, by="model", value="cost_usd", unit="USD").layout.xaxis
    assert (list(axis.ticktext) if axis.ticktext else None) == words
    assert (axis.range is not None) == (len(starts) == 1)  # a lone bar would fill the chart


def test_a_sum_changes_by_all_of_what_one_span_lacks_and_a_ratio_is_unknown(shared_ledger, monkeypatch):
    now, before = SCOPE, SCOPE.before()
    rows: dict[tuple[Any, str], dict[str, Any]] = {
        (now, "cost_usd"): {"kept": Decimal(5), "new": Decimal(2), "dark": None},
        (before, "cost_usd"): {"kept": Decimal(3), "gone": Decimal(4), "dark": Decimal(1)},
        (now, "failure_rate"): {"kept": 0.5, "new": 0.1},
        (before, "failure_rate"): {"kept": 0.25, "gone": 0.2},
    }
    monkeypatch.setattr(
        tables,
        "breakdown",
        lambda view, scope, by, measure: pd.DataFrame(
            {"model": list(rows[scope, measure]), measure: pd.Series(rows[scope, measure].values(), dtype=object)}
        ),
    )
    monkeypatch.setattr(tables, "whole_of", lambda view, scope, m: {m: {now: 7, before: 8}[scope]})
    pair = Comparison(now, before, "")
    moved = tables.changes(shared_ledger, "model", "cost_usd", pair)
    assert {n: None if pd.isna(v) else v for n, v in moved.items()} == {
        "kept": 2,
        "new": 2,
        "gone": -4,
        "dark": None,
        tables.TOTAL: -1,
    }
    rates = tables.changes(shared_ledger, "model", "failure_rate", pair)
    assert rates["kept"] == 0.25 and pd.isna(rates["new"]) and pd.isna(rates["gone"])
    assert tables.changes(shared_ledger, "model", "cost_usd", Comparison(None, None, "why")).empty


def test_the_breakdown_adds_up_and_its_change_is_that_of_the_spans(sample_home, monkeypatch, alone):
    monkeypatch.setenv("BATON_HOME", str(sample_home))
    page = opened("explore", by="Model", window="last_month", team="platform")
    frame = page.dataframe[0].value
    last, rows = frame.iloc[-1], frame.iloc[:-1]
    assert list(frame.columns)[:4] == ["model", "cost_usd", "share", "change"] and last["model"] == tables.TOTAL
    for column in ("cost_usd", "share", "change", "requests"):
        assert rows[column].astype(float).sum() == pytest.approx(float(last[column]), rel=1e-6)
    view = Ledger.open(sample_home)
    spans = [Scope.of(view, date(2026, month, 1), date(2026, month + 1, 1), team="platform") for month in (9, 10)]
    was, now = (float(tables.spend.totals(view, span, ("cost_usd",))["cost_usd"]) for span in spans)
    view.close()
    assert (float(last["cost_usd"]), float(last["change"])) == (pytest.approx(now), pytest.approx(now - was))
    page.button(key="markdown_rows").click().run()
    assert not page.exception
    assert any("**Spend by model**" in c.value and "Team is platform" in c.value for c in page.code)
    page.button(key="picture_rows").click().run()
    assert not page.exception


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ([Decimal("0.0005"), None], "$%.6f"),
        ([Decimal("0.0005"), Decimal("1.2")], "dollar"),
        ([Decimal(0)], "dollar"),
        ([None, None], "dollar"),
    ],
)
def test_parts_of_a_cent_are_not_shown_as_nothing(values, form):
    shown = exports.columns(pd.DataFrame({"cost_usd": values}), units={"cost_usd": "USD"})
    assert f"'format': '{form}'" in str(shown["cost_usd"])
