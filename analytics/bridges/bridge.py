"""Bridges on the ledger: any two spans, any filter, in total or by a dimension; and budget to actual."""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from analytics import list_prices
from analytics.answers_by_version import remember
from analytics.bridges.bridge_maths import CENT, COLUMNS, Bridge, Driver, bridge, bridges
from analytics.budgets.budget import Budget, find_budget
from analytics.command_options import add_span, view_of
from analytics.coverage import comparison, coverage
from analytics.history import through
from analytics.paid_prices import KINDS
from analytics.registry import dimension
from analytics.scope import UNKNOWN, ClosedScope, Scope
from analytics.totals import total
from data import console, wording
from data.errors import BadInput, NoData
from data.ledger import Ledger
from data.schema import TOKENS
from data.state import State

UNPRICED = ("unpriced", "unmetered")
FINE = ("team", "feature", "provider", "model", "status", "cost_basis")
SUMS = ("attempts", "priced_attempts", "retries", "failed", "cost_usd", "failed_cost_usd", *TOKENS)


def between(view: Ledger, before: ClosedScope, after: ClosedScope) -> Bridge:
    """The change in spend from one span to another; see `variance` for the method."""
    start, end = cells(view, before), cells(view, after)
    return bridge(start, end, before.length_days, after.length_days, _rates(start, end, before, after))


def between_by(view: Ledger, before: ClosedScope, after: ClosedScope, by: str) -> dict[str, Bridge]:
    """One bridge per value of a dimension, each closing on its own."""
    start, end = cells(view, before, by), cells(view, after, by)
    return bridges(start, end, before.length_days, after.length_days, _rates(start, end, before, after))


def _rates(start: pd.DataFrame, end: pd.DataFrame, before: ClosedScope, after: ClosedScope) -> pd.DataFrame:
    """List prices in the middle of both spans."""
    names = [
        (row.provider, row.model)
        for frame in (start, end)
        for row in frame[["provider", "model"]].drop_duplicates().itertuples()
    ]
    return list_prices.rates(
        names, (before.start + (before.end - before.start) / 2, after.start + (after.end - after.start) / 2)
    )


def from_budget(budget_usd: Decimal, reference: Bridge) -> Bridge:
    """Budget to actual: what the budget allowed for beyond the reference span, then why spend left that span.

    A budget holds no requests or tokens, so drivers are measured against a span that has them.
    """
    start = Decimal(budget_usd).quantize(CENT)
    allowance = Driver("allowance", reference.start_usd - start)
    return Bridge(start, reference.end_usd, (allowance, *reference.drivers))


def against_budget(
    view: Ledger, amount_usd: float, start: date, end: date, until: date, filters: dict[str, tuple[str, ...]]
) -> Bridge | None:
    """Budget to actual of a period [start, end) up to `until`: the budget's share of the days gone, then `from_budget`.

    The reference is as many days right before the period; days that either side lacks are left out of both and of
    the budget's share. None before its first whole day, and where the log does not cover the reference.
    """
    until = min(until, end)
    if until <= start:
        return None
    compared = comparison(view, Scope.of(view, start, until, **filters))
    if compared.now is None or compared.before is None:
        return None
    share = Decimal(compared.now.length_days) / Decimal((end - start).days)
    return from_budget(Decimal(repr(float(amount_usd))) * share, between(view, compared.before, compared.now))


def of_budget(view: Ledger, budget: Budget) -> Bridge | None:
    """Budget to actual of the budget's running period, as its status counts it."""
    reach = through(view)
    return against_budget(view, budget.amount_usd, *budget.span_at(reach.day), reach.complete_until, budget.filters)


def renames(view: Ledger, scope: ClosedScope, by: str) -> list[tuple[str, str, date]]:
    """Names that ended in the span where another began a day later at most: (old, new, day),
    probably one thing renamed."""
    source = scope.at_any_time().days(view)
    if not scope.fits_rollup(by):
        return []
    name = dimension(by).expression(source, scope.time_zone)
    frame = view.frame(
        source.filter(name.notnull()).group_by(name=name).aggregate(first=source.day.min(), last=source.day.max())
    )
    seen = [
        (row.name, pd.Timestamp(row.first).date(), pd.Timestamp(row.last).date())
        for row in frame.itertuples(index=False)
    ]
    ended = [(name, last) for name, _, last in seen if scope.start <= last < scope.end - timedelta(days=1)]
    began = [(name, first) for name, first, _ in seen if scope.start <= first < scope.end]
    return [
        (old, new, first) for old, last in ended for new, first in began if old != new and 0 <= (first - last).days <= 1
    ]


