"""Ten thousand live calls to a server that fails in every way: no dollar unaccounted for, no task lost, no key written.

    nice -n 5 .venv/bin/python -m tests.benchmarks.live_calls --calls 10000

The server on loopback bills each request that it does not refuse. What the runs say they spent is never more than that,
and with what they hold for calls whose end nobody saw never less.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

from data.ledger import Ledger
from data.state import State
from routing.calling import backoff, breaker, limiter
from routing.runs.audit import audit_lines
from routing.runs.engine import execute
from routing.runs.live_ledger import to_ledger
from routing.runs.results import summary
from routing.runs.store import attempts, create_run, money
from tests.routing.live import provider
from tests.routing.scripted_server import ScriptedServer, usage
from tests.routing.test_chaos import CANARY, MIX, POLICY, everything_written, forms, labelled
from tests.routing.test_runs import adder, spec

STREAMED = ["ok"] * 20 + ["usage-on-content", "cut-in-stream", "cut-before-content", "hang-up", "429-float", "500"]
PLAIN = [*MIX, "slow", "slow", "hang"]  # what blocks an endpoint for minutes, such as a 404, is left out
# What a server answers with an error it does not bill; the rest it may.
FREE = ("429", "500", "503", "408", "too-long", "filtered", "bad-request", "wrong-type")
TASKS = 500  # of one run


class Server:
    """The misbehaving server, and what it would charge at the prices of the tests ($1 and $2 a million tokens)."""

    def __init__(self, seed: int) -> None:
        self.chance, self.behaved, self.billed = random.Random(seed), Counter[str](), Decimal(0)

    def choose(self, number: int, body: dict) -> str:
        name = self.chance.choice(STREAMED if body.get("stream") else PLAIN)
        self.behaved[name] += 1
        if not name.startswith(FREE):
            counts = usage(body, adder(body))
            self.billed += Decimal(counts["prompt_tokens"] + 2 * counts["completion_tokens"]) / 10**6
        return name


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--calls", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=11)
    options = arguments.parse_args()
    os.environ |= {"CANARY_KEY": CANARY, "BATON_KEYS": "CANARY_KEY"}
    # Nothing here has to do with the rate of calls: without this the run would rest and wait for hours.
    limiter.REST_S, limiter.HOLD_S, limiter.CUT, limiter.TRIM, limiter.FAILURE_SHARE = 0.05, 0.05, 1.0, 1.0, 1.0
    limiter.GROWTH_PER_S = limiter.CAUTIOUS_GROWTH_PER_S = 5.0
    backoff.BASE_S = 0.02
    breaker.Breaker.__init__.__defaults__ = (0.1, 0.5)
    server, sums, faults = Server(options.seed), Counter[str](), []
    with tempfile.TemporaryDirectory(prefix="baton-live-") as folder, ScriptedServer(server.choose, adder) as scripted:
        ledger, state = Ledger.open(folder), State.open(folder)
        while sums["calls"] < options.calls:
            before, seen = server.billed, len(scripted.seen)
            run_id = create_run(state, f"trial {sums['runs']}", body_of(scripted.url), "tester")
            execute(state, run_id)
            asked = len(scripted.seen) - seen
            faults += [f"run {sums['runs']}: {told}" for told in wrong(state, run_id, asked, server.billed - before)]
            loaded = to_ledger(ledger, state, run_id)
            made = len(attempts(state, run_id))
            if (loaded.loaded, loaded.rejected) != (made, 0):
                faults.append(f"run {sums['runs']}: {made} attempts, {loaded.loaded} in the ledger")
            sums.update(runs=1, calls=asked, attempts=made, tasks=TASKS)
            print(f"{time.strftime('%H:%M')} {dict(sums)}, {len(faults)} faults", flush=True)
        written = everything_written(Path(folder)) + audit_lines(state).encode()
        faults += [f"the key stands in what was written, as {form!r}" for form in forms(CANARY) if form in written]
        if not state.verify_audit()[0]:
            faults.append("the audit trail does not hold")
    print(", ".join(f"{name} {count}" for name, count in server.behaved.most_common()))
    print("\n".join([*faults, f"{sums['calls']:,} calls for {sums['tasks']:,} tasks, {len(faults)} faults"]))
    return bool(faults)


def body_of(url: str) -> dict:
    """A run of many tasks over a provider that streams and one that does not."""
    body = spec(url, POLICY, tasks=labelled(TASKS), max_usd="0.5", concurrency=24, task_seconds=300)
    common = {"key_env": "CANARY_KEY", "concurrency": 16, "timeout_s": 3}
    body["providers"] = [
        provider(url, "good", "spare", name="home", origin="US", **common).model_dump(mode="json"),
        provider(url, "abroad", name="abroad", origin="CN", stream=True, **common).model_dump(mode="json"),
    ]
    return body


def wrong(state: State, run_id: str, asked: int, billed: Decimal) -> list[str]:
    """What a finished run says that the server, or the run's own record, does not bear out."""
    found, made, (spent, held) = summary(state, run_id), attempts(state, run_id), money(state, run_id)
    ended = sum(found[name] for name in ("done", "failed", "refused", "blocked"))
    left, answered = sum(bool(a["sent"]) for a in made), sum(a["http_status"] is not None for a in made)
    claims = {
        f"{ended} of {TASKS} tasks ended": ended != TASKS,
        f"spent ${spent} and held ${held} where the server bills ${billed}": not spent <= billed <= spent + held,
        f"spent ${spent} and held ${held}, over the cap": spent + held > Decimal("0.5"),
        f"{answered} answered, {asked} seen by the server, {left} sent": not answered <= asked <= left,
        "attempts are still running": any(a["status"] == "running" for a in made),
        "an attempt stands twice": len({a["attempt_id"] for a in made}) != len(made),
    }
    return [told for told, is_wrong in claims.items() if is_wrong]


if __name__ == "__main__":
    sys.exit(main())
