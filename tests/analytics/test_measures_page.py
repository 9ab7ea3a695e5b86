from __future__ import annotations

from analytics import measures_page
from analytics.measures import MEASURES, Measure
from analytics.registry import DIMENSIONS, Dimension
from data import wording


def test_the_docs_page_is_what_the_registry_says():
    assert measures_page.PAGE.read_text() == measures_page.page(), (
        "run: python -m analytics measures --out docs/measures.md"
    )


def test_every_measure_and_dimension_is_explained_with_its_unit():
    text = measures_page.page()
    declared: list[Measure | Dimension] = [*MEASURES.values(), *DIMENSIONS.values()]
    for one in declared:
        assert f"| `{one.name}` | {one.label} |" in text and one.meaning


def test_every_unit_of_a_measure_has_a_way_to_be_written():
    assert {measure.unit for measure in MEASURES.values()} <= wording.UNITS
