"""A policy's conditions as engine expressions: the rule a row meets and the constraints that hold for it.

Grouping by these two makes a replay one query; `routing.policies.choice.decide` does the rest per group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import ibis
import ibis.expr.types as ir

from routing.policies.conditions import Members, Size
from routing.policies.policy import Constraint, Policy, Rule
from simulations.replay.traffic import Folding, input_tokens, output_tokens

NO_RULE = -1
MAX_CONSTRAINTS = 62  # bits of the mask


def folding(policy: Policy, edges: Iterable[int], *, rules: bool = True, by: Iterable[str] = ()) -> Folding:
    """How to fold the log for a policy: groups carry `rule`, the position of the first matching rule (-1 none),
    and `mask`, whose bit i says that constraint i applies (only the mask without `rules`).

    Conditions on dimensions and input size are decided on groups; those on output, which has no
    bands, on rows. Raises BadInput for a dimension of `by` that does not exist.
    """
    parts: tuple[Constraint | Rule, ...] = (*policy.constraints, *(policy.rules if rules else ()))
    terms = {name: term for part in parts for name, term in part.when.items()}
    sizes = [term for part in parts for term in part.when.values() if isinstance(term, Size)]
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
        branches = [(_holds(rows, part.when), i) for i, part in enumerate(policy.rules)]
        return ibis.cases(*branches, else_=NO_RULE)

    def mask(rows: ir.Table) -> ir.IntegerValue:
        bits = [_holds(rows, part.when).ifelse(1 << i, 0) for i, part in enumerate(policy.constraints)]
        return sum(bits, ibis.literal(0, "int64"))

    return {"rule": rule, "mask": mask}


def active(mask: int) -> list[int]:
    """Positions of the constraints in a mask."""
    return [i for i in range(MAX_CONSTRAINTS) if mask >> i & 1]


def _holds(rows: ir.Table, when: Mapping[str, Members | Size]) -> ir.BooleanValue:
    terms = [_term(rows, name, term) for name, term in when.items()]
    return ibis.and_(*terms).fill_null(False) if terms else ibis.literal(True)


def _term(rows: ir.Table, name: str, term: Members | Size) -> ir.BooleanValue:
    if isinstance(term, Members):
        found = rows[name].fill_null("unknown").isin(term.values)
        return ~found if term.negated else found
    tokens = _tokens(rows, name)
    low = tokens >= term.low
    return low if term.high == float("inf") else low & (tokens <= int(term.high))


def _tokens(rows: ir.Table, name: str) -> ir.IntegerValue:
    if "band" in rows.columns:  # already folded: bands begin at every bound of the policy
        return rows.band
    sizes = {
        "input_tokens": (input_tokens,),
        "output_tokens": (output_tokens,),
        "total_tokens": (input_tokens, output_tokens),
    }
    return sum(size(rows) for size in sizes[name])
