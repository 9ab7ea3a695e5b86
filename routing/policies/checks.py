"""What is wrong with a policy although every field is legal: rules no request can reach, loops,
constraints that contradict each other, requests that are left without any model.

A condition is a box: for each dimension the set of values it accepts. A rule is unreachable when
the boxes of the rules above it cover its own; that is decided exactly, by cutting boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data.facts.models import ModelFacts
from routing.policies.choice import candidates
from routing.policies.conditions import CLOSED, Members, Size
from routing.policies.policy import Constraint, Policy

Box = dict[str, frozenset]
Problem = tuple[tuple[str | int, ...], str]
OTHER = "\0any other"
OFF_MACHINES = {
    "api": "the maker's own API",
    "cloud": "an account at a cloud, such as Azure or AWS",
    "host": "a third party, such as OpenRouter",
}


def contradictions(policy: Policy) -> list[Problem]:
    """Every contradiction as (path in the document, sentence without full stop); empty when sound."""
    return [*_loops(policy), *_unreachable(policy), *_clashes(policy)]


def lints(policy: Policy) -> list[str]:
    """What a policy probably does not mean, as sentences without full stop; it is read as it stands.

    Hosting had three values once, and `api` was taken for "not on our machines": the same model through a
    third party (host) or a cloud account passes a constraint that forbids `api` alone.
    """
    found = []
    for number, constraint in enumerate(policy.constraints, start=1):
        named = set((constraint.forbid or {}).get("hosting", ()))
        missing = [value for value in OFF_MACHINES if value not in named]
        if named and "self" not in named and missing:
            found.append(
                f"constraint {number} forbids hosting {' and '.join(sorted(named))} and not {' or '.join(missing)}: "
                f"the same models pass through {' or '.join(OFF_MACHINES[value] for value in missing)}; "
                f"add {', '.join(missing)} to hosting unless that is meant"
            )
    return found


def dead_ends(policy: Policy, model_facts: Mapping[str, ModelFacts]) -> list[str]:
    """Kinds of request the policy would have to refuse: for each, the request and the reasons."""
    atoms = _atoms(policy)
    found = []
    for box in _cells(policy, atoms):
        attributes = {name: _sample(name, values) for name, values in box.items()}
        choice = candidates(policy, attributes, model_facts)
        if choice.way == "refused":
            who = ", ".join(f"{name} {value}" for name, value in attributes.items()) or "every request"
            why = (
                "; ".join(f"{target}: {reason}" for target, reason in choice.refused)
                or "no rule matches and there is no fallback"
            )
            found.append(f"{who} has no model left ({why})")
    return list(dict.fromkeys(found))


def _loops(policy: Policy) -> Iterator[Problem]:
    chains: list[tuple[tuple[str | int, ...], tuple[str, ...]]] = [(("fallback",), policy.fallback)]
    for index, rule in enumerate(policy.rules):
        ways = (("cascade", rule.cascade), ("cross_check", rule.cross_check))
        chains += [(("rules", index, way), chain) for way, chain in ways if chain]
    for where, chain in chains:
        again = next((target for i, target in enumerate(chain) if target in chain[:i]), None)
        if again:
            yield where, f"{where[-1]} comes back to `{again}`: a loop; name each target once"


def _unreachable(policy: Policy) -> Iterator[Problem]:
    atoms = _atoms(policy)
    boxes = [_box(rule.when, atoms) for rule in policy.rules]
    for index, box in enumerate(boxes):
        rest = [box] if all(box.values()) else []
        for above in boxes[:index]:
            rest = [piece for part in rest for piece in _minus(part, above, atoms)]
        if not rest:
            yield (
                ("rules", index),
                f"rule {index + 1} can never match: the rules above take all its requests; move it up or remove it",
            )


def _clashes(policy: Policy) -> Iterator[Problem]:
    atoms = _atoms(policy)
    pairs = list(policy.constraints)
    for index, later in enumerate(pairs):
        for earlier in pairs[: index + 1]:
            if _overlap(_box(earlier.when, atoms), _box(later.when, atoms)):
                fact = _impossible(earlier, later)
                if fact:
                    number = pairs.index(earlier) + 1
                    other = "itself" if earlier is later else f"constraint {number}"
                    yield (
                        ("constraints", index),
                        f"constraint {index + 1} contradicts {other} about {fact}: no model can meet both",
                    )
                    break


def _impossible(one: Constraint, two: Constraint) -> str | None:
    """The fact two constraints on the same request cannot agree on, if any."""
    first, second = one.require or {}, two.require or {}
    for key in set(first) & set(second):
        if key != "residency" and not set(first[key]) & set(second[key]):
            return key
    for wants, bans in ((one, two), (two, one)):
        forbid, require = bans.forbid or {}, wants.require or {}
        if forbid and set(forbid) <= set(require) and all(set(require[k]) <= set(forbid[k]) for k in forbid):
            return next(iter(forbid))
    return None


def _atoms(policy: Policy) -> Box:
    """For every dimension the policy mentions, the smallest pieces its conditions can tell apart."""
    terms: dict[str, list[Members | Size]] = {}
    for when in _conditions(policy):
        for name, term in when.items():
            terms.setdefault(name, []).append(term)
    return {name: frozenset(_pieces(name, parts)) for name, parts in terms.items()}


def _conditions(policy: Policy) -> list[dict[str, Members | Size]]:
    """The `when` of every rule and every constraint."""
    return [rule.when for rule in policy.rules] + [constraint.when for constraint in policy.constraints]


def _pieces(name: str, terms: list[Any]) -> set:
    if isinstance(terms[0], Size):
        edges = sorted({0} | {t.low for t in terms} | {int(t.high) + 1 for t in terms if t.high != float("inf")})
        return {*edges, None}
    mentioned = {value for term in terms for value in term.values}
    return mentioned | (set(CLOSED[name]) if name in CLOSED else {"unknown", OTHER})


def _box(when: Mapping[str, Members | Size], atoms: Box) -> Box:
    return {
        name: frozenset(a for a in values if name not in when or when[name].holds(a)) for name, values in atoms.items()
    }


def _overlap(one: Box, two: Box) -> bool:
    return all(one[name] & two[name] for name in one)


def _minus(box: Box, cut: Box, atoms: Box) -> Iterator[Box]:
    """What remains of `box` outside `cut`, as disjoint boxes."""
    if not _overlap(box, cut):
        yield box
        return
    for name in atoms:
        outside = box[name] - cut[name]
        if outside:
            yield {**box, name: outside}
        box = {**box, name: box[name] & cut[name]}


def _cells(policy: Policy, atoms: Box) -> Iterator[Box]:
    """Boxes that every rule and constraint accepts whole or not at all."""
    cells = [dict(atoms)]
    for when in _conditions(policy):
        cut = _box(when, atoms)
        cells = [piece for cell in cells for piece in (*_minus(cell, cut, atoms), *_inside(cell, cut))]
    yield from cells


def _inside(box: Box, cut: Box) -> Iterator[Box]:
    if _overlap(box, cut):
        yield {name: box[name] & cut[name] for name in box}


def _sample(name: str, values: frozenset) -> Any:
    """One value of a box's side, an ordinary one where there is a choice."""
    ordinary = sorted((v for v in values if v not in (None, OTHER, "unknown")), key=str)
    return ordinary[0] if ordinary else None if None in values else next(iter(values)).replace(OTHER, "other")
