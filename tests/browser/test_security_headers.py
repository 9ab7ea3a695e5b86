"""Every answer of the server says what a browser may do with it, and no page needs what it forbids."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from pages.ui.navigation import PAGES
from pages.ui.security_headers import HEADERS
from tests.browser.conftest import settled


@pytest.mark.parametrize("path", ["/", "/explore", "/_stcore/health", "/static/nothing.js", "/media/none.csv"])
def test_every_answer_carries_the_headers(address, path):
    try:
        answer = urllib.request.urlopen(address + path, timeout=30).headers
    except urllib.error.HTTPError as error:
        answer = error.headers
    assert {name: answer[name] for name in HEADERS} == HEADERS


def test_no_page_needs_what_the_policy_forbids(page, address):
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    for entries in PAGES.values():
        for _, _, _, path in entries:
            settled(page, address, f"/{path}")
    assert not refused, refused


def test_another_site_cannot_frame_a_page(page, address):
    blocked: list[str] = []
    page.on("console", lambda message: blocked.append(message.text))
    page.set_content(f'<iframe src="{address}/" width="600" height="400"></iframe>')
    page.wait_for_timeout(2000)
    assert any("frame" in text.lower() for text in blocked), blocked
