"""The ten jobs of a FinOps lead: each ends on its answer within ten clicks, as docs/jobs.md says; one by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.browser import finops_jobs
from tests.browser.finops_jobs import DOC, JOBS, MOST_CLICKS


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[tuple]:
    folder = tmp_path_factory.mktemp("jobs")
    with finops_jobs.company(folder / "home", folder / "server.txt") as found:
        yield found


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.question)
def test_a_job_ends_on_its_answer_within_ten_clicks(chromium, site, job):
    address, chat = site
    done = finops_jobs.walked(chromium, address, chat, job)
    told = dict(re.findall(r"^\| (.+?) \| (\d+) \|", DOC.read_text(), re.MULTILINE))
    assert done.clicks < MOST_CLICKS and done.answer
    assert told[job.question] == str(done.clicks), "renew it: python -m tests.browser.finops_jobs --write"


def test_a_chargeback_by_keyboard_alone(page, site):
    """Ctrl+K while the page still runs, the page's name, Enter; then Tab and the arrows to the statement's download."""
    page.goto(site[0])
    page.locator(".st-key-find button").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").wait_for()
    page.wait_for_function("() => document.activeElement.matches('.st-key-found input')")
    page.keyboard.type("Budget plan")
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    page.wait_for_url("**/plan**")
    page.get_by_role("tab", name="Chargeback").wait_for()
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")
    _tab_to(page, "Outlook")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("October 2026 cost").locator("visible=true").first.wait_for()
    _tab_to(page, "Statement, HTML")
    with page.expect_download() as taken:
        page.keyboard.press("Enter")
    assert "chargeback-2026-10" in taken.value.suggested_filename


def _tab_to(page, words: str, most: int = 80) -> None:
    """Press Tab until what has the focus says these words."""
    seen = []
    for _ in range(most):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("() => document.activeElement.innerText || ''"))
        if words in seen[-1] and len(seen[-1]) < 60:
            return
    raise AssertionError(f"{words} is not reached by {most} times Tab: {seen}")
