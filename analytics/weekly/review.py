"""The weekly review as data: pacing, bridge, movers, anomalies, savings, decisions, in the meeting's order.

Everything is as it stood at the end of the week and comes from one data version and the saved budgets,
notes and actions, so the same command makes the same report again; `digest` names what was saved.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from analytics import inventory, unit_costs
from analytics.anomalies import anomaly_search, incidents, silent_changes
from analytics.anomalies.distortions import distortion
from analytics.bridges import bridge
from analytics.budgets import budgets
from analytics.command_options import view_of
from analytics.coverage import comparison
from analytics.forecasts import forecast, retirements
from analytics.forecasts.outlook import outlook_of
from analytics.forecasts.planned_events import saved_events
from analytics.forecasts.price_changes import announced_changes, json_form
from analytics.history import daily, logged_days, recent, through
from analytics.known_spend import known_spend
from analytics.promises import actions, promises
from analytics.registry import dimension
from analytics.savings import savings
from analytics.savings.cheaper_models import Forbidden
from analytics.scope import ClosedScope, Scope
from analytics.spend import priced_share
from analytics.weekly import news, report
from analytics.weekly.weeks import last_week, week_name, week_of
from data import console
from data.calendar import DAY, next_month
from data.errors import BadInput, NoData
from data.held_versions import hold
from data.invented import is_sample
from data.ledger import Ledger
from data.state import State
from data.version import VERSION

Told = list[tuple[incidents.Incident, dict[str, str]]]  # incidents, each with its note
OWNED = ("model", "feature", "team")
MOVERS = 5
SHOWN_FINDINGS = 8
DECIDED = (
    "budget",
    "finding",
    "action",
    "owner",
    *forecast.READS,
    *savings.READS,
)  # what people saved and a report shows


def build(view: Ledger, state: State, monday: date, *, forbidden: Forbidden, by: str = "team") -> dict[str, Any]:
    """The report of one week as plain JSON values (`forbidden`: see `savings.findings`); raises NoData for a week
    that the ledger cannot speak about."""
    dimension(by)  # a name nobody knows is refused before the work
    week = Scope.of(view, monday, monday + timedelta(days=7))
    reach, first = through(view), logged_days(view)[0].date()
    if week.end <= first or week.start > reach.day:
        raise NoData(f"Week {week_name(monday)} is outside the data ({first} to {reach.day}); choose a week inside.")
    until = min(week.end, reach.complete_until)
    pacing, moves = _pacing(view, state, week, until), _moves(view, week, by)
    seen, asked = anomaly_search.findings(view, week), recent(view, Scope.of(view, None, until))
    saving = savings.findings(view, asked, state, forbidden)
    happened = incidents.incidents(view, week, seen.anomalies, saving.findings)
    told = [(one, incidents.note_on(state, one)) for one in happened]
    changed = silent_changes.silent_changes(view, state, until)
    found = {
        "week": week_name(monday),
        "start": week.start,
        "end": week.end,
        "last": week.end - timedelta(days=1),
        "complete": until == week.end,
        "as_of": min(week.end - timedelta(days=1), reach.day),
        "snapshot": view.snapshot(),
        "time_zone": view.time_zone,
        "through": reach.instant,
        "sample": is_sample(view),
        "priced_share": priced_share(view, week),
        "digest": _digest(state),
        "baton_version": VERSION,
        "pacing": pacing,
        **moves,
        "anomalies": _anomalies(state, seen),
        "incidents": [incidents.json_form(one) | note for one, note in told],
        "model_changes": [silent_changes.json_form(one) for one in changed],
        "no_model_changes": silent_changes.none_found(view, until),
        "news": _news(view, state, week, until, pacing, moves, told, changed),
        "units": _units(view, week),
        "savings": _savings(saving, told),
        "inventory": inventory.debt(inventory.in_use(view, state, OWNED, min(week.end, reach.day + DAY))),
        "actions": [
            a.model_dump(mode="json") | {"told": a.told_days} | promises.outcome(view, a, until)
            for a in actions.to_do(state)
        ],
    }
    plain = json.loads(json.dumps(found, default=_plain, sort_keys=True), parse_float=_steady)
    return plain | {"message": report.message(plain)}


def _pacing(view: Ledger, state: State, week: ClosedScope, until: date) -> dict:
    spend = daily(view, Scope.of(view))
    spend = spend[spend.index < pd.Timestamp(week.end)]
    inside = spend[spend.index >= pd.Timestamp(week.start)]
    month = (until - timedelta(days=1)).replace(day=1)
    events = saved_events(state)
    changes = announced_changes(view, state, Scope.of(view), until)
    known = known_spend(view, Scope.of(view)).until(week.end)
    end = outlook_of(known, until, month, next_month(month), [*events, *(change.event for change in changes)])
    days = [(f"{day:%Y-%m-%d}", None if pd.isna(usd) else usd) for day, usd in spend[-28:].items()]
    return {
        "week_usd": float(inside.sum()),
        "days": days,
        "no_log": [f"{day:%Y-%m-%d}" for day in inside.index[inside.isna()]],
        "month": end._asdict()
        | {
            "score": end.score and end.score._asdict(),
            "note": end.note,
            "days_left": end.days_left,
            "is_known": end.is_known,
        },
        "price_changes": [json_form(change) for change in changes],
        "retirements": [retirements.json_form(one) for one in retirements.endings(view, state, Scope.of(view), until)],
        "budgets": [budgets.json_form(one) for one in budgets.status(view, state, events, until)],
    }


def _moves(view: Ledger, week: ClosedScope, by: str) -> dict:
    """The week against the one before, on the days that both cover; `compared` says what was left out,
    or why nothing."""
    compared = comparison(view, week)
    if compared.now is None or compared.before is None:
        return {"bridge": None, "movers": [], "renames": [], "by": by, "compared": compared.note, "without_events": ""}
    before, after = compared.before, compared.now
    parts = bridge.between_by(view, before, after, by)
    ranked = sorted(((name, b) for name, b in parts.items() if b.change_usd), key=lambda item: -abs(item[1].change_usd))
    movers = [
        {
            "name": name,
            "before_usd": b.start_usd,
            "after_usd": b.end_usd,
            "change_usd": b.change_usd,
            "driver": b.main.label,
            "driver_usd": b.main.usd,
        }
        for name, b in ranked[:MOVERS]
    ]
    whole = bridge.between(view, before, after)
    if len(parts) > len(movers):
        movers.append(_the_rest(whole, movers))
    return {
        "bridge": bridge.json_form(whole) | {"unpriced_share": bridge.unpriced_share(view, before, after)},
        "movers": movers,
        "renames": bridge.renames(view, week, by),
        "by": by,
        "compared": compared.note,
        "without_events": known.text if (known := distortion(view, compared)) else "",
    }


def _the_rest(whole: bridge.Bridge, movers: list[dict[str, Any]]) -> dict[str, Any]:
    """What is not among the movers, so that they add up to the whole change."""
    before = whole.start_usd - sum(mover["before_usd"] for mover in movers)
    after = whole.end_usd - sum(mover["after_usd"] for mover in movers)
    money = {"before_usd": before, "after_usd": after, "change_usd": after - before}
    return {"name": "everything else", **money, "driver": "", "driver_usd": None}


def _anomalies(state: State, seen: anomaly_search.Watch) -> dict:
    rows = [
        one._asdict() | {"title": one.title, "key": one.key, "period": one.period} | anomaly_search.note_on(state, one)
        for one in seen.anomalies
    ]
    return {"rows": rows, "note": seen.note, "verdict": seen.verdict}


def _news(
    view: Ledger,
    state: State,
    week: ClosedScope,
    until: date,
    pacing: dict,
    moves: dict,
    told: Told,
    changed: list[silent_changes.SilentChange],
) -> list[dict]:
    """What the week's title may tell, most weighty first."""
    whole = Scope.of(view)
    changes, ends = announced_changes(view, state, whole, until), retirements.endings(view, state, whole, until)
    every = [
        *news.of_incidents([(one, note["status"]) for one, note in told], week.start),
        *news.of_budgets(pacing["budgets"]),
        *news.of_what_is_ahead(changes, ends, until),
        *news.of_model_changes(changed, until, [one for one, _ in told]),
        *news.of_change(moves["bridge"]),
    ]
    return [one._asdict() | {"weight": one.weight} for one in news.rank(every)]


