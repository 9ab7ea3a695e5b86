"""`python -m data pull`: saved sources, what is new of them, and how far each has come."""

from __future__ import annotations

import argparse
from datetime import date
from typing import Any

from data import console, wording
from data.after_load import judge_alerts
from data.calendar import DAY
from data.errors import BadInput, Refused
from data.ledger import Ledger
from data.sources.progress import forget_progress, gaps, progress_of
from data.sources.pull import Result, instant, pull_due
from data.sources.source import SOURCES, Source
from data.state import State

SPANS_TOLD = 5


def register(commands: console.Commands) -> None:
    """Add `pull` to `python -m data`."""
    sub = commands.add("pull", _command)
    sub.add_argument("name", nargs="?", default="", metavar="NAME")
    sub.add_argument("--list", action="store_true", help="how far each source has come; nothing is pulled")
    sub.add_argument("--add", metavar="KIND", help="save NAME as a source of this kind (see docs/pull.md)")
    sub.add_argument(
        "--url",
        default="",
        metavar="URL",
        help="where it is asked, unless at its usual address",
    )
    sub.add_argument("--key", default="", metavar="VARIABLE", help="the environment variable that holds its key")
    sub.add_argument("--path", default="", metavar="PATH", help="the folder or pattern, here or as s3://bucket/prefix")
    sub.add_argument("--time", default="", metavar="COLUMN", help="when a row of an Iceberg or Delta table was (UTC)")
    sub.add_argument("--every", type=float, default=1, metavar="HOURS", help="how often it is due (default 1)")
    sub.add_argument("--delete", action="store_true", help="forget the source NAME; what it brought stays")


def _command(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if (args.add or args.delete) and not args.name:
        raise BadInput("Name the source: python -m data pull NAME --add KIND.")
    if args.delete:
        SOURCES.find(state, args.name)
        SOURCES.forget(state, args.name)
        forget_progress(state, args.name)
    if args.add:
        body = {
            "kind": args.add,
            "base_url": args.url,
            "key_env": args.key,
            "path": args.path,
            "time_column": args.time,
        }
        SOURCES.save(state, args.name, {k: v for k, v in body.items() if v} | {"every_hours": args.every})
    if args.list or args.add or args.delete:
        _list(state, as_json=args.json)
        return
    ledger = Ledger.open(args.home)
    results = pull_due(ledger, state, args.name)
    _print(results, as_json=args.json)
    if any(one.loaded for one in results):
        judge_alerts(state)
    if problems := [one.problem for one in results if one.problem]:
        raise Refused(" ".join(problems))


def lines(state: State) -> list[dict[str, Any]]:
    """Every source with how far it has come; `late_hours` since the last success, None before the first; `gaps` are
    the days with nothing within what it brought."""
    found, now = [], instant()
    for name, source in SOURCES.all(state).items():
        held = progress_of(state, name)
        late = (now - held.pulled_at).total_seconds() / 3600 if held.pulled_at else None
        found.append(
            {
                "name": name,
                **_described(source),
                **held._asdict(),
                "late_hours": late,
                "gaps": gaps(state, name, held.watermark),
            }
        )
    return found


def days_in_words(days: list[date]) -> str:
    """Days as spans, the first few by name; "" for none."""
    spans: list[list[date]] = []
    for day in days:
        if spans and day - spans[-1][-1] == DAY:
            spans[-1].append(day)
        else:
            spans.append([day])
    told = [wording.days(span[0], span[-1]) for span in spans[:SPANS_TOLD]]
    more = sum(len(span) for span in spans[SPANS_TOLD:])
    return ", ".join(told) + (f" and {wording.count_of(more, 'day')} more" if more else "")


def _described(source: Source) -> dict[str, Any]:
    return {"kind": source.kind, "words": source.words, "every_hours": source.every_hours}


def _list(state: State, *, as_json: bool) -> None:
    rows = lines(state)
    if as_json:
        console.emit_json({"sources": rows})
        return
    told = [
        (
            row["name"],
            row["words"],
            f"{row['watermark']:%Y-%m-%d %H:%M}" if row["watermark"] else wording.MISSING,
            f"{row['pulled_at']:%Y-%m-%d %H:%M}" if row["pulled_at"] else "never",
            days_in_words(row["gaps"]),
            row["problem"],
        )
        for row in rows
    ]
    console.emit_table(
        ("Source", "What", "Loaded up to (UTC)", "Last success (UTC)", "Days with nothing", "Problem"), told
    )
    if not rows:
        console.say("No source yet; save one with `python -m data pull NAME --add KIND`, see docs/pull.md.")


def _print(results: list[Result], *, as_json: bool) -> None:
    if as_json:
        console.emit_json({"pulled": [one._asdict() for one in results]})
        return
    rows = [
        (one.name, f"{one.read:,}", f"{one.loaded:,}", f"{one.rejected:,}", one.problem or "done") for one in results
    ]
    console.emit_table(
        ("Source", "Read", "Loaded", "Set aside", "How it ended"), rows, right=("Read", "Loaded", "Set aside")
    )
    if not results:
        console.say("No source is due.")
