"""The brief's figures, DeepSeek's published day, the laws of the four options, and bad scenarios."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data import wording
from data.console import parser, run
from data.errors import BadInput, BatonError, NoData
from data.yaml_text import validate
from simulations.hosting import breakeven as module
from simulations.hosting import breakeven_command
from simulations.hosting import costs as hosting_costs
from simulations.hosting.breakeven import BreakevenScenario, breakeven
from simulations.hosting.costs import owned_usd_per_gpu_hour
from simulations.scenario import SHIPPED, read_scenario, write_scenario
from tests.simulations.test_bench_import import VLLM


def shipped(name: str) -> BreakevenScenario:
    return read_scenario(name, BreakevenScenario, "breakeven")


def scenario(**changes) -> BreakevenScenario:
    body = {
        "kind": "breakeven",
        "name": "a case",
        "traffic": {"requests_per_month": 2e6, "input_tokens": 3000, "output_tokens": 500},
        "api": {"input_usd_per_mtok": 2, "output_usd_per_mtok": 10},
        "host": {"input_usd_per_mtok": 0.3, "output_usd_per_mtok": 1.2},
        "replica": {"model": "qwen3-32b", "gpu": "h100", "gpus": 2, "precision": "fp8"},
        "rented": {},
        "bought": {},
    }
    body |= changes
    return validate(BreakevenScenario, {k: v for k, v in body.items() if v is not None}, {(): 1}, "test")


def answer(**changes) -> dict:
    return breakeven(scenario(**changes), paths_log2=6)


def test_the_brief_pays_back_in_eight_months():
    result = breakeven(shipped("breakeven_residency"))
    assert result["payback_months"] == 8.0
    assert result["options"]["api"]["total_usd"] - result["options"]["bought"]["total_usd"] == pytest.approx(
        3 * 180_000 - 120_000
    )


def test_with_two_engineers_for_six_weeks_it_pays_back_later():
    result = breakeven(shipped("breakeven_residency_staff"))
    by_hand = (120_000 + 2 * 6 / 52 * 200_000) / 15_000
    assert result["payback_months"] == pytest.approx(by_hand)
    assert by_hand == pytest.approx(11.0769, abs=1e-4)
    assert result["payback_without_staff_months"] == 8.0


def test_a_stated_saving_needs_no_bill_and_every_option_has_its_total():
    bare = {
        "kind": "breakeven",
        "name": "Legal's case",
        "bought": {"capex_usd": 120_000, "saving_usd_per_year": 180_000},
    }
    result = breakeven(validate(BreakevenScenario, bare, {(): 1}, "test"), paths_log2=6)
    whole = breakeven(shipped("breakeven_residency"), paths_log2=6)
    totals = {name: option["total_usd"] for name, option in result["options"].items()}
    assert totals == pytest.approx({"api": 3 * 180_000, "bought": 120_000})
    assert [result[key] for key in ("payback_months", "npv_usd", "p10", "p50", "p90")] == pytest.approx(
        [whole[key] for key in ("payback_months", "npv_usd", "p10", "p50", "p90")]
    )
    assert result["options"]["api"]["present_cost_usd"] - result["options"]["bought"][
        "present_cost_usd"
    ] == pytest.approx(result["npv_usd"])
    assert result["options"]["bought"]["gpus"] is None and result["breakeven_volume"] is None
    ranged = bare | {
        "bought": {"capex_usd": 120_000, "saving_usd_per_year": {"value": 180_000, "low": 120_000, "high": 210_000}}
    }
    spread = breakeven(validate(BreakevenScenario, ranged, {(): 1}, "test"), paths_log2=8)
    assert (
        spread["payback_months"] == 8.0
        and spread["p10"] == pytest.approx(240_000, rel=0.03)
        and spread["p90"] == pytest.approx(510_000, rel=0.03)
    )


def test_deepseeks_published_day():
    day = breakeven(shipped("breakeven_deepseek_day"))["per_day"]
    assert day["rent_usd"] == pytest.approx(87_072)
    assert day["api_usd"] == pytest.approx(562_027, rel=2e-4)
    assert day["margin_pct"] == pytest.approx(545, abs=1)
    assert day["fluid_replicas"] == pytest.approx(226.9, abs=0.05)


def test_every_shipped_scenario_answers():
    for file in SHIPPED.glob("breakeven_*.yaml"):
        result = breakeven(shipped(file.stem), paths_log2=6)
        assert result["answer"] and result["p10"] <= result["p50"] <= result["p90"]
        assert all(a["source"] for a in result["assumptions"])


def test_no_traffic_means_the_api_wins():
    idle = answer(traffic={"requests_per_month": 0, "input_tokens": 3000, "output_tokens": 500})
    assert idle["options"]["api"]["total_usd"] == 0
    assert all(idle["options"][o]["total_usd"] > 0 for o in ("rented", "bought"))
    assert idle["payback_months"] is None


def test_cheaper_power_is_never_dearer():
    totals = [
        answer(assumptions={"electricity_usd_per_kwh": usd})["options"]["bought"]["total_usd"]
        for usd in (0, 0.05, 0.146, 0.5)
    ]
    assert totals == sorted(totals)


def test_more_traffic_never_costs_less():
    totals = [
        answer(traffic={"requests_per_month": r, "input_tokens": 3000, "output_tokens": 500})["options"]["rented"][
            "total_usd"
        ]
        for r in (0, 1e5, 2e6, 5e7)
    ]
    assert totals == sorted(totals)


def test_capex_power_staff_and_quality_by_hand():
    result = answer(
        months=12,
        traffic={"requests_per_month": 1000, "input_tokens": 1, "output_tokens": 1},
        api={"usd_per_month": 10_000},
        host=None,
        rented=None,
        replica={"gpu": "h100", "gpus": 8, "load_replicas": 1, "spare": 0},
        bought={"usd_per_gpu": 30_000},
        staff={"engineers": 1, "weeks": 26, "salary_usd_per_year": 100_000, "ongoing_fte": 0.5},
        quality={"gap_share": 0.1, "usd_per_failure": 2},
        assumptions={
            "network_share_of_purchase": 0,
            "support_share_per_year": 0,
            "residual_share": 0,
            "depreciation_years": 1,
            "electricity_usd_per_kwh": 0.1,
            "pue": 1.5,
            "gpu_power_utilisation": 1,
            "colocation_usd_per_kw_month": 0,
            "kw_per_gpu": 1,
        },
    )
    power = 8 * 1 * 1.5 * 730 * 0.1
    assert result["options"]["bought"]["total_usd"] == pytest.approx(
        8 * 30_000 + 50_000 + 12 * (power + 50_000 / 12 + 200)
    )


def test_an_owned_hour_by_hand():
    figures = {
        "usd_per_gpu": 30_000,
        "network_share_of_purchase": 0.1,
        "residual_share": 0.2,
        "discount_rate": 0.0,
        "depreciation_years": 4,
        "kw_per_gpu": 1.5,
        "gpu_power_utilisation": 0.8,
        "pue": 1.5,
        "electricity_usd_per_kwh": 0.1,
        "colocation_usd_per_kw_month": 100,
        "support_share_per_year": 0.04,
    }
    monthly = 33_000 * 0.8 / 48 + 150 + 33_000 * 0.04 / 12
    assert owned_usd_per_gpu_hour(figures) == pytest.approx(monthly / 730 + 1.5 * 0.8 * 1.5 * 0.1)
    options = answer()["options"]
    assert (
        options["bought"]["usd_per_gpu_hour"] > 0 < options["rented"]["usd_per_gpu_hour"]
        and options["api"]["usd_per_gpu_hour"] is None
    )


def test_break_even_volume_is_where_the_value_turns():
    case = module.resolve(scenario(months=36))
    found = module.breakeven_volume(case, "rented")
    assert module.npv_at(case, "rented", module.np.array([found["multiple"] * 1.001]))[0] > 0
    assert module.npv_at(case, "rented", module.np.array([found["multiple"] * 0.999]))[0] <= 0


def test_usage_cost_never_exceeds_reservation_cost():
    for option in answer()["options"].values():
        assert option["usd_per_mtok_usage"] <= option["usd_per_mtok_reserved"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"replica": {"model": "deepseek-r1", "gpu": "h100", "gpus": 8, "layout": "tp8"}},
            "does not fit .* GiB per GPU are missing",
        ),
        ({"replica": {"model": "deepseek-rr1", "gpu": "h100"}}, "nearest: deepseek-r1"),
        ({"replica": {"model": "qwen3-32b", "gpu": "h1000"}}, "nearest: .*H100|nearest: h100"),
        ({"assumptions": {"depreciation_years": 0}}, "a life must be positive"),
        ({"assumptions": {"depreciation_years": -2}}, "a life must be positive"),
        ({"assumptions": {"sunshine": 1}}, "unknown assumption sunshine"),
        ({"months": 6}, "months"),
        ({"rented": {"usd_per_gpu_hour": -1}}, "positive number of USD"),
        ({"bought": {"capex_usd": 5}}, "together"),
        ({"api": {"model": "x"}}, "usd_per_month"),
        ({"replica": None}, "need a replica"),
        ({"assumptions": {"pue": {"value": 1, "low": 2}}}, "must rise"),
        ({"traffic": {"requests_per_month": 1, "input_tokens": 1, "cached_tokens": 2, "output_tokens": 1}}, "exceed"),
    ],
)
def test_bad_scenarios_are_refused_in_one_sentence(changes, words):
    with pytest.raises(BatonError, match=words):
        answer(**changes)


def test_a_price_nobody_quotes_is_asked_for():
    with pytest.raises(NoData, match="No purchase price of l40s"):
        answer(rented=None, replica={"gpu": "l40s", "gpus": 1, "load_replicas": 1})


def test_the_command_prints_the_contract(capsys, monkeypatch, home):
    top, commands = parser("simulations", "", {})
    breakeven_command.register(commands)
    assert run(top, ["breakeven", "breakeven_residency", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["payback_months"] == 8.0
    assert {"npv_usd", "options", "p10", "p50", "p90"} <= printed.keys()
    assert run(top, ["breakeven", "breakeven_residency_staff"]) == 0
    told = capsys.readouterr().out
    assert "11.1 months" in told and "IRR n/a" not in told  # Mutants 4: it could say n/a where there is one
    staffed = breakeven(shipped("breakeven_residency_staff"))
    assert f"IRR {wording.share(staffed['irr'])}; saving P10 {wording.usd_short(staffed['p10'])}, P50 " in told
    assert run(top, ["breakeven", "nowhere.yaml"]) == 1
    assert "nowhere.yaml" in capsys.readouterr().err


def test_an_own_bench_result_sets_the_speed(tmp_path, capsys, home):
    top, commands = parser("simulations", "", {})
    breakeven_command.register(commands)
    (tmp_path / "case.yaml").write_text(write_scenario(scenario()))
    slow = VLLM | {
        "model_id": "qwen3-32b",
        "max_concurrency": 8,
        "total_input_tokens": 1_500_000,
        "total_output_tokens": 250_000,
        "mean_tpot_ms": 45.0,
    }
    (tmp_path / "bench.json").write_text(json.dumps(slow))
    served = []
    for extra in ([], ["--bench", str(tmp_path / "bench.json")]):
        assert run(top, ["breakeven", str(tmp_path / "case.yaml"), "--json", *extra]) == 0
        served.append(json.loads(capsys.readouterr().out)["serving"])
    assert served[1]["tier"] == "user measurement" != served[0]["tier"]
    assert served[1]["output_tokens_per_s"] < served[0]["output_tokens_per_s"]
    assert run(top, ["breakeven", "breakeven_residency", "--bench", str(tmp_path / "bench.json")]) == 1
    assert "describes none" in capsys.readouterr().err


def test_another_kind_of_file_is_refused():
    with pytest.raises(BadInput, match="kind"):
        shipped("legal_documents")


FLEET = {
    "growth_per_year": -0.4,
    "load_replicas": 10.0,
    "throughput_factor": 1.0,
    "spare_replicas": 1.0,
    "gpus_per_replica": 8.0,
    "rent_usd_per_gpu_hour": 2.0,
    "rented_hours_share": 1.0,
    "rent_drift": 0.0,
}


@pytest.mark.parametrize(("term", "usd"), [(0, 2_826_560), (36, 4_625_280), (60, 4_625_280)])
def test_a_rented_fleet_shrinks_where_its_term_allows(term, usd):
    """Methods 11: traffic falling by 40 % a year, and 11 replicas paid for until the end."""
    fleet = hosting_costs.gpus(FLEET | {"rent_term_months": term}, 36, "rented")
    assert float(fleet.sum()) * 730 * 2 == pytest.approx(usd)


def test_a_term_keeps_what_was_rented_within_it():
    fleet = hosting_costs.gpus(FLEET | {"rent_term_months": 12}, 36, "rented")[1:] / 8
    free = np.ceil(10 * 0.6 ** (np.arange(36) / 12) - 1e-9) + 1
    assert fleet.tolist() == [max(free[max(0, month - 11) : month + 1]) for month in range(36)]


def test_bought_machines_never_shrink_and_are_bought_again_after_their_life():
    assert set(hosting_costs.gpus(FLEET, 36)[1:]) == {88.0}
    added = np.array([2.0, 0, 1.0, 0, 0, 0, 0])
    bought, replaced = hosting_costs._bought(added, np.array(3 / 12))
    assert bought.tolist() == [2, 0, 1, 2, 0, 1, 2]
    assert replaced.tolist() == [0, 0, 0, 2, 0, 1, 2]
    lives, _ = hosting_costs._bought(added, np.array([3 / 12, 100.0]))
    assert lives.tolist() == [bought.tolist(), added.tolist()]
