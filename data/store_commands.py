"""`check` and `forget`: whether a store adds up, and a saved document out of it."""

from __future__ import annotations

import argparse

from data import checks, console, erasure, lost_rows, wording
from data.document_kinds import KINDS
from data.errors import BadInput, Refused
from data.ledger import Ledger
from data.state import State


def register(commands: console.Commands) -> None:
    """Add `check` and `forget` to `python -m data`."""
    check = commands.add("check", _check, needs_store=True)
    check.add_argument(
        "--repair", action="store_true", help="first set damaged files aside, then build sums and ids anew"
    )
    forget = commands.add("forget", _forget, needs_store=True)
    forget.add_argument("kind", choices=sorted(KINDS), metavar="KIND", help=", ".join(sorted(KINDS)))
    forget.add_argument("name", metavar="NAME")
    forget.add_argument("--yes", action="store_true", help="also a decision, which is a record that people signed")


def _check(args: argparse.Namespace) -> None:
    """`check`: whether what the pages read equals what the rows say; exits 1 when not. `--repair` makes it so first."""
    ledger = Ledger.open(args.home)
    hurt = checks.damaged_files(ledger)
    sentences = [checks.sentence_of(ledger, fault) for fault in hurt]
    state, files = State.open(args.home), [fault.path.name for fault in hurt]
    if args.repair:
        state.append_audit("store repair begun", {"files": files})
    repaired = checks.repair(ledger, hurt) if args.repair else {}
    if hurt and not args.repair:
        raise BadInput(
            " ".join(sentences) + " Bring a backup back, or set the files aside with `python -m data check --repair`"
            " and load those logs again."
        )
    for sentence in sentences:
        console.say(sentence)
    if repaired:
        state.append_audit("store repaired", {**repaired, "files": files})
    found = checks.check(ledger.at(ledger.snapshot()))
    audit_ok, first_bad = state.verify_audit()
    if audit_ok:
        state.anchor_when_due()
    caveats = found.pop("caveats")
    result = {**found, "audit_ok": audit_ok, "lost": lost_rows.sentence(ledger)}
    if args.json:
        console.emit_json({**result, "caveats": caveats, **({"repaired": repaired} if repaired else {})})
    else:
        console.emit_table(("check", "value"), ((name, value) for name, value in result.items() if name != "lost"))
        console.say(state.audit_standing().sentence)
        if result["lost"]:
            console.say(result["lost"])
        for row in caveats:
            usd = "an unknown sum of" if row["cost_usd"] is None else f"{wording.usd(row['cost_usd'])} of"
            console.say(f"caveat {row['caveat']}: {row['rows']:,} rows, {usd} dollars")
        for name, value in repaired.items():
            console.say(f"repaired: {name.replace('_', ' ')} {value:,}")
    if not checks.adds_up(found):
        raise BadInput(
            "The ledger does not add up (see above); `python -m data check --repair` builds the roll-ups anew from the"
            " rows."
            if not found["doubled"]
            else (
                f"{found['doubled']:,} ids are in the ledger twice; remove one of the two files they came from, or"
                " restore a backup."
            )
        )
    if cut_short := erasure.unfinished_erasure(state):
        raise BadInput(cut_short)
    if not audit_ok:
        raise BadInput(f"The audit trail does not add up; the first bad entry is {first_bad}.")


def _forget(args: argparse.Namespace) -> None:
    """`forget`: remove a document of the state, which the audit trail then says."""
    state = State.open(args.home)
    names = state.all(args.kind)
    if args.name not in names:
        known = f"those saved are {', '.join(names)}" if names else "none is saved"
        raise BadInput(f"There is no {KINDS[args.kind]} {args.name!r}; {known}.")
    _refuse_what_is_relied_on(state, args)
    state.delete(args.kind, args.name)
    if args.json:
        console.emit_json({"kind": args.kind, "forgotten": args.name})
    else:
        console.say(f"The {KINDS[args.kind]} {args.name!r} is forgotten.")


def _refuse_what_is_relied_on(state: State, args: argparse.Namespace) -> None:
    """Refused for the policy in force, and without --yes for a decision: advice and records would be others unseen."""
    marked = state.get("in_force", "policy") or {}
    if args.kind == "policy" and marked.get("policy") == args.name:
        raise Refused(
            f"The policy {args.name!r} is in force, and all advice keeps to it; put another in force first with "
            "`python -m routing policy in-force NAME` (`none` lifts it)."
        )
    if args.kind == "decision" and not args.yes:
        signatures = (state.get("decision", args.name) or {}).get("signatures") or ()
        raise Refused(
            f"The decision {args.name!r} is a record with {wording.count_of(len(signatures), 'signature')}; a new one "
            "may replace it. Add --yes to remove it for good, the audit trail then keeps its digest alone."
        )