def cells(view: Ledger, scope: ClosedScope, by: str | None = None) -> pd.DataFrame:
    """Priced usage of a span as `variance.bridges` takes it, one row per group, team, feature and model."""
    frame = _usage(view, scope, tuple(dict.fromkeys((*FINE, by) if by else FINE)))
    frame = frame[~frame["cost_basis"].isin(UNPRICED)]
    return _cells(frame.assign(group=frame[by] if by else "all"))


@remember
def _usage(view: Ledger, scope: ClosedScope, keys: tuple[str, ...]) -> pd.DataFrame:
    """SUMS of a span, one row per combination of `keys`."""
    source = scope.days(view) if scope.fits_rollup(*keys) else scope.usage(view)
    columns = {
        name: dimension(name).expression(source, scope.time_zone).cast("string").fill_null(UNKNOWN) for name in keys
    }
    return view.frame(source.group_by(**columns).aggregate(**{name: total(source, name) for name in SUMS}))


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    paid = ~frame["status"].isin(["error", "cached"])
    filled = frame.fillna(dict.fromkeys(("failed_cost_usd", "cost_usd"), Decimal(0)))
    tokens = {kind: frame[kind].where(paid, 0).fillna(0) for kind in KINDS if kind in frame}
    billed_output = (frame["output_tokens"].fillna(0) + frame["reasoning_tokens"].fillna(0)).where(paid, 0)
    gateway = frame["attempts"].where(frame["status"] == "cached", 0)
    wide = filled.assign(**tokens, billed_output_tokens=billed_output, gateway=gateway)
    wide["work"] = wide["team"] + "\t" + wide["feature"]
    return wide.groupby(["group", "work", "provider", "model"], as_index=False)[list(COLUMNS[3:])].sum()


def unpriced_share(view: Ledger, *scopes: ClosedScope) -> float:
    """Share of attempts in the spans whose cost is unknown: they are in no bridge."""
    frames = [_usage(view, scope, FINE) for scope in scopes]
    known, attempts = (sum(int(frame[name].sum()) for frame in frames) for name in ("priced_attempts", "attempts"))
    return 1 - known / attempts if attempts else 0.0


def register(commands: console.Commands) -> None:
    """`python -m analytics bridge`."""
    sub = commands.add("bridge", _command)
    add_span(sub)
    sub.add_argument(
        "--against-from",
        type=console.parse_day,
        metavar="DATE",
        help="first day of the span before (default: as long, ending before --from)",
    )
    sub.add_argument(
        "--against-to", type=console.parse_day, metavar="DATE", help="last day of the span before, included"
    )
    sub.add_argument("--by", metavar="DIMENSION", help="one bridge per team, model, ...")
    sub.add_argument(
        "--budget", metavar="NAME", help="from this saved budget to the actual spend of its running period"
    )
    sub.add_argument(
        "--filter", action="append", default=[], metavar="DIMENSION=VALUE", help="only this value (repeatable)"
    )


def _command(args: argparse.Namespace) -> None:
    view = view_of(args)
    if args.budget:
        return _print_budget(args, view)
    before, after, note = spans(view, args)
    if args.by:
        dimension(args.by)
    whole = between(view, before, after)
    parts = between_by(view, before, after, args.by) if args.by else {}
    share = unpriced_share(view, before, after)
    if args.json:
        payload = json_form(whole) | {
            "from": after.start,
            "to": after.last,
            "against_from": before.start,
            "against_to": before.last,
        }
        payload |= {"unpriced_share": share, "note": note, "snapshot": view.snapshot()}
        payload |= {"covered_days": after.length_days, "against_covered_days": before.length_days}
        console.emit_json(
            payload
            | ({"by": args.by, "groups": {name: json_form(part) for name, part in parts.items()}} if args.by else {})
        )
        return
    _print(whole, f"{before.start} to {before.last} -> {after.start} to {after.last}")
    if parts:
        ranked = sorted(parts.items(), key=lambda item: -abs(item[1].change_usd))
        table = [
            (
                name,
                f"{b.start_usd:,.2f}",
                f"{b.change_usd:+,.2f}",
                f"{b.end_usd:,.2f}",
                f"{b.main.label} {b.main.usd:+,.2f}",
            )
            for name, b in ranked
        ]
        console.emit_table([args.by, "Start", "Change", "End", "Mainly"], table, right=["Start", "Change", "End"])
    if note:
        console.say(f"{note[0].upper()}{note[1:]}.")
    if share:
        console.say(f"{wording.share(share)} of the attempts have no known cost and are in no line above.")


