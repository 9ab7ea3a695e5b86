"""What fits, what a replica serves, and the catalogues behind it."""

from __future__ import annotations

import sys
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput, NoData
from data.facts import gpus as gpu_catalogue
from data.facts import hosting as hosting_facts
from data.facts.architectures import Architecture, architectures, find_architecture, precision_of
from data.facts.gpus import find_gpu, gpu_prices, typical_price
from data.facts.tables import save_own
from simulations.hosting.capacity import choose_precision, predict
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.layouts import Layout, read_layout
from simulations.hosting.measured_curves import shipped_points
from simulations.hosting.operating_point import operating_point
from simulations.hosting.replica_memory import cache_bytes, weight_bytes


def active_params(model: Architecture) -> int:
    """Parameters one token passes through, without the input embedding."""
    return model.attention_params + model.dense_ffn_params + model.routed_params + model.head_params


def total_params(model: Architecture) -> int:
    """All parameters, embeddings included."""
    embedding = 0 if model.tied else model.head_params
    return active_params(model) - model.routed_params + model.expert_params + embedding


# Published or computed from the configuration: billions of parameters in all and active, KiB of bf16 cache per token
KNOWN = [
    ("llama-3.1-8b", 8.0, 7.5, 128.0),
    ("llama-3.1-70b", 70.6, 69.5, 320.0),
    ("llama-3.1-405b", 405.8, 403.7, 504.0),
    ("mixtral-8x7b", 46.7, 12.7, 128.0),
    ("qwen3-32b", 32.8, 32.0, 256.0),
    ("qwen3-235b-a22b", 235.1, 21.6, 188.0),
    ("qwen3-coder-480b-a35b", 480.2, 34.5, 248.0),
    ("gpt-oss-20b", 20.9, 3.6, 48.0),
    ("gpt-oss-120b", 116.8, 5.1, 72.0),
    ("deepseek-r1", 671.0, 36.6, 68.6),
    ("kimi-k2", 1026.4, 31.7, 68.6),
    ("minimax-m2.5", 228.7, 10.4, 248.0),
    ("llama-4-scout", 107.8, 16.1, 192.0),
    ("llama-4-maverick", 400.7, 16.1, 192.0),
    ("glm-5", 743.2, 40.1, 87.8),
    ("glm-4.6", 355, 32, 368.0),
    ("qwen3.5-397b-a17b", 397, 17, 30.0),
    ("qwen3.5-35b-a3b", 35, 3, 20.0),
]


@pytest.mark.parametrize(("name", "total", "active", "cache_kib"), KNOWN)
def test_counts_and_cache_match_the_published_figures(name, total, active, cache_kib):
    model = find_architecture(name)
    assert total_params(model) / 1e9 == pytest.approx(total, rel=0.012)
    assert active_params(model) / 1e9 == pytest.approx(active, rel=0.05)
    assert (cache_bytes(model, 2) - cache_bytes(model, 1)) / 1024 == pytest.approx(cache_kib, rel=0.002)


def test_a_window_caps_half_the_layers_and_a_state_is_fixed():
    oss, hybrid = find_architecture("gpt-oss-120b"), find_architecture("qwen3.5-397b-a17b")
    assert cache_bytes(oss, 100_128) - cache_bytes(oss, 128) == pytest.approx(100_000 * 36 * 1024)
    assert cache_bytes(hybrid, 1) > 1e8 > cache_bytes(hybrid, 2) - cache_bytes(hybrid, 1)
    assert cache_bytes(find_architecture("deepseek-r1"), 100, tp=8) == cache_bytes(
        find_architecture("deepseek-r1"), 100, tp=1
    )
    assert cache_bytes(find_architecture("llama-3.1-70b"), 100, tp=8) * 8 == pytest.approx(
        cache_bytes(find_architecture("llama-3.1-70b"), 100, tp=1)
    )


