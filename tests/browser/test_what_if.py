"""The what-if pages as a CTO walks them: from the Overview to an answer, without a manual."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.browser.conftest import serve, settled

COMPLIANCE = "no Chinese models over an API for customer data"


@pytest.fixture(scope="module")
def site(sample_home, tmp_path_factory) -> Iterator[str]:
    """The app on a copy of the sample company: these tests save scenarios."""
    home = tmp_path_factory.mktemp("what-if") / "home"
    shutil.copytree(sample_home, home)
    yield from serve(home, home.parent / "server.txt")


def titled(page, words: str) -> str:
    """Wait until the title says this (a regular expression) and the page has come to rest; the title."""
    page.wait_for_function(
        "words => new RegExp(words).test(document.querySelector('h1')?.innerText) && "
        "!document.querySelector('[data-testid=\"stStatusWidget\"]')",
        arg=words,
    )
    title = page.locator("h1").first
    lines = title.evaluate(
        "h => { const r = document.createRange(); r.selectNodeContents(h); return new "
        "Set([...r.getClientRects()].map(b => Math.round(b.top / 8))).size }"
    )
    assert lines <= 2, f"{lines} lines: {title.inner_text()}"
    return title.inner_text()


def tile(page, label: str) -> str:
    """The number of a tile."""
    return page.get_by_test_id("stMetric").filter(has_text=label).first.get_by_test_id("stMetricValue").inner_text()


def settled_cost(page) -> str:
    """The cost tile once it says what the title says."""
    page.wait_for_function("""() => {
        const tiles = [...document.querySelectorAll('[data-testid="stMetric"]')];
        const tile = tiles.find(m => m.innerText.startsWith('Cost a year'));
        const value = tile && tile.querySelector('[data-testid="stMetricValue"]').innerText;
        return tile && document.querySelector('h1').innerText.includes(value) }""")
    return tile(page, "Cost a year")


def choose(page, label: str, option: str) -> None:
    """Pick an option of a select box."""
    page.get_by_role("combobox", name=re.compile(rf"\b{label}$")).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def test_from_the_overview_to_a_saved_mix_on_exactly_that_slice(page, site):
    settled(page, site, "/?model=gpt-5.2&window=90d")
    page.get_by_role("link", name="Find a cheaper mix for this slice").click()
    page.wait_for_url("**/mix?*model=gpt-5.2*")
    assert "window=90d" in page.url
    titled(page, r"\$[\d.,]+K? a year, [\d.]+% less")
    cost = settled_cost(page)
    assert page.get_by_role("button", name="Model is gpt-5.2").is_visible()
    page.get_by_role("slider", name="gpt-5.2").first.focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("slider", name="minimax-m2").first.focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Normalise and apply").click()
    titled(page, "set by hand")
    assert settled_cost(page) != cost
    seen = [tile(page, label) for label in ("Cost a year", "Saving a year", "Quality, stated", "Work that moves")]
    page.get_by_label("Save this scenario as").fill("for the board")
    page.get_by_role("button", name="Save scenario").click()
    saved = page.get_by_role("link", name="Open the saved scenario")
    saved.wait_for()
    page.goto(saved.evaluate("link => link.href"))
    titled(page, "^for the board")
    settled_cost(page)
    assert [
        tile(page, label) for label in ("Cost a year", "Saving a year", "Quality, stated", "Work that moves")
    ] == seen


def test_the_compliance_question_has_its_share_and_its_dollars(page, site):
    settled(page, site, "/routing?policy=orchestrator")
    titled(page, "orchestrator")
    choose(page, "Policy", COMPLIANCE)
    assert re.search(r"\$[\d.]+K? more in 28 days, 24 of them whole", titled(page, COMPLIANCE))
    page.get_by_text(re.compile(r"[\d.]+% of requests move, with [\d.]+% of all tokens")).wait_for()


def test_own_machines_are_three_choices_from_an_answer(page, site):
    settled(page, site, "/self-host?window=28d")
    page.get_by_role("radio", name="From the log").wait_for()
    choose(page, "Open model", "gpt-oss-120b")
    choose(page, "GPU", "H100 SXM")
    title = titled(page, "gpt-oss-120b")
    assert re.search("pay|cheaper", title) and re.search(r"\d+% (chance|of futures)", title)
    assert tile(page, "GPUs paid for").isdigit()


def test_the_briefs_new_model_is_worth_an_evaluation(page, site):
    settled(page, site, "/new-model")
    page.get_by_role("radio", name="Typed in").click()
    assert titled(page, "^Evaluate") == "Evaluate claude-opus-4-6: capability +3.0%; $85.0K a year less than gpt-5.2"
