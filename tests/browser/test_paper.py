"""Reports as PDF: A4, with their words and charts, and nothing asked of any network."""

from __future__ import annotations

import re

import pytest

from data.errors import Refused
from pages.ui import paper
from tests.browser.conftest import CHROMIUM


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_report_is_printed_on_a4():
    rows = "".join(f"<tr><td>row {n}</td></tr>" for n in range(90))
    made = paper.pdf(f"<!doctype html><style>@page {{ size:A4 }}</style><h1>Weekly review</h1><table>{rows}</table>")
    assert made.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", made)) >= 2
    boxes = {tuple(round(float(n)) for n in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", made)}
    assert boxes == {(0, 0, 595, 842)}, "points of an A4 sheet"


def test_without_a_browser_there_is_no_button_and_a_sentence(monkeypatch):
    monkeypatch.setattr(paper, "browser", lambda: None)
    monkeypatch.setattr(paper.exports, "download_file", lambda *_, **__: pytest.fail("a button that cannot work"))
    paper.download_pdf(lambda: "", "plan", key="plan")
    with pytest.raises(Refused, match="print the HTML page from a browser"):
        paper.pdf("")


def test_a_browser_that_fails_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(paper, "browser", lambda: "/bin/false")
    with pytest.raises(Refused, match="Chromium did not print the page"):
        paper.pdf("<p>")