def test_weights_by_precision():
    model = find_architecture("llama-3.1-70b")
    assert weight_bytes(model, "bf16").total == 2 * total_params(model)
    assert weight_bytes(model, "fp8").total < 0.52 * weight_bytes(model, "bf16").total
    oss = find_architecture("gpt-oss-120b")
    assert weight_bytes(oss, "mxfp4").total == pytest.approx(65e9, rel=0.06)  # the published checkpoint has 60.8 GiB


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.1-70b"),
        ("nvidia/DeepSeek-R1-NVFP4", "deepseek-r1"),
        ("Qwen/Qwen3-235B-A22B-FP8", "qwen3-235b-a22b"),
        ("zai-org/GLM-5-FP8", "glm-5"),
        ("GPT-OSS-120B", "gpt-oss-120b"),
        ("DeepSeek-V3/R1", "deepseek-v3"),
        ("moonshotai/Kimi-K2-Instruct-0905", "kimi-k2"),
        ("Llama 3.1 70B Instruct", "llama-3.1-70b"),
        ("amd/Llama-3.1-70B-Instruct-FP8-KV", "llama-3.1-70b"),
        ("nvidia/DeepSeek-R1-0528-NVFP4-v2", "deepseek-r1"),
        ("mistralai/Mistral-Small-3.1-24B-Instruct-2503", "mistral-small-24b"),
    ],
)
def test_models_answer_to_their_usual_names(name, found):
    assert find_architecture(name).model == found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("H100", "h100_sxm"),
        ("NVIDIA H100 80GB HBM3", "h100_sxm"),
        ("h100_sxm_80gb", "h100_sxm"),
        ("H100-SXM5-80GB", "h100_sxm"),
        ("8xH100", "h100_sxm"),
        ("h200-sxm", "h200_sxm"),
        ("NVIDIA H200x8", "h200_sxm"),
        ("NVIDIA A100-SXM4-80GB", "a100_sxm"),
        ("2 × NVIDIA A100 SXM 80GB GPUs on a single node.", "a100_sxm"),
        ("A100-PCIE-80GB", "a100_pcie"),
        ("B200-180GB", "b200_sxm"),
        ("L4-24GB", "l4"),
        ("AMD Instinct MI300X", "mi300x"),
    ],
)
def test_gpus_answer_to_their_usual_names(name, found):
    assert find_gpu(name).gpu == found


@pytest.mark.parametrize("name", ["A100 40GB", "H100 NVL", "H20"])
def test_a_gpu_of_another_memory_or_kind_is_not_taken_for_its_sibling(name):
    with pytest.raises(BadInput, match="nearest"):
        find_gpu(name)


@pytest.mark.parametrize(
    "spelt",
    [
        {"count": "8", "input_length": "1000"},
        {"count": 8.0, "engine": None},
        {"layout": 8},
        {"layout": "TP8/PP1"},
        {"layout": "tp8dp1ep1"},
        {"precision": "FP8"},
        {"precision": "float8_e4m3fn"},
        {"precision": "fp8-dynamic"},
        {"concurrency": "8"},
        {"model": "meta-llama/Llama-3.1-70B-Instruct", "gpu": "NVIDIA H200"},
    ],
)
def test_a_point_answers_to_every_usual_spelling(spelt):
    plain: dict[str, Any] = {
        "model": "llama-3.1-70b",
        "gpu": "h200",
        "count": 8,
        "layout": "tp8",
        "precision": "fp8",
        "input_length": 1000,
        "output_length": 100,
        "concurrency": 8,
    }
    assert predict(**(plain | spelt)) == predict(**plain)


@pytest.mark.parametrize("layout", [None, "", "-", "auto", "tpNonedp1"])
def test_without_a_layout_the_best_is_searched(layout):
    assert predict("llama-3.1-70b", "h200", 4, layout, "bfloat16", 127.3, 33.7, 1e6) == predict(
        "llama-3.1-70b", "h200", 4, None, "bf16", 127.3, 33.7, 1e6
    )


def test_an_engine_is_known_by_its_name_without_the_version():
    near, same = (
        predict("llama-3.1-70b", "h200", 2, "tp2", "fp8", 1024, 1024, 32, engine=name)
        for name in ("vLLM 0.12.0", "vllm")
    )
    assert near == same != predict("llama-3.1-70b", "h200", 2, "tp2", "fp8", 1024, 1024, 32, engine="TensorRT-LLM 1.0")


@pytest.mark.parametrize(
    ("name", "gpu", "words"),
    [
        ("lama-3.1-70b", "h100", "nearest: llama-3.1-70b"),
        ("qwen3-32b", "h101", "nearest: .*h100"),
        ("gpt-5.2", "h100", "not in the catalogue of open models"),
    ],
)
def test_unknown_names_bring_the_nearest(name, gpu, words):
    with pytest.raises(BadInput, match=words):
        predict(name, gpu, 8, "tp8", "fp8", 1000, 100, 8)


