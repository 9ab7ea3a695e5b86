"""Two hundred hostile names in every column, over all pages in Chromium and through every export and report.

    nice -n 5 .venv/bin/python -m tests.benchmarks.hostile_names [--names 200] [--at-once 25]

Each store bears some of the names. On every page, and in every HTML report opened as a file: no request leaves, no
link or picture of a name appears, no script runs; in every export no name is more than text.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright

from pages.ui.navigation import PAGES
from tests.browser.conftest import CHROMIUM, FLAGS, serve, settled
from tests.hostile_names import exported, hostile_store, names, wrong_in

PATHS = [f"/{path}" for entries in PAGES.values() for _, _, _, path in entries]
# What a name would have made of a page: a picture or link that is not ours, or a variable set by a script of its own.
MADE = """() => [
    ...[...document.querySelectorAll('a[href], img[src], iframe, form[action]')]
        .map(e => e.href || e.src || e.action || e.tagName)
        .filter(to => to && !to.startsWith(location.origin) && !to.startsWith('data:') && !to.startsWith('blob:')
            && !to.startsWith('file:') && !to.startsWith('https://docs.streamlit.io')),
    ...(window.x === undefined ? [] : ['window.x = ' + window.x])]"""


class Walk:
    """Pages opened one after another in one browser, and what was wrong with them."""

    def __init__(self, browser: Browser) -> None:
        self.browser, self.opened, self.faults = browser, 0, list[str]()

    def look(self, address: str, path: str = "") -> None:
        """Open a page of the server, or a file."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 2400})
        page, asked, thrown = context.new_page(), list[str](), list[str]()
        page.set_default_timeout(120_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: thrown.append(str(error)[:200]))
        try:
            if path:
                settled(page, address, path)
            else:
                page.goto(address)
            own = address if path else "file:"
            found = [url for url in asked if not url.startswith((own, "data:", "blob:", own.replace("http", "ws", 1)))]
            found += thrown + page.evaluate(MADE)
        except Error as error:
            found = [str(error).splitlines()[0][:200]]
        self.opened += 1
        faults = [f"FAULT {path or address}: {one}" for one in found]
        for fault in faults:  # at once: a walk that is stopped has told what it saw
            print(fault, flush=True)
        self.faults += faults
        context.close()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--names", type=int, default=200)
    arguments.add_argument("--at-once", type=int, default=25, help="names of one store")
    wish = arguments.parse_args()
    bearers, texts, faults = names(wish.names), 0, list[str]()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="baton-hostile-") as folder:
        walk = Walk(playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS))
        for start in range(0, len(bearers), wish.at_once):
            home = hostile_store(Path(folder) / str(start), bearers[start : start + wish.at_once])
            for name, text in exported(home).items():
                texts += 1
                faults += [f"FAULT names from {start}, {name}: {one}" for one in wrong_in(name, text)]
                if name.endswith(".html"):
                    (Path(folder) / name).write_text(text, encoding="utf-8")
                    walk.look((Path(folder) / name).as_uri())
            for address in serve(home, Path(folder) / "log.txt"):
                for path in PATHS:
                    walk.look(address, f"{path}?window=All")
            print(
                f"{time.strftime('%H:%M')} {start + wish.at_once} names, {len(faults + walk.faults)} faults", flush=True
            )
    print("\n".join([*faults, *walk.faults]))
    print(f"{len(bearers)} names, {walk.opened} pages, {texts} exports, {len(faults + walk.faults)} faults")
    return bool(faults or walk.faults)


if __name__ == "__main__":
    sys.exit(main())
