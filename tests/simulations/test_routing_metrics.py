"""Published values, reproduced from the published data, and the laws of the metrics."""

from __future__ import annotations

import csv
import json
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from simulations.router_metrics.cost_quality import (
    best_single,
    cascade,
    envelope,
    oracle,
    pareto,
)
from simulations.router_metrics.metrics import (
    Binary,
    aiq,
    aiq_upstream,
    apgr,
    apgr_upstream,
    cpt,
    deferral_curve,
    optimal,
    pgr,
    router_arena_score,
)
from simulations.router_metrics.results_table import read_results, results_table


@lru_cache
def swebench(folder):
    with open(folder / "swebench/bashonly_published.csv") as file:
        usable = {row["model"]: row for row in csv.DictReader(file) if row["usable"] == "1"}
    with open(folder / "swebench/bashonly_per_instance.csv") as file:
        rows = [
            {"prompt": r["instance_id"], "model": r["model"], "correct": r["resolved"], "cost_usd": r["cost_usd"]}
            for r in csv.DictReader(file)
            if r["model"] in usable
        ]
    return results_table(rows), usable


@lru_cache
def routellm_mmlu(folder):
    with open(folder / "routellm/mmlu/contaminated_prompts.jsonl") as file:
        contaminated = {json.loads(line)["eval_prompt"] for line in file}
    weak, strong = [], []
    for path in sorted((folder / "routellm/mmlu").glob("*.csv")):
        with open(path) as file:
            for row in csv.DictReader(file):
                if row["prompt"] not in contaminated:
                    weak.append(row["mistralai/Mixtral-8x7B-Instruct-v0.1"] == "True")
                    strong.append(row["gpt-4-1106-preview"] == "True")
    return weak, strong


def test_swebench_totals_per_model(shared_data):
    table, published = swebench(shared_data)
    assert (len(table.prompts), len(table.models)) == (500, 24)
    for model, cost, quality in table.points():
        assert cost * 500 == pytest.approx(float(published[model]["total_cost_usd_published"]), abs=1e-4)
        assert quality * 100 == pytest.approx(float(published[model]["resolved_published_pct"]), abs=0.15), model


def test_swebench_pareto_hull_and_aiq(shared_data):
    table, _ = swebench(shared_data)
    points = [(cost, quality) for _, cost, quality in table.points()]
    assert [(round(c, 4), round(q, 3)) for c, q in pareto(points)] == [
        (0.0281, 0.600),
        (0.2804, 0.650),
        (0.3062, 0.660),
        (0.4600, 0.742),
        (0.7212, 0.744),
    ]
    assert len(envelope(points)) == 3 + 1  # the last point only continues the hull to the dearest model
    assert aiq(points) == pytest.approx(0.715185, abs=5e-7)
    assert aiq_upstream(points) == pytest.approx(0.697435, abs=5e-7)
    assert best_single(table)[0].startswith("Claude 4.5 Opus")


def test_swebench_oracle_and_cascades(shared_data):
    table, _ = swebench(shared_data)
    best = oracle(table)
    assert best.quality == pytest.approx(0.872)
    assert best.cost_usd == pytest.approx(0.07535, abs=5e-6)
    deepseek, gemini, opus = (
        next(m for m in table.models if word in m) for word in ("DeepSeek", "Gemini 3 Pro", "4.5 Opus")
    )
    assert cascade(table, [deepseek, gemini]) == pytest.approx((0.2607, 0.772), abs=5e-5)
    assert cascade(table, [deepseek, opus]) == pytest.approx((0.4179, 0.776), abs=5e-5)


def test_routellm_mmlu_endpoints_and_optimal_router(shared_data):
    weak, strong = routellm_mmlu(shared_data)
    curve = optimal(weak, strong)
    assert len(weak) == 14_037
    assert (curve.weak * 100, curve.strong * 100) == pytest.approx((68.0915, 80.5870), abs=5e-5)
    assert curve.weak + 0.5 * (curve.strong - curve.weak) == pytest.approx(0.7434, abs=5e-5)
    assert curve.quality[-1] * 100 == pytest.approx(85.873, abs=5e-4)
    assert (cpt(curve, 0.5), cpt(curve, 0.8)) == pytest.approx((0.0625, 0.1000), abs=5e-5)
    assert apgr_upstream(curve) == pytest.approx(1.2896, abs=5e-5)
    assert apgr(curve) == pytest.approx(1.361, abs=5e-4)


def test_routellm_mt_bench_endpoints(shared_data):
    """The paper rounds up: 9.3 and 8.8 against 9.21 and 8.75 in its own data, hence the tenth."""
    with open(shared_data / "routellm/mt_bench/contaminated_prompts.jsonl") as file:
        contaminated = {json.loads(line)["eval_prompt"] for line in file}
    with open(shared_data / "routellm/mt_bench/question.jsonl") as file:
        clean = {q["question_id"] for q in map(json.loads, file) if q["turns"][0] not in contaminated}
    scores: dict[str, list[float]] = {}
    with open(shared_data / "routellm/mt_bench/judgements.jsonl") as file:
        for row in map(json.loads, file):
            if row["question_id"] in clean and row["score"] >= 0:
                scores.setdefault(row["model"], []).append(row["score"])
    strong, weak = np.mean(scores["gpt-4-1106-preview"]), np.mean(scores["mistralai/Mixtral-8x7B-Instruct-v0.1"])
    assert (strong, weak) == pytest.approx((9.2118, 8.28125), abs=0.1)


