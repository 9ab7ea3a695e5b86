"""`python -m simulations`: the JSON contract, tables, and one sentence for what is wrong."""

from __future__ import annotations

import json

import pytest

from routing.policies.in_force import mark
from routing.policies.saved_policies import POLICIES
from routing.policies.text import read_policy
from simulations.__main__ import main
from tests.simulations.ledgers import ledger_of


def run(capsys, *argv):
    code = main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def answer(capsys, *argv):
    code, out, err = run(capsys, *argv, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def log(home):
    ledger = ledger_of(home, [{}] * 12 + [{"model": "minimax-m2", "provider": "minimax", "data_class": "customer"}] * 3)
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.batches (batch_id, path, format, loaded) VALUES ('b1', 'x.jsonl', 'litellm', 15)"
        )
    ledger.close()


def test_the_numbers_of_the_design(capsys):
    mix = answer(capsys, "mix", "cto_question")
    assert (mix["baseline"]["annual_cost_usd"], mix["baseline"]["quality"]) == (600_000, 0.933)
    assert (mix["proposed"]["annual_cost_usd"], mix["proposed"]["quality"]) == (380_000, 0.9265)
    assert (mix["savings_usd"], mix["savings_pct"]) == (220_000, 36.67)
    pipeline = answer(capsys, "pipeline", "simulations/scenarios/legal_documents.yaml")
    assert (pipeline["savings_pct"], pipeline["time_saved_pct"], pipeline["accuracy_points"]) == (75, 70, 9)
    triage = answer(capsys, "triage", "new_model")
    assert (triage["decision"], triage["projected_savings_usd"], triage["capability_delta"]) == (
        "EVALUATE",
        85_000,
        0.03,
    )


def test_replay_keeps_its_contract(capsys, log):
    said = answer(capsys, "replay", "no_chinese_api", "--by", "team")
    assert {
        "logged_cost_usd",
        "policy_cost_usd",
        "savings_usd",
        "moved_share",
        "refused_requests",
        "by_model",
        "snapshot",
    } <= set(said)
    assert said["moved_share"] == 0.2 and said["by"]["team"][0]["team"] == "core"
    code, out, _ = run(
        capsys, "replay", "orchestrator", "--self-host-price", "minimax-m2=0.2", "--review-share", "0.01"
    )
    assert code == 0 and "human review: 1.0% of answers assumed" in out and "quality" in out


def test_frontier_answers_in_points_and_for_one_floor(capsys, log):
    models = ("--models", "claude-opus-4-6,deepseek-reasoner")
    line = answer(capsys, "frontier", *models, "--points", "5")
    assert len(line["points"]) == 5 and line["baseline"]["annual_cost_usd"] > 0 and line["tier"] == "stated"
    assert set(line["reference_lines"]) == {
        "single_models",
        "best_single",
        "mixing_hull",
        "random_same_shares",
        "best_per_segment",
    }
    floor = answer(capsys, "frontier", "--floor", "0.94", *models, "--policy", "no_chinese_api")
    assert floor["quality"] >= 0.94 - 1e-6 and floor["models"] and floor["vendors_left_out"] == []
    assert line["left_out"] == floor["left_out"] == {"deepseek-reasoner": "retired on 24 Jul 2026"}


