"""The gateway's config for a stage of a rollout: both policies' groups, under names the log can be read by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from data.errors import BadInput
from data.facts.models import Catalog
from data.version import BATON
from routing.calling.declarations import Provider
from routing.export import FALLBACKS, litellm_config
from routing.policies.policy import Policy
from routing.rollout.plan import CANDIDATE, CONTROL, Rollout


def stage_config(
    name: str, plan: Rollout, policies: Mapping[str, Policy], providers: Sequence[Provider], catalog: Catalog
) -> tuple[str, list[str]]:
    """(LiteLLM config as YAML, notes): the control's groups and, while the rollout is under way, the candidate's. The
    config of an ended rollout holds the policy that stayed alone.
    """
    for wanted in (plan.control, plan.candidate):
        if wanted not in policies:
            raise BadInput(
                f"The rollout “{name}” names the policy “{wanted}”, which is not saved any more; save it again."
            )
    arms = {CONTROL: plan.control, CANDIDATE: plan.candidate}
    if plan.ended:
        arms = {prefix: policy for prefix, policy in arms.items() if policy == plan.stayed}
    body: dict[str, Any] = {"model_list": []}
    notes = [_split_words(plan)]
    for prefix, policy in arms.items():
        config, said = litellm_config(policies[policy], providers, catalog)
        body["model_list"] += [{**one, "model_name": prefix + one["model_name"]} for one in config["model_list"]]
        router = body.setdefault("router_settings", config["router_settings"] | dict.fromkeys(FALLBACKS, []))
        for kind in FALLBACKS:
            router[kind] = router[kind] + [
                {prefix + asked: [prefix + one for one in chain] for asked, chain in entry.items()}
                for entry in config["router_settings"].get(kind, [])
            ]
        body["litellm_settings"] = body.get("litellm_settings", {}) | config["litellm_settings"]
        notes += [f"{prefix}{policy}: {note}" for note in said]
    head = "".join(f"# {note}\n" for note in [f"Made by {BATON} for the rollout {name}.", *notes])
    return head + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110), notes


def _split_words(plan: Rollout) -> str:
    if plan.ended:
        return f"The rollout is over: {plan.ended}."
    if plan.now.share == 0:
        return (
            f"Shadow: every request goes to its group under `{CONTROL}`; send a copy to the group under "
            f"`{CANDIDATE}` and use the control's answer."
        )
    return (
        f"Stage {plan.stage + 1}: by a hash of the session, send {plan.now.name} of sessions to the groups under "
        f"`{CANDIDATE}` and the rest to those under `{CONTROL}`. The log's model_group then says which policy answered."
    )
