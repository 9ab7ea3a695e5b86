"""The kinds of document that the state keeps, and what people call one of each."""

from __future__ import annotations

KINDS = {
    "setting": "setting",
    "budget": "budget",
    "scenario": "scenario",
    "policy": "policy",
    "in_force": "policy in force",
    "rollout": "rollout plan",
    "decision": "decision",
    "taskset": "task set",
    "model_fact": "model facts",
    "price_override": "price override",
    "alias": "alias",
    "rule": "rule",
    "mapping": "column mapping",
    "action": "action",
    "finding": "finding",
    "owner": "owner",
    "provider": "provider",
    "billed_rate": "exchange rate",
    "event": "planned event",
    "successor": "successor of a model",
    "shared_cost": "shared cost",
    "customer_income": "customer's income",
    "view": "saved view",
    "alert": "alert rule",
    "source": "source",
    "held_version": "held data version",
}
