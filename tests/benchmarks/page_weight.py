"""What a page costs those who open it: CPU of the server and of the browser's page, messages, bytes, HTTP responses.

    python -m tests.benchmarks.page_weight --home FOLDER [--rounds 3] [--markdown]

A server of its own on a store that is there already (use a copy), and one Chromium. First the app is opened cold: what
the browser asks for, by kind. Then every page is opened from the sidebar `rounds` times after one that is not counted;
told is the median. CPU is in seconds of one core and holds on a busy machine; wall clock stands beside it and does not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Page, Response, sync_playwright

from pages.ui.navigation import PAGES
from tests.browser.conftest import CHROMIUM, FLAGS, free_port, serve

TITLES = [title for entries in PAGES.values() for _, title, _, _ in entries]
IDLE = '!document.querySelector(\'[data-testid="stStatusWidgetRunningIcon"], [data-testid="stStatusWidget"]\')'
CLOCK = os.sysconf("SC_CLK_TCK")


class Wire:
    """What came over the wire since the last look: responses by kind, socket messages, bytes of both."""

    def __init__(self, page: Page) -> None:
        self.kinds: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.messages = self.message_bytes = 0
        page.on("response", self._answered)
        page.on("websocket", lambda socket: socket.on("framereceived", self._heard))

    def _answered(self, response: Response) -> None:
        kind = Path(urlsplit(response.url).path).suffix or "other"
        self.kinds[kind] += 1
        self.bytes[kind] += int(response.headers.get("content-length", 0))

    def _heard(self, payload: str | bytes) -> None:
        self.messages += 1
        self.message_bytes += len(payload)

    def take(self) -> dict[str, int]:
        """The sums since the last look, which begin anew."""
        found = {
            "messages": self.messages,
            "message_kb": round(self.message_bytes / 1024),
            "responses": sum(self.kinds.values()),
            "response_kb": round(sum(self.bytes.values()) / 1024),
        }
        self.messages = self.message_bytes = 0
        self.kinds.clear()
        self.bytes.clear()
        return found


def server_cpu(port: int) -> float:
    """CPU seconds of the server that listens on a port, and of its threads, since it started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"--server.port\0{port}".encode() in (folder / "cmdline").read_bytes():
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                return (int(fields[11]) + int(fields[12])) / CLOCK
        except OSError:
            continue
    raise RuntimeError("the server is gone")


def page_cpu(session: CDPSession) -> float:
    """CPU seconds of the page's own main thread since it was opened."""
    told = session.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in told if one["name"] == "TaskDuration")


def open_page(page: Page, title: str) -> None:
    """Open a page from the sidebar and wait until its script has run and nothing is drawn any more."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
    page.wait_for_timeout(300)
    page.wait_for_selector("h1")
    page.wait_for_function(IDLE)
    page.wait_for_timeout(700)


def cold(page: Page, wire: Wire, address: str, port: int) -> dict[str, Any]:
    """The first opening of the app in this browser: sums, and responses with their bytes by kind of file."""
    before, started = server_cpu(port), time.monotonic()
    page.goto(address)
    page.wait_for_selector("h1")
    page.wait_for_function(IDLE)
    page.wait_for_timeout(1000)
    seconds, cpu = time.monotonic() - started, server_cpu(port) - before
    by_kind = {kind: [count, round(wire.bytes[kind] / 1024)] for kind, count in wire.kinds.most_common()}
    return wire.take() | {
        "server_cpu_s": round(cpu, 2),
        "seconds": round(seconds, 1),
        "by_kind_count_and_kb": by_kind,
    }


def warm(page: Page, wire: Wire, port: int, rounds: int) -> dict[str, dict[str, float]]:
    """Every page, medians over the rounds; the first look at each is not counted."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    looks: dict[str, list[dict[str, float]]] = {title: [] for title in TITLES}
    for number in range(rounds + 1):
        for title in TITLES:
            wire.take()
            cpu, drawn, started = server_cpu(port), page_cpu(session), time.monotonic()
            open_page(page, title)
            look = {
                "server_cpu_s": server_cpu(port) - cpu,
                "renderer_cpu_s": page_cpu(session) - drawn,
                "seconds": time.monotonic() - started,
                **wire.take(),
            }
            if number:
                looks[title].append(look)
    return {
        title: {name: round(statistics.median(look[name] for look in seen), 2) for name in seen[0]}
        for title, seen in looks.items()
    }


def table(found: dict[str, Any]) -> str:
    """The pages as a Markdown table, the median page last."""
    names = ("server_cpu_s", "renderer_cpu_s", "messages", "message_kb", "responses")
    rows = ["| page | server CPU, s | renderer CPU, s | messages | KB | responses |", "|---|---|---|---|---|---|"]
    rows += [f"| {title} | " + " | ".join(f"{one[name]:g}" for name in names) + " |" for title, one in found.items()]
    middle = [statistics.median(one[name] for one in found.values()) for name in names]
    return "\n".join([*rows, "| median | " + " | ".join(f"{value:g}" for value in middle) + " |"])


def main() -> int:
    """Run it and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    wish = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for address in serve(wish.home, Path(folder) / "log.txt", port):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(300_000)
            wire = Wire(page)
            found: dict[str, Any] = {
                "load_average": os.getloadavg()[0],
                "cold": cold(page, wire, address, port),
                "pages": warm(page, wire, port, wish.rounds),
            }
            browser.close()
    print(json.dumps(found["cold"]) + "\n\n" + table(found["pages"]) if wish.markdown else json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
