"""Data versions kept for good since somebody relies on them: a link that was copied, a file that was taken away.

An action (a decision or a promise) holds the version that its number was told from, by its own document.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from pydantic import BaseModel

from data.documents import Documents
from data.state import State


class HeldVersion(BaseModel):
    """Why a data version is kept, and since when; its number is the document's name."""

    reason: str
    since: date


HELD = Documents("held_version", HeldVersion)


def hold(state: State, version: int, reason: str) -> None:
    """Keep a data version for good; the first reason stands."""
    if state.get(HELD.kind, str(version)) is None:
        HELD.save(state, str(version), HeldVersion(reason=reason, since=datetime.now(UTC).date()))


def held_numbers(state: State) -> set[int]:
    """The data versions that must stay, whoever acts."""
    told = {body.get("told_version") for body in state.all("action").values()}
    return {int(name) for name in state.all(HELD.kind) if name.isdecimal()} | {v for v in told if isinstance(v, int)}
