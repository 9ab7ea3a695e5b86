"""The CTO's question, and what a mix must refuse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.facts.models import shipped_catalog
from data.yaml_text import validate
from simulations.mixes.mix import MixScenario, normalise_shares, simulate_mix
from simulations.ranges import Assumptions
from simulations.scenario import read_scenario, write_scenario


def scenario(baseline, proposed, **more):
    body = {"kind": "mix", "name": "test", "baseline": {"models": baseline}, "proposed": {"models": proposed}, **more}
    return validate(MixScenario, body, {(): 1}, "test.yaml")


def entry(model, share, cost=100.0, quality=0.9):
    return {"model": model, "share": share, "annual_cost_usd": cost, "quality": quality}


def test_the_ctos_question():
    result = simulate_mix(read_scenario("cto_question", MixScenario, "mix"), shipped_catalog())
    assert result["baseline"]["annual_cost_usd"] == 600_000
    assert result["baseline"]["quality"] == pytest.approx(0.933, abs=1e-12)
    assert result["proposed"]["annual_cost_usd"] == 380_000
    assert result["proposed"]["quality"] == pytest.approx(0.9265, abs=1e-12)
    assert (result["savings_usd"], result["savings_pct"]) == (220_000, 36.67)
    assert result["complexity_change"] == 0.30
    assert result["baseline"]["by_origin"] == {"US": 0.7, "CN": 0.3}
    assert result["proposed"]["by_hosting"] == {"self": 0.65, "api": 0.35}
    assert result["proposed"]["quality_tier"] == "stated"


def test_the_range_is_around_the_saving_and_the_same_every_time():
    question = read_scenario("cto_question", MixScenario, "mix")
    first, again = (simulate_mix(question, shipped_catalog())["ranges"] for _ in range(2))
    assert first == again
    low, middle, high = (first["savings_usd"][p] for p in ("p10", "p50", "p90"))
    assert low < middle < high and low < 220_000 < high
    assert first["quality_change"]["p10"] < -0.0065 < first["quality_change"]["p90"]
    assert 0.9 < first["chance_of_saving"] <= 1


def test_each_unknown_alone_says_what_it_does_to_the_saving():
    result = simulate_mix(read_scenario("cto_question", MixScenario, "mix"), shipped_catalog())["ranges"]
    widths = [row["savings_p90"] - row["savings_p10"] for row in result["sources"]]
    whole = result["savings_usd"]["p90"] - result["savings_usd"]["p10"]
    assert [row["name"] for row in result["sources"]][0] == "verbosity" and widths == sorted(widths, reverse=True)
    assert max(widths) < whole < sum(widths)
    assert next(row for row in result["sources"] if row["name"] == "growth")["savings_p10"] == 220_000


def test_nothing_is_uncertain_about_a_mix_that_stays():
    same = [entry("gpt-5.2", 0.6), entry("minimax-m2", 0.4)]
    ranges = simulate_mix(scenario(same, same), shipped_catalog())["ranges"]
    assert ranges["savings_usd"] == {"p10": 0, "p50": 0, "p90": 0}


def test_moving_house_keeps_the_verbosity_of_the_model():
    ranges = simulate_mix(scenario([entry("minimax-m2", 1.0)], [entry("minimax-m2@self", 1.0, 60)]), shipped_catalog())[
        "ranges"
    ]
    assert ranges["savings_usd"]["p10"] == ranges["savings_usd"]["p90"] == 40


def test_unknown_quality_stays_unknown():
    result = simulate_mix(
        scenario([entry("gpt-5.2", 1.0)], [{"model": "gpt-5.1", "share": 1.0, "annual_cost_usd": 1}]), shipped_catalog()
    )
    assert result["proposed"]["quality"] is None and result["quality_change"] is None
    assert result["proposed"]["quality_tier"] == "refused"
    assert result["ranges"]["quality_change"] is None


@pytest.mark.parametrize(
    ("proposed", "words"),
    [
        ([entry("gpt-5.2", 0.9)], "sum to 0.9, not to 1.*normalise"),
        ([entry("gpt-5.2", 0.5), entry("gpt-5.2", 0.5)], "named twice"),
        ([entry("gpt-5.2", 1.0, cost=-1)], "at least 0"),
        ([entry("gpt-5.2", 1.0, cost=float("nan"))], "finite"),
        ([entry("gpt-5.2", 1.0, quality=95)], "at most 1"),
        ([], "at least 1"),
    ],
)
def test_a_mix_with_faults_is_refused(proposed, words):
    with pytest.raises(BadInput, match=words):
        scenario([entry("gpt-5.2", 1.0)], proposed)


def test_a_mix_without_costs_says_which_are_missing():
    with pytest.raises(BadInput, match="no annual_cost_usd for gpt-5.2"):
        simulate_mix(scenario([{"model": "gpt-5.2", "share": 1.0}], [entry("gpt-5.1", 1.0)]), shipped_catalog())


def test_shares_are_normalised_on_request_only():
    body = {"baseline": {"models": [entry("a", 0.2), entry("b", 0.2)]}, "proposed": {"models": [entry("a", 1.0)]}}
    assert [e["share"] for e in normalise_shares(body)["baseline"]["models"]] == [0.5, 0.5]
    with pytest.raises(BadInput, match="cannot be normalised"):
        normalise_shares({"baseline": {"models": [entry("a", 0)]}, "proposed": {"models": []}})


def test_a_scenario_survives_writing_and_reading(tmp_path):
    question = read_scenario("cto_question", MixScenario, "mix")
    (tmp_path / "mine.yaml").write_text(write_scenario(question))
    assert read_scenario(tmp_path / "mine.yaml", MixScenario, "mix") == question


def test_a_file_of_another_kind_is_named():
    with pytest.raises(BadInput, match="kind is 'pipeline'"):
        read_scenario("legal_documents", MixScenario, "mix")


def test_a_range_upside_down_is_refused():
    with pytest.raises(BadInput, match="upside down"):
        scenario([entry("a", 1.0)], [entry("b", 1.0)], assumptions={"verbosity": [2.0, 0.5]})


shares = st.lists(st.floats(0.01, 1), min_size=1, max_size=6).map(lambda parts: [p / sum(parts) for p in parts])


@given(shares, shares, st.floats(0.5, 2))
@settings(max_examples=50, deadline=None)
def test_quantiles_are_ordered_and_quality_is_within_its_models(before, after, high):
    old = [entry(f"m{i}", s, 100 * s, 0.8) for i, s in enumerate(before)]
    new = [entry(f"m{i + 2}", s, 70 * s, 0.9) for i, s in enumerate(after)]
    body = scenario(old, new, assumptions=Assumptions(verbosity=(0.5, high)).model_dump())
    result = simulate_mix(body, shipped_catalog())
    saving = result["ranges"]["savings_usd"]
    assert saving["p10"] <= saving["p50"] <= saving["p90"]
    assert result["proposed"]["quality"] == pytest.approx(0.9)
    assert -1e-9 <= result["moved_share"] <= 1 + 1e-9


def moved_range(written, **factors):
    """P10, P50 and P90 of 300 USD that move to another model, `written` of them output; unnamed factors are certain."""
    certain = {"verbosity": (1, 1), "tokenizer": (1, 1), "cache_loss": (1, 1), "growth": (1, 1)}
    after = [entry("gpt-5.2", 1.0, 300) | ({} if written is None else {"output_share": written})]
    asked = scenario([entry("gpt-5.1", 1.0, 600)], after, assumptions=certain | factors)
    found = simulate_mix(asked, shipped_catalog())["ranges"]["annual_cost_usd"]
    return [found[name] for name in ("p10", "p50", "p90")]


@pytest.mark.parametrize(
    ("written", "factors", "right"),
    [
        (0.5, {"cache_loss": (1, 2)}, (300, 362, 450)),  # said 303, 423, 593: the whole bill was doubled
        (0.8, {"cache_loss": (1, 2)}, (300, 325, 360)),
        (0.5, {"cache_loss": (1, 1.1)}, (300, 307, 315)),
        (None, {"cache_loss": (1, 2)}, (300, 362, 450)),  # half is output where nobody says
        (0.0, {"verbosity": (0.5, 2)}, (300, 300, 300)),
        (1.0, {"verbosity": (0.5, 2)}, (150, 300, 600)),
        (0.1, {"verbosity": (0.5, 2)}, (285, 300, 330)),
        (0.1, {"tokenizer": (0.9, 1.15)}, (270, 305, 345)),  # a tokenizer counts all of it
    ],
)
def test_a_range_is_on_the_dollars_it_belongs_to(written, factors, right):
    """Methods 8, by hand: input x cache, output x length, both x tokenizer; a log-normal's P50 is the root of its ends'
    product."""
    assert moved_range(written, **factors) == pytest.approx(right, rel=0.02)


def test_one_models_length_is_one_unknown_wherever_it_runs():
    before = [entry("gpt-5.1", 1.0, 1000)]
    whole = scenario(before, [entry("minimax-m2", 1.0, 600)])
    once = simulate_mix(whole, shipped_catalog())["ranges"]["annual_cost_usd"]
    halves = [entry("minimax-m2", 0.5, 300), entry("minimax-m2@self", 0.5, 300)]
    assert simulate_mix(scenario(before, halves), shipped_catalog())["ranges"]["annual_cost_usd"] == once
