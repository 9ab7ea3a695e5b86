"""Results of three bench tools, and files that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from data.errors import BadInput, UnknownFormat, Unreadable
from simulations.hosting.bench_import import import_bench, measurement
from simulations.hosting.capacity import predict

RUN: dict[str, Any] = {"gpu": "h200", "count": 2, "layout": "tp2", "precision": "fp8"}
VLLM = {
    "date": "20260930-153000",
    "backend": "vllm",
    "model_id": "meta-llama/Llama-3.3-70B-Instruct",
    "max_concurrency": 64,
    "completed": 500,
    "total_input_tokens": 512_000,
    "total_output_tokens": 256_000,
    "mean_ttft_ms": 180.0,
    "mean_tpot_ms": 24.0,
    "request_throughput": 5.1,
}
AIPERF = {
    "start_time": "2026-09-30T10:00:00",
    "input_config": {"endpoint": {"model_names": ["qwen3-32b"]}, "loadgen": {"concurrency": 32}},
    "input_sequence_length": {"avg": 1000, "unit": "tokens"},
    "output_sequence_length": {"avg": 400, "unit": "tokens"},
    "inter_token_latency": {"avg": 0.02, "unit": "s"},
    "time_to_first_token": {"avg": 0.3, "unit": "s"},
    "request_throughput": {"avg": 3.5, "unit": "requests/sec"},
}
GENAI = {
    "input_config": {"model": ["qwen3-32b"], "perf_analyzer": {"stimulus": {"concurrency": 16}}},
    "input_sequence_length": {"avg": 1000},
    "output_sequence_length": {"avg": 400},
    "inter_token_latency": {"avg": 20, "unit": "ms"},
    "time_to_first_token": {"avg": 300, "unit": "ms"},
    "request_throughput": {"avg": 3.5},
}


def test_vllm_becomes_a_point_and_outranks_everything(tmp_path):
    file = tmp_path / "bench.json"
    file.write_text(json.dumps(VLLM))
    point = import_bench(file, **RUN)
    assert (point.model, point.gpu, point.count, point.concurrency, point.input_length, point.output_length) == (
        "llama-3.1-70b",
        "h200_sxm",
        2,
        64,
        1024,
        512,
    )
    assert (point.as_of, point.engine, point.source) == ("2026-09-30", "vllm", "bench.json")
    found = predict("llama-3.1-70b", "h200", 2, "tp2", "fp8", 1024, 512, 64, measurements=[point])
    assert found.tier == "user measurement" and "bench.json" in found.evidence
    assert found.output_tokens_per_s == pytest.approx(64 * 512 / (0.180 + 0.024 * 511))


def test_without_a_limit_littles_law_gives_the_concurrency():
    free = {**VLLM, "max_concurrency": None}
    assert measurement(free, "x", **RUN).concurrency == pytest.approx(5.1 * (0.180 + 0.024 * 511))


@pytest.mark.parametrize(("body", "concurrency", "more"), [(AIPERF, 32, {}), (GENAI, 16, {"as_of": "2026-10-01"})])
def test_aiperf_and_genai_perf(body, concurrency, more):
    point = measurement(body, "x", **RUN, **more)
    assert (point.model, point.concurrency, point.tpot_ms, point.ttft_ms) == (
        "qwen3-32b",
        concurrency,
        pytest.approx(20),
        pytest.approx(300),
    )


def test_two_replicas_share_the_concurrency():
    assert measurement(VLLM, "x", **{**RUN, "count": 4}).concurrency == 32


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ({"results": {}}, UnknownFormat, "vllm bench serve, AIPerf or GenAI-Perf"),
        ([], UnknownFormat, "not a result"),
        ("text", UnknownFormat, "not a result"),
        ({k: v for k, v in VLLM.items() if k != "mean_ttft_ms"}, BadInput, "mean_ttft_ms is missing"),
        ({**VLLM, "completed": 0}, BadInput, "completed is 0"),
        ({**VLLM, "date": "soon"}, BadInput, "no date"),
        ({**VLLM, "model_id": "gpt-5"}, BadInput, "not in the catalogue"),
        ({k: v for k, v in AIPERF.items() if k != "inter_token_latency"}, BadInput, "inter_token_latency is missing"),
        ({**GENAI, "input_config": {}}, BadInput, "does not name its model"),
    ],
)
def test_other_files_are_refused(body, error, words):
    with pytest.raises(error, match=words):
        measurement(body, "file.json", **RUN)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(Unreadable, match="cannot be read"):
        import_bench(tmp_path / "none.json", **RUN)
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(Unreadable, match="not JSON"):
        import_bench(tmp_path / "bad.json", **RUN)


def test_a_layout_larger_than_the_machine_is_refused():
    with pytest.raises(BadInput, match="needs 8 GPUs"):
        measurement(VLLM, "x", **{**RUN, "layout": "tp8"})
