"""The Pipeline page: the brief's documents, every figure typed, a stage without a price."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.pipeline.charts import dollars, schedule
from pages.ui.charts import LIGHT
from simulations.pipeline import PipelineScenario, simulate_pipeline
from simulations.scenario import read_scenario
from tests.pages import page_alone

pytestmark = pytest.mark.usefixtures("alone")
DRAWN = (dollars, schedule)
opened = partial(page_alone.opened, "pipeline")  # on an empty store


def title(page: AppTest) -> str:
    return page.title[0].value.replace("\\", "")


def field(page: AppTest, label: str, place: int = 0):
    """A number field by its label; several rows have the same."""
    return [f for f in page.number_input if f.label == label][place]


def test_the_briefs_documents_are_answered_in_the_title():
    page = opened()
    assert title(page) == "1,000 legal documents in stages: 75.0% cheaper, 70.0% faster, +9.0 pp of accuracy (stated)"
    assert {m.label: m.value for m in page.metric}["Cost"] == "$2,500"


def test_every_figure_is_a_field_and_the_yaml_follows():
    page = opened()
    field(page, "USD for all items", 1).set_value(8500).run()
    assert "5.0% dearer" in title(page)
    field(page, "Hours", 1).set_value(17).run()
    assert "5.0% slower" in title(page)
    assert "cost_usd: 8500" in page.text_area[0].value and "hours: 17" in page.text_area[0].value


def test_a_stage_at_once_shortens_the_chain():
    page = opened()
    next(box for box in page.selectbox if box.label == "Begins").set_value("at once").run()
    assert {m.label: m.value for m in page.metric}["Hours"] == "4"


def test_a_stage_without_a_price_has_no_total():
    page = opened()
    field(page, "Stages").set_value(4).run()
    assert not page.exception and not page.metric
    assert "“stage 4” has no price" in page.error[0].value.replace("\\", "")
    field(page, "USD for all items", 4).set_value(100).run()
    assert not page.error and "74.0% cheaper" in title(page)


def test_two_stages_of_one_name_are_one_sentence():
    page = opened()
    next(t for t in page.text_input if t.label == "Stage").set_value("summarise").run()
    assert "two stages are called" in page.error[0].value and not page.exception


def test_what_the_yaml_says_is_in_the_fields():
    page = opened()
    page.text_area[0].set_value(page.text_area[0].value.replace("1500", "2500"))
    next(b for b in page.button if b.label == "Apply the scenario").click().run()
    assert not page.exception and field(page, "USD for all items", 2).value == 2500
    assert "65.0% cheaper" in title(page)


def test_every_bar_says_whose_it_is_for_a_click():
    result = simulate_pipeline(read_scenario("legal_documents", PipelineScenario, "pipeline"))
    carried = [[one[1] for trace in draw(result, LIGHT).data for one in trace.customdata] for draw in DRAWN]
    assert carried == [["one model for all", "extract key terms", "analyse compliance", "summarise"]] * 2
