"""The link by which a policy is tried in the live lab: its name there, and what its replay said."""

from __future__ import annotations

from typing import Any

from routing.policies.policy import Policy
from simulations.replay.summary import NO_TARGET_PRICE


def edited_name(policy: Policy) -> str:
    """What a policy that was edited and not saved is called in the lab."""
    return f"{policy.name[:110]}, edited"


def prediction_link(policy: str, said: dict[str, Any]) -> dict[str, str]:
    """What a replay said, as parameters of a link to the lab: cost a request where every request is priced, quality
    where it is known.
    """
    told, apart = {"policy": policy}, said["not_compared"]
    priced = said["requests"] - sum(part["requests"] for part in apart)
    if priced and NO_TARGET_PRICE not in [part["reason"] for part in apart]:
        told["said_usd"] = f"{float(said['policy_cost_usd']) / priced:.8f}"
    if said["quality"]["policy"] is not None:
        told |= {"said_quality": f"{said['quality']['policy']:.6f}", "said_scale": said["quality"]["scale"]}
    return told
