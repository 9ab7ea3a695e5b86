"""Pages as a reader sees them: light and dark, on a wide screen and on a phone, with nothing cut, nothing written over
another, nothing that axe finds, nothing asked of the outside; and so what opens above a page.
"""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import TimeoutError

from tests.browser.conftest import settled
from tests.browser.reading import PATHS, faults, violations

PARTS = ("/explore?by=Model", "/plan?part=Budgets")  # of pages, which look otherwise than their first view
# What opens above a page: where, and the button or the keys.
OPENED = {
    "Find": ("/alerts", "Control+k"),
    "Explain": ("/alerts", "Explain"),
    "Add a rule": ("/alerts", "Add a rule"),
    "Views": ("/explore", "Views"),
    "Filter": ("/explore", "Filter"),
    "Copy as Markdown": ("/explore", "Copy as Markdown"),
    "Add a budget": ("/plan?part=Budgets", "Add a budget"),
    "Add a contract price": ("/data?section=Prices", "Add a contract price"),
}
LINE_PX = 20  # of small text


@pytest.mark.parametrize("path", [*PATHS, *PARTS])
def test_a_page_reads_well_wherever_it_is_read(page, address, path):
    outside, errors = [], []
    page.on(
        "request", lambda r: None if r.url.startswith((address, "data:", "blob:", "ws:")) else outside.append(r.url)
    )
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" and "404" not in m.text else None)
    for theme, width in (("light", 1280), ("dark", 390)):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        settled(page, address, path)
        assert page.locator('[data-testid="stException"]').count() == 0
        assert page.locator("h1").first.inner_text().strip()
        assert width < 1280 or stands_on_one_line(page), f"the line under the title wraps on {path}"
        assert not (found := faults(page)), json.dumps({f"{theme}, {width}": found}, indent=1)
        assert not (found := violations(page)), json.dumps({theme: found}, indent=1)
    assert not outside and not errors  # a deep link's first look for the server is a 404 of Streamlit's own


def stands_on_one_line(page) -> bool:
    """Whether the line under the title, its badge and its button share one row of one line of text; so where a page
    has no log behind it.
    """
    line = page.get_by_test_id("stCaptionContainer").filter(has_text="Data through").locator("p")
    explain = page.get_by_role("button", name="Explain", exact=True)
    if not line.count() or not explain.count():
        return True
    text, button = line.first.bounding_box(), explain.first.bounding_box()
    return text["height"] < 2 * LINE_PX and abs(2 * text["y"] + text["height"] - 2 * button["y"] - button["height"]) < 8


def press(page, way: str, tries: int = 2) -> None:
    """Press a button or keys until something opens: a page that is still being written may draw over the first time."""
    if way.startswith("Control"):
        page.keyboard.press(way)
    else:
        page.get_by_role("button", name=way).first.click()
    try:
        page.locator("[role=dialog]").first.wait_for(timeout=60_000 / tries)
    except TimeoutError:
        if tries == 1:
            raise
        press(page, way, tries - 1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_opens_above_a_page_is_accessible(page, address, theme):
    page.emulate_media(color_scheme=theme)
    found, at = {}, ""
    for name, (path, way) in OPENED.items():
        if path != at:
            settled(page, address, path)
        at = path
        press(page, way)
        page.wait_for_timeout(500)
        found[name] = violations(page, "[role=dialog]", "button[aria-expanded=true]")
        page.keyboard.press("Escape")
        page.locator("[role=dialog]").first.wait_for(state="detached")
    assert not any(found.values()), json.dumps({name: told for name, told in found.items() if told}, indent=1)
