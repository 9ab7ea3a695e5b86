"""The real LiteLLM takes every config that Baton writes: shipped policies, a learned one, each stage of a rollout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from data.facts.models import shipped_catalog
from routing.calling.declarations import checked_provider
from routing.export import export_policy
from routing.policies.policy import CURRENT, Policy
from routing.policies.text import examples, read_policy
from routing.rollout.plan import Rollout, Stage
from routing.rollout_config import stage_config
from tests.routing.test_difficulty import SCORED

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "litellm" / "bin" / "python"
CHECK = ROOT / "tests" / "benchmarks" / "litellm_accepts.py"
OLD = read_policy("name: old\nrules: [{when: {}, use: gpt-5.2}]\nfallback: [claude-opus-4-6]")
NEW = read_policy(
    "name: new\nrules:\n- {when: {task_type: coding}, split: {minimax-m2: 0.7, gpt-5.2: 0.3}}\n"
    "- {when: {}, use: gpt-5.2}\n"
    "fallback: [claude-opus-4-6]"
)
MIX = read_policy(
    "name: mix\nrules:\n- {when: {task_type: chat}, use: minimax-m2}\n- {when: {}, use: current}\n"
    "fallback: [current, gpt-5.2]"
)
STAGES = (Stage(share=0.05, requests=200), Stage(share=0.25, requests=500), Stage(share=1.0, requests=50))
PLAN = Rollout(control="old", candidate="new", stages=STAGES)

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PYTHON.exists(), reason="LiteLLM is not installed in .venv/litellm; run `make test`"),
]


def offered(*policies: Policy) -> tuple:
    """One provider a protocol that offers every model of the policies, wherever they want it hosted."""
    targets = dict.fromkeys(t for policy in policies for t in (*policy.targets, *policy.shadow) if t != CURRENT)
    hosted: dict[str, list[str]] = {}
    for target in targets:
        model, _, hosting = target.partition("@")
        hosted.setdefault(hosting or "api", []).append(model)
    price = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    return tuple(
        checked_provider(
            {
                "name": f"{protocol}-{hosting}",
                "base_url": "http://127.0.0.1:9/v1",
                "protocol": protocol,
                "hosting": hosting,
                "key_env": f"{protocol.upper()}_KEY",
                "models": [{"model": model, **price} for model in models],
            }
        )
        for hosting, models in hosted.items()
        for protocol in ("openai", "anthropic")
    )


def stage(number: int, **more) -> str:
    """The config of one stage, or of what stays when the rollout is over."""
    plan = PLAN.model_copy(update={"stage": number, **more})
    return stage_config("r", plan, {"old": OLD, "new": NEW}, offered(OLD, NEW), shipped_catalog())[0]


def configs() -> dict[str, str]:
    """Every config by name."""
    policies = {**examples(), "scored": read_policy(SCORED), "mix": MIX}
    made = {
        name: export_policy(policy, "litellm", offered(policy), shipped_catalog())[0]
        for name, policy in policies.items()
        if set(policy.targets) - {CURRENT}
    }
    made |= {f"stage-{number + 1}": stage(number) for number in range(len(STAGES))}
    made["stage-back"] = stage(1, ended="rolled back", stayed="old")
    made["stage-over"] = stage(2, ended="took over", stayed="new")
    return made


def test_litellm_takes_every_config(tmp_path):
    made = configs()
    assert len(made) >= 9
    for name, text in made.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    done = subprocess.run(
        [PYTHON, CHECK, *sorted(tmp_path.glob("*.yaml"))], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("accepted: ") == len(made) and done.stdout.count(
        "unknown settings: none; groups lost: none"
    ) == len(made)


def test_the_check_refuses_what_litellm_does_not_know(tmp_path):
    broken = stage(0).replace("routing_strategy:", "no_such_setting: 1\n  routing_strategy:")
    (tmp_path / "broken.yaml").write_text(broken)
    done = subprocess.run([PYTHON, CHECK, tmp_path / "broken.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "no_such_setting" in done.stdout + done.stderr
