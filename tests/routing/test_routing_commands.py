"""`python -m routing`: the JSON contract, exit codes and one sentence on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from routing.__main__ import main
from routing.grading.saved_task_sets import save_set
from routing.grading.tasks import parse_tasks
from routing.runs.store import claim_run, create_run, list_runs
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import GOOD, SUMS, adder, spec

CONTRACT = {"run_id", "tasks", "done", "failed", "refused", "cost_usd", "quality", "by_model", "audit_ok"}


@pytest.fixture
def files(tmp_path):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        (tmp_path / "providers.toml").write_text(
            f'[[provider]]\nname = "here"\nbase_url = "{server.url}"\nmodels = [{{ model = "good", '
            f"input_usd_per_mtok = 1, output_usd_per_mtok = 2 }}]\n"
        )
        (tmp_path / "policy.yaml").write_text(GOOD)
        (tmp_path / "tasks.jsonl").write_text("".join(json.dumps(task) + "\n" for task in SUMS))
        yield tmp_path


def arguments(folder: Path, *more: str) -> list[str]:
    return [
        "run",
        "--policy",
        str(folder / "policy.yaml"),
        "--tasks",
        str(folder / "tasks.jsonl"),
        "--providers",
        str(folder / "providers.toml"),
        *more,
    ]


def test_run_prints_the_contract_and_the_audit_verifies(files, capsys):
    assert main([*arguments(files, "--max-usd", "0.5"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) >= CONTRACT and (found["tasks"], found["done"], found["quality"], found["audit_ok"]) == (
        8,
        8,
        1.0,
        True,
    )
    assert main(["audit", "verify", "--json"]) == 0 and json.loads(capsys.readouterr().out)["audit_ok"]
    assert main(["runs", "--json"]) == 0 and json.loads(capsys.readouterr().out)["runs"][0]["status"] == "done"
    assert main(["audit", "export", "--out", str(files / "audit.jsonl")]) == 0
    assert all(json.loads(line)["hash"] for line in (files / "audit.jsonl").read_text().splitlines())
    assert main(["reviews", "--json"]) == 0


def test_a_second_run_is_refused_before_it_is_written_down(files, state, capsys):
    busy = create_run(state, "busy", spec("http://127.0.0.1:9/v1", GOOD), "tester")
    claim_run(state, busy)
    assert main(arguments(files, "--max-usd", "0.5")) == 1 and "“busy” is being executed" in capsys.readouterr().err
    assert list(list_runs(state)) == [busy]


def test_a_judge_that_is_also_an_arm_is_refused_before_anything_is_asked(files, state, capsys):
    assert main(arguments(files, "--max-usd", "0.5", "--judge", "good")) == 1
    assert "nobody grades their own work" in capsys.readouterr().err and not list_runs(state)


def test_run_prints_a_table_for_people(files, capsys):
    assert main(arguments(files, "--max-usd", "0.5", "--limit", "2")) == 0
    said = capsys.readouterr().out
    assert "2/2" in said and "audit trail verified" in said


def test_a_task_set_kept_in_the_lab_is_named_and_an_ungraded_answer_is_no_success(files, state, capsys):
    save_set(
        state,
        "my sums",
        parse_tasks(
            "- {id: a, prompt: 1 + 1?}\n- {id: b, prompt: 2 + 2?, asserts: [{type: match, value: '4', numeric: true}]}",
            "t.yaml",
        ),
    )
    arguments_ = [
        "run",
        "--policy",
        str(files / "policy.yaml"),
        "--tasks",
        "my sums",
        "--providers",
        str(files / "providers.toml"),
        "--max-usd",
        "0.5",
        "--json",
    ]
    assert main(arguments_) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["done"], found["quality"]) == (2, 1.0)
    assert (found["by_policy"]["good"]["graded"], found["by_policy"]["good"]["not_graded"]) == (1, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ([], "needs a spend cap"),
        (["--max-usd", "-1"], "max_usd"),
        (["--max-usd", "lots"], "max_usd"),
        (["--max-usd", "1", "--strategy", "fastest"], "no way to pick"),
        (["--max-usd", "1", "--baseline", "nobody"], "baseline"),
        (["--max-usd", "1", "--tasks", "/nowhere.yaml"], "cannot be read"),
        (["--resume", "none"], "no run `none`"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_1(files, capsys, change, words):
    assert main(arguments(files, *change)) == 1
    said = capsys.readouterr().err
    assert words in said and "Traceback" not in said


def test_providers_test_says_which_failed(files, capsys):
    assert main(["providers", "test", "--providers", str(files / "providers.toml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    dead = files / "dead.toml"
    dead.write_text(
        '[[provider]]\nname = "dead"\nbase_url = "http://127.0.0.1:9/v1"\nkey_env = "NOT_SET_HERE"\nmodels = [{ '
        'model = "m" }]\n'
    )
    assert main(["providers", "test", "--providers", str(dead)]) == 1
    assert "dead/m" in capsys.readouterr().err


def test_export_names_what_the_gateway_cannot_do(files, capsys):
    for form in ("litellm", "openrouter", "yaml"):
        assert (
            main(
                [
                    "export",
                    str(files / "policy.yaml"),
                    "--to",
                    form,
                    "--providers",
                    str(files / "providers.toml"),
                    "--json",
                ]
            )
            == 0
        )
        found = json.loads(capsys.readouterr().out)
        assert found["to"] == form and found["config"]
    assert main(["export", "orchestrator", "--to", "litellm", "--providers", str(files / "providers.toml")]) == 1
    assert "No declared provider offers" in capsys.readouterr().err


def test_a_broken_trail_exits_1(state, capsys):
    state.append_audit("x", {})
    with state.transaction() as db:
        db.execute("DROP TRIGGER audit_no_delete")
        state_rows = db.execute("SELECT count(*) FROM audit").fetchone()[0]
        db.execute("INSERT INTO audit VALUES (?, 'now', '', 'forged', '{}', 'x', 'y')", (state_rows + 1,))
    assert main(["audit", "verify"]) == 1
    assert "broken at entry 2" in capsys.readouterr().err


def test_wrong_usage_exits_2():
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--no-such-option"])
    assert stopped.value.code == 2
