"""Where the money goes: any measure by any dimensions, what moved, and how much of it is known."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from analytics import coverage as log_coverage
from analytics.command_options import add_span, span_of, view_of
from analytics.gates import Verdict, add_gates, judge
from analytics.registry import HOUR, dimension, measure
from analytics.scope import UNKNOWN, ClosedScope, Scope
from analytics.totals import total
from data import console, wording
from data.ledger import Ledger
from data.schema import TEXT_TOKENS

MEDIA = ("media_input_tokens", "media_output_tokens")
CLI_MEASURES = ("cost_usd", "requests", "attempts", *TEXT_TOKENS, *MEDIA, "tool_fees_usd")
SHARES = ("priced_share", "without_caveat_share")
COUNTED = (*TEXT_TOKENS, *MEDIA)


def source(ledger: Ledger, scope: Scope, dimensions: Sequence[str], measures: Sequence[str]) -> ir.Table:
    """The roll-up where it can answer, else the rows."""
    on_days = scope.fits_rollup(*dimensions) and all(measure(m).in_rollup for m in measures)
    return scope.days(ledger) if on_days else scope.usage(ledger)


def grouped_spend(
    ledger: Ledger,
    scope: Scope,
    by: Sequence[str],
    measures: Sequence[str] = ("cost_usd",),
    limit: int | None = None,
) -> pd.DataFrame:
    """One row per combination of `by`, columns `by` then `measures`; missing values read `unknown`.

    Sorted by the first measure, largest first; time dimensions ascending; the first `limit` rows of it. Raises
    BadInput for names the registry does not know.
    """
    dims, wanted = [dimension(name) for name in by], [measure(name) for name in measures]
    table = source(ledger, scope, by, measures)
    values = {m.name: m.expression(table) for m in wanted}
    if not dims:
        return ledger.frame(table.aggregate(**values))
    keys = {
        d.name: d.expression(table, scope.time_zone) if d.is_time else _known(d.expression(table, scope.time_zone))
        for d in dims
    }
    result = table.group_by(**keys).aggregate(**values)
    order = [ibis.asc(d.name) for d in dims if d.is_time]
    ranked = result.order_by(*order, ibis.desc(wanted[0].name), *(d.name for d in dims if not d.is_time))
    return ledger.frame(ranked if limit is None else ranked.limit(limit))


def _known(value: ir.Value) -> ir.Value:
    return value.cast("string").fill_null(UNKNOWN)


def totals(ledger: Ledger, scope: Scope, measures: Sequence[str]) -> dict[str, Any]:
    """The measures over the whole scope, as one record; None where nothing is known."""
    record = grouped_spend(ledger, scope, (), measures).iloc[0].to_dict()
    return {name: None if pd.isna(value) else value for name, value in record.items()}


def by_day(ledger: Ledger, scope: ClosedScope) -> pd.DataFrame:
    """`day, cost_usd` for every day of a closed scope, days without spend as 0; those left out are not there."""
    frame = grouped_spend(ledger, scope, ("day",))
    known = {pd.Timestamp(d).date(): c for d, c in zip(frame["day"], frame["cost_usd"], strict=True)}
    span = [scope.start + timedelta(days=i) for i in range((scope.end - scope.start).days)]
    left_out = set(scope.without)
    days = [day for day in span if day not in left_out]
    return pd.DataFrame({"day": days, "cost_usd": [known.get(d) or Decimal(0) for d in days]})


def movers(
    ledger: Ledger, scope: ClosedScope, by: str, count: int = 5, earlier: ClosedScope | None = None
) -> pd.DataFrame:
    """What changed most against the span before, or `earlier`: `name, before_usd, after_usd, change_usd`.

    Largest move first. The last row `everything else` closes the sum, so the changes add up to the total's change.
    """
    both = [grouped_spend(ledger, s, (by,)).set_index(by)["cost_usd"] for s in (earlier or scope.before(), scope)]
    names = both[0].index.union(both[1].index)
    if names.empty:
        return pd.DataFrame(columns=["name", "before_usd", "after_usd", "change_usd"])
    before, after = (part.reindex(names).map(lambda v: Decimal(0) if pd.isna(v) else v) for part in both)
    frame = pd.DataFrame({"name": names, "before_usd": before.values, "after_usd": after.values})
    frame["change_usd"] = frame["after_usd"] - frame["before_usd"]
    frame = frame.reindex(frame["change_usd"].map(abs).sort_values(ascending=False, kind="stable").index)
    if len(frame) > count:
        rest = frame.iloc[count:]
        closing = {"name": "everything else", **{c: rest[c].sum() for c in ("before_usd", "after_usd", "change_usd")}}
        frame = pd.concat([frame.iloc[:count], pd.DataFrame([closing])])
    return frame[frame["change_usd"] != 0].reset_index(drop=True)


def coverage(ledger: Ledger, scope: Scope) -> pd.DataFrame:
    """How the costs are known: `cost_basis, attempts, cost_usd`, largest first."""
    return grouped_spend(ledger, scope, ("cost_basis",), ("attempts", "cost_usd"))


def priced_share(ledger: Ledger, scope: Scope, by: Sequence[str] = ()) -> float | None:
    """Attempts with a known cost / attempts; None without attempts."""
    table = source(ledger, scope, by, ("cost_usd",))
    row = ledger.frame(table.aggregate(priced=total(table, "priced_attempts"), attempts=total(table, "attempts"))).iloc[
        0
    ]
    return None if pd.isna(row["attempts"]) or not row["attempts"] else float(row["priced"] / row["attempts"])


def without_caveat_share(ledger: Ledger, scope: Scope) -> float | None:
    """Dollars whose rows carry no caveat / dollars with a known cost; None without any."""
    share = totals(ledger, scope, ("without_caveat_share",))["without_caveat_share"]
    return None if share is None or pd.isna(share) else float(share)


def register(commands: console.Commands) -> None:
    """Add `spend` to `python -m analytics`."""
    spend = commands.add("spend", run)
    spend.add_argument("--by", default="", metavar="DIM,...", help="dimensions, for example model,team")
    add_span(spend)
    add_gates(spend, "unpriced", "caveat")


def run(args: argparse.Namespace) -> None:
    """`spend`: rows by the asked dimensions, the total, the share priced, the data version; then its gates."""
    view = view_of(args)
    scope = span_of(args, view)
    _print(args, view, scope)
    judge(args.fail_on, {"unpriced": lambda: _unpriced(view, scope), "caveat": lambda: _caveat(view, scope)})


def _unpriced(ledger: Ledger, scope: Scope) -> Verdict:
    share = priced_share(ledger, scope)
    if share is None:
        return Verdict(untold="There are no attempts in this span.")
    return Verdict(shut=f"{wording.share(share)} of attempts are priced." if share < 1 else "")


def _caveat(ledger: Ledger, scope: Scope) -> Verdict:
    share = without_caveat_share(ledger, scope)
    if share is None:
        return Verdict(untold="There are no dollars in this span.")
    return Verdict(shut=f"{wording.share(share)} of dollars are without caveat." if share < 1 else "")


def _print(args: argparse.Namespace, view: Ledger, scope: Scope) -> None:
    by = tuple(name.strip() for name in args.by.split(",") if name.strip())
    frame = grouped_spend(view, scope, by, CLI_MEASURES) if by else pd.DataFrame()
    whole = totals(view, scope, (*CLI_MEASURES, *SHARES))
    share, clean = (whole.pop(name) for name in SHARES)
    covered = log_coverage.coverage(view, scope)
    if args.json:
        # pandas makes a column of counts with a gap a column of floats.
        rows = [
            {k: None if pd.isna(v) else int(v) if isinstance(v, float) and k in COUNTED else v for k, v in row.items()}
            for row in frame.to_dict("records")
        ]
        console.emit_json(
            {
                "rows": rows,
                "total": whole,
                "priced_share": share,
                "without_caveat_share": clean,
                "covered_days": covered.covered_days,
                "asked_days": covered.asked_days,
                "coverage": covered.reason,
                "time_zone": scope.time_zone,
                "snapshot": view.snapshot(),
            }
        )
        return
    columns = (*by, "cost_usd", "requests", "attempts")
    if HOUR in by:
        frame[HOUR] = [f"{start:%Y-%m-%d %H:%M}" for start in frame[HOUR]]
    lines = [tuple(_cell(row[c]) for c in columns) for row in frame.to_dict("records")]
    closing = (*("total" if i == 0 else "" for i in range(len(by))), *(_cell(whole[c]) for c in columns[len(by) :]))
    console.emit_table(columns, [*lines, closing], right=columns[len(by) :])
    console.say(
        f"{wording.share(share)} of attempts priced, {wording.share(clean)} of dollars without caveat; days in"
        f" {scope.time_zone}; data version {view.snapshot()}."
        if share is not None
        else "No attempts in this span."
    )
    if not covered.is_whole:
        console.say(f"The log covers {covered.basis}: {covered.reason}.")


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if abs(value) >= 1 or not value else f"{value:.6f}"
    if isinstance(value, (date, pd.Timestamp)):
        return f"{value:%Y-%m-%d}"
    return "" if pd.isna(value) else f"{value:,.0f}" if isinstance(value, (int, float)) else str(value)