@pytest.mark.parametrize(
    ("accuracy", "cost", "score"),
    [(0.7123, 0.061, 0.7160), (0.1818, 0.0518, 0.1953), (0.6901, 0.04749, 0.6973), (0.5234, 0.17599, 0.5332)],
)
def test_router_arena_score(accuracy, cost, score):
    assert router_arena_score(accuracy, cost) == pytest.approx(score, abs=1e-4)


def test_router_arena_cached_answers(shared_data):
    with open(shared_data / "routerarena/cost.json") as file:
        prices = json.load(file)
    published = {"gemini-2.0-flash-001": (0.6901, 0.04749), "claude-3-haiku-20240307": (0.5234, 0.17599)}
    for model, (accuracy, per_1k) in published.items():
        with open(shared_data / f"routerarena/{model}.jsonl") as file:
            rows = [json.loads(line)["evaluation_result"] for line in file]
        assert len(rows) == 809 and model in prices
        assert np.mean([row["score"] for row in rows]) == pytest.approx(accuracy, abs=5e-5)
        assert np.mean([row["inference_cost"] for row in rows]) * 1000 == pytest.approx(per_1k, abs=5e-6)


def test_mmlu_pro_pool(shared_data):
    with open(shared_data / "mmlu_pro/correct_matrix.csv") as file:
        rows = list(csv.reader(file))
    names = rows[0][1:]
    kept = [i for i, name in enumerate(names) if name != "DeepSeek-Coder-V2"]
    whole = [row[1:] for row in rows[1:] if all(row[1 + i] for i in kept)]
    table = results_table(
        {"prompt": str(n), "model": names[i], "correct": row[i], "cost_usd": 0}
        for n, row in enumerate(whole)
        for i in kept
    )
    assert (len(table.prompts), len(table.models)) == (12_002, 28)
    name, _, quality = best_single(table)
    assert name == "gemini-1.5-pro-002" and quality == pytest.approx(0.7024, abs=5e-5)
    best = oracle(table, chance=0.1)
    assert best.quality == pytest.approx(0.9447, abs=5e-5)
    assert best.guessing == pytest.approx(0.9477, abs=5e-5)
    assert best.corrected < 0  # the oracle over 28 models is no better than 28 guessers
    flash, pro = (table.scores[:, table.column(f"gemini-1.5-{tier}-002")] for tier in ("flash", "pro"))
    assert (flash.mean(), pro.mean(), np.maximum(flash, pro).mean()) == pytest.approx(
        (0.6409, 0.7024, 0.7830), abs=2e-4
    )


def test_deferral_curve_ends_at_the_two_models():
    curve = Binary(np.array([0.0, 1.0]), np.array([0.25, 0.75]), 0.25, 0.75)
    plain, paid_twice = deferral_curve(curve, 1.0, 5.0), deferral_curve(curve, 1.0, 5.0, cascade=True)
    assert plain[0] == (1.0, 0.25) and plain[-1] == (5.0, 0.75)
    assert paid_twice[-1] == (6.0, 0.75)


def test_undefined_metrics_say_so():
    with pytest.raises(BadInput, match="same quality"):
        pgr(0.5, 0.4, 0.4)
    with pytest.raises(BadInput, match="span of costs"):
        aiq([(1.0, 0.5)])
    assert cpt(Binary(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 0.0, 1.0), 1.5) is None


ROWS = [
    {"prompt": "a", "model": "x", "score": 1, "cost_usd": 1},
    {"prompt": "a", "model": "y", "score": 0, "cost_usd": 2},
]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "empty"),
        ([*ROWS, ROWS[0]], "two results for x"),
        ([*ROWS, {"prompt": "b", "model": "x", "score": 1}], "y missing"),
        ([{"prompt": "a", "model": "x", "score": 7}], "score `7`"),
        ([{"prompt": "a", "model": "x", "score": 1, "cost_usd": -2}], "cost `-2`"),
        ([{"prompt": "a", "score": 1}], "no `model`"),
        ([{"prompt": "a", "model": "x"}], "no `correct`"),
    ],
)
def test_a_results_table_with_faults_is_refused(rows, words):
    with pytest.raises(BadInput, match=words):
        results_table(rows)


def test_incomplete_prompts_are_dropped_only_on_request():
    rows = [*ROWS, {"prompt": "b", "model": "x", "score": 1}]
    assert results_table(rows, drop=True).prompts == ("a",)
    with pytest.raises(BadInput, match="cannot be compared"):
        results_table([ROWS[0], {"prompt": "b", "model": "y", "score": 1}], drop=True)


