"""The audit trail: verify the chain, export it as JSON lines; and provider connection tests."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from data import owner
from data.audit_trail import ANCHORS, anchor_file
from data.console import Commands, emit_json, emit_table, say, write_file
from data.errors import BadInput
from data.state import State
from routing.calling.client import probe
from routing.calling.declarations import read_providers, saved_providers
from routing.runs import webhook


def register(commands: Commands) -> None:
    """Add `audit verify|export|anchor` and `providers test|list`."""
    audit = commands.add("audit", _audit)
    audit.add_argument("action", choices=("verify", "export", "anchor"))
    audit.add_argument("--run", metavar="RUN_ID", help="only the entries of this run (export)")
    audit.add_argument("--out", metavar="FILE", help="where to write the export (default: the terminal), or the anchor")
    audit.add_argument(
        "--post", action="store_true", help=f"send the anchor to the webhook in {webhook.URL_ENV} too (anchor)"
    )
    providers = commands.add("providers", _providers)
    providers.add_argument("action", choices=("test", "list"))
    providers.add_argument(
        "--providers", metavar="P.toml", help="provider declarations; default: those saved in the app"
    )
    providers.add_argument("--name", help="only this provider")


def audit_lines(state: State, run_id: str | None = None) -> str:
    """The audit trail as JSON lines, oldest first; the hashes let anybody verify it."""
    entries = [e for e in reversed(state.audit()) if run_id is None or e.detail.get("run") == run_id]
    return "".join(json.dumps(entry._asdict(), sort_keys=True) + "\n" for entry in entries)


def _audit(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if args.action == "export":
        text = audit_lines(state, args.run)
        if args.out:
            write_file(args.out, text)
            say(f"{text.count(chr(10))} entries written to {args.out}.")
        else:
            print(text, end="")
        return
    if args.action == "anchor":
        path = Path(args.out) if args.out else anchor_file()
        if path is None:
            raise BadInput(f"Name a file outside the store for the anchor: --out FILE, or {ANCHORS}.")
        anchor = state.anchor_audit(path)
        if args.post:
            webhook.post({"text": f"Baton's audit trail is anchored: `{json.dumps(anchor._asdict())}`"})
        emit_json(anchor._asdict()) if args.json else say(f"Entry {anchor.seq} is anchored in {path}.")
        return
    found = state.audit_standing()
    if args.json:
        bad = found.first_bad if found.lost is None else found.lost.seq
        anchored = found.anchored and found.anchored.seq
        emit_json({"audit_ok": found.holds, "entries": found.entries, "first_bad": bad, "anchored": anchored})
    elif found.holds:
        say(found.sentence)
    if not found.holds:
        raise BadInput(found.sentence)


def _providers(args: argparse.Namespace) -> None:
    providers = read_providers(args.providers) if args.providers else saved_providers(State.open(args.home))
    providers = tuple(p for p in providers if args.name in (None, p.name))
    if not providers:
        raise BadInput(
            "No such provider is declared; run `make local-models` for a free local one, declare one in the lab, or "
            "give --providers FILE.toml."
        )
    for sentence in owner.too_open():
        print(sentence, file=sys.stderr)
    if args.action == "list":
        rows = [
            (p.name, p.protocol, p.base_url, p.hosting, p.origin, p.key_env, ", ".join(o.model for o in p.models))
            for p in providers
        ]
        columns = ("provider", "protocol", "base URL", "hosting", "origin", "key variable", "models")
        emit_json({"providers": [dict(zip(columns, row, strict=True)) for row in rows]}) if args.json else emit_table(
            columns, rows
        )
        return
    results = [row for provider in providers for row in asyncio.run(probe(provider))]
    if args.json:
        emit_json({"results": results, "ok": all(row["ok"] for row in results)})
    else:
        emit_table(
            ("provider", "model", "ok", "ms", "detail"),
            [(r["provider"], r["model"], "yes" if r["ok"] else "no", r["latency_ms"], r["detail"]) for r in results],
        )
    if not all(row["ok"] for row in results):
        failed = ", ".join(f"{r['provider']}/{r['model']}" for r in results if not r["ok"])
        raise BadInput(f"Not every provider answered: {failed}; see the details above.")
