"""The Vendors page: one is down, one fails, how much hangs on one; every figure typed, every refusal a sentence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from data import rollups
from pages.parts.vendors import buying, charts, dependence
from pages.ui.charts import LIGHT
from simulations.buying.desk import Desk, Way
from simulations.buying.ways import Purchase
from simulations.buying.work import Work
from simulations.outages.concentration import Elsewhere
from tests.pages import page_alone
from tests.simulations.ledgers import START, ledger_of


@pytest.fixture(autouse=True)
def log(home, alone):
    """A day of OpenAI's requests, a fifth with customer data; every eighth fails at a rate limit and never succeeds."""
    rows = []
    for n in range(80):
        failed = {"status": "error", "error_class": "rate_limit", "cost_usd": Decimal(0)} if n % 8 == 7 else {}
        rows.append({"requested_at": START + timedelta(minutes=6 * n), **failed})
    ledger = ledger_of(home, rows)
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.batches (batch_id, path, format, loaded) VALUES ('b1', 'x.jsonl', 'litellm', 80)"
        )
        rollups.rebuild(cursor)
    ledger.close()


def opened(look: str) -> AppTest:
    return page_alone.opened("vendors", look=look, window="All")


def title(page: AppTest) -> str:
    return page.title[0].value.replace("\\", "")


def test_a_vendor_that_is_down_is_answered_with_who_takes_over():
    page = opened("It is down")
    assert title(page).startswith("openai down for 4 hours: 0 of 35 requests fail, the rest goes elsewhere for ")
    assert title(page).endswith(", as far as their unknown rate limits allow")
    next(m for m in page.multiselect if "instead" in m.label).set_value([]).run()
    assert "35 of 35 requests fail, nobody else takes them" in title(page)


def test_a_limit_typed_turns_requests_away():
    page = opened("It is down")
    next(n for n in page.number_input if n.label.startswith("claude")).set_value(0.1).run()
    assert not page.exception and {m.label: m.value for m in page.metric}["Minutes above a limit"] == "35"
    for field in [n.key for n in page.number_input if n.key and n.label.endswith("requests a minute")]:
        page.number_input(key=field).set_value(50).run()
    assert "unknown" not in title(page)


@pytest.mark.parametrize(
    ("look", "label", "value", "words"),
    [
        ("It is down", "For hours", 0.0, "hours: give a number above 0 (got 0.0)"),
        ("It is down", "For hours", 100_000.0, "hours: give a number of at most 336"),
        ("It is down", "claude-opus-4-5, requests a minute", 0.0, "the limit of claude-opus-4-5 is 0 requests"),
        ("It fails", "Documented requests a minute", 0.0, "per_minute: give a number above 0"),
        ("How much hangs on it", "Share to keep elsewhere, %", 100, "100.0% cannot be kept elsewhere"),
        ("How to buy", "Can wait for a batch, %", 120.0, "can_wait: give a number of at most 1"),
    ],
)
def test_a_figure_out_of_bounds_is_a_sentence_and_no_old_answer(look, label, value, words):
    page = opened(look)
    next(n for n in page.number_input if n.label == label).set_value(value).run()
    said = [*page.error, *page.info]
    assert not page.exception and any(words in one.value.replace("\\", "") for one in said), [o.value for o in said]
    assert not any(page.metric) and "; " not in title(page)


def test_each_view_starts_from_a_scenario_of_its_own():
    page = opened("It is down")
    for look, first in (("It fails", "MiniMax"), ("How to buy", "GPT-5.2"), ("It is down", "OpenAI")):
        page.segmented_control(key="look").set_value(look).run()
        assert not page.exception and first in page.selectbox(key="start_from").value


def test_minutes_of_an_outage_have_hours_on_their_axis():
    table = pd.DataFrame({"minute": pd.date_range("2026-11-10 11:00", periods=3, freq="min"), "taken": 1, "failed": 0})
    axis = charts.minutes(table, LIGHT).layout.xaxis
    assert axis.tickformat.startswith("%H:%M") and not axis.tickformatstops


def test_a_drill_longer_than_the_log_is_one_sentence():
    page = opened("It is down")
    next(n for n in page.number_input if n.label == "For hours").set_value(100).run()
    assert not page.exception and "the log only" in page.warning[0].value and not page.metric


def test_failures_go_elsewhere_by_choice():
    page = opened("It fails")
    assert "first asked minimax-m2" in page.warning[0].value.replace("\\", "")
    next(s for s in page.selectbox if s.label == "What fails").set_value((None, "gpt-5.2")).run()
    assert title(page).startswith("gpt-5.2 fails 12.5% of first tries; 10 requests go to claude-opus-4-5 for ")
    assert title(page).endswith(", 10 of 10 lost ones among them")
    assert page.metric[2].value == "10"  # the dollars are of as many requests as the title says


def test_how_much_hangs_on_a_vendor():
    page = opened("How much hangs on it")
    assert title(page).startswith("100.0% of requests hang on the provider openai")


def test_a_step_off_a_maker_is_told_beside_the_makers_share():
    columns = ["kind", "name", "requests_share"]
    shares = [("provider", "openai", 0.5), ("vendor", "OpenAI", 0.75), ("vendor", "Qwen", 0.25)]
    table = pd.DataFrame(shares, columns=columns)
    step = Elsewhere("OpenAI", 0.75, 0.4, -1352.0, None, {"qwen3-max": 0.15})
    told = dependence.sentence(table, step)
    assert told == "75.0% of requests hang on models of OpenAI; keeping 40.0% off them saves $1,352 a year"


def test_how_to_buy_a_models_work_needs_a_week_of_log():
    page = opened("How to buy")
    assert "7 are needed" in page.warning[0].value and not page.error and not page.exception


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("batch", "If 20.0% of gpt-5.2's work can wait, as stated, batches cost $10.00 a month less"),
        ("seats", "A way, at the stated figures: $10.00 a month less"),
    ],
)
def test_a_title_that_rests_on_a_stated_figure_says_so(kind, words):
    day = np.zeros(1)
    work = Work("gpt-5.2", day.astype(int), day, day, np.array([100.0]), 30, None, ())
    best = Way(kind, "A way", work.usd_per_month - 10, None, None, None, "", "", "")
    told = Purchase(kind="purchase", name="t", model="gpt-5.2", can_wait=0.2)
    assert buying.sentence(told, Desk("gpt-5.2", work, (best,), None, 0, None)).startswith(words)