def _print(result: Bridge, title: str) -> None:
    rows = [
        ("Start", f"{result.start_usd:,.2f}"),
        *((d.label, f"{d.usd:+,.2f}") for d in result.drivers if d.usd),
        ("End", f"{result.end_usd:,.2f}"),
    ]
    console.say(title)
    console.emit_table(["Driver", "USD"], rows, right=["USD"])


def _print_budget(args: argparse.Namespace, view: Ledger) -> None:
    if args.start or args.end or args.against_from or args.against_to or args.by or args.filter:
        raise BadInput(
            "--budget has its own period and scope; leave --from, --to, --against-from, --against-to, --by and --filter"
            " out."
        )
    budget = find_budget(State.open(args.home), args.budget)
    result = of_budget(view, budget)
    if result is None:
        raise NoData(
            f"The running period of the budget {budget.name!r} has no whole day that can be compared with one before"
            " it; load a longer log."
        )
    if args.json:
        console.emit_json(json_form(result) | {"budget": budget.name, "snapshot": view.snapshot()})
    else:
        _print(result, f"{budget.name}: the budget's share of the days gone -> what they cost")


def json_form(result: Bridge) -> dict:
    """The JSON form: start_usd, end_usd, drivers."""
    drivers = [{"name": d.name, "label": d.label, "usd": d.usd} for d in result.drivers]
    return {"start_usd": result.start_usd, "end_usd": result.end_usd, "drivers": drivers}


def spans(view: Ledger, args: argparse.Namespace) -> tuple[ClosedScope, ClosedScope, str]:
    """The two spans a command names (before, after) on the days that the log covers, and what was left out.

    Raises BadInput for a span that is empty or half given, NoData where they cannot be compared.
    """
    day = timedelta(days=1)
    end = args.end + day if args.end else through(view).complete_until
    start = args.start or end - 7 * day
    filters: dict[str, list[str]] = {}
    for text in args.filter:
        name, found, value = text.partition("=")
        if not found:
            raise BadInput(f"--filter {text!r} has no value; write it as DIMENSION=VALUE, for example team=search.")
        filters.setdefault(dimension(name).name, []).append(value)
    if (args.against_from is None) != (args.against_to is None):
        raise BadInput("--against-from and --against-to go together; give both or neither.")
    after = Scope.of(view, start, end, **filters)
    before = after.before() if args.against_from is None else after.between(args.against_from, args.against_to + day)
    for scope in (before, after):
        if scope.start >= scope.end:
            raise BadInput(f"The span {scope.start} to {scope.last} ends before it starts; swap its days.")
    if args.against_from is None:
        compared = comparison(view, after)
        if compared.now is None or compared.before is None:
            raise NoData(
                f"{wording.days(after.start, after.last)} cannot be compared with the days before: {compared.note}."
            )
        return compared.before, compared.now, compared.note
    covered = [coverage(view, scope) for scope in (before, after)]
    for scope, cover in zip((before, after), covered, strict=True):
        if not cover.covered_days:
            raise NoData(f"The log covers no whole day from {wording.days(scope.start, scope.last)} ({cover.reason}).")
    notes = list(dict.fromkeys(reason for cover in covered for reason in cover.reasons))
    left = f"only days with a whole log are compared: {'; '.join(notes)}" if notes else ""
    return before.leaving_out(covered[0].missing), after.leaving_out(covered[1].missing), left
