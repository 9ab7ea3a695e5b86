"""Figures of the Self-host page, as data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pages.parts.hosting import charts as hosting_charts
from pages.parts.hosting.answer import payback_words
from pages.ui.charts import LIGHT

MONTHS = pd.DataFrame({"month": [0, 1, 2], "api_usd": [0.0, 10, 10], "bought_usd": [15.0, 1, -5]})


def test_costs_run_up_and_line_ends_are_named():
    figure = hosting_charts.over_months(MONTHS, LIGHT)
    assert [list(trace.y) for trace in figure.data] == [[0, 10, 20], [15, 16, 11]]
    assert {a.text.split(" $")[0] for a in figure.layout.annotations} == {"API", "Bought GPUs"}


def test_the_break_even_is_marked_where_it_is():
    multiples = np.geomspace(0.1, 10, 9)
    figure = hosting_charts.over_volume(multiples, multiples - 2, 2.0, LIGHT)
    assert [a.text for a in figure.layout.annotations] == ["today", "break-even 2 x"]
    assert figure.layout.annotations[1].x == np.log10(2)
    assert len(hosting_charts.over_volume(multiples, multiples - 200, None, LIGHT).layout.annotations) == 1


def test_replicas_are_drawn_by_the_hour_of_the_last_week():
    load = np.repeat(np.arange(400.0), 60)
    figure = hosting_charts.replicas_against_arrivals(load, 3, pd.Timestamp("2026-10-05"), LIGHT)
    peak, mean = figure.data
    assert len(mean.y) == 168 and mean.y[-1] == peak.y[-1] == 399
    assert mean.customdata[0][1] == "2026-10-14 16" and peak.customdata[-1][1] == "2026-10-21 15"  # what a click opens
    assert hosting_charts.replicas_against_arrivals(load[:30], 3, pd.Timestamp("2026-10-05"), LIGHT).data[0].y[0] == 0


def test_the_tornado_is_centred_on_the_base_case():
    swings = pd.DataFrame(
        {
            "name": ["pue", "rent"],
            "low_value": [1, 2],
            "high_value": [2, 3],
            "unit": ["ratio", "per year"],
            "npv_at_low_usd": [5.0, 8],
            "npv_at_high_usd": [15.0, 12],
            "base_usd": [10.0, 10],
        }
    )
    figure = hosting_charts.npv_tornado(swings, LIGHT)
    low, high = figure.data
    lines = [line.text for line in figure.layout.annotations]
    assert lines[::3] == ["<b>Rent</b>", "<b>Power overhead (PUE)</b>"]
    assert (list(low.x), list(high.x)) == ([-2, -5], [2, 5])
    assert lines[2::3] == ["300%: +$2.00", "2: +$5.00"] and set(low.marker.color) == {LIGHT.more}  # a loss is red


@pytest.mark.parametrize(
    ("months", "never", "words"),
    [
        (
            4.0,
            0.67,
            "Renting GPUs for m probably never pays back (67% of futures); as it stands it pays back in 4 months",
        ),
        (0, 0.6, "Renting GPUs for m probably never pays back (60% of futures); as it stands it is cheaper at once"),
        (4.0, 0.2, "Renting GPUs for m pays back in 4 months; 20% chance that it never does"),
        (None, 0.9, "Own machines for m do not pay back in 36 months (90% of futures)"),
        (None, 0.3, "Own machines for m do not pay back in 36 months as it stands, but in most futures they do"),
    ],
)
def test_a_title_speaks_the_likelier_half(months, never, words):
    result = {"payback_months": months, "chance_never_pays_back": never, "option": "rented", "months": 36}
    assert payback_words(result, "m") == words
