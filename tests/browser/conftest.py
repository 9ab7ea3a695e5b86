"""A real server and a real Chromium. A server that dies prints its stderr; no Chromium means a stated skip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.team.servers import free_port

expect.set_options(timeout=60_000)
ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def serve(home: Path, log: Path, port: int = 0, **env: str) -> Iterator[str]:
    """Run the app on `port`, or a free one, until the caller is done; yields its address."""
    port = port or free_port()
    with open(log, "w") as out:
        command = [sys.executable, "-m", "pages", "--server.port", str(port)]
        server = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "BATON_HOME": str(home), **env}, stdout=out, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if server.poll() is not None:
                pytest.fail(f"the server ended with {server.returncode}:\n{log.read_text()[-4000:]}")
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read()
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail(f"the server did not answer within a minute:\n{log.read_text()[-4000:]}")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(scope="session")
def address(sample_home, tmp_path_factory) -> Iterator[str]:
    """The app on the sample company."""
    yield from serve(sample_home, tmp_path_factory.mktemp("server") / "log.txt")


@pytest.fixture(scope="module")
def chromium():
    """One browser for a module: its event loop must not outlive it, other tests run their own."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh light page, 1280 wide, that fails the test on an error of the page's own script."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light", accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, errors


def settled(page, address: str, path: str = "/") -> None:
    """Open a page and wait until its script has run and its title stands."""
    page.goto(address + path)
    page.wait_for_selector("h1")
    page.wait_for_function(
        '!document.querySelector(\'[data-testid="stStatusWidgetRunningIcon"], [data-testid="stStatusWidget"]\')'
    )
    page.wait_for_timeout(400)
