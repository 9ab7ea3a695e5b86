"""The end of the loop on its pages: a gateway's config of a policy and of a rollout, and the hand-over pack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import yaml

from pages.ui import exports
from routing.calling.declarations import save_provider
from routing.calling.litellm_models import read_litellm_models
from routing.policies.saved_policies import POLICIES
from routing.policies.text import read_policy
from routing.rollout.plan import ROLLOUTS, Rollout, Stage
from simulations.decisions import record
from simulations.decisions.handover import verify_seal
from tests.pages.test_decisions_page import DRAFT
from tests.pages.test_live_pages import opened
from tests.routing.live import provider

CHEAP = read_policy("name: cheap\nrules: [{when: {task_type: chat}, use: good}]\nfallback: [bad]")
OLD = read_policy("name: old\nrules: [{when: {}, use: bad}]")


@pytest.fixture
def taken(state, monkeypatch) -> dict[str, tuple[str, str]]:
    """Label of a button -> (the file's name, what is in it), of the page as it was drawn last."""
    files: dict[str, tuple[str, str]] = {}

    def button(label: str, data: str | Callable[[], str], file: str, **_: object) -> None:
        if not file.endswith(".pdf"):  # a browser's work, which tests/browser has
            files[label] = file, data() if callable(data) else data

    monkeypatch.setattr(exports, "download_file", button)
    for policy in (CHEAP, OLD):
        POLICIES.save(state, policy.name, policy)
    save_provider(state, provider("http://127.0.0.1:9", "good", "bad"))
    return files


def test_a_policy_leaves_the_lab_for_the_gateway_and_comes_back(taken):
    app = opened("lab")
    app.selectbox(key="export_policy").set_value("cheap").run()
    name, text = taken["Download the config"]
    assert name == "cheap-litellm.yaml" and {"good", "bad"} <= {
        one["model_name"] for one in yaml.safe_load(text)["model_list"]
    }
    assert read_litellm_models(text)[1] == []
    app.selectbox(key="export_form").set_value("yaml").run()
    name, text = taken["Download the config"]
    assert (name, read_policy(text)) == ("cheap-yaml.yaml", CHEAP)


def test_a_policy_that_no_provider_answers_for_names_what_is_missing(taken, state):
    POLICIES.save(state, "far", read_policy("name: far\nrules: [{when: {}, use: gpt-5.2}]"))
    app = opened("lab")
    taken.clear()
    app.selectbox(key="export_policy").set_value("far").run()
    told = [line.value.replace("\\", "") for line in app.caption]
    assert "Download the config" not in taken and any("No declared provider offers `gpt-5.2`" in line for line in told)


def test_a_finished_rollout_gives_the_config_of_the_policy_that_stayed(taken, state):
    plan = Rollout(control="old", candidate="cheap", stages=(Stage(share=0.5, requests=200),))
    plan = plan.model_copy(update={"since": datetime(2026, 11, 1, tzinfo=UTC)})
    groups = {}
    for ended, stayed in (("", ""), ("“cheap” has taken over", "cheap")):
        ROLLOUTS.save(state, "autumn", plan.model_copy(update={"ended": ended, "stayed": stayed}))
        opened("rollout", rollout="autumn")
        name, text = taken["Download the gateway's config"]
        assert name == "autumn-stage-1-litellm.yaml"
        groups[stayed] = {one["model_name"].split("/")[0] for one in yaml.safe_load(text)["model_list"]}
    assert groups == {"": {"control", "candidate"}, "cheap": {"candidate"}}


def test_the_pack_of_a_policy_is_sealed_and_has_what_was_decided(taken, state):
    record.record(state, DRAFT, "cheap by autumn")
    app = opened("decisions")
    app.selectbox(key="pack_of").set_value("cheap").run()
    name, text = taken["Hand-over, HTML"]
    assert "handover" in name and len(verify_seal(text)) == 64
    assert [word for word in ("cheap by autumn", "An answer", "It may fail", "good") if word not in text] == []
