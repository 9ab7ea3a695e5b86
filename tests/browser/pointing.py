"""The mouse on what is drawn as one picture, bars of a chart and cells of a table: a run may draw them anew at any
moment, and they have no button whose click could be waited for.
"""

from __future__ import annotations

from playwright.sync_api import Locator

from tests.browser.reading import rest

LOOKS, PAUSE_MS = 150, 200  # half a minute
LOOK = """e => {
  const same = window.pointedAt === e && e.isConnected;
  window.pointedAt = e;
  e.scrollIntoViewIfNeeded();
  const {x, y, width, height} = e.getBoundingClientRect();
  return {same, box: [x, y, width, height]};
}"""


def still(what: Locator) -> tuple[float, float, float, float]:
    """Left, top, width and height of a thing in view, once the page rests and two looks found it, the very same, at
    one place.
    """
    before: list[float] = []
    for _ in range(LOOKS):
        rest(what.page)
        seen = what.evaluate(LOOK)
        if seen["same"] and seen["box"] == before and before[2] and before[3]:
            left, top, width, height = before
            return left, top, width, height
        before = seen["box"]
        what.page.wait_for_timeout(PAUSE_MS)
    raise AssertionError(f"does not come to rest: {what}, last at {before}")


def click_inside(what: Locator, right: float | None = None, down: float | None = None) -> None:
    """Click in the middle of a thing, or so many pixels from its left and its top."""
    left, top, width, height = still(what)
    what.page.mouse.click(left + (width / 2 if right is None else right), top + (height / 2 if down is None else down))