def test_a_model_that_does_not_fit_says_by_how_much_and_what_would():
    with pytest.raises(
        BadInput, match=r"8 x H100 SXM \(tp8\): [\d.]+ GiB per GPU are missing; 16 x H100 SXM in fp8 would hold it"
    ):
        predict("deepseek-r1", "h100", 8, "tp8", "fp8", 1000, 100, 8)
    with pytest.raises(BadInput, match="does not fit"):
        predict("deepseek-r1", "l4", 1, None, "fp8", 1000, 100, 8)
    with pytest.raises(BadInput, match="takes 40,960 tokens"):
        predict("qwen3-32b", "h100", 2, "tp2", "fp8", 50_000, 100, 8)


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": 2.5},
        {"count": "two"},
        {"input_length": 0},
        {"output_length": float("nan")},
        {"concurrency": 0},
        {"concurrency": "many"},
        {"layout": "tq8"},
        {"layout": "tp16"},
        {"precision": "fp2"},
    ],
)
def test_impossible_points_are_refused(change):
    plain: dict[str, Any] = {
        "model": "qwen3-32b",
        "gpu": "h100",
        "count": 2,
        "layout": "tp2",
        "precision": "fp8",
        "input_length": 1000,
        "output_length": 100,
        "concurrency": 8,
    }
    with pytest.raises(BadInput):
        predict(**(plain | change))


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("tp8", Layout(8)),
        ("tp1dp8ep8", Layout(1, 8, 1, 8)),
        ("TP4 + EP4", Layout(4, ep=4)),
        ("tp2pp2", Layout(2, pp=2)),
        ("tp8epnone", Layout(8)),
        ("DEP8", Layout(1, 8, ep=8)),
        ("EP8", Layout(1, 8, ep=8)),
        ("TEP8", Layout(8, ep=8)),
    ],
)
def test_layouts_are_read(text, layout):
    assert read_layout(text) == layout


def test_tiers_and_their_evidence():
    near = predict("llama-3.1-70b", "h200", 2, "tp2", "fp8", 1024, 1024, 32)
    far = predict("llama-3.1-70b", "l40s", 8, "tp8", "fp8", 1024, 1024, 32)
    assert near.tier == "measured curve" and "InferenceX" in near.evidence and "2026" in near.evidence
    assert far.tier == "calibrated roofline" and far.sigma > near.sigma
    assert near.low < near.output_tokens_per_s < near.high
    assert near.output_tokens_per_s == pytest.approx(32 * 1024 / (near.ttft_ms + near.tpot_ms * 1023) * 1e3, rel=1e-6)


def test_shipped_points_are_reproduced_closely():
    errors = []
    for point in shipped_points()[::40]:
        found = predict(
            point.model,
            point.gpu,
            point.count,
            point.layout,
            point.precision,
            point.input_length,
            point.output_length,
            point.concurrency,
            engine=point.engine,
        )
        errors.append(abs(found.output_tokens_per_s / point.output_tokens_per_s - 1))
    assert sorted(errors)[len(errors) // 2] < 0.12


@pytest.mark.heavy
@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["qwen3-32b", "gpt-oss-120b", "llama-3.1-8b"]),
    st.sampled_from(["h100", "b200", "l40s"]),
    st.floats(1, 500),
)
def test_more_gpus_are_never_slower(model, gpu, concurrency):
    speeds = [
        predict(
            model, gpu, n, None, "fp8" if model != "gpt-oss-120b" else "", 1500, 300, concurrency
        ).output_tokens_per_s
        for n in (2, 4, 8)
    ]
    assert speeds[0] <= speeds[1] * 1.0001 <= speeds[2] * 1.0002


@settings(max_examples=40, deadline=None)
@given(st.floats(1, 200), st.floats(1, 200))
def test_more_in_flight_means_more_throughput_and_slower_tokens(a, b):
    low, high = (predict("qwen3-14b", "a100", 1, "tp1", "bf16", 800, 200, c) for c in sorted((a, b)))
    assert low.output_tokens_per_s <= high.output_tokens_per_s * 1.02
    assert low.tpot_ms <= high.tpot_ms * 1.02


def test_a_pipeline_holds_more_but_does_not_speed_up_a_token():
    one, two, wide = (predict("qwen3-32b", "h100", 2, layout, "bf16", 1000, 200, 1) for layout in ("tp1", "pp2", "tp2"))
    assert two.tpot_ms >= 0.98 * one.tpot_ms > wide.tpot_ms
    assert two.batch_limit > 2 * one.batch_limit


def test_saturated_points_and_the_batch_cap():
    offline = predict("llama-3.1-8b", "h100", 1, "tp1", "fp8", 1000, 1000, None)
    assert offline.output_tokens_per_s == pytest.approx(15_220, rel=0.5)  # TensorRT-LLM v1.0, published
    assert predict("llama-3.1-8b", "h100", 1, "tp1", "fp8", 1000, 1000, "max") == offline
    crowded = predict("qwen3-32b", "h100", 1, "tp1", "fp8", 4000, 400, 500)
    assert crowded.batch == pytest.approx(crowded.batch_limit) and crowded.ttft_ms > 10_000


def test_the_operating_point_meets_its_objective():
    point = operating_point(Deployment.from_names("qwen3-32b", "h100", 2, "tp2", "fp8"), RequestShape(1500, 0, 300), 30)
    assert (
        point.tpot_ms <= 30 < predict("qwen3-32b", "h100", 2, "tp2", "fp8", 1500, 300, point.concurrency * 1.05).tpot_ms
    )


