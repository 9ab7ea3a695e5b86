"""A policy as rows a person edits in a form, and back: the same object as its YAML.

A condition is written `task_type=coding; criticality=high,normal; team!=core; input_tokens>100000`,
models as `gpt-5.2`, `minimax-m2, claude-opus-4-6` or `deepseek-v3.2 60%, gpt-5.2 40%`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from data.errors import BadInput
from data.yaml_text import validate
from routing.policies import policy as language
from routing.policies.checks import contradictions
from routing.policies.conditions import SIZES, Members, Size
from routing.policies.difficulty import MOST, Difficulty
from routing.policies.policy import Policy

WAYS = (*language.WAYS, "vote")
TERM = re.compile(r"^\s*(\w+)\s*(!=|>=|<=|=|>|<)\s*(.+?)\s*$")
BOUNDS = {">": "gt", ">=": "ge", "<": "lt", "<=": "le"}


def rule_rows(policy: Policy) -> list[dict[str, Any]]:
    """One row per rule: name, when, way, models, confidence_floor, samples."""
    return [
        {
            "name": rule.name,
            "when": write_condition(rule.when),
            "way": rule.way,
            "models": _write_models(rule),
            "confidence_floor": rule.confidence_floor,
            "samples": rule.samples,
        }
        for rule in policy.rules
    ]


def constraint_rows(policy: Policy) -> list[dict[str, Any]]:
    """One row per constraint: when, forbid, require, because."""
    return [
        {
            "when": write_condition(c.when),
            "forbid": _write_facts(c.forbid),
            "require": _write_facts(c.require),
            "because": c.because,
        }
        for c in policy.constraints
    ]


def edit_policy(
    policy: Policy, rules: Iterable[Mapping[str, Any]], constraints: Iterable[Mapping[str, Any]], **changes: Any
) -> Policy:
    """The policy with these rows instead of its own; fields the form does not show are kept. Raises BadInput."""
    body = policy.model_dump(exclude_defaults=True, mode="json") | changes
    before = {rule.name: rule for rule in policy.rules if rule.name}
    body["rules"] = [_rule(number, row, before) for number, row in enumerate(rules, start=1) if row.get("models")]
    body["constraints"] = [
        _constraint(number, row)
        for number, row in enumerate(constraints, start=1)
        if row.get("forbid") or row.get("require")
    ]
    return _checked(body)


def change_policy(policy: Policy, **changes: Any) -> Policy:
    """The policy with these parts in place of its own, None for none; the rest is kept. Raises BadInput."""
    body = policy.model_dump(exclude_defaults=True, mode="json") | changes
    return _checked({name: value for name, value in body.items() if value is not None})


def write_condition(when: Mapping[str, Members | Size]) -> str:
    """A condition in one line; empty for every request."""
    terms = []
    for name, term in when.items():
        if isinstance(term, Members):
            terms.append(f"{name}{'!=' if term.negated else '='}{','.join(term.values)}")
        else:
            terms += [
                f"{name}{sign}{bound}" for sign, key in BOUNDS.items() if (bound := getattr(term, key)) is not None
            ]
    return "; ".join(terms)


def score_rows(score: Difficulty) -> list[tuple[str, str]]:
    """A difficulty score as (what a request is, its points), the base first."""
    return [("every request", str(score.base))] + [
        (write_condition(term.when), f"{term.points:+d}") for term in score.terms
    ]


def score_words(score: Difficulty) -> str:
    """A difficulty score in one line."""
    given = "; ".join(f"{points} for {who}" for who, points in score_rows(score))
    return f"difficulty: {given}; held between 0 and {MOST}"


def read_condition(text: str | None, where: str) -> dict[str, Any]:
    """The condition in one line, as YAML would have it. Raises BadInput that says what was not understood."""
    when: dict[str, Any] = {}
    for part in filter(str.strip, (text or "").split(";")):
        match = TERM.match(part)
        if not match:
            raise BadInput(f"{where}: `{part.strip()}` is no condition; write task_type=coding or input_tokens>100000.")
        name, sign, value = match.groups()
        if name in SIZES and sign in BOUNDS and value.replace(",", "").isdigit():
            when.setdefault(name, {})[BOUNDS[sign]] = int(value.replace(",", ""))
        elif sign in ("=", "!="):
            values = [word.strip() for word in value.split(",") if word.strip()]
            when[name] = {"not": values} if sign == "!=" else values
        else:
            raise BadInput(f"{where}: `{part.strip()}`: {sign} goes with {', '.join(SIZES)} and a whole number.")
    return when


def _checked(body: dict[str, Any]) -> Policy:
    result = validate(Policy, body, {(): 1}, "the form")
    problems = contradictions(result)
    if problems:
        raise BadInput("\n".join(f"The form: {message}." for _, message in problems))
    return result


def _rule(number: int, row: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    where = f"Rule {number}"
    way = row.get("way") or "use"
    if way not in WAYS:
        raise BadInput(f"{where}: `{way}` is no way to answer; use one of: {', '.join(WAYS)}.")
    names = [word.strip() for word in str(row["models"]).split(",") if word.strip()]
    rule: dict[str, Any] = {"when": read_condition(row.get("when"), where), "name": row.get("name") or ""}
    if way == "split":
        rule["split"] = dict(_with_share(name, where) for name in names)
    elif way in ("cascade", "cross_check"):
        rule[way] = names
    elif len(names) == 1:
        rule["use"] = names[0]
    else:
        raise BadInput(f"{where}: `{way}` takes one model, found {', '.join(names)}.")
    if way == "vote":
        rule |= {"samples": 3 if row.get("samples") is None else int(row["samples"]), "vote": "majority"}
    if row.get("confidence_floor") is not None:
        rule["confidence_floor"] = row["confidence_floor"]
    kept = before.get(rule["name"])
    if kept and kept.confidence and way == kept.way:
        rule |= {"confidence": kept.confidence} | ({"verifier": kept.verifier} if kept.verifier else {})
    return rule


def _with_share(text: str, where: str) -> tuple[str, float]:
    match = re.fullmatch(r"(\S+)\s+(\d+(?:\.\d+)?)\s*%", text)
    if not match:
        raise BadInput(f"{where}: `{text}`: write each model of a split with its share, such as gpt-5.2 40%.")
    return match[1], float(match[2]) / 100


def _constraint(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    where = f"Constraint {number}"
    constraint: dict[str, Any] = {"when": read_condition(row.get("when"), where), "because": row.get("because") or ""}
    for side in ("forbid", "require"):
        if row.get(side):
            constraint[side] = read_condition(row[side], where)
    return constraint


def _write_models(rule: Any) -> str:
    if rule.split:
        return ", ".join(f"{name} {share * 100:g}%" for name, share in rule.split.items())
    return ", ".join(rule.targets)


def _write_facts(facts: Mapping[str, tuple[str, ...]] | None) -> str:
    return "; ".join(f"{key}={','.join(values)}" for key, values in (facts or {}).items())
