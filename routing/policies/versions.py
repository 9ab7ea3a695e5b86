"""The versions of a saved policy, as the audit trail has them: who saved which text when, and the way back to one."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from data.errors import BadInput
from data.state import State
from routing.policies.policy import Policy
from routing.policies.saved_policies import POLICIES
from routing.policies.text import read_policy

SAVED = f"{POLICIES.noun} saved"


class Version(NamedTuple):
    """One saving of a policy: its number from 1, when (UTC, ISO 8601), by whom, and its YAML."""

    number: int
    at: str
    by: str
    text: str


def versions(state: State, name: str) -> list[Version]:
    """Every version of a policy, the oldest first; none for one that ships with Baton and was never saved."""
    saved = [
        entry
        for entry in reversed(state.audit())
        if entry.event == SAVED and entry.detail.get("name") == name and isinstance(entry.detail.get("yaml"), str)
    ]
    return [Version(at, entry.at, entry.actor, entry.detail["yaml"]) for at, entry in enumerate(saved, start=1)]


def version(state: State, name: str, number: int) -> Version:
    """One version; BadInput where there is none of this number."""
    known = versions(state, name)
    if not 1 <= number <= len(known):
        has = f"versions 1 to {len(known)}" if known else "no saved version"
        raise BadInput(f"“{name}” has {has}; there is no version {number}.")
    return known[number - 1]


def difference(old: Version, new: Version) -> str:
    """What one version changed of another, line by line; empty where nothing did."""
    lines = difflib.unified_diff(
        old.text.splitlines(), new.text.splitlines(), f"version {old.number}", f"version {new.number}", lineterm=""
    )
    return "\n".join(lines)


def restore(state: State, name: str, number: int) -> Policy:
    """Save an earlier version as the newest one; BadInput where its text is no policy of today any more."""
    told = version(state, name, number)
    return POLICIES.save(state, name, read_policy(told.text, f"version {number} of {name}"))