def test_the_frontier_keeps_to_what_all_advice_keeps_to(capsys, log, state):
    def cheapest(*more: str) -> tuple[str | None, float]:
        line = answer(capsys, "frontier", "--models", "deepseek-v3.2", "--points", "3", *more)
        return line["policy"], line["points"][0]["annual_cost_usd"]

    shipped, free = cheapest(), cheapest("--policy", "none")
    assert shipped[0] == "the constraints that ship with Baton" and free[0] is None and shipped[1] > free[1]
    mark(state, "no Chinese models over an API for customer data")
    assert cheapest() == cheapest("--policy", "no_chinese_api")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("mix", "nowhere.yaml"), "cannot be read"),
        (("triage", "cto_question"), "this command reads `kind: triage`"),
        (("replay", "no_chinese_api"), "is empty; load a log"),
        (("replay", "no_such_policy"), "cannot be read"),
        (("replay", "no_chinese_api", "--acceptance", "2"), "between 0 and 1"),
        (("frontier", "--points", "1"), "from 2 to 500"),
        (("frontier", "--save-policy", "x"), "say which with --floor"),
        (("frontier", "--floor", "0.9", "--rules", "2"), "with --save-policy NAME or --policy-out FILE"),
        (("frontier", "--floor", "0.9", "--policy-out", "x.yaml", "--rules", "0"), "give a number from 1"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_1(capsys, argv, words):
    code, out, err = run(capsys, *argv)
    assert code == 1 and not out and words in err and "Traceback" not in err


def test_a_mix_becomes_a_policy_of_few_rules_and_says_what_it_leaves_out(capsys, log, state, tmp_path):
    asked = ("frontier", "--floor", "0.94", "--models", "deepseek-v3.2")
    whole = answer(capsys, *asked, "--save-policy", " my mix ", "--policy-out", str(tmp_path / "mix.yaml"))
    told = whole["policy_of_mix"]
    kept = POLICIES.get(state, "my mix")
    assert kept and read_policy((tmp_path / "mix.yaml").read_text()) == kept
    assert [step["rules"] for step in told["simpler"]] == list(range(1, len(kept.rules) + 1))
    assert told["unsaid_usd"] == 0 and " the mix: $" in told["words"]
    assert told["simpler"][-1]["cost_usd"] == pytest.approx(whole["cache"]["usd_if_always_warm"])
    one = tmp_path / "one.yaml"
    code, out, _ = run(capsys, *asked, "--policy-out", str(one), "--rules", "1")
    assert code == 0 and "1 rule costs" in out.replace("\n", " ") and len(read_policy(one.read_text()).rules) == 1
    POLICIES.save(state, "taken", read_policy("name: taken\nfallback: [current]"))
    for name, words in (("taken", "another policy “taken”"), ("", "give a text")):
        code, out, err = run(capsys, *asked, "--save-policy", name)
        assert code == 1 and not out and words in err and "Traceback" not in err


def test_a_floor_out_of_reach_says_what_blocks(capsys, log):
    code, _, err = run(capsys, "frontier", "--floor", "0.99")
    assert code == 1 and "the best quality the other promises allow is 95.00%" in err
    code, _, err = run(capsys, "frontier", "--self-host-price", "minimax-m2=cheap")
    assert code == 1 and "--self-host-price minimax-m2=cheap: write NAME=NUMBER" in err


def test_own_machines_are_given_no_price_for_a_closed_model(capsys, log):
    for argv in (
        ("replay", "orchestrator", "--self-host-price", "gpt-5.2=0.2"),
        ("frontier", "--self-host-price", "openai/gpt-5.2=0.2"),
        ("buy", "--model", "gpt-5.2", "--own-usd-per-mtok", "0.3"),
    ):
        code, out, err = run(capsys, *argv)
        assert code == 1 and not out and "own machines cannot serve gpt-5.2, its weights are closed" in err


def test_every_promise_can_be_asked_of_the_frontier(capsys, log):
    free = answer(capsys, "frontier", "--policy", "none", "--floor", "0.9")
    for promise in (
        ("--origin-cap", "CN=0"),
        ("--min-share", "OpenAI=1"),
        ("--capacity", "minimax-m2=0"),
        ("--vendor-cap", "MiniMax=0"),
        ("--max-moved", "0"),
        ("--floor-for", "normal=0.95"),
    ):
        kept = answer(capsys, "frontier", "--policy", "none", "--floor", "0.9", *promise)
        assert kept["annual_cost_usd"] > free["annual_cost_usd"], promise
    both = answer(
        capsys,
        "frontier",
        "--policy",
        "none",
        "--floor",
        "0.9",
        "--min-share",
        "OpenAI=0.5",
        "--min-share",
        "minimax-m2=0.1",
    )
    assert both["models"]["gpt-5.2"] >= 0.5 - 1e-6


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--capacity", "minimax-m2"), "such as minimax-m2=2000000"),
        (("--min-share", "OpenAI=1.4"), "at most 1, such as CN=0.2"),
        (("--origin-cap", "XX=0.1"), "is no origin of this simulation"),
        (("--floor-for", "critical=0.9"), "no such criticality; use one of: high"),
        (("--capacity", "minimax-m2=inf"), "write NAME=NUMBER"),
    ],
)
def test_a_promise_that_makes_no_sense_is_one_sentence(capsys, log, option, words):
    code, _, err = run(capsys, "frontier", "--floor", "0.9", *option)
    assert code == 1 and words in err and "Traceback" not in err


def test_shares_are_normalised_when_asked(capsys, tmp_path):
    file = tmp_path / "mix.yaml"
    file.write_text(
        "kind: mix\nname: n\nbaseline: {models: [{model: a, share: 2, annual_cost_usd: 1}]}\nproposed: {models: "
        "[{model: b, share: 1, annual_cost_usd: 1}]}\n"
    )
    assert run(capsys, "mix", str(file))[0] == 1
    assert answer(capsys, "mix", str(file), "--normalise")["savings_usd"] == 0


def test_metrics_on_ones_own_results(capsys, tmp_path):
    file = tmp_path / "results.csv"
    rows = [f"p{i},cheap,{int(i % 2 == 0)},0.01" for i in range(40)] + [
        f"p{i},dear,{int(i % 10 != 0)},0.10" for i in range(40)
    ]
    file.write_text("prompt,model,correct,cost_usd\n" + "\n".join(rows))
    said = answer(capsys, "metrics", str(file), "--weak", "cheap", "--strong", "dear", "--chance", "0.25")
    assert said["best_single"] == "dear" and said["oracle"]["quality"] == 1.0
    assert said["pair"]["optimal"]["cpt50"] == pytest.approx(0.2) and said["pair"]["paired"]["only_a"] == 4
    assert run(capsys, "metrics", str(file), "--weak", "cheap")[0] == 1
    code, _, err = run(capsys, "metrics", str(file), "--weak", "cheap", "--strong", "deer")
    assert code == 1 and "its models are dear" in err
    assert "best single dear" in run(capsys, "metrics", str(file), "--weak", "cheap", "--strong", "dear")[1]


def test_wrong_usage_is_exit_2(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["nonsense"])
    assert stop.value.code == 2
