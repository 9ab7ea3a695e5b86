"""What opens above a page, light and dark: nothing that axe finds."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import TimeoutError

from pages.parts.overview.tour import STEPS
from tests.browser.conftest import settled
from tests.browser.reading import violations

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
    "Add an alias": ("/data?section=Model+names", "Add an alias"),
    "Add an attribution rule": ("/data?section=Meaning", "Add a rule"),
    "Add a source": ("/data?section=Sources", "Add a source"),
    "Add an event": ("/plan?part=Events+and+scenarios", "Add an event"),
    "Record the decision": ("/plan", "Record the decision"),
    "Make it a promise": ("/plan", "Make it a promise"),
    "Add an action": ("/weekly", "Add an action"),
    "Post to chat": ("/weekly", "Post to chat"),
    "Copy snapshot link": ("/weekly", "Copy snapshot link"),
    "Make it an action": ("/savings", "Make it an action"),
}


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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_step_of_the_tour_is_accessible(page, address, theme):
    page.emulate_media(color_scheme=theme)
    settled(page, address, "/")
    page.get_by_role("button", name="Show me around").click()
    found = {}
    for step in range(1, STEPS + 1):
        page.get_by_text(f"{step} of {STEPS}.", exact=True).wait_for()
        found[step] = violations(page, ".st-key-tour")
        page.get_by_role("button", name="Next" if step < STEPS else "Done", exact=True).click()
    page.locator(".st-key-tour").wait_for(state="detached")
    assert not any(found.values()), json.dumps(found, indent=1)
