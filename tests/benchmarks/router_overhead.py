"""What the router adds to a bare httpx call, on loopback, in one run; and LiteLLM's router beside it.

    .venv/bin/python tests/benchmarks/router_overhead.py [--calls 400]
    /tmp/scratch/bin/python tests/benchmarks/router_overhead.py --litellm URL     (the URL the first command prints
    with --serve)

The three ways take turns within one process, so that a busy machine slows them alike. Prints p50 and p95 in ms.
LiteLLM lives in a scratch environment; with `--with PYTHON` the first command runs it against the same server at the
same time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BODY = {"model": "ok", "messages": [{"role": "user", "content": "6 x 7?"}], "max_tokens": 32}


def spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "p50_ms": round(1000 * statistics.median(ordered), 3),
        "p95_ms": round(1000 * ordered[int(0.95 * len(ordered))], 3),
    }


async def measure(url: str, calls: int) -> dict[str, dict[str, float]]:
    """Bare httpx, Baton's router with its journal in memory, and with its journal on disk."""
    import random
    from decimal import Decimal

    import httpx

    from data.state import State
    from routing.calling.attempts import CallBudget, Context
    from routing.calling.calls import Request
    from routing.calling.endpoints import Fleet
    from routing.calling.router import Router
    from routing.calling.spend_cap import SpendCap
    from routing.policies.choice import candidates
    from routing.runs.journal import RunJournal
    from tests.routing.live import MemoryJournal, policy, provider

    journal = RunJournal(State.open(), "bench")
    fleet = Fleet([provider(url, "ok")], {}, clock=time.monotonic, environ={})
    rules, facts = policy(fallback=["ok"]), {"ok": fleet.endpoints[0].facts}
    routers = {
        "router": Router(fleet, SpendCap(Decimal(100)), MemoryJournal()),
        "router, journal on disk": Router(fleet, SpendCap(Decimal(100)), journal),
    }
    bare = httpx.AsyncClient(trust_env=False)
    request = Request(({"role": "user", "content": "6 x 7?"},), max_tokens=32)
    times: dict[str, list[float]] = {name: [] for name in ("bare httpx", *routers)}
    for number in range(calls):
        started = time.perf_counter()
        (await bare.post(f"{url}/chat/completions", json=BODY)).json()
        times["bare httpx"].append(time.perf_counter() - started)
        for name, router in routers.items():
            started = time.perf_counter()
            choice = candidates(rules, {}, facts)
            context = Context(
                rules, {}, f"{name}-{number}", CallBudget(3, time.monotonic() + 30), random.Random(number)
            )
            reply = await router.call(choice.candidates, request, context)
            times[name].append(time.perf_counter() - started)
            assert reply.answer.text == "42"
    await bare.aclose()
    await fleet.close()
    await journal.close()
    return {name: spread(values[20:]) for name, values in times.items()}


async def measure_litellm(url: str, calls: int) -> dict[str, dict[str, float]]:
    """LiteLLM's router and bare httpx, taking turns."""
    import httpx

    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from litellm import Router

    router = Router(
        model_list=[{"model_name": "ok", "litellm_params": {"model": "openai/ok", "api_base": url, "api_key": "none"}}],
        num_retries=2,
    )
    bare = httpx.AsyncClient(trust_env=False)
    times: dict[str, list[float]] = {"bare httpx beside LiteLLM": [], "LiteLLM router": []}
    for _ in range(calls):
        started = time.perf_counter()
        (await bare.post(f"{url}/chat/completions", json=BODY)).json()
        times["bare httpx beside LiteLLM"].append(time.perf_counter() - started)
        started = time.perf_counter()
        await router.acompletion(model="ok", messages=BODY["messages"], max_tokens=32)
        times["LiteLLM router"].append(time.perf_counter() - started)
    await bare.aclose()
    return {name: spread(values[20:]) for name, values in times.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=400)
    options.add_argument(
        "--litellm", metavar="URL", help="measure LiteLLM against this server (run by a Python that has it)"
    )
    options.add_argument("--with", dest="scratch", metavar="PYTHON", help="a Python that has litellm, to run beside")
    args = options.parse_args()
    if args.litellm:
        print(json.dumps(asyncio.run(measure_litellm(args.litellm, args.calls))))
        return
    sys.path.insert(0, str(ROOT))
    import tempfile

    from tests.routing.scripted_server import ScriptedServer

    with tempfile.TemporaryDirectory() as home, ScriptedServer() as server:
        os.environ["BATON_HOME"] = home
        found = asyncio.run(measure(server.url, args.calls))
        if args.scratch:
            clean = {"PATH": "/usr/bin:/bin", "HOME": home}
            done = subprocess.run(
                [args.scratch, __file__, "--litellm", server.url, "--calls", str(args.calls)],
                capture_output=True,
                text=True,
                env=clean,
                check=True,
            )
            found |= json.loads(done.stdout.strip().splitlines()[-1])
    for name, values in found.items():
        print(f"{name:28} p50 {values['p50_ms']:8.3f} ms   p95 {values['p95_ms']:8.3f} ms")
    from tests.benchmarks.ratios import row

    ours = found["router, journal on disk"]["p50_ms"] - found["bare httpx"]["p50_ms"]
    beside, ratio = f"bare httpx call: {found['bare httpx']['p50_ms']:.2f} ms", None
    if args.scratch:
        theirs = found["LiteLLM router"]["p50_ms"] - found["bare httpx beside LiteLLM"]["p50_ms"]
        beside, ratio = f"LiteLLM's router adds {theirs:.2f} ms", ours / theirs
    print(row("What the router adds to a call, journal on disk (p50)", f"{ours:.2f} ms", beside, ratio, "0.7 ms"))


if __name__ == "__main__":
    main()
