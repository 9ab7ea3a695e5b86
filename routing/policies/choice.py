"""What one request may use under a policy: the decision, without any side effect.

The live router asks here before every call; the replay on logs computes the same in the engine and
is tested against this, row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.facts.models import ModelFacts
from data.prices import notes as price_notes
from routing.policies.conditions import DIFFICULTY, applies
from routing.policies.policy import CURRENT, Constraint, Policy, Rule

CLOSED_WEIGHTS = "its weights are closed: only its maker runs it"


@dataclass(frozen=True)
class Candidate:
    """A target that may answer: the name as the policy has it, its model, hosting and share of a split."""

    target: str
    model: str
    hosting: str | None
    share: float = 1.0


@dataclass(frozen=True)
class Choice:
    """The decision for one request.

    `rule` is the position in `policy.rules`, None when no rule matched. `way` is use, vote, split,
    cascade, cross_check, fallback (the rule's targets were all refused, or no rule matched) or
    refused (nothing is allowed). `candidates` answer, in order; `fallback` are the allowed
    substitutes when they fail; `refused` pairs each target taken away with its reason.
    """

    rule: int | None
    way: str
    candidates: tuple[Candidate, ...]
    fallback: tuple[Candidate, ...]
    refused: tuple[tuple[str, str], ...]


def candidates(policy: Policy, attributes: Mapping[str, Any], model_facts: Mapping[str, ModelFacts]) -> Choice:
    """What a request with these attributes may use.

    `attributes` holds dimensions (`task_type`, `data_class`, `team`, ...) and `input_tokens`,
    `output_tokens`, `total_tokens`; absent or None is unknown. `model_facts` maps a target or a
    model name to its facts; a model without facts breaks every constraint that applies. `difficulty` is worked out by
    the policy's own score where it is not given.
    """
    if policy.difficulty is not None:
        attributes = {DIFFICULTY: policy.difficulty.points(attributes), **attributes}
    active = [i for i, constraint in enumerate(policy.constraints) if applies(constraint.when, attributes)]
    position = next((i for i, rule in enumerate(policy.rules) if applies(rule.when, attributes)), None)
    return decide(policy, position, active, attributes, model_facts)


def decide(
    policy: Policy,
    position: int | None,
    active: Sequence[int],
    attributes: Mapping[str, Any],
    model_facts: Mapping[str, ModelFacts],
) -> Choice:
    """As `candidates` for a request that meets rule `position` and these constraints; the replay finds both in the
    engine.

    Of the attributes only `model`, `provider`, `host` and `input_tokens` are read here.
    """
    constraints = [policy.constraints[i] for i in active]
    refused: list[tuple[str, str]] = []

    def allowed(targets: tuple[str, ...]) -> list[Candidate]:
        kept = []
        for target in targets:
            candidate = resolve(target, attributes, model_facts)
            reason = first_refusal(candidate, constraints, attributes, model_facts)
            if reason:
                refused.append((target, reason))
            else:
                kept.append(candidate)
        return kept

    rule = None if position is None else policy.rules[position]
    chosen = allowed(rule.targets) if rule else []
    spare = allowed(policy.fallback)
    way = rule.way if rule else "fallback"
    if chosen and rule:
        way, chosen = _narrowed(rule, chosen, allowed)
    elif spare:
        way, chosen, spare = "fallback", spare[:1], spare[1:]
    else:
        way = "refused"
    spare = [s for s in spare if (s.model, s.hosting) not in {(c.model, c.hosting) for c in chosen}]
    return Choice(position, way, tuple(chosen), tuple(spare), tuple(dict.fromkeys(refused)))


def refusal(
    policy: Policy, target: str, attributes: Mapping[str, Any], model_facts: Mapping[str, ModelFacts]
) -> str | None:
    """Why `target` may not see this request, or None. For verifiers, planners and shadow calls too."""
    constraints = [c for c in policy.constraints if applies(c.when, attributes)]
    return first_refusal(resolve(target, attributes, model_facts), constraints, attributes, model_facts)


def resolve(target: str, attributes: Mapping[str, Any], model_facts: Mapping[str, ModelFacts]) -> Candidate:
    """A target's model and hosting; hosting that the policy leaves open is the model's usual one."""
    if target == CURRENT:
        model = attributes.get("model") or "unknown"
        return Candidate(target, model, logged_hosting(attributes, model_facts.get(model)))
    model, _, hosting = target.partition("@")
    facts = model_facts.get(target) or model_facts.get(model)
    usual = facts.hosting[0] if facts and facts.hosting else None
    return Candidate(target, facts.name if facts else model, hosting or usual)


def logged_hosting(attributes: Mapping[str, Any], facts: ModelFacts | None) -> str | None:
    """Where a logged request ran: own machines, the maker's API, a cloud account, a third party; None when unknown."""
    if attributes.get("host") == "self":
        return "self"
    provider = attributes.get("provider")
    if not provider or facts is None or facts.provider is None:
        return None
    return "api" if provider == facts.provider else hosting_at(provider)


def hosting_at(provider: str) -> str:
    """How a provider that is not a model's maker runs it: self, cloud or host."""
    if price_notes.own_hardware(provider):
        return "self"
    return "cloud" if price_notes.cloud(provider) else "host"


def _narrowed(rule: Rule, chosen: list[Candidate], allowed: Any) -> tuple[str, list[Candidate]]:
    """The rule's way, for the targets that constraints left over."""
    if rule.split:
        total = sum(rule.split[c.target] for c in chosen)
        if total == 0:
            return "use", chosen[:1]
        return "split", [replace(c, share=rule.split[c.target] / total) for c in chosen]
    if rule.verifier and not allowed((rule.verifier,)):
        return "use", chosen[-1:]
    if len(chosen) == 1 and rule.way in ("cascade", "cross_check"):
        return "use", chosen
    return rule.way, chosen


def first_refusal(
    candidate: Candidate,
    constraints: list[Constraint],
    attributes: Mapping[str, Any],
    model_facts: Mapping[str, ModelFacts],
) -> str | None:
    """The first reason why these constraints, or its context window, keep a candidate from a request."""
    facts = model_facts.get(candidate.target) or model_facts.get(candidate.model)
    known = facts.at(candidate.hosting) if facts else {"model": (candidate.model,)}
    reasons = (reason_against(constraint, known) for constraint in constraints)
    reason = next((r for r in reasons if r), None)
    tokens, window = attributes.get("input_tokens"), facts.context_window if facts else None
    ran = candidate.target == CURRENT  # the logged request fitted, whatever the catalogue says
    if not ran and candidate.hosting == "self" and facts is not None and facts.open_weights is False:
        return CLOSED_WEIGHTS
    if reason is None and not ran and tokens is not None and window is not None and tokens > window:
        return f"the request is longer than its context window of {window:,} tokens"
    return reason


def _folded(names: Iterable[str]) -> set[str]:
    """Names as they are compared: a ban holds however it is written."""
    return {name.casefold() for name in names}


def reason_against(constraint: Constraint, facts: Mapping[str, tuple[str, ...] | None]) -> str | None:
    """The reason this constraint refuses a model with these facts, or None."""
    because = f" ({constraint.because})" if constraint.because else ""
    for key, wanted in (constraint.require or {}).items():
        value = facts.get(key)
        if value is None:
            return f"its {key} is unknown and {' or '.join(wanted)} is required{because}"
        if not _folded(value) & _folded(wanted):
            return f"its {key} is {', '.join(value)} and {' or '.join(wanted)} is required{because}"
    forbidden = constraint.forbid or {}
    unknown = [key for key in forbidden if facts.get(key) is None]
    if forbidden and all(
        key in unknown or _folded(facts[key] or ()) & _folded(values) for key, values in forbidden.items()
    ):
        words = " with ".join(f"{key} {' or '.join(values)}" for key, values in forbidden.items())
        return f"{words} is forbidden{f' and its {unknown[0]} is unknown' if unknown else ''}{because}"
    return None