def test_results_are_read_from_csv_and_jsonl(tmp_path):
    (tmp_path / "r.csv").write_text("prompt,model,correct,cost\na,x,true,0.1\na,y,false,0.2\n")
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    assert read_results(tmp_path / "r.csv").scores.tolist() == [[1, 0]]
    table = read_results(tmp_path / "r.jsonl")
    with pytest.raises(BadInput, match="its models are x, y"):
        table.column("gpt")


points = st.lists(st.tuples(st.floats(0.01, 100), st.floats(0, 1)), min_size=1, max_size=12)


@given(points)
@settings(max_examples=100, deadline=None)
def test_the_hull_is_above_every_model_and_concave(cloud):
    hull = envelope(cloud)
    for cost, quality in cloud:
        assert np.interp(cost, *zip(*hull, strict=True)) >= quality - 1e-9
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(hull, hull[1:], strict=False)]
    assert all(later <= earlier + 1e-6 * (1 + abs(earlier)) for earlier, later in zip(slopes, slopes[1:], strict=False))


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=40
    )
)
@settings(max_examples=100, deadline=None)
def test_the_oracle_is_the_best_and_random_mixing_lies_between(cells):
    rows = [
        {"prompt": i, "model": m, "score": c[k], "cost_usd": c[2 + k]}
        for i, c in enumerate(cells)
        for k, m in enumerate("ab")
    ]
    table = results_table(rows)
    best = oracle(table)
    qualities = table.scores.mean(0)
    assert best.quality >= qualities.max() - 1e-12
    assert best.cost_usd <= table.costs.max(1).mean() + 1e-12
    assert cascade(table, ["a", "b"])[1] == pytest.approx(best.quality)


def test_the_public_tables_are_read_as_they_are(tmp_path):
    """RouterBench: dollars under a model's name and `|total_cost`; RouteLLM: right and wrong by model, no dollars."""
    path = tmp_path / "wide.csv"
    path.write_text(
        "sample_id,prompt,eval_name,gpt-4,mixtral,gpt-4|total_cost,mixtral|total_cost,oracle\n"
        "q1,a,x,1.0,0.0,0.02,0.001,gpt-4\nq2,a,x,0.5,1,0.04,0.003,mixtral\n"
    )
    table = read_results(path)
    assert (table.prompts, table.models) == (("q1", "q2"), ("gpt-4", "mixtral"))
    assert table.scores.tolist() == [[1, 0], [0.5, 1]] and table.costs.tolist() == [[0.02, 0.001], [0.04, 0.003]]
    path.write_text("prompt,gpt-4,mixtral\na,True,False\nb,True,True\n")
    assert read_results(path).scores.tolist() == [[1, 0], [1, 1]]
    path.write_text("prompt,score\na,1\n")
    with pytest.raises(BadInput, match="no `model`"):
        read_results(path)


WIDE = {
    "scores and dollars by suffix": (
        "question,gpt-5_score,gpt-5_cost,haiku_score,haiku_cost\na,1,0.02,0,0.001\nb,1,0.04,1,0.003\n",
        {"haiku": (0.002, 0.5), "gpt-5": (0.03, 1)},
    ),
    "a unit in the header": (
        "id,gpt-5 correct,gpt-5 cost ($),haiku correct,haiku cost ($)\na,yes,0.02,no,0.001\nb,yes,0.04,yes,0.003\n",
        {"haiku": (0.002, 0.5), "gpt-5": (0.03, 1)},
    ),
    "the same question twice": (
        "prompt,mixtral,gpt-4\nq,True,True\nq,False,True\n",
        {"mixtral": (0, 0.5), "gpt-4": (0, 1)},
    ),
    "a data frame's index": (
        ",prompt,mixtral,gpt-4\n0,a,True,True\n1,b,False,True\n",
        {"mixtral": (0, 0.5), "gpt-4": (0, 1)},
    ),
}


@pytest.mark.parametrize("kind", WIDE)
def test_a_wide_table_is_read_however_its_columns_are_called(kind, tmp_path):
    text, expected = WIDE[kind]
    (path := tmp_path / "results.csv").write_text(text)
    found = {model: pytest.approx((cost, score)) for model, cost, score in read_results(path).points()}
    assert expected == found


def test_an_empty_cell_of_a_wide_table_is_an_answer_that_was_not_given(tmp_path):
    """Not a model that is left out of the table without a word, and no free answer."""
    (path := tmp_path / "results.csv").write_text("prompt,mixtral,gpt-4\nq1,True,True\nq2,,True\n")
    with pytest.raises(BadInput, match="mixtral missing"):
        read_results(path)
    assert read_results(path, drop=True).points() == [("mixtral", 0, 1), ("gpt-4", 0, 1)]
    path.write_text("prompt,x_score,x_cost,y_score,y_cost\nq1,1,0.02,0,\n")
    with pytest.raises(BadInput, match="no cost; write 0 where the answer was free"):
        read_results(path)
