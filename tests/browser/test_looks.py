"""Pages as a reader sees them, on a wide screen and on a phone: nothing cut, nothing asked of the outside."""

from __future__ import annotations

import pytest

from tests.browser.conftest import settled

PATHS = ("/", "/explore?by=Model", "/plan?part=Budgets", "/savings", "/data")
SEEN = """() => {
  const cut = [], shown = e => e.offsetParent && getComputedStyle(e).overflow !== 'visible';
  const texts = 'h1, h2, h3, button p, [data-testid=stMetricValue] *, [data-testid=stMetricLabel] *';
  for (const e of document.querySelectorAll(texts))
    if (shown(e) && e.scrollWidth > e.clientWidth + 1) cut.push(e.innerText);
  for (const plot of document.querySelectorAll('.js-plotly-plot')) {
    const frame = plot.getBoundingClientRect();
    for (const e of plot.querySelectorAll('text')) {
      const box = e.getBoundingClientRect();
      if (box.width && (box.right > frame.right + 2 || box.left < frame.left - 2)) cut.push(e.textContent);
    }
  }
  return {cut, sideways: document.documentElement.scrollWidth - innerWidth};
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_and_nothing_comes_from_outside(page, address, width):
    outside, errors = [], []
    page.on(
        "request", lambda r: None if r.url.startswith((address, "data:", "blob:", "ws:")) else outside.append(r.url)
    )
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" and "404" not in m.text else None)
    page.set_viewport_size({"width": width, "height": 800})
    for path in PATHS:
        settled(page, address, path)
        assert page.evaluate(SEEN) == {"cut": [], "sideways": 0}, path
    assert not outside and not errors  # a deep link's first look for the server is a 404 of Streamlit's own
