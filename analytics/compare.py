"""What a run cost against another: the rows with one value of a dimension or tag beside those with another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from analytics import spend
from analytics.command_options import add_span, span_of, view_of
from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from data import console, wording
from data.dimensions import PREFIX, free_dimensions
from data.errors import BadInput, NoData
from data.ledger import Ledger

MEASURES = ("cost_usd", "requests", "attempts", "input_tokens", "output_all_tokens", "failure_rate", "priced_share")
PER_REQUEST = "cost_per_request_usd"


class Side(NamedTuple):
    """One of the two that are compared: its tag's value, its measures, and its spend by model."""

    value: str
    totals: dict[str, Any]
    models: dict[str, Decimal | None]


def dimension_of(view: Ledger, tag: str) -> str:
    """The dimension that a word names: a tag declared under it, else one of the ledger's own, such as team."""
    if tag in {one.name for one in free_dimensions(view)}:
        return PREFIX + tag
    return tag if tag.startswith(PREFIX) or tag in DIMENSIONS else PREFIX + tag


def side(view: Ledger, scope: Scope, tag: str, value: str) -> Side:
    """The rows of a scope whose tag or dimension has this value; NoData where there are none."""
    name = dimension_of(view, tag)
    own = scope.with_filter(name, value)
    totals = spend.totals(view, own, MEASURES)
    if not totals["attempts"]:
        which = name.replace(PREFIX, "the tag ")
        raise NoData(f"No row has {which}={value} in these days; it may not be loaded yet.")
    cost, requests = totals["cost_usd"], totals["requests"]
    totals[PER_REQUEST] = None if cost is None or not requests else float(cost) / requests
    by_model = spend.grouped_spend(view, own, ("model",))
    return Side(value, totals, dict(zip(by_model["model"], by_model["cost_usd"], strict=True)))


def json_form(one: Side, against: Side | None) -> dict[str, Any]:
    """The JSON form: both sides, and the change of every measure that both know."""
    changes = {
        name: float(now) - float(before)
        for name, now in one.totals.items()
        if against and now is not None and (before := against.totals[name]) is not None
    }
    sides = {"run": one._asdict(), "against": against and against._asdict()}
    return sides | {"change": changes if against else None}


def register(commands: console.Commands) -> None:
    """Add `compare` to `python -m analytics`."""
    sub = commands.add("compare", _command)
    sub.add_argument(
        "--tag", required=True, metavar="KEY=VALUE", help="a dimension, as team=search, or a declared tag, as pr=123"
    )
    sub.add_argument("--against", metavar="VALUE", help="another value of it, such as main")
    sub.add_argument("--markdown", action="store_true", help="as a comment for a pull request")
    add_span(sub)


def _command(args: argparse.Namespace) -> None:
    tag, sign, value = args.tag.partition("=")
    if not (tag and sign and value):
        raise BadInput(f"--tag {args.tag!r}: write it as KEY=VALUE, for example pr=123.")
    view = view_of(args)
    scope = span_of(args, view)
    one = side(view, scope, tag, value)
    against = side(view, scope, tag, args.against) if args.against else None
    if args.json:
        console.emit_json(json_form(one, against) | {"tag": tag.removeprefix(PREFIX), "snapshot": view.snapshot()})
        return
    heads, rows = table(tag.removeprefix(PREFIX), one, against)
    if args.markdown:
        console.say(markdown(heads, rows))
    else:
        console.emit_table(heads, rows, right=heads[1:])
    console.say(f"\n{wording.share(one.totals['priced_share'])} of attempts priced; data version {view.snapshot()}.")


def table(tag: str, one: Side, against: Side | None) -> tuple[list[str], list[list[str]]]:
    """Heads and rows in words: spend, requests, tokens, failures, then spend by model."""
    sides = [one, against] if against else [one]
    heads = ["", *(f"{tag}={each.value}" for each in sides), *(["change"] if against else [])]
    rows = [
        _row("Spend", wording.usd, [each.totals["cost_usd"] for each in sides]),
        _row("Spend per request", wording.usd, [each.totals[PER_REQUEST] for each in sides]),
        _row("Requests", wording.count, [each.totals["requests"] for each in sides]),
        _row("Input tokens", wording.count, [each.totals["input_tokens"] for each in sides]),
        _row("Output tokens", wording.count, [each.totals["output_all_tokens"] for each in sides]),
        _row("Failed attempts", wording.share, [each.totals["failure_rate"] for each in sides]),
    ]
    for model in dict.fromkeys(name for each in sides for name in each.models):
        rows.append(_row(model, wording.usd, [each.models.get(model, Decimal(0)) for each in sides]))
    return heads, rows


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as Markdown; heads and names come from the log."""
    lines = [[wording.markdown(head) for head in heads], ["---", *["---:"] * (len(heads) - 1)]]
    lines += [[wording.markdown(name), *cells] for name, *cells in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _row(name: str, said: Any, values: list[Any]) -> list[str]:
    cells = [name, *(said(value) for value in values)]
    if len(values) == 2:
        now, before = values
        known = now is not None and before not in (None, 0)
        if said is wording.share and None not in values:
            cells.append(wording.points(float(now) - float(before)))
        else:
            cells.append(wording.share_change(float(now) / float(before) - 1) if known else wording.MISSING)
    return cells
