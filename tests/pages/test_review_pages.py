"""Weekly review, Budget plan and Savings as a reader meets them: empty, full, edited, deep-linked."""

from __future__ import annotations

from datetime import date
from typing import Any

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from analytics.budgets import budget, plan
from analytics.forecasts.planned_events import EVENTS
from analytics.promises import actions
from data.state import State
from pages.ui import charts, finance_charts
from tests.analytics import planted
from tests.pages.whole_app import app_at

pytestmark = pytest.mark.one_server
PAGES = ("weekly", "plan", "savings")


def opened(name: str, **params: Any) -> AppTest:
    page = app_at(name, **params).run()
    assert not page.exception, page.exception[0].message
    return page


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    planted.build(folder, "longer outputs", days=70).close()
    state = State.open(folder)
    budget.save(state, budget.check_budget(name="company", amount=60))
    launch = plan.check_event(name="launch", on="2026-12-01", change_pct=20, scenario="with launch")
    EVENTS.save(state, "with launch/launch", launch)
    actions.ACTIONS.save(
        state,
        "Shorten answers",
        actions.check_action(
            name="Shorten answers", owner="Ada", decided=date(2026, 10, 1), filters={"feature": ("answers",)}
        ),
    )
    return folder


@pytest.fixture
def company(filled, monkeypatch):
    monkeypatch.setenv("BATON_HOME", str(filled))
    return State.open(filled)


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_ledger_shows_the_way_in(home, name):
    page = opened(name)
    assert page.title[0].value.endswith("?")
    assert not page.metric


def test_weekly_follows_the_agenda(company):
    page = opened("weekly")
    assert "Week 2026-W44 cost" in page.title[0].value and "more than the week before" in page.title[0].value
    assert [s.value[:2] for s in page.subheader] == ["1.", "2.", "3.", "4.", "5.", "6.", "7."]
    assert page.metric[2].label == "Chance of overrun" and page.metric[2].value.endswith("%")


def test_a_budget_in_euros_is_shown_in_dollars(company):
    budget.save(
        company,
        budget.check_budget(
            name="euros",
            amount=100,
            currency="EUR",
            usd_rate=1.1,
            usd_rate_on="2026-10-01",
            filters={"team": ("legal",)},
        ),
    )
    try:
        table = next(
            frame.value for frame in opened("weekly").dataframe if "amount_usd" in frame.value.columns
        ).set_index("name")
        assert table.loc["euros", "amount_usd"] == pytest.approx(110) and table.loc["company", "amount_usd"] == 60
    finally:
        company.delete("budget", "euros")


def test_weekly_opens_another_week_by_link(company):
    assert "2026-W42" in opened("weekly", week="2026-W42").title[0].value
    first = opened("weekly", week="2026-W35")
    assert any("nothing to compare this week with" in info.value for info in first.info)


def test_the_plan_says_how_sure_it_is(company):
    page = opened("plan", months="6")
    assert (
        page.title[0].value.startswith("The 6 months from Nov 2026 are on course for")
        and "chance to exceed" in page.title[0].value
    )
    scenario = next(frame.value for frame in page.dataframe if "scenario" in frame.value.columns)
    assert list(scenario["scenario"]) == ["Plan as it stands", "with launch", "Without any event"]
    assert scenario["p50"][1] > scenario["p50"][0]


def test_the_plan_holds_a_chargeback_statement_that_adds_up(company):
    page = opened("plan")
    table = next(frame.value for frame in page.dataframe if "Own work" in frame.value.columns)
    assert table["Team"].iloc[-1] == "Total"
    assert table["Total"].iloc[-1] == pytest.approx(table["Total"].iloc[:-1].sum(), abs=1e-9)
    page.selectbox(key="chargeback_month").set_value(date(2026, 9, 1)).run()
    assert not page.exception and any("September 2026 cost" in caption.value for caption in page.caption)


def test_the_salary_prices_the_staffing_line(company):
    page = opened("plan")
    page.number_input(key="salary").set_value(150_000).run()
    line = next(frame.value for frame in page.dataframe if "line" in frame.value.columns)
    assert line["from"][1] == 2 * 150_000  # eight models and features in use, one engineer per five to seven
    assert not page.exception


def test_savings_show_what_to_do_and_the_way_to_a_decision(company):
    page = opened("savings")
    assert "a month could be saved" in page.title[0].value
    assert {"Put it on the list", "Save owners"} <= {button.label for button in page.button}
    assert any("confidence" in caption.value for caption in page.caption)
    assert opened("savings", team="legal").title[0].value != page.title[0].value


BRIDGE = {
    "drivers": [{"label": "Volume", "usd": 120.0}, {"label": "Price", "usd": -30.0}, {"label": "Cache", "usd": 0.0}]
}


def test_driver_bars_stand_on_zero_with_their_sign():
    figure = finance_charts.drivers(BRIDGE, charts.LIGHT)
    assert list(figure.data[0].y) == ["Price", "Volume"]
    amounts = figure.data[1]
    assert [text.strip() for text in amounts.text] == ["−$30.00", "+$120.00"]
    assert list(amounts.x) == [0.0, 120.0] and amounts.textposition.endswith("right")  # never over the names
    assert figure.layout.xaxis.range[0] < 0 < figure.layout.xaxis.range[1]


def test_the_fan_has_a_band_a_dashed_forecast_and_labels_that_do_not_touch():
    import pandas as pd

    months = pd.DataFrame(
        {
            "month": [date(2026, 11, 1), date(2026, 12, 1)],
            "cum_p10": [80.0, 170.0],
            "cum_p50": [100.0, 200.0],
            "cum_p90": [130.0, 260.0],
        }
    )
    figure = finance_charts.fan(months, charts.DARK, 100.0, {"<other>": months})
    assert isinstance(figure, go.Figure)
    assert [trace.line.dash for trace in figure.data[2:]] == ["dot", "dash", "solid"]
    heights = sorted(a.y / 200 * 280 + a.yshift for a in figure.layout.annotations)
    assert all(b - a >= 16 for a, b in zip(heights, heights[1:], strict=False))
    assert all("<other>" not in a.text for a in figure.layout.annotations)
