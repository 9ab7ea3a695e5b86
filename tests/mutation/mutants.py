"""Small wrong versions of a module: each differs from it in one place, named so that it can be found again."""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
COMPUTED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLED = {
    "min": "max",
    "max": "min",
    "sum": "max",
    "any": "all",
    "all": "any",
    "minimum": "maximum",
    "maximum": "minimum",
    "floor": "ceil",
    "nansum": "nanmax",
}
SQL = re.compile(
    r"\b(SELECT|FROM|WHERE|CASE|WHEN|coalesce|FILTER|sum|greatest|least|INTERVAL|GROUP BY)\b|\bIS (NOT )?NULL"
)
SQL_SWAPS = (
    (r"<=", "<"),
    (r">=", ">"),
    (r"(?<![<>=-])>(?!=)", ">="),
    (r"(?<![<>])<(?![=>])", "<="),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bAND\b(?! 1)", "OR"),
    (r"\bsum\(", "max("),
    (r"\bgreatest\(", "least("),
    (r"\bleast\(", "greatest("),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \* (?!FROM|EXCLUDE|REPLACE)", " / "),
    (r"\bTRUE\b", "FALSE"),
    (r"\bFALSE\b", "TRUE"),
)
LEFT_OUT = {"register"}  # how a command is declared: argparse refuses what is wrong there


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what it is, and the tree that holds it."""

    path: str
    function: str  # qualified; "" at the top of the module
    line: int
    change: str
    whole: ast.Module  # as it is
    place: int  # of the changed node, as `_walk` counts
    alter: Callable[[Place], None]

    @property
    def tree(self) -> ast.Module:
        """The module with the change; made when asked for, as most are never tried."""
        twin = copy.deepcopy(self.whole)
        for at, node in enumerate(_walk(twin)):
            if at == self.place:
                self.alter(node)
                break
        return ast.fix_missing_locations(twin)

    @property
    def name(self) -> str:
        """Found again in another version of the file, as long as the changed place is the same."""
        return f"{self.path}::{self.function or 'module'}: {self.change}"


def mutants(path: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    tree = ast.parse(source)
    found: list[Mutant] = []
    for place, node in enumerate(_walk(tree)):
        found += [
            Mutant(path, node.function, node.node.lineno, change, tree, place, alter)
            for change, alter in _alterations(node.node)
        ]
    seen: Counter[str] = Counter()
    for at, one in enumerate(found):
        seen[one.name] += 1
        if seen[one.name] > 1:  # the same change at another place of the function
            found[at] = replace(one, change=f"{one.change} ({seen[one.name]})")
    return found


class Scope(NamedTuple):
    """The function or class around a node, and whether it runs when called rather than at import."""

    name: str
    called: bool


@dataclass
class Place:
    """A node, the function it is in, and how to put another in its stead."""

    node: ast.expr | ast.stmt
    function: str
    put: Callable[[ast.AST], None]


def _walk(tree: ast.Module) -> Iterator[Place]:
    """Statements and expressions that compute something, in order; no texts for people, types or declarations."""
    yield from _children(tree, Scope("", False))


def _children(node: ast.AST, scope: Scope) -> Iterator[Place]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "args", "bases") and not isinstance(node, ast.Call):
            continue
        if isinstance(value, list):
            for at, one in enumerate(value):
                yield from _one(one, scope, lambda new, at=at, value=value: value.__setitem__(at, new))
        elif isinstance(value, ast.AST):
            yield from _one(value, scope, lambda new, name=name: setattr(node, name, new))


def _one(one: object, scope: Scope, put: Callable[[ast.AST], None]) -> Iterator[Place]:
    if isinstance(one, ast.Raise | ast.Import | ast.ImportFrom) or _is_text(one):
        return
    if isinstance(one, ast.keyword) and one.arg == "strict":  # of `zip`: sides of one length are the same either way
        return
    if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if one.name in LEFT_OUT:
            return
        name = f"{scope.name}.{one.name}".lstrip(".")
        scope = Scope(name, scope.called or not isinstance(one, ast.ClassDef))
    if isinstance(one, ast.expr | ast.stmt):
        yield Place(one, scope.name if scope.called else "", put)
    if isinstance(one, ast.AST):
        yield from _children(one, scope)


def _is_text(one: object) -> bool:
    return isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)


def _alterations(node: ast.expr | ast.stmt) -> Iterator[tuple[str, Callable[[Place], None]]]:
    """(what is changed, how) for a node; nothing for most."""
    before = ast.unparse(node).split("\n")[0][:90] if not isinstance(node, ast.Constant) else repr(node.value)[:90]

    def told(new: ast.expr | ast.stmt | str) -> str:
        after = new if isinstance(new, str) else ast.unparse(new).split("\n")[0][:90]
        return f"{before} -> {after}"

    def replaced(new: ast.expr | ast.stmt) -> tuple[str, Callable[[Place], None]]:
        return told(new), lambda place: place.put(copy.deepcopy(new))

    match node:
        case ast.Compare(left=left, ops=[operator, *more], comparators=values) if type(operator) in COMPARED:
            yield replaced(ast.Compare(left, [COMPARED[type(operator)](), *more], values))
            if more and type(more[0]) in COMPARED:
                yield replaced(ast.Compare(left, [operator, COMPARED[type(more[0])](), *more[1:]], values))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in COMPUTED:
            if not any(isinstance(side, ast.JoinedStr) for side in (left, right)):
                yield replaced(ast.BinOp(left, COMPUTED[type(operator)](), right))
        case ast.BoolOp(op=operator, values=values):
            yield replaced(ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values))
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield replaced(operand)
        case ast.Constant(value=bool() as value):
            yield replaced(ast.Constant(not value))
        case ast.Constant(value=int() | float() as value):
            yield replaced(ast.Constant(value + 1))
        case ast.Constant(value=str() as value) if SQL.search(value):
            for pattern, new in SQL_SWAPS:
                for at, _ in enumerate(re.finditer(pattern, value)):
                    changed = _nth(pattern, new, value, at)
                    text = f"{_near(value, pattern, at)} -> {new.strip()}"
                    yield text, lambda place, changed=changed: place.put(ast.Constant(changed))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name) as called) if name in CALLED:
            other = copy.deepcopy(called)
            setattr(other, "id" if isinstance(other, ast.Name) else "attr", CALLED[name])
            yield replaced(ast.Call(other, node.args, node.keywords))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield replaced(ast.Return(ast.Constant(None)))
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield replaced(ast.Pass())
        case ast.If(test=test, body=body, orelse=orelse):
            yield replaced(ast.If(ast.UnaryOp(ast.Not(), test), body, orelse))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield replaced(ast.IfExp(test, orelse, body))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp() if any(
            part.ifs for part in node.generators
        ):
            bare = copy.deepcopy(node)
            for part in bare.generators:
                part.ifs = []
            yield replaced(bare)


def _nth(pattern: str, new: str, text: str, nth: int) -> str:
    match = list(re.finditer(pattern, text))[nth]
    return text[: match.start()] + new + text[match.end() :]


def _near(text: str, pattern: str, nth: int) -> str:
    match = list(re.finditer(pattern, text))[nth]
    around = text[max(0, match.start() - 30) : match.start()] + "[" + match.group().strip() + "]"
    return " ".join((around + text[match.end() : match.end() + 20]).split())
