"""`python -m data receive`: takes OpenTelemetry from programs and agents, and loads it every few seconds."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from data import console
from data.after_load import judge_alerts
from data.errors import BadInput, BatonError
from data.invented import refuse_beside
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.loading.report import Report
from data.sources.otlp_body import SIGNALS
from data.sources.receiver import LOOPBACK, Receiver
from data.sources.spool import Spool
from data.state import State

TOKEN = "BATON_OTLP_TOKEN"
LEAST_TOKEN = 16
ALERTS_EVERY_S = 600.0
Tell = Callable[[State], None]


def register(commands: console.Commands) -> None:
    """Add `receive` to `python -m data`."""
    sub = commands.add("receive", _command)
    sub.add_argument("--host", default="127.0.0.1", help="where to listen (default 127.0.0.1)")
    sub.add_argument("--port", type=int, default=4318, help="default 4318, as OTLP has it")
    sub.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="how often it is loaded (default 5)")


def _command(args: argparse.Namespace) -> None:
    token = os.environ.get(TOKEN, "")
    if token and len(token) < LEAST_TOKEN:
        raise BadInput(f"{TOKEN} has under {LEAST_TOKEN} characters; use a long random one.")
    if args.host not in LOOPBACK and not token:
        raise BadInput(f"Beyond this machine senders need a token: set {TOKEN} to {LEAST_TOKEN} characters or more.")
    if not 0.1 <= args.every <= 3600 or not 0 <= args.port < 65_536:
        raise BadInput("--every is 0.1 to 3600 seconds, --port 0 (any free one) to 65535.")
    ledger, state = Ledger.open(args.home), State.open(args.home)
    refuse_beside(ledger)
    listening, spool = _listen(args.host, args.port), Spool(ledger.home)
    loading = Loading(ledger, state, spool, judge_alerts)
    receiver = Receiver(spool, token, loading.load, args.every)
    port = listening.getsockname()[1]
    print(f"Receiving OTLP at http://{args.host}:{port}/v1/traces, /v1/logs, /v1/metrics; Ctrl-C ends it.", flush=True)
    config = uvicorn.Config(receiver.app, log_level="warning", access_log=False, server_header=False)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        spool.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise BadInput(f"{host}:{port} cannot be listened on ({error.strerror}); give another --port.") from error


class Loading:
    """Loads what the spool has closed; what cannot be read is set aside there and said, nothing is thrown away."""

    def __init__(self, ledger: Ledger, state: State, spool: Spool, tell: Tell) -> None:
        self._ledger, self._state, self._spool, self._tell = ledger, state, spool, tell
        self._told_at = 0.0
        self._said = ""

    def load(self) -> None:
        """One round; a store that is locked, full or damaged keeps everything for the next one."""
        loaded = 0
        try:
            for signal, kind in SIGNALS.items():
                paths = [path for path in self._spool.waiting() if path.name.startswith(f"{signal}-")]
                loaded += self._load(paths, kind.form) if paths else 0
        except BatonError as error:
            self._say(f"Not loaded yet, and kept in {self._spool.folder}: {error}")
            return
        except Exception as error:  # a defect of ours must not end the receiving: what was taken stays in the spool
            self._say(f"Not loaded by a defect, and kept in {self._spool.folder}: {type(error).__name__}: {error}")
            return
        if loaded and time.monotonic() - self._told_at > ALERTS_EVERY_S:
            self._told_at = time.monotonic()
            self._tell(self._state)

    def _load(self, paths: list[Path], form: str) -> int:
        """Load the files and take them out of the spool; one that cannot be read takes no other with it."""
        try:
            reports = ingest(self._ledger, self._state, paths, form=form)
        except BadInput as error:
            if len(paths) > 1:
                return sum(self._load([path], form) for path in paths)
            self._set_aside(paths[0], str(error))
            return 0
        for report in reports:
            if report.error and not report.is_same_file:
                self._set_aside(Path(report.path), report.error)
            else:
                self._spool.forget(Path(report.path))
        self._count(reports)
        return sum(report.loaded for report in reports)

    def _count(self, reports: list[Report]) -> None:
        """A line per load: what became of what was read."""
        sums = {name: sum(getattr(report, name) for report in reports) for name in ("loaded", "duplicate", "rejected")}
        if any(sums.values()):
            told = ", ".join(f"{count} {name}" for name, count in sums.items())
            print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {told}", flush=True)

    def _set_aside(self, path: Path, reason: str) -> None:
        self._say(f"{path.name} cannot be loaded and is set aside in {self._spool.folder}: {reason}")
        self._spool.set_aside(path)

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            print(sentence, file=sys.stderr, flush=True)
        self._said = sentence
