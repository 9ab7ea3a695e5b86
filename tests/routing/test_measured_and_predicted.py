"""What a run teaches the simulations, and whether the replay was right about it."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from scipy.stats import binomtest

from data.facts.models import current, shipped_catalog
from data.prices.book import PriceBook
from data.schema import TOKENS
from data.state import State
from routing.__main__ import main
from routing.runs.engine import execute
from routing.runs.measured_facts import measured_speed, save_measured, take_over_rows
from routing.runs.predictions import predictions, score_sentence
from routing.runs.store import create_run, read_run
from simulations.replay.repricing import Market
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import BAD, GOOD, adder, spec

TASKS = [
    {"id": f"t{n}", "prompt": f"{n} + {n}?", "source": "ledger", "asserts": [{"type": "equals", "value": str(2 * n)}]}
    for n in range(1, 25)
]


def tried(state: State, said: dict | None = None, tasks: list | None = None) -> str:
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        made = create_run(state, "t", spec(server.url, GOOD, BAD, tasks=tasks or TASKS, predicted=said or {}), "tester")
        execute(state, made)
    return made


def told(tokenizers: dict[str, float], source: str = "live lab, run r") -> Market:
    ratios = {
        name: {"tokenizer": {"value": v, "low": v, "high": v, "source": source, "date": "2026-11-27", "samples": 20}}
        for name, v in tokenizers.items()
    }
    return Market(PriceBook({}, {}), shipped_catalog().with_edits(ratios), pd.Timestamp("2026-11-01").to_pydatetime())


def test_a_run_says_what_it_measured_with_n_and_what_was_known(state):
    made = tried(state)
    rows = {(row["Model"], row["Fact"]): row for row in take_over_rows(state, made)}
    assert rows["good", "quality"]["Measured"].startswith("100.0%") and rows["good", "quality"]["n"] == "24"
    assert rows["bad", "quality"]["Known now"] == "unknown" and rows["bad", "latency, median"]["n"] == "24"
    low, high = binomtest(0, 24).proportion_ci(method="wilson")
    assert measured_speed(state, made)["good"].interval == pytest.approx((low, high)) and low == 0
    save_measured(state, made)
    known = current(state)
    assert known["good"].tokenizer.value == 1 and known["bad"].tokenizer.samples == 24
    assert next(row for row in take_over_rows(state, made) if row["Model"] == "bad")["Known now"].startswith(
        "4.2% measured"
    )


def test_a_measured_tokenizer_moves_input_dollars_and_nothing_else():
    market = told({"gpt-5.2": 1.0, "minimax-m2": 1.25})
    assert (
        market.tokenizer("gpt-5.2", "minimax-m2@self").value == 1.25
        and market.tokenizer("gpt-5.2", "gpt-5.2").value == 1
    )
    assert told({"minimax-m2": 1.25}).tokenizer("gpt-5.2", "minimax-m2").value == 1
    priced = Market(
        PriceBook({}, {}),
        market.catalog.with_edits({"minimax-m2": {"self_hosted": {"usd_per_mtok": 1.0}}}),
        market.at,
    )
    row = {name: 0.0 for name in TOKENS} | {"model": "gpt-5.2", "band": 0.0, "service_tier": "standard"}
    rows = pd.DataFrame([row | {"fresh_input_tokens": 1e6}, row | {"output_tokens": 1e6}]).assign(tool_fees_usd=0.0)
    assert list(priced.cost_at(rows, "minimax-m2@self", 1.0)) == pytest.approx([1.25, 1.0])
    assert list(priced.rates(rows, "minimax-m2@self")[0, :2] * 1e6) == pytest.approx([1.25, 1.25])


@pytest.mark.heavy
def test_a_prediction_is_kept_missed_or_not_told(state):
    made = tried(state, {"good": {"cost_per_task_usd": 1e-5, "quality": 1.0}, "bad": {"quality": 0.9}})
    found = {one.policy: one for one in predictions(state)}
    assert (found["bad"].verdict, found["bad"].why) == ("missed", "quality outside of the 95 % interval")
    assert found["good"].run_id == made and found["good"].usd_low <= found["good"].usd <= found["good"].usd_high
    assert found["good"].verdict == "missed" and "dollars" in found["good"].why
    real = {"good": {"cost_per_task_usd": found["good"].usd, "quality": 0.99}}
    asked = read_run(state, made)["spec"]
    for change, why in (
        ({}, "dollars and quality within their 95 % intervals"),
        ({"tasks": {**asked["tasks"], "tasks": asked["tasks"]["tasks"][:-1]}}, "dollars and quality within their 95 %"),
        ({"tasks": {**asked["tasks"], "tasks": [{**t, "source": None} for t in asked["tasks"]["tasks"]]}}, "not those"),
        ({"predicted": {"good": {"quality": 0.99}}}, "dollars or quality were not said"),
    ):
        with state.transaction() as db:
            db.execute("UPDATE live_runs SET spec = ?", (json.dumps({**asked, "predicted": real, **change}),))
        assert why in predictions(state)[0].why
    with state.transaction() as db:
        db.execute("UPDATE live_runs SET spec = ?", (json.dumps({**asked, "predicted": real}),))
        db.execute("DELETE FROM live_results WHERE policy = 'bad' AND task_id = 't1'")
    assert predictions(state)[0].why == "the run did not finish"
    assert score_sentence(predictions(state)) == "Of 1 prediction of a replay tried in the lab: 1 not told."


def test_the_command_tells_predictions(state, capsys):
    assert main(["predictions"]) == 0 and "open the lab from Routing" in capsys.readouterr().out
    tried(state, {"good": {"quality": 0.5}})
    assert main(["predictions", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)["predictions"][0]
    assert one["verdict"] == "missed" and one["said_usd"] is None and one["quality_low"] > 0.8
