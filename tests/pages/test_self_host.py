"""The Self-host page as a reader meets it: empty, typed, from the log, and refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from data import rollups
from data.facts.tables import rows_at, stamp
from data.version import provenance
from pages.parts.hosting import board as hosting_board
from pages.parts.hosting import facts as hosting_catalog
from routing.policies.in_force import mark
from routing.policies.saved_policies import POLICIES
from tests.pages import page_alone
from tests.simulations.ledgers import START, ledger_of

opened = partial(page_alone.opened, "self_host")


def metrics(page: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in page.metric}


@pytest.fixture
def log(home):
    rows = [
        {
            "requested_at": START + timedelta(minutes=20 * i),
            "cost_usd": Decimal("0.05"),
            "data_class": "customer" if i % 2 else "internal",
            "model": "minimax-m2" if i % 3 else "gpt-5.2",
        }
        for i in range(200)
    ]
    ledger = ledger_of(home, rows)
    with ledger.write() as cursor:
        rollups.rebuild(cursor)
    ledger.close()


def test_without_a_log_a_typed_volume_answers():
    page = opened()
    assert page.title[0].value == "When would own GPUs pay?"
    assert "Choose the open model" in page.info[0].value
    typed = opened(open_model="qwen3-14b", gpus="1", gpu="H100 SXM")
    assert "qwen3" in typed.title[0].value and "never does" in typed.title[0].value
    assert any("volume is typed" in w.value for w in typed.warning)
    assert {"Payback", "GPUs paid for"} <= metrics(typed).keys()


def test_a_typed_volume_has_a_stated_shape():
    steady, office = (
        opened(open_model="qwen3-14b", gpus="1", gpu="H100 SXM", shape=shape)
        for shape in ("Every minute alike", "Weekdays from 8 to 18, a twentieth outside")
    )
    assert any("weekdays" in w.value for w in office.warning) and any("every minute" in w.value for w in steady.warning)
    assert int(metrics(steady)["GPUs paid for"]) <= int(metrics(office)["GPUs paid for"])


def test_scores_of_the_log_decide_what_is_eligible(home):
    rows = [
        {
            "requested_at": START + timedelta(minutes=20 * i),
            "cost_usd": Decimal("0.05"),
            "model": "minimax-m2" if i % 2 else "gpt-5.2",
            "task_type": "coding" if i % 4 < 2 else "chat",
            "quality_score": 0.7 if i % 4 == 1 else 0.9,
        }
        for i in range(200)
    ]
    ledger = ledger_of(home, rows)
    with ledger.write() as cursor:
        rollups.rebuild(cursor)
    ledger.close()
    whole, some = (opened(open_model="minimax-m2", gpus="4", **more) for more in ({}, {"most_lost": "5"}))
    assert any(e.label == "Is minimax-m2 good enough? Its scores in this log" for e in whole.expander)
    bill = [next(m for m in page.metric if m.label == "Per 1M tokens, own") for page in (whole, some)]
    assert bill[0].value != bill[1].value  # half the work, the same machines
    page = opened(open_model="minimax-m2", gpus="4")
    page.number_input(key="most_lost").set_value(5.0).run()
    assert not page.exception
    next(b for b in page.button if b.label == "Use this price there").click().run()
    assert not page.exception and any("reckon with" in m.value for m in page.markdown)


def test_from_the_log_with_the_residency_case(log):
    page = opened(open_model="minimax-m2", gpus="4", residency="true")
    assert page.toggle[0].value is True
    assert "minimax" in page.title[0].value
    assert metrics(page)["GPUs paid for"] != "–"


def test_a_model_that_does_not_fit_is_one_sentence():
    page = opened(open_model="deepseek-r1", gpus="1", gpu="L4", precision="fp8")
    assert "does not fit" in page.error[0].value


def test_the_board_file_needs_no_network():
    result = {
        "name": "a",
        "months": 36,
        "options": {},
        "p10": 1.0,
        "p50": 2.0,
        "p90": 3.0,
        "measure_first": "x",
        "assumptions": [],
    }
    text = hosting_board.board_html("<b>Answer</b>", result, [], ["note"], 7)
    assert "&lt;b&gt;Answer" in text and "http" not in text and provenance(7) in text


def test_an_edited_rent_keeps_its_neighbours_and_nothing_else(home):
    rows = [dict(row) for row in rows_at(stamp("gpu_prices.csv"))]
    assert hosting_catalog.own_rows("gpu_prices.csv", rows) == []
    edited = next(row for row in rows if row["gpu"] == "h100_sxm" and row["kind"] == "on_demand")
    edited["usd"] = "1.11"
    kept = hosting_catalog.own_rows("gpu_prices.csv", rows)
    assert len(kept) > 1 and {(r["gpu"], r["kind"]) for r in kept} == {("h100_sxm", "on_demand")}


def test_the_work_that_moves_is_what_the_policy_forbids_and_no_host_takes_what_it_forbids(log, state):
    legal = opened(open_model="minimax-m2", gpus="4", residency="true")
    assert "a host saves" not in legal.title[0].value
    assert any("A host of minimax-m2 is left out" in c.value for c in legal.caption)
    POLICIES.save(state, "free", {"name": "free", "fallback": ["current"]})
    mark(state, "free")
    assert not any("is left out" in c.value for c in opened(open_model="minimax-m2", gpus="4").caption)


def test_a_stated_purchase_pays_back_by_typed_cost_and_saving(home):
    page = opened(source="Typed cost and saving")
    assert page.title[0].value.startswith("The purchase pays back in 11.1 months with its people, 8.0 on capital cost")
    fields = {f.label: f for f in page.number_input}
    fields["Engineers to set it up"].set_value(0).run()
    assert "pays back in 8.0 months;" in page.title[0].value
    fields["Saving a year, USD"].set_value(90000).run()
    assert "pays back in 16.0 months;" in page.title[0].value
    fields["Saving a year, USD"].set_value(600000).run()  # more than the stated bill: then the bill is not known
    assert "pays back in 2.4 months;" in page.title[0].value and not page.error
    fields["Capital cost, USD"].set_value(6_000_000).run()
    assert "does not pay back in 36 months" in page.title[0].value and not page.exception