def test_precision_is_chosen_to_fit():
    assert choose_precision("qwen3-32b", "h100", 2) == "bf16"
    assert choose_precision("llama-3.1-70b", "h200", 1) == "fp8"
    assert precision_of("NVFP4", find_architecture("gpt-oss-20b")) == "mxfp4"
    with pytest.raises(BadInput, match="does not fit"):
        choose_precision("deepseek-r1", "l4", 1)


def test_every_catalogue_figure_has_a_source_and_a_date():
    figures: list[Any] = [*gpu_catalogue.gpus(), *gpu_prices(), *architectures(), *shipped_points()]
    for entry in [*figures, *hosting_facts.hosting_facts().values()]:
        assert entry.source and len(entry.as_of) == 10
    assert all(not p.verified for p in gpu_prices() if "hyperscaler range" in p.provider)
    assert all(f.low <= f.value <= f.high for f in hosting_facts.hosting_facts().values())


@pytest.mark.parametrize(
    ("table", "row", "words"),
    [
        ("gpu_prices.csv", {"gpu": "h100", "kind": "spot", "usd": "1", "as_of": ""}, "as_of is empty"),
        ("gpu_prices.csv", {"gpu": "h100", "kind": "spot", "usd": "1", "source": ""}, "no source"),
        ("gpu_prices.csv", {"gpu": "h100", "kind": "spot", "usd": "-1"}, "at least 0"),
        ("gpu_prices.csv", {"gpu": "h100", "kind": "spot", "usd": "0"}, "positive"),
        ("gpu_prices.csv", {"gpu": "h100", "kind": "gift", "usd": "1"}, "kind of price"),
        ("gpu_prices.csv", {"gpu": "h1000", "kind": "spot", "usd": "1"}, "nearest"),
        ("hosting_facts.csv", {"name": "pue", "value": "1.1", "low": "1.2", "high": "1.3"}, "must rise"),
        ("architectures.csv", {"model": "mine", "layers": "0"}, "at least 1"),
        ("gpus.csv", {"gpu": "mine", "memory_gib": "much"}, "give a number"),
    ],
)
def test_own_rows_that_cannot_be_used_are_refused_and_taken_back(home, table, row, words):
    readers = {
        "gpu_prices.csv": gpu_prices,
        "hosting_facts.csv": hosting_facts.hosting_facts,
        "architectures.csv": architectures,
        "gpus.csv": gpu_catalogue.gpus,
    }
    with pytest.raises(BadInput, match=words):
        save_own(table, [{"source": "me", "as_of": "2026-10-01", **row}], readers[table])
    assert readers[table]()


def test_own_rows_win_over_the_catalogue(home):
    mine = {"source": "our meter", "as_of": "2026-10-01", "verified": "yes"}
    save_own(
        "hosting_facts.csv",
        [{"name": "pue", "value": "1.1", "low": "1.05", "high": "1.2", "unit": "ratio", **mine}],
        hosting_facts.hosting_facts,
    )
    save_own(
        "gpu_prices.csv", [{"gpu": "h100_sxm", "kind": "on_demand", "provider": "us", "usd": "1.5", **mine}], gpu_prices
    )
    assert hosting_facts.hosting_facts()["pue"].value == 1.1
    assert typical_price("h100", "on_demand").usd == 1.5 and typical_price("h100", "reserved").usd == 1.3
    gpu = {
        **dict(zip(find_gpu("h100")._fields, map(str, find_gpu("h100")), strict=True)),
        "gpu": "h100x",
        "name": "H100 X",
        "aliases": "",
        "memory_gib": "160",
        "unverified": "",
        **mine,
    }
    save_own("gpus.csv", [gpu], gpu_catalogue.gpus)
    assert predict("llama-3.1-70b", "H100 X", 1, "tp1", "bf16", 1000, 100, 4).gpu == "h100x"


def test_a_price_nobody_quotes_is_asked_for():
    with pytest.raises(NoData, match="type one, with its date"):
        typical_price("mi300x", "spot")


def test_refreshing_rents_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpuhunt", None)
    with pytest.raises(NoData, match="pip install gpuhunt"):
        gpu_catalogue.live_rents(date(2026, 11, 21))
    rents = [
        SimpleNamespace(gpu_name="H100", gpu_count=8, price=16.0, spot=False, provider="verda"),
        SimpleNamespace(gpu_name="X1", gpu_count=1, price=1, spot=True, provider="z"),
    ]
    monkeypatch.setitem(sys.modules, "gpuhunt", SimpleNamespace(query=lambda: rents))
    assert [(p.gpu, p.kind, p.usd, p.as_of, p.provider) for p in gpu_catalogue.live_rents(date(2026, 11, 21))] == [
        ("h100_sxm", "on_demand", 2.0, "2026-11-21", "verda")
    ]
