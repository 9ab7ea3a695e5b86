"""A click on a part of a picture waits until it is drawn for good, and finds it where it then is."""

from __future__ import annotations

import pytest

from tests.browser import pointing

# A bar that every 50 ms is another element a little further right, and after a second the last one at its place; each
# tells the click it got.
REDRAWN = """<div style="height:3000px"></div><div id="chart"></div><script>
  let drawn = 0;
  const timer = setInterval(() => {
    const last = ++drawn === MOST;
    chart.innerHTML = `<div class=bar style="width:10px;height:40px;margin-left:${20 * (drawn % 30)}px"></div>`;
    chart.firstChild.onclick = () => document.title = last ? 'the last' : 'one of before';
    if (last) clearInterval(timer);
  }, 50);
</script>"""


def test_a_click_finds_the_bar_that_is_drawn_last(page):
    page.set_content(REDRAWN.replace("MOST", "20"))
    pointing.click_inside(page.locator(".bar"))
    assert page.title() == "the last"


def test_what_never_rests_is_told(page, monkeypatch):
    monkeypatch.setattr(pointing, "LOOKS", 5)
    page.set_content(REDRAWN.replace("MOST", "-1"))
    with pytest.raises(AssertionError, match="does not come to rest: .*bar"):
        pointing.click_inside(page.locator(".bar"))
