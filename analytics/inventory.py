"""Every model, agent or feature, key and team seen in the logs, and who owns it and its connection onwards.

What nobody owns is the integration debt: the connection will break, and nobody will be asked.
"""

from __future__ import annotations

import argparse
import math
from datetime import date, timedelta

import ibis
import pandas as pd
from pydantic import BaseModel, ConfigDict

from analytics.answers_by_version import remember
from analytics.command_options import view_of
from analytics.coverage import coverage
from analytics.history import recent, through
from analytics.registry import DIMENSIONS, dimension
from analytics.scope import Scope
from analytics.totals import total
from data import console, wording
from data.documents import Documents
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State

KINDS = ("model", "feature", "key_alias", "team")
COLUMNS = (
    "kind",
    "name",
    "owner",
    "connection_owner",
    "first_seen",
    "last_seen",
    "cost_usd_month",
    "requests_month",
    "idle",
    "note",
)
MONTHLY = ["cost_usd_month", "requests_month"]
IDLE_DAYS = 30


class Owner(BaseModel):
    """Who answers for something, and who for its connection to the next system; "" is nobody yet."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    owner: str = ""
    connection_owner: str = ""
    note: str = ""


OWNERS = Documents("owner", Owner)  # by `<kind>:<name>`


def in_use(view: Ledger, state: State, kinds: tuple[str, ...] = KINDS, until: date = date.max) -> pd.DataFrame:
    """COLUMNS, by USD a month, told from the covered days of the last four weeks as savings are (NaN under a whole
    day); `idle` is last seen over a month before the data end. Costs are floats.

    As the ledger stood at the start of `until`, where given.
    """
    last = min(through(view).day, until - timedelta(days=1))
    owners = OWNERS.all(state)
    frames = [_of(view, kind, last) for kind in kinds]
    table = pd.concat(frames, ignore_index=True)
    documents = [owners.get(f"{row.kind}:{row.name}", Owner()) for row in table.itertuples(index=False)]
    for field in ("owner", "connection_owner", "note"):
        table[field] = [getattr(document, field) for document in documents]
    table["idle"] = pd.to_datetime(table["last_seen"]) < pd.Timestamp(last - timedelta(days=IDLE_DAYS))
    return table.sort_values(["cost_usd_month", "kind", "name"], ascending=[False, True, True], ignore_index=True)[
        list(COLUMNS)
    ]


@remember
def _of(view: Ledger, kind: str, last: date) -> pd.DataFrame:
    scope = Scope.of(view, None, last + timedelta(days=1))
    source = scope.days(view) if scope.fits_rollup(kind) else scope.usage(view)
    day = dimension("day").expression(source, scope.time_zone)
    name = dimension(kind).expression(source, scope.time_zone)
    table = source.mutate(seen_day=day, seen_name=name).filter(name.notnull())
    span = recent(view, scope)
    covered = coverage(view, span)
    inside = (table.seen_day >= ibis.literal(span.start)) & (table.seen_day < ibis.literal(span.end))
    inside = inside & ~table.seen_day.isin(covered.missing)
    spans = table.group_by(name=table.seen_name, recent=inside).aggregate(
        first_seen=table.seen_day.min(),
        last_seen=table.seen_day.max(),
        cost_usd=total(table, "cost_usd"),
        requests=total(table, "calls"),
    )
    names = spans.group_by("name").aggregate(
        first_seen=spans.first_seen.min(),
        last_seen=spans.last_seen.max(),
        cost_usd_month=spans.cost_usd.sum(where=spans.recent).cast("float64"),
        requests_month=spans.requests.sum(where=spans.recent).cast("float64"),
    )
    monthly = covered.per_month() if covered.covered_days else math.nan
    found = view.frame(names).fillna({name: 0.0 for name in MONTHLY}).assign(kind=kind)
    return found.assign(**{name: found[name] * monthly for name in MONTHLY})


def without_owner(table: pd.DataFrame) -> pd.DataFrame:
    """What is in use and has no owner, or no owner of its connection."""
    return table[~table["idle"] & ((table["owner"] == "") | (table["connection_owner"] == ""))]


def debt(table: pd.DataFrame) -> dict[str, float | None]:
    """The audit in numbers: `items` in use, `unowned`, `unowned_usd_month` counted on models alone (kinds overlap);
    None where no month can be told."""
    open_ = without_owner(table)
    usd = float(open_.loc[open_["kind"] == "model", "cost_usd_month"].sum(skipna=False))
    return {
        "items": int((~table["idle"]).sum()),
        "unowned": len(open_),
        "unowned_usd_month": None if math.isnan(usd) else usd,
    }


def in_production(table: pd.DataFrame) -> int:
    """Models and agents in use, the number the staffing rule counts."""
    return int((~table["idle"] & table["kind"].isin(["model", "feature"])).sum())


def assign(state: State, kind: str, name: str, *, owner: str = "", connection_owner: str = "", note: str = "") -> None:
    """Write down who owns something and its connection; raises BadInput for a kind that is not watched."""
    if kind not in KINDS:
        raise BadInput(f"There is no kind {kind!r}; use one of {', '.join(KINDS)}.")
    OWNERS.save(state, f"{kind}:{name}", Owner(owner=owner, connection_owner=connection_owner, note=note))


def register(commands: console.Commands) -> None:
    """`python -m analytics inventory`."""
    sub = commands.add("inventory", _command)
    sub.add_argument(
        "--own",
        nargs=3,
        metavar=("KIND", "NAME", "OWNER"),
        help="write down the owner of a model, feature, key_alias or team",
    )
    sub.add_argument(
        "--connection", metavar="OWNER", default="", help="with --own: who owns the connection to the next system"
    )


def _command(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    view = view_of(args)
    if args.own:
        kind, name, owner = args.own
        assign(state, kind, name, owner=owner, connection_owner=args.connection)
    table = in_use(view, state)
    if args.json:
        console.emit_json({"items": table.to_dict("records"), "snapshot": view.snapshot()} | debt(table))
        return
    rows = [
        (
            DIMENSIONS[r.kind].label,
            r.name,
            r.owner or "–",
            r.connection_owner or "–",
            f"{r.last_seen:%Y-%m-%d}",
            wording.MISSING if math.isnan(r.cost_usd_month) else f"{r.cost_usd_month:,.2f}",
        )
        for r in table.itertuples(index=False)
    ]
    console.emit_table(["Kind", "Name", "Owner", "Connection", "Last seen", "USD a month"], rows, right=["USD a month"])
    numbers = debt(table)
    console.say(
        f"{numbers['unowned']} of {numbers['items']} in use lack an owner or a connection owner: that is the"
        " integration debt."
    )
