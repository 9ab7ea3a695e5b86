"""`python -m analytics gauges`: where things stand as gauges, for Prometheus and what reads its text format.

A gauge that is not known is left out: missing is not zero. The file is replaced as a whole, as the textfile collector
of node_exporter asks for.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from analytics.alerts import incident_book, outbox
from analytics.budgets import budgets
from analytics.command_options import view_of
from analytics.coverage import coverage
from analytics.forecasts.planned_events import saved_events
from analytics.history import through
from analytics.scope import Scope
from analytics.spend import totals
from analytics.standing import standing
from data import console
from data.errors import BadInput
from data.ledger import Ledger
from data.sources.progress import progress_of
from data.sources.source import SOURCES
from data.state import State

SPANS = (1, 7, 28)  # whole days


class Gauge(NamedTuple):
    """One gauge: its name without the prefix, labels, and value; None where that is not known."""

    name: str
    labels: dict[str, str]
    value: float | None


MEANINGS = {
    "spend_usd": "Spend of the last whole days, where the log covers all of them",
    "requests": "Logical requests of the last whole days, where the log covers all of them",
    "budget_usd": "The budget of its present period",
    "budget_spent_usd": "What is spent of it",
    "budget_forecast_usd": "What its period will probably cost",
    "budget_chance_of_overrun": "The chance that it is not enough, 0 to 1",
    "priced_share": "Attempts with a known cost / attempts",
    "without_caveat_share": "Dollars whose rows carry no caveat / dollars",
    "last_record_timestamp_seconds": "When the newest record was",
    "last_load_timestamp_seconds": "When something was last loaded",
    "source_pulled_timestamp_seconds": "When a saved source was last pulled",
    "source_failing": "1 where the last pull of a source failed",
    "alerts_open": "Alerts that are open, by rule",
    "alert_messages_undelivered": "Alert messages that nobody has got",
    "data_version": "The data version that these gauges were told from",
}


def gauges(view: Ledger, state: State) -> Iterator[Gauge]:
    """Everything that is known, in the order of MEANINGS."""
    end = through(view).complete_until
    spans = {days: Scope.of(view, end - timedelta(days=days), end) for days in SPANS}
    sums = {
        days: totals(view, span, ("cost_usd", "requests")) if coverage(view, span).is_whole else {}
        for days, span in spans.items()
    }
    for name, measure in (("spend_usd", "cost_usd"), ("requests", "requests")):
        yield from (Gauge(name, {"days": str(days)}, _number(found.get(measure))) for days, found in sums.items())
    found = budgets.status(view, state, saved_events(state))
    of_budgets: dict[str, list[float | None]] = {
        "budget_usd": [one.budget.amount_usd for one in found],
        "budget_spent_usd": [one.spent_usd for one in found],
        "budget_forecast_usd": [one.outlook.p50 for one in found],
        "budget_chance_of_overrun": [one.chance_of_overrun for one in found],
    }
    for name, values in of_budgets.items():
        named = zip(found, values, strict=True)
        yield from (Gauge(name, {"budget": one.budget.name}, value) for one, value in named)
    known = standing(view)
    if known is not None:
        yield Gauge("priced_share", {}, known.priced_share)
        yield Gauge("without_caveat_share", {}, known.without_caveat_share)
        yield Gauge("last_record_timestamp_seconds", {}, _seconds(known.last))
        yield Gauge("last_load_timestamp_seconds", {}, _seconds(known.loaded))
    yield from _of_sources(state)
    for rule, count in sorted(Counter(one.rule for one in incident_book.open_incidents(state)).items()):
        yield Gauge("alerts_open", {"rule": rule}, count)
    yield Gauge("alert_messages_undelivered", {}, len(outbox.waiting(state)))
    yield Gauge("data_version", {}, view.snapshot())


def _of_sources(state: State) -> Iterator[Gauge]:
    held = {name: progress_of(state, name) for name in SOURCES.all(state)}
    for name, one in held.items():
        yield Gauge("source_pulled_timestamp_seconds", {"source": name}, _seconds(one.pulled_at))
    for name, one in held.items():
        yield Gauge("source_failing", {"source": name}, float(bool(one.problem)))


def exposition(found: list[Gauge]) -> str:
    """The text format of Prometheus."""
    lines: list[str] = []
    told: set[str] = set()
    for one in found:
        if one.value is None:
            continue
        if one.name not in told:
            told.add(one.name)
            lines += [f"# HELP baton_{one.name} {MEANINGS[one.name]}.", f"# TYPE baton_{one.name} gauge"]
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in one.labels.items())
        lines.append(f"baton_{one.name}{f'{{{labels}}}' if labels else ''} {one.value:.12g}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.replace(tzinfo=UTC).timestamp()


def register(commands: console.Commands) -> None:
    """Add `gauges` to `python -m analytics`."""
    sub = commands.add("gauges", _command)
    sub.add_argument("--out", metavar="FILE.prom", help="replace this file (for node_exporter's textfile collector)")


def _command(args: argparse.Namespace) -> None:
    view = view_of(args)
    found = list(gauges(view, State.open(args.home)))
    if args.out:
        _replace(Path(args.out), exposition(found))
    if args.json:
        console.emit_json({"gauges": [one._asdict() for one in found], "snapshot": view.snapshot()})
    elif not args.out:
        print(exposition(found), end="")


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadInput(
            f"{path} cannot be written ({error.strerror}); name a file in a folder you may write to."
        ) from error
