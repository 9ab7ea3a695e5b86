"""A decision on the record: a question, what was answered and on what facts, what else could be had, who signed.

The facts are frozen when it is recorded: a later log or price changes no record, it asks for a new one, which names the
record it replaces. People sign the facts by their digest, so that a signature says what was signed.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.documents import Documents
from data.errors import BadInput, Refused
from data.held_versions import hold
from data.people import plain_name
from data.state import State

Kind = Literal["mix", "policy", "self-host", "new model", "budget", "live run"]
Verdict = Literal["approved", "rejected"]
Section = Literal["money", "quality", "speed", "work", "exposure", "operation"]
SECTIONS: dict[Section, str] = {
    "money": "What it costs",
    "quality": "How good it is",
    "speed": "How long one waits",
    "work": "What changes",
    "exposure": "Who handles the work",
    "operation": "What it takes to run",
}


LONGEST_REASON = 400


class Part(BaseModel):
    """A part of a record: frozen, and nothing in it that is not named here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(Part):
    """One figure as it was read: `value` in words, `tier` how far it can be trusted (empty: counted from the log)."""

    section: Section
    label: str
    value: str
    tier: str = ""


class Alternative(Part):
    """What else could be had, and what it would have meant."""

    name: str
    told: str


class Risk(Part):
    """What may go wrong, and who watches it; empty: nobody yet."""

    text: str = Field(min_length=1, max_length=400)
    owner: str = Field("", max_length=120)


class Signature(Part):
    """Who said what of which facts, when (ISO, UTC) and why."""

    by: str
    at: str
    verdict: Verdict
    reason: str = Field("", max_length=LONGEST_REASON)
    facts: str


class Draft(Part):
    """What a page's answer brings to a record, before anybody has named or signed it.

    `days` are those of the log it was told from and `coverage` how far that log reaches, both empty for a typed case;
    `compliance` holds a line per rule that was kept to, `assumptions` a line per figure nobody knows.
    """

    kind: Kind
    question: str
    answer: str
    page: str
    data_version: int
    days: str = ""
    coverage: str = ""
    facts: tuple[Fact, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    risks: tuple[Risk, ...] = ()
    compliance: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    policy: str = ""
    """the routing policy it puts in place, by name"""

    @property
    def origin(self) -> str:
        """What the figures were told from."""
        if self.days:
            return f"the log of {self.days}, {self.coverage}"
        return "a live run's own calls" if self.kind == "live run" else "typed figures, no log"


class Decision(Part):
    """A draft that somebody put on the record. `approvers` is how many people must sign it; from two on, who recorded
    it is none of them.
    """

    name: str = Field(min_length=1, max_length=200)
    told: Draft
    owner: str = Field("", max_length=120)
    because: str = Field("", max_length=2000)
    review_on: date | None = None
    replaces: str = ""
    approvers: int = Field(1, ge=1, le=5)
    by: str = ""
    at: str = ""
    signatures: tuple[Signature, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of everything that is signed, first 16 digits."""
        signed = self.model_dump(mode="json", exclude={"signatures"})
        return sha256(json.dumps(signed, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]

    @property
    def standing(self) -> Literal["open", "approved", "rejected"]:
        """What its signatures make of it; one that was given to other facts does not count."""
        given = [one for one in self.signatures if one.facts == self.digest]
        if any(one.verdict == "rejected" for one in given):
            return "rejected"
        return "approved" if len({plain_name(one.by) for one in given}) >= self.approvers else "open"


DECISIONS = Documents(
    "decision",
    Decision,
    told=lambda one: {
        "question": one.told.question,
        "answer": one.told.answer,
        "facts": one.digest,
        "status": one.standing,
        "by": [f"{given.by} {given.verdict}" for given in one.signatures],
    },
)


def record(state: State, draft: Draft, name: str, **words: Any) -> Decision:
    """Put a draft on the record under a new name; `words` are those of `Decision`. BadInput where the name is taken."""
    made = {"name": name.strip(), "told": draft, "by": state.actor, "at": _now(), **words}
    decision = DECISIONS.read(name, made)
    if decision.replaces:
        DECISIONS.find(state, decision.replaces)
    DECISIONS.amend(state, decision.name, decision)
    hold(state, draft.data_version, "decision")
    return decision


def sign(state: State, name: str, verdict: Verdict, reason: str = "") -> Decision:
    """Sign a record as who acts; Refused for a record that is signed to its end, twice by one, or by who asked."""
    seen, who = state.get("decision", name) or {}, state.actor
    decision = DECISIONS.find(state, name)
    if decision.standing != "open":
        raise Refused(f"“{name}” is {decision.standing} already; record a new decision that replaces it.")
    if len(reason) > LONGEST_REASON:
        raise BadInput(f"The reason has {len(reason)} signs; say it in {LONGEST_REASON}.")
    if verdict == "rejected" and not reason.strip():
        raise BadInput("A rejection needs its reason; say why in a sentence.")
    if verdict == "approved" and decision.approvers > 1 and plain_name(who) == plain_name(decision.by):
        raise Refused(
            f"“{name}” takes {decision.approvers} people, and {who}, who recorded it, is none of them; "
            "somebody else signs it."
        )
    given = [one for one in decision.signatures if one.facts == decision.digest]
    if plain_name(who) in [plain_name(one.by) for one in given]:
        raise Refused(f"{who} has signed “{name}” already; it waits for somebody else.")
    signature = Signature(by=who, at=_now(), verdict=verdict, reason=reason.strip(), facts=decision.digest)
    signed = decision.model_copy(update={"signatures": (*decision.signatures, signature)})
    return DECISIONS.amend(state, name, signed, (name, seen))


def newest_first(state: State) -> list[Decision]:
    """Every record, the latest first."""
    return sorted(DECISIONS.all(state).values(), key=lambda one: (one.at, one.name), reverse=True)


def due(decisions: list[Decision], today: date) -> list[Decision]:
    """Those that hold and whose day of review has come."""
    return [one for one in holding(decisions) if one.review_on and one.review_on <= today]


def holding(decisions: list[Decision]) -> list[Decision]:
    """Those that nobody rejected and no approved record replaces."""
    replaced = {one.replaces for one in decisions if one.standing == "approved"}
    return [one for one in decisions if one.standing != "rejected" and one.name not in replaced]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
