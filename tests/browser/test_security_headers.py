"""Every answer of the server says what a browser may do with it."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from pages.ui.security_headers import HEADERS


@pytest.mark.parametrize("path", ["/", "/explore", "/_stcore/health", "/static/nothing.js", "/media/none.csv"])
def test_every_answer_carries_the_headers(address, path):
    try:
        answer = urllib.request.urlopen(address + path, timeout=30).headers
    except urllib.error.HTTPError as error:
        answer = error.headers
    assert {name: answer[name] for name in HEADERS} == HEADERS


def test_another_site_cannot_frame_a_page(page, address):
    blocked: list[str] = []
    page.on("console", lambda message: blocked.append(message.text))
    page.set_content(f'<iframe src="{address}/" width="600" height="400"></iframe>')
    page.wait_for_timeout(2000)
    assert any("frame" in text.lower() for text in blocked), blocked
