"""Who acts, and what they may do: viewer, operator, admin.

A command runs as the operating system's user, who owns the store and may do everything. Behind sign-in the pages
say who is signed in (`ask_sign_in`), and where nobody is, nobody may do anything. What a role may do is one table
(`LEAST_ROLE`), asked where the change happens (state, ledger, router), not where
a button is drawn. A viewer may be held to some teams: they read those teams' rows only (`data.held_view`), the
pages of `HELD_PAGES`, and of what people saved only what holds no figures (`OF_NO_TEAM`) or their teams' alone.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from data.errors import Refused

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")

# The least role per kind of change. What is not named takes an operator.
LEAST_ROLE: dict[str, Role] = {
    "endpoints": "admin",
    "paths": "admin",
    "sources": "admin",
    "alert channels": "admin",
    "roles": "admin",
    "maintenance": "admin",
    "price book": "admin",
    "erase": "admin",
    "load": "operator",
    "documents": "operator",
    "prices": "operator",
    "reprice": "operator",
    "runs": "operator",
    "reviews": "operator",
    "post": "operator",
    "look": "viewer",
    "export": "viewer",
}
# Kinds of document that take another role than "documents" does.
OF_KIND = {
    "provider": "endpoints",
    "source": "sources",
    "price_override": "prices",
    "alias": "prices",
    "model_fact": "prices",
    "billed_rate": "prices",
    "held_version": "export",
}

# Kinds of document that hold no team's figures.
OF_NO_TEAM = frozenset(
    {"setting", "policy", "in_force", "model_fact", "price_override", "alias", "rule", "mapping", "billed_rate"}
)
HELD_PAGES = frozenset(
    {
        "overview",
        "explore",
        "weekly",
        "plan",
        "savings",
        "mix",
        "policy_replay",
        "self_host",
        "vendors",
        "pipeline",
        "new_model",
    }
)


def plain_name(name: str) -> str:
    """A person's name as two who may not be one are told apart: capitals and spaces make no second person."""
    return " ".join(name.split()).casefold()


@dataclass(frozen=True)
class Person:
    """Somebody who acts: the name the audit trail keeps, their role, and the teams they are held to (empty: all)."""

    name: str
    role: Role
    teams: frozenset[str] = frozenset()

    def may(self, action: str) -> bool:
        """Whether the role reaches what `action` (a key of LEAST_ROLE) takes."""
        return ROLES.index(self.role) >= ROLES.index(LEAST_ROLE.get(action, "operator"))

    def may_open(self, page: str) -> bool:
        """Whether a page, by the name of its file, is for them."""
        return not self.teams or page in HELD_PAGES


def owner() -> Person:
    """The operating system's user: the owner of the machine and its store."""
    try:
        return Person(getpass.getuser(), "admin")
    except (OSError, KeyError, ImportError):  # a container may have no user database
        return Person(f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown user", "admin")


_acting: ContextVar[Person | None] = ContextVar("acting", default=None)
_signed_in: Callable[[], Person | None] | None = None


def ask_sign_in(signed_in: Callable[[], Person | None] | None) -> None:
    """From here on this process asks `signed_in` who acts; None is nobody. Callbacks and fragments ask anew."""
    global _signed_in
    _signed_in = signed_in


def signing_in() -> bool:
    """Whether people sign in here, so that who sits at a page need not be the owner."""
    return _signed_in is not None


def acting() -> Person:
    """Who acts now; Refused where sign-in is on and nobody is signed in."""
    person = _acting.get()
    if person is None and _signed_in is not None:
        person = _signed_in()
        if person is None:
            raise Refused("Nobody with a role here is signed in; sign in to go on.")
    return person or owner()


def held_teams() -> frozenset[str]:
    """The teams whose figures alone who acts may read; empty: every team's."""
    return acting().teams


@contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """Somebody acts for the length of a block."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


def require(action: str) -> Person:
    """The person acting, if their role reaches `action`; Refused says which role it takes."""
    person = acting()
    if not person.may(action):
        least = LEAST_ROLE.get(action, "operator")
        raise Refused(
            f"This takes the role {least}; {person.name} is signed in as {person.role}. Ask an admin for the role, "
            "or somebody who has it to do it."
        )
    return person


def require_for(kind: str) -> Person:
    """As `require`, for a change of a document of some kind."""
    return require(OF_KIND.get(kind, "documents"))


def person_of(claims: Mapping[str, Any], rules: Mapping[str, Any], now: float) -> Person | None:
    """The person behind the claims of an identity token, or None: no access.

    `rules` is the section [roles] of the secrets file: `claim` (default groups), a list of values per role, and
    `teams`, a table from a value of the claim to the teams it is held to. Closed in doubt: an expired token, one
    without an expiry or a name, a claim that is no list of texts and a value no role names give nobody.
    Somebody with several roles has the highest; somebody held to teams by one value is held, whatever else they have.
    """
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or isinstance(expires, bool) or expires <= now:
        return None
    name = _name(claims)
    held = claims.get(str(rules.get("claim", "groups")))
    values = [held] if isinstance(held, str) else held
    if not name or not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
        return None
    found = [role for role in ROLES if set(values) & set(rules.get(role, ()))]
    if not found:
        return None
    by_value = rules.get("teams", {})
    teams = frozenset(team for value in values for team in by_value.get(value, ()))
    return Person(name, found[-1], teams if found[-1] == "viewer" else frozenset())


def _name(claims: Mapping[str, Any]) -> str:
    """Whom the trail names: the address that the provider has verified, else the subject, which is nobody else's.

    A name that people choose themselves stands beside the subject only: two may choose the same.
    """
    email, chosen, subject = (
        claims[key] if isinstance(claims.get(key), str) else "" for key in ("email", "preferred_username", "sub")
    )
    if email and claims.get("email_verified") is not False:
        return email
    return f"{chosen} ({subject})" if chosen and subject and chosen != subject else subject
