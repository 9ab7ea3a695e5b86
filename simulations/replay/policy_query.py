"""A policy's conditions as engine expressions: the rule a row meets and the constraints that hold for it.

Grouping by these two makes a replay one query; `routing.policies.choice.decide` does the rest per group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import ibis
import ibis.expr.types as ir

from data.errors import BadInput
from routing.policies.conditions import DIFFICULTY, WORDS_OF_PROMPT, Members, Size
from routing.policies.difficulty import MOST, Difficulty
from routing.policies.policy import Policy
from simulations.replay.traffic import Folding, input_tokens, output_tokens

NO_RULE = -1
MAX_CONSTRAINTS = 62  # bits of the mask


def folding(policy: Policy, edges: Iterable[int], *, rules: bool = True, by: Iterable[str] = ()) -> Folding:
    """How to fold the log for a policy: groups carry `rule`, the position of the first matching rule (-1 none),
    and `mask`, whose bit i says that constraint i applies (only the mask without `rules`).

    Conditions on dimensions and input size are decided on groups; those on output, which has no
    bands, on rows. Raises BadInput for a dimension of `by` that does not exist, and for a policy that decides by the
    words of prompts.
    """
    asked = [c.when for c in policy.constraints] + [rule.when for rule in policy.rules if rules]
    if policy.difficulty is not None and any(DIFFICULTY in when for when in asked):
        asked += [term.when for term in policy.difficulty.terms]
    terms = {name: term for when in asked for name, term in when.items() if name != DIFFICULTY}
    _refuse_words_of_prompts(policy, terms)
    sizes = [term for when in asked for name, term in when.items() if name != DIFFICULTY and isinstance(term, Size)]
    keys = rule_and_mask(policy)
    keys = keys if rules else {"mask": keys["mask"]}
    if set(terms) & {"output_tokens", "total_tokens"}:
        return Folding(tuple(edges), tuple(by), keys=keys)
    bounds = {bound for size in sizes for bound in (size.low, size.high + 1) if 0 < bound < float("inf")}
    over = tuple(name for name in terms if name != "input_tokens")
    return Folding((*edges, *map(int, bounds)), tuple(by), over=over, late=keys)


def rule_and_mask(policy: Policy) -> dict[str, Callable[[ir.Table], ir.Value]]:
    """The two keys as expressions over rows, or over groups that carry the dimensions and `band`."""

    def rule(rows: ir.Table) -> ir.IntegerValue:
        if not policy.rules:
            return ibis.literal(NO_RULE)
        branches = [(_holds(rows, part.when, policy.difficulty), i) for i, part in enumerate(policy.rules)]
        return ibis.cases(*branches, else_=NO_RULE)

    def mask(rows: ir.Table) -> ir.IntegerValue:
        bits = [_holds(rows, part.when).ifelse(1 << i, 0) for i, part in enumerate(policy.constraints)]
        return sum(bits, ibis.literal(0, "int64"))

    return {"rule": rule, "mask": mask}


def active(mask: int) -> list[int]:
    """Positions of the constraints in a mask."""
    return [i for i in range(MAX_CONSTRAINTS) if mask >> i & 1]


def _refuse_words_of_prompts(policy: Policy, terms: Iterable[str]) -> None:
    asked = next((name for name in terms if name in WORDS_OF_PROMPT), None)
    if asked:
        raise BadInput(
            f"The policy {policy.name} decides by {asked}, which the words of a prompt tell and the log's columns do "
            "not; try it in the Live lab, or learn a score from the log's columns (`python -m routing learn`)."
        )


def _holds(rows: ir.Table, when: Mapping[str, Members | Size], score: Difficulty | None = None) -> ir.BooleanValue:
    terms = [_term(rows, name, term, score) for name, term in when.items()]
    return ibis.and_(*terms).fill_null(False) if terms else ibis.literal(True)


def _term(rows: ir.Table, name: str, term: Members | Size, score: Difficulty | None) -> ir.BooleanValue:
    if isinstance(term, Members):
        found = rows[name].fill_null("unknown").isin(term.values)
        return ~found if term.negated else found
    number = _points(rows, score) if name == DIFFICULTY and score else _tokens(rows, name)
    low = number >= term.low
    return low if term.high == float("inf") else low & (number <= int(term.high))


def _points(rows: ir.Table, score: Difficulty) -> ir.IntegerValue:
    """A policy's difficulty score, as `Difficulty.points` adds it up."""
    given = [_holds(rows, term.when).ifelse(term.points, 0) for term in score.terms]
    return sum(given, ibis.literal(score.base, "int64")).clip(0, MOST)


def _tokens(rows: ir.Table, name: str) -> ir.IntegerValue:
    if "band" in rows.columns:  # already folded: bands begin at every bound of the policy
        return rows.band
    sizes = {
        "input_tokens": (input_tokens,),
        "output_tokens": (output_tokens,),
        "total_tokens": (input_tokens, output_tokens),
    }
    return sum(size(rows) for size in sizes[name])
