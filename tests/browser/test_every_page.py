"""Every page as a reader gets it: light and dark, on a wide screen and on a phone, with nothing cut, nothing written
over another, nothing that axe finds. It asks its own server and nobody else, finds everything it asks for, needs
nothing that the policy of its headers forbids, and its console is silent.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pages.ui.security_headers import POLICY
from tests.browser.reading import PATHS
from tests.browser.visits import READ, Visit, visit

PARTS = ("/explore?by=Model", "/plan?part=Budgets")  # of pages, which look otherwise than their first view
# At fault in each way that a visit notes: faint and cut words, a picture that is not there, one from elsewhere (on
# loopback too), an exception, an error in its script and what the policy forbids.
WRONG = """<!doctype html><html lang=en><title>wrong</title><h1 style="height:20px"> </h1>
<div data-testid=stException></div>
<p style="color:#eee;background:#fff">faint</p>
<h2 style="width:40px;overflow:hidden;white-space:nowrap">a title that is cut</h2>
<object aria-label="forbidden" data="/none.swf"></object>
<img alt="none" src="/none.png"><img alt="abroad" src="http://127.0.0.2:9/abroad.png"><p id=last></p>
<script>last.innerText = 'read'; nobody.knows();</script></html>"""


@pytest.fixture(scope="module", params=[*PATHS, *PARTS])
def seen(request, chromium, address) -> Visit:
    """One visit to a page; its tests come after one another, by the fixture's scope."""
    return visit(chromium, address, request.param)


def test_a_page_reads_well_wherever_it_is_read(seen):
    assert seen.exceptions == {f"{theme}, {width}": 0 for theme, width in READ}
    assert all(seen.titles.values()), seen.titles
    assert not any(seen.faults.values()), json.dumps(seen.faults, indent=1)
    assert not any(seen.violations.values()), json.dumps(seen.violations, indent=1)


def test_a_page_asks_nobody_but_its_server(seen):
    assert len(seen.asked) > 5 * len(READ) and not seen.abroad(), seen.abroad()


def test_a_page_finds_everything_it_asks_for(seen):
    assert not seen.not_found(), seen.not_found()


def test_no_page_needs_what_the_policy_forbids(seen):
    assert not seen.refused(), seen.refused()


def test_the_console_of_a_page_is_silent(seen):
    assert not seen.errors(), seen.errors()
    assert not seen.broken, seen.broken


@pytest.fixture
def wrong_site() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = self.path == "/"
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Security-Policy", f"object-src {POLICY['object-src']}")
            self.end_headers()
            self.wfile.write(WRONG.encode() if page else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_visit_notes_whatever_is_wrong(chromium, wrong_site):
    found = visit(chromium, wrong_site, "/")
    assert list(found.exceptions.values()) == [1, 1] and list(found.titles.values()) == ["", ""]
    assert all("a title that is cut" in told["cut"] for told in found.faults.values())
    assert all("color-contrast" in told for told in found.violations.values())
    assert set(found.abroad()) == {"http://127.0.0.2:9/abroad.png"}
    assert f"{wrong_site}/none.png" in found.not_found()
    assert any("404" in text for _, text, _ in found.errors()) and "nobody is not defined" in found.broken
    assert found.refused()
