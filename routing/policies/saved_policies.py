"""Policies people keep in the store, beside those that ship with Baton."""

from __future__ import annotations

from data.documents import Documents
from data.errors import BadInput
from data.state import State
from routing.policies.policy import Policy
from routing.policies.text import examples, write_policy

OPENING = "no_chinese_api"  # Legal's question comes first among the shipped ones


def _audit_detail(policy: Policy) -> dict[str, str]:
    return {"yaml": write_policy(policy)}


POLICIES = Documents("policy", Policy, told=_audit_detail)  # by their names


def keep_new(state: State, policy: Policy) -> None:
    """Keep a policy under its name. BadInput where another one has that name: it stays as it is."""
    if POLICIES.get(state, policy.name) not in (None, policy):
        raise BadInput(f"There is another policy “{policy.name}”; choose another name.")
    POLICIES.save(state, policy.name, policy)


def known_policies(state: State) -> dict[str, Policy]:
    """Saved policies first, then the shipped examples, by name."""
    saved = POLICIES.all(state)
    shipped = sorted(examples().items(), key=lambda item: item[0] != OPENING)
    return saved | {policy.name: policy for _, policy in shipped if policy.name not in saved}
