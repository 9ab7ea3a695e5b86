"""Many browser tabs at once while logs are loaded and rows are repriced: errors, memory, and how long pages take.

    python -m tests.benchmarks.many_tabs [--tabs 30] [--minutes 15] [--rows 20000] [--seed 7]

A server of its own on a sample company in a temporary store; every tab opens pages at random in one Chromium. Within
that time two logs are loaded and every row is repriced, by commands beside the server. Prints one JSON object: errors
seen by the browser or on a page, the server's memory (MB) when all pages were seen and once the crowd is gone (eight
minutes: Streamlit keeps a session two minutes, Baton an older data version five),
and seconds to a settled page, alone and in the crowd. Exits 1 on an error or where memory has grown by a fifth.

Nothing moves on the pages: thirty turning signs, drawn without a graphics card, would be nearly all that two cores do
(with ten tabs 87 s of 169 for 20 pages; without them 11 s of 78 for 26), and people have machines of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections import defaultdict
from pathlib import Path

from playwright.async_api import Browser, Error, Page, async_playwright

from data.ledger import Ledger
from data.sample import sample
from data.state import State
from pages.ui.navigation import PAGES
from tests.browser.conftest import CHROMIUM, FLAGS, free_port, serve
from tests.data.bad_logs import lines, record, write

PATHS = [path for entries in PAGES.values() for _, _, _, path in entries]
REST_S = 8 * 60
RUNNING = '[data-testid="stStatusWidgetRunningIcon"], [data-testid="stStatusWidget"]'
STILL = """new MutationObserver((_, watch) => { if (document.head) { watch.disconnect();
    const style = document.createElement("style");
    style.textContent = "*, *::before, *::after { animation: none !important; transition: none !important }";
    document.head.append(style); } }).observe(document, { childList: true, subtree: true })"""
REPRICE = """
from data.ledger import Ledger
from data.loading.reprice import reprice
from data.state import State
reprice(Ledger.open(), State.open())"""


class Crowd:
    """What the tabs saw: seconds to a settled page, by page, and every error."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.errors: list[str] = []
        self.seconds: dict[str, list[float]] = defaultdict(list)

    async def look(self, page: Page, path: str) -> None:
        """Open a page and wait until its script has run."""
        started = time.monotonic()
        try:
            await page.goto(f"{self.address}/{path}", wait_until="commit")
            await page.wait_for_selector("h1")
            await page.wait_for_function(f"!document.querySelector('{RUNNING}')")
            self.seconds[path or "overview"].append(time.monotonic() - started)
            for box in await page.query_selector_all(
                '[data-testid="stException"], [data-testid="stAlertContentError"]'
            ):
                self.errors.append(f"/{path}: {(await box.inner_text())[:160]}")
        except Error as error:
            self.errors.append(f"/{path}: {str(error).splitlines()[0][:160]}")

    async def tab(self, browser: Browser, paths: list[str], until: float = float("inf")) -> None:
        """One visitor, who opens these pages one after another."""
        context = await browser.new_context()
        await context.add_init_script(STILL)
        page = await context.new_page()
        page.set_default_timeout(300_000)
        page.on("pageerror", lambda error: self.errors.append(f"script: {str(error)[:160]}"))
        for path in paths:
            if time.monotonic() < until:
                await self.look(page, path)
        await context.close()

    def medians(self) -> dict[str, float]:
        """Median seconds by page."""
        return {path: round(statistics.median(found), 1) for path, found in sorted(self.seconds.items())}


async def changes(home: Path, logs: list[Path], seconds: float) -> list[str]:
    """Two loads and a reprice, spread over the time, as commands beside the server; what those that failed said."""
    commands = [*(["-m", "data", "ingest", str(log), "--beside-sample"] for log in logs), ["-c", REPRICE]]
    failed = []
    for words in commands:
        await asyncio.sleep(seconds / (len(commands) + 1))
        environ = {**os.environ, "BATON_HOME": str(home)}
        child = await asyncio.create_subprocess_exec(sys.executable, *words, env=environ, stdout=PIPE, stderr=PIPE)
        _, told = await child.communicate()
        failed += [told.decode()[-300:]] if child.returncode else []
    return failed


def memory_mb(port: int) -> float:
    """Resident memory of the server that listens on a port."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"--server.port\0{port}".encode() in (folder / "cmdline").read_bytes():
                told = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS"))
                return round(int(told.split()[1]) / 1024, 1)
        except OSError:
            continue
    raise RuntimeError("the server is gone")


async def crowded(address: str, port: int, home: Path, logs: list[Path], wish: argparse.Namespace) -> dict:
    """All pages by one tab, then the crowd beside the changes, then rest, and one more look."""
    alone, crowd = Crowd(address), Crowd(address)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        await Crowd(address).tab(browser, PATHS)  # what is read for the first time is nobody's wait
        await alone.tab(browser, PATHS)
        before, seconds = memory_mb(port), wish.minutes * 60
        until, chance = time.monotonic() + seconds, random.Random(wish.seed)
        walks = [[chance.choice(PATHS) for _ in range(1000)] for _ in range(wish.tabs)]
        failed, *_ = await asyncio.gather(
            changes(home, logs, seconds), *(crowd.tab(browser, walk, until) for walk in walks)
        )
        await asyncio.sleep(REST_S)
        await Crowd(address).tab(browser, [""])  # what is let go when its time has come is so when somebody asks
        await browser.close()
    return {
        "tabs": wish.tabs,
        "minutes": wish.minutes,
        "pages_seen": sum(map(len, crowd.seconds.values())),
        "errors": [*alone.errors, *crowd.errors, *failed],
        "memory_mb": {"before": before, "after": memory_mb(port)},
        "seconds_alone": alone.medians(),
        "seconds_in_the_crowd": crowd.medians(),
        "load_average": os.getloadavg()[0],
    }


def main() -> int:
    """Run it and print what was found; the exit code says whether it held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind, default in (("tabs", int, 30), ("minutes", float, 15.0), ("rows", int, 20_000), ("seed", int, 7)):
        parser.add_argument(f"--{name}", type=kind, default=default)
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder) / "home", free_port()
        ledger = Ledger.open(home)
        sample.load(ledger, State.open(home), sample.wish(rows=wish.rows))
        ledger.close()
        logs = [write(Path(folder) / f"{n}.jsonl", lines(*map(record, range(n, n + 500)))) for n in (10_000, 20_000)]
        for address in serve(home, Path(folder) / "log.txt", port):
            found = asyncio.run(crowded(address, port, home, logs, wish))
        print(json.dumps(found, indent=2))
    grown = found["memory_mb"]["after"] / found["memory_mb"]["before"] - 1
    return int(bool(found["errors"]) or grown > 0.2)


if __name__ == "__main__":
    sys.exit(main())