def _units(view: Ledger, week: ClosedScope) -> dict:
    cost = unit_costs.costs_of(view, week)
    return cost._asdict() | {"note": cost.note}


def _savings(found: savings.Savings, told: Told) -> dict:
    of = {title: one.title for one, _ in told for title in one.savings}
    rows = [
        {k: v for k, v in finding._asdict().items() if k not in ("cells", "work")}
        | {"incident": of.get(finding.title, "")}
        for finding in found.findings[:SHOWN_FINDINGS]
    ]
    return {
        "rows": rows,
        "total_usd_month": found.total_usd_month,
        "spend_usd_month": found.spend_usd_month,
        "untested_usd_month": found.untested_usd_month,
        "days": found.days,
        "text": savings.sentence(found),
    }


def _digest(state: State) -> str:
    return state.version(*DECIDED)[:12]


def _steady(text: str) -> float:
    """Twelve digits: beyond them a parallel sum of floats is not the same twice."""
    return float(f"{float(text):.12g}")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} has no place in a report")


WRITERS: dict[str, Callable[[dict], str]] = {
    ".html": report.html,
    ".md": report.markdown,
    ".csv": report.actions_csv,
    ".json": lambda found: json.dumps(found, indent=2) + "\n",
}


def register(commands: console.Commands) -> None:
    """`python -m analytics review`."""
    sub = commands.add("review", _command)
    sub.add_argument("--week", metavar="2026-W46", help="ISO week (default: the last whole one)")
    sub.add_argument("--by", default="team", metavar="DIMENSION", help="movers by this dimension (default team)")
    sub.add_argument(
        "--out", action="append", default=[], metavar="FILE", help="write it: .html, .md, .csv or .json (repeatable)"
    )
    sub.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def _command(args: argparse.Namespace) -> None:
    paths = [Path(name) for name in args.out]
    for path in paths:
        if path.suffix not in WRITERS:
            raise BadInput(f"--out {path} has no known kind; end it in {', '.join(WRITERS)}.")
    view, state = view_of(args), State.open(args.home)
    week = week_of(args.week) if args.week else last_week(view)
    found = build(view, state, week, forbidden=args.forbidden(state), by=args.by)
    for path in paths:
        console.write_file(path, WRITERS[path.suffix](found))
    if paths:
        hold(state, found["snapshot"], "report")
    if args.json:
        console.emit_json(found)
    elif paths:
        console.say(f"Wrote {', '.join(map(str, paths))} for {found['week']} from data version {found['snapshot']}.")
    else:
        console.say(report.markdown(found))
