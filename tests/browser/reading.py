"""What a reader would stumble over on a page as it is drawn: by axe, and by the places of its texts and controls."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from pages.ui.navigation import PAGES

PATHS = ["/" + path for entries in PAGES.values() for *_, path in entries]
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
# Streamlit's own markup, not ours to change: navigation list, toolbar, and the grid canvas of tables and editors.
FRAMEWORK = {
    "list",
    "listitem",
    "svg-img-alt",
    "aria-allowed-attr",
    "aria-required-children",
    "scrollable-region-focusable",
    "nested-interactive",
    "aria-hidden-focus",
}
SEEN = """() => {
  const cut = [], over = [], uneven = [], shown = e => e.offsetParent && getComputedStyle(e).overflow !== 'visible';
  const texts = 'h1, h2, h3, button p, [data-testid=stMetricValue] *, [data-testid=stMetricLabel] *, ' +
    '[data-testid=stMetricDelta] *, [data-testid=stMetric] [data-testid=stMarkdownContainer] *';
  for (const e of document.querySelectorAll(texts))
    if (shown(e) && e.scrollWidth > e.clientWidth + 1) cut.push(e.innerText);
  for (const plot of document.querySelectorAll('.js-plotly-plot')) {
    const frame = plot.getBoundingClientRect();
    const written = [...plot.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()])
      .filter(([text, box]) => text.trim() && box.width);
    written.forEach(([text, box], place) => {
      if (box.right > frame.right + 2 || box.left < frame.left - 2) cut.push(text);
      for (const [other, there] of written.slice(place + 1))
        if (Math.min(box.right, there.right) - Math.max(box.left, there.left) > 2 &&
            Math.min(box.bottom, there.bottom) - Math.max(box.top, there.top) > 3) over.push(text + ' / ' + other);
    });
  }
  const control = 'button, a, input, [role=combobox], [role=radiogroup]';
  for (const row of document.querySelectorAll('[data-testid=stHorizontalBlock], [data-testid=stLayoutWrapper] > *')) {
    const single = [...row.children].filter(e => e.querySelectorAll(control).length === 1 && !e.querySelector('label'))
      .map(e => [e.innerText, e.querySelector(control).getBoundingClientRect()]).filter(([, box]) => box.width);
    single.forEach(([text, box], place) => single.slice(place + 1).forEach(([other, there]) => {
      const middles = Math.abs(box.top + box.bottom - there.top - there.bottom) / 2;
      if (Math.min(box.bottom, there.bottom) > Math.max(box.top, there.top) && middles > 4)
        uneven.push(text + ' / ' + other);
    }));
  }
  const line = [...document.querySelectorAll('[data-testid=stCaptionContainer] p')]
    .find(e => e.offsetParent && e.innerText.startsWith('Data through'));
  const explain = [...document.querySelectorAll('button')].find(e => e.innerText.trim().endsWith('Explain'));
  if (line && explain && innerWidth >= 1280) {
    const text = line.getBoundingClientRect(), button = explain.getBoundingClientRect();
    if (text.height > 40 || Math.abs(text.top + text.bottom - button.top - button.bottom) > 8)
      uneven.push('the line under the title / Explain');
  }
  return {cut, over, uneven, sideways: document.documentElement.scrollWidth - innerWidth};
}"""
DRAWN = "[data-testid=stStatusWidget], [data-testid=stSkeleton], [data-stale=true]"
NOTHING = {"cut": [], "over": [], "uneven": [], "sideways": 0}


def rest(page: Any) -> None:
    """Wait until nothing is drawn any more: no run, no skeleton, nothing that stands from before."""
    page.wait_for_function("drawn => !document.querySelector(drawn)", arg=DRAWN)


def violations(page: Any, *within: str) -> dict[str, list]:
    """What axe finds that is ours to change, on all of the page or `within` what these selectors name: the rule, and
    where; what is still drawn or fades in is judged again.
    """
    if not page.evaluate("!!window.axe"):
        page.evaluate(AXE)
    for _ in range(3):
        rest(page)
        if not (told := _told(page, within)):
            return {}
        page.wait_for_timeout(2000)
    return told


def _told(page: Any, within: tuple[str, ...]) -> dict[str, list]:
    there = [[one] for one in within if page.locator(one).count()]
    run = "where => axe.run(where || document, {runOnly: ['wcag2a', 'wcag2aa']})"
    found = page.evaluate(run, {"include": there} if there else None)
    return {v["id"]: [n["target"] for n in v["nodes"]][:3] for v in found["violations"] if v["id"] not in FRAMEWORK}


def faults(page: Any) -> dict[str, Any]:
    """What is cut, written over another, or out of line; empty where nothing is. A chart that still settles is looked
    at again.
    """
    for _ in range(3):
        rest(page)
        if (seen := page.evaluate(SEEN)) == NOTHING:
            return {}
        page.wait_for_timeout(1000)
    return {kind: told for kind, told in seen.items() if told}
