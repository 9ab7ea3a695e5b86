"""Spans a second that the receiver acknowledges over a real socket, the processor time it takes for a thousand of them,
and whether all of them are in the ledger.

    python -m tests.benchmarks.receiver [--seconds 10] [--clients 8] [--spans 50] [--kill]

Processor time is told because it is the same on a busy machine: receiving alone (`--every` long), then the load of all
that came, which has a fixed part: what comes in five seconds at 5,000 spans/s is 25,000 at once. With --kill the
receiver is killed (SIGKILL) half way, started again, and what it had acknowledged is counted.
"""

from __future__ import annotations

import argparse
import gzip
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from data.ledger import Ledger
from data.sources.receive_command import Loading
from data.sources.spool import Spool
from data.state import State
from tests.data.otlp_requests import encoded, spans

ROOT = Path(__file__).resolve().parents[2]


MARK = 0xA5A5A5A5A5A5A5A5  # in the ids of a template, where each request has its own number


def template(count: int, protobuf: bool) -> tuple[bytes, bytes, dict[str, str]]:
    """A request before its number is put in, the bytes that stand for it, and its headers: making each request anew
    would measure the sender."""
    body = spans(1, count)
    for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        span["traceId"] = f"{MARK:016x}{span['spanId']}"
    text, headers = encoded(body, protobuf=protobuf)
    return text, MARK.to_bytes(8, "big") if protobuf else b"%016x" % MARK, headers | {"content-encoding": "gzip"}


class Senders:
    """Clients that send as fast as they are answered; `acknowledged` counts spans."""

    def __init__(self, url: str, clients: int, count: int, protobuf: bool, first: int) -> None:
        self.acknowledged, self.first = 0, first
        self._url, self._count, self._protobuf = url, count, protobuf
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,), daemon=True) for n in range(clients)]

    def run(self, seconds: float) -> float:
        """Spans a second."""
        began = time.monotonic()
        for thread in self._threads:
            thread.start()
        time.sleep(seconds)
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.acknowledged / (time.monotonic() - began)

    def _send(self, number: int) -> None:
        at = self.first + number * 10**7
        text, mark, headers = template(self._count, self._protobuf)
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._stop.is_set():
                own = at.to_bytes(8, "big") if self._protobuf else b"%016x" % at
                body = gzip.compress(text.replace(mark, own), 1)
                try:
                    taken = client.post("/v1/traces", content=body, headers=headers).status_code == 200
                except httpx.HTTPError:
                    return
                if taken:
                    at += 1
                    with self._lock:
                        self.acknowledged += self._count


def start(home: Path, every_s: float) -> tuple[subprocess.Popen[str], str]:
    words = [sys.executable, "-m", "data", "receive", "--port", "0", "--every", str(every_s), "--home", str(home)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().split(" at ")[1].split("/v1")[0]


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--spans", type=int, default=50)
    parser.add_argument("--every", type=float, default=3600, help="seconds between loads (default: one at the end)")
    parser.add_argument("--kill", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        Ledger.open(home).close()
        acknowledged = 0
        for round_no, protobuf in enumerate((True, False)):
            process, url = start(home, asked.every)
            began = cpu_s(process.pid)
            senders = Senders(url, asked.clients, asked.spans, protobuf, round_no * 10**9)
            rate = senders.run(asked.seconds)
            received = cpu_s(process.pid)
            process.send_signal(signal.SIGKILL if asked.kill else signal.SIGTERM)
            _, _, used = os.wait4(process.pid, 0)
            acknowledged += senders.acknowledged
            thousands = max(1, senders.acknowledged) / 1000
            taking = (received - began) / thousands
            loading = (used.ru_utime + used.ru_stime - received) / thousands
            told = f"{'protobuf' if protobuf else 'JSON'}, gzip, {asked.spans} spans a request"
            print(f"{told}: {senders.acknowledged:,} acknowledged, {rate:,.0f} a second")
            if not asked.kill:
                print(
                    f"  processor time per 1,000: {taking * 1000:.0f} ms to receive, {loading * 1000:.0f} ms to load, "
                    f"so {2000 / (taking + loading):,.0f} a second on two free cores"
                )
        ledger, spool = Ledger.open(home), Spool(home)
        Loading(ledger, State.open(home), spool, lambda *_: None).load()
        spool.close()
        view = ledger.at(ledger.snapshot())
        query = f"SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM {view.name('usage')}"
        rows, ids = view.sql(query).iloc[0]
        lost = max(0, acknowledged - ids)
        print(f"acknowledged {acknowledged:,}; in the ledger {rows:,}, distinct {ids:,}; lost {lost:,}")


if __name__ == "__main__":
    main()
