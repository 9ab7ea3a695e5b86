"""A constraint of a policy as a clause that people read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data import wording
from routing.policies.conditions import YES_NO_FACTS
from routing.policies.policy import Constraint


def words(constraint: Constraint) -> str:
    """A constraint as a clause: `origin CN with hosting api is forbidden for data class customer or regulated`."""
    who = " and ".join(f"{_said(name)} {_listed(term)}" for name, term in constraint.when.items())
    clauses = []
    if constraint.forbid:
        clauses.append(" with ".join(_fact(k, v) for k, v in constraint.forbid.items()) + " is forbidden")
    if constraint.require:
        clauses.append(" and ".join(_fact(k, v) for k, v in constraint.require.items()) + " is required")
    return " and ".join(clauses) + (f" for {who}" if who else "")


def _said(name: str) -> str:
    """The name of a field as people write it."""
    return {"hipaa_eligible": "HIPAA eligibility", "gdpr_terms": "GDPR terms"}.get(name, name.replace("_", " "))


def _fact(name: str, values: Sequence[str]) -> str:
    """A fact of a model: `hosting api, cloud or host`, `HIPAA eligibility`, `no open weights`."""
    if name in YES_NO_FACTS and len(values) == 1:
        return _said(name) if str(values[0]).lower() == "true" else f"no {_said(name)}"
    return f"{_said(name)} {wording.either(values)}"


def _listed(term: Any) -> str:
    values = getattr(term, "values", None)
    if values is None:
        return f"from {term.low:,}" if term.high == float("inf") else f"{term.low:,} to {term.high:,}"
    return ("not " if term.negated else "") + wording.either(values)
