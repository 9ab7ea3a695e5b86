"""`python -m analytics alerts`: what the rules say now, sending it, trying a channel, and looking back."""

from __future__ import annotations

import argparse
from typing import Any

from analytics.alerts import incident_book, outbox
from analytics.alerts.evaluation import judge_all
from analytics.alerts.lookout import Judged, Lookout
from analytics.alerts.rule import RULES, STARTERS, Rule, silence
from analytics.alerts.watch import instant, preview, try_channel, watch
from analytics.command_options import view_of
from data import console, wording
from data.errors import BadInput, Refused
from data.ledger import Ledger
from data.state import State
from data.yaml_text import read_yaml_file


def register(commands: console.Commands) -> None:
    """Add `alerts` to `python -m analytics`."""
    sub = commands.add("alerts", _command)
    sub.add_argument("--send", action="store_true", help="keep what is found and send it (for cron)")
    sub.add_argument("--preview", type=int, metavar="DAYS", help="what each rule would have told in the last days")
    sub.add_argument("--test", metavar="NAME", help="send a test of this rule to its channels")
    sub.add_argument("--rules", metavar="FILE.yaml", help="save rules from a file: a mapping of names to rules")
    sub.add_argument("--starters", action="store_true", help="save the rules that Baton suggests, where none is saved")
    sub.add_argument("--silence", metavar="NAME", help="keep a rule quiet until --until")
    sub.add_argument("--until", type=console.parse_day, metavar="DATE", help="the day on which --silence ends")
    sub.add_argument("--delete", metavar="NAME", help="forget a rule")
    sub.add_argument("--history", action="store_true", help="what was told, and what waits to be sent")


def _command(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if args.rules or args.starters or args.silence or args.delete:
        _change(args, state)
    if args.test:
        reached = try_channel(args.test, RULES.find(state, args.test))
        console.emit_json({"test": args.test, "sent_to": reached}) if args.json else console.say(
            f"Sent to {' and '.join(reached)}."
        )
    elif args.history:
        _history(state, as_json=args.json)
    elif args.preview is not None:
        _preview(view_of(args), state, args)
    elif args.send:
        _send(view_of(args), state, as_json=args.json)
    else:
        _list(view_of(args), state, as_json=args.json)


def _change(args: argparse.Namespace, state: State) -> None:
    if args.rules:
        body, _ = read_yaml_file(args.rules)
        if not isinstance(body, dict) or not all(isinstance(one, dict) for one in body.values()):
            raise BadInput(f"{args.rules} holds no rules; write each as NAME: and below it kind, limit, channels.")
        checked = {str(name): RULES.read(str(name), one) for name, one in body.items()}
        for name, rule in checked.items():
            RULES.save(state, name, rule)
    if args.starters and RULES.all(state):
        raise BadInput("There are alert rules already; the suggested ones are saved only where none is.")
    if args.starters:
        for name, rule in STARTERS.items():
            RULES.save(state, name, rule)
    if args.silence and args.until is None:
        raise BadInput("--silence needs --until DATE; a day that is past lets the rule speak again.")
    if args.silence:
        silence(state, args.silence, args.until)
    if args.delete:
        RULES.find(state, args.delete)
        RULES.forget(state, args.delete)


def _list(view: Ledger, state: State, *, as_json: bool) -> None:
    rules = RULES.all(state)
    found = judge_all(Lookout(view, state, now=instant()), rules)
    if as_json:
        console.emit_json(_json(rules, found) | {"snapshot": view.snapshot()})
        return
    _print_found(rules, found)


def _send(view: Ledger, state: State, *, as_json: bool) -> None:
    """`--send`: exits 1 where a message is still not taken, so that cron says so."""
    seen, rules = watch(view, state), RULES.all(state)
    unsent = outbox.waiting(state)
    if as_json:
        sent = [one._asdict() for one in seen.tried]
        console.emit_json(_json(rules, seen.found) | {"messages": sent, "waiting": len(unsent)})
    else:
        _print_found(rules, seen.found)
        console.say(f"{wording.count_of(sum(bool(one.sent_at) for one in seen.tried), 'message')} sent.")
    if unsent:
        raise Refused(
            f"{wording.count_of(len(unsent), 'message')} not sent yet: {unsent[0].problem or 'not tried yet'}. "
            "They are kept and tried again by the next `python -m analytics alerts --send`."
        )


def _json(rules: dict[str, Rule], found: dict[str, Judged]) -> dict[str, Any]:
    return {
        "rules": [
            {
                "name": name,
                **rule.model_dump(mode="json"),
                "words": rule.words,
                "firing": [one._asdict() for one in found[name].firings] if name in found else [],
                "untold": found[name].untold if name in found else "",
            }
            for name, rule in rules.items()
        ]
    }


def _print_found(rules: dict[str, Rule], found: dict[str, Judged]) -> None:
    if not rules:
        console.say("No alert rule yet; save the suggested ones with `python -m analytics alerts --starters`.")
        return
    rows = []
    for name, rule in rules.items():
        judged = found.get(name, Judged(untold="the ledger is empty"))
        said = [one.text for one in judged.firings] or [f"not judged: {judged.untold}" if judged.untold else "quiet"]
        more = [f"and {wording.count(len(said) - 10)} more"] if len(said) > 10 else []
        rows.append((name, rule.words, "\n".join([*said[:10], *more])))
    console.emit_table(("Rule", "Tells when", "Now"), rows)


def _preview(view: Ledger, state: State, args: argparse.Namespace) -> None:
    rules = RULES.all(state)
    told = {name: preview(view, state, rule, args.preview) for name, rule in rules.items()}
    if args.json:
        rows = [{"name": name, "times": len(one), "told": [t._asdict() for t in one]} for name, one in told.items()]
        console.emit_json({"days": args.preview, "rules": rows, "snapshot": view.snapshot()})
        return
    rows_of = [(name, day.on, day.text) for name, one in told.items() for day in one]
    console.emit_table(("Rule", "Day", "Would have told"), rows_of)
    for name, one in told.items():
        console.say(f"{name}: would have told {wording.count_of(len(one), 'time')} in {args.preview} days.")


def _history(state: State, *, as_json: bool) -> None:
    kept = [*incident_book.open_incidents(state), *incident_book.past_incidents(state)]
    sent = outbox.messages(state)
    if as_json:
        console.emit_json({"incidents": [one._asdict() for one in kept], "messages": [one._asdict() for one in sent]})
        return
    rows = [(one.rule, one.text, one.opened_at[:16], (one.over_at or "open")[:16]) for one in kept]
    console.emit_table(("Rule", "What", "Began (UTC)", "Over (UTC)"), rows)
    lines = [(one.channel, one.title, (one.sent_at or "")[:16], one.problem) for one in sent]
    console.emit_table(("Channel", "Message", "Sent (UTC)", "Problem"), lines)
