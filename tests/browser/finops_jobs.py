"""The ten jobs of a FinOps lead, walked in a real browser on a small sample company: clicks counted, seconds told.

`python -m tests.browser.finops_jobs [--write]` walks them all; --write renews the table of docs/jobs.md. A click is a
click of the mouse, into a field to type as well; Escape, which closes a popover, is none. The seconds are those the
walk took, the waiting for the pages in it, not what a person takes to read them.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from analytics.billing.customer_income import INCOMES
from analytics.budgets import budget
from analytics.promises.actions import ACTIONS, check_action
from data.ledger import Ledger
from data.prices.contracts import OVERRIDES
from data.sample import sample
from data.state import State
from tests.browser import pointing
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, serve, settled
from tests.routing.loopback_webhook import LoopbackWebhook
from tests.stores import new_ledger

END = date(2026, 11, 22)  # the planted runaway of research begins 40 days before: on Tuesday, 13 October
JUMP = 12  # the place of that Tuesday among the days of October
CHANNEL = "BATON_ALERT_SLACK"
DOC = ROOT / "docs" / "jobs.md"
MOST_CLICKS = 10


class Walk:
    """Somebody at the dashboard: what they click is counted, what they fill in is a click and its letters."""

    def __init__(self, page: Page, address: str, chat: LoopbackWebhook) -> None:
        self.page, self.address, self.chat = page, address, chat
        self.clicks = 0

    def click(self, what: Locator) -> None:
        what.first.click()
        self.clicks += 1

    def click_inside(self, what: Locator, right: float | None = None, down: float | None = None) -> None:
        pointing.click_inside(what, right, down)
        self.clicks += 1

    def fill(self, field: Locator, text: str) -> None:
        self.click(field)
        field.first.fill(text)
        self.page.keyboard.press("Enter")

    def go(self, name: str) -> None:
        """To a page by its name in the sidebar."""
        self.click(self.page.get_by_role("link", name=name, exact=True))
        self.page.wait_for_function(
            "name => [...document.querySelectorAll('[data-testid=stSidebarNavLink]')].some("
            "a => a.getAttribute('aria-current') === 'page' && a.innerText.includes(name))",
            arg=name,
        )
        self.rest()

    def choose(self, label: str, option: str) -> None:
        """An option of a select box."""
        self.click(self.page.get_by_role("combobox", name=label))
        self.click(self.page.get_by_role("option", name=option, exact=True))
        self.rest()

    def period(self, name: str) -> None:
        self.click(self.page.locator(".st-key-period button"))
        self.click(self.page.get_by_role("radio", name=name, exact=True))
        self.rest()
        self.page.keyboard.press("Escape")

    def tab(self, name: str) -> None:
        self.click(self.page.get_by_role("tab", name=name, exact=True))
        self.rest()

    def rest(self) -> None:
        """Until the page has come to rest: a click sets it running only after a moment."""
        self.page.wait_for_timeout(300)
        self.page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")

    def says(self, words: str) -> str:
        """The text on the page that holds these words, once it is there."""
        said = self.page.get_by_text(words).locator("visible=true").first
        said.wait_for()
        return said.inner_text()

    def file(self, button: str) -> str:
        """The text of the file that a button gives."""
        with self.page.expect_download() as taken:
            self.click(self.page.get_by_role("button", name=button, exact=True))
        return Path(taken.value.path()).read_text()


def close_october(walk: Walk) -> str:
    walk.go("Budget plan")
    walk.tab("Chargeback")
    told = walk.says("October 2026 cost")
    walk.click(walk.page.get_by_role("button", name="Post to chat"))
    walk.click(walk.page.get_by_role("button", name="Post it"))
    walk.says("Posted.")
    sent = walk.chat.bodies[-1]["text"]
    assert "October 2026 cost" in sent and "over its budget" in sent and "under its budget" in sent
    return told[told.index("It is ") :].split(". $")[0]


def who_caused_tuesday(walk: Walk) -> str:
    walk.period("Last month")
    walk.click_inside(walk.page.locator(".st-key-days .barlayer .trace").first.locator(".point path").nth(JUMP))
    walk.says("against 12 Oct 2026; the bars add up")
    walk.rest()
    walk.click(walk.page.get_by_role("radio", name="Team", exact=True))
    walk.rest()
    return walk.page.get_by_test_id("stCaptionContainer").filter(has_text="research changed by +").first.inner_text()


def losing_customers(walk: Walk) -> str:
    walk.go("Explore")
    walk.choose("By", "Customer")
    walk.click(walk.page.get_by_text("Which customers cost more than they pay?"))
    told = walk.says("more than they pay, by")
    assert told.startswith("1 of 3 customers")
    return told


def price_change(walk: Walk) -> str:
    walk.says("gpt-5.2 at openai cheaper by 25.0% from 1 Dec 2026")
    walk.click(walk.page.get_by_role("link", name="See the plan"))
    return walk.says("It is in the forecast.")


def actions_saved(walk: Walk) -> str:
    walk.go("Weekly review")
    return walk.says("acted on: ")


def chargeback(walk: Walk) -> str:
    walk.go("Budget plan")
    walk.tab("Chargeback")
    statement = walk.file("Statement, HTML")
    rows = list(csv.DictReader(walk.file("Every line, CSV").splitlines()))
    whole = sum(round(float(row["usd"]), 6) for row in rows)
    assert f"October 2026 cost ${whole:,.2f}, charged to" in statement
    return f"a page to print, and {len(rows)} lines that add up to ${whole:,.2f}"


def dearest_session(walk: Walk) -> str:
    walk.go("Explore")
    walk.period("7d")
    walk.tab("Sessions")
    walk.says("dearest first")
    walk.rest()
    table = walk.page.get_by_test_id("stDataFrame").locator("visible=true").last
    walk.click_inside(table, 14, 35 + 17)  # the box that chooses the first row
    walk.says("In all: ")
    story = walk.page.get_by_role("dialog")
    return f"{story.locator('strong').first.inner_text()}: {story.locator('strong').last.inner_text()}"


def alert(walk: Walk) -> str:
    walk.go("Alerts")
    walk.click(walk.page.get_by_role("button", name="Add a rule"))
    form = walk.page.get_by_role("dialog")
    walk.fill(form.get_by_label("Name of the rule"), "daily spend")
    walk.fill(form.get_by_label("From (USD)"), "0.5")
    walk.rest()
    walk.click(form.get_by_role("button", name="Save the rule"))
    form.wait_for(state="detached")
    walk.rest()
    walk.click(walk.page.get_by_role("button", name="Note it, and send what is due"))
    walk.page.get_by_text("Delivered (UTC)").first.wait_for(state="attached")
    (got,) = walk.chat.bodies
    return f"in the chat: {got['title']}: {got['message']}".splitlines()[0]


def daily_by_team(walk: Walk) -> str:
    walk.go("Explore")
    walk.choose("By", "Team")
    walk.tab("As drawn")
    head, *rows = csv.reader(walk.file("Download CSV").splitlines())
    assert head[0] == "day" and "research" in head and rows[-1][0] == "Total" and len(rows) == 28 + 1
    return f"{len(rows) - 1} days by {len(head) - 2} teams, with their totals"


def ctos_question(walk: Walk) -> str:
    walk.go("Model mix")
    walk.page.wait_for_function("() => /a year/.test(document.querySelector('h1')?.innerText)")
    walk.rest()
    title = walk.page.locator("h1").first.inner_text()
    assert "a year" in walk.file("Page for the board")
    return title


class Job(NamedTuple):
    """What somebody wants, how they get it, and the page it begins on."""

    question: str
    walk: Callable[[Walk], str]
    begins: str = "/"


JOBS = (
    Job("Close October by team against budget, and send it", close_october),
    Job("Who caused Tuesday's jump?", who_caused_tuesday),
    Job("Which customers lose money?", losing_customers),
    Job("Is gpt-5.2's price change seen?", price_change),
    Job("What did last month's actions save?", actions_saved),
    Job("A chargeback for finance", chargeback),
    Job("The dearest session of the week", dearest_session),
    Job("Set an alert, and get it", alert),
    Job("Daily spend by team into a spreadsheet", daily_by_team),
    Job("Answer the CTO: can we halve the bill without losing quality?", ctos_question),
)


class Done(NamedTuple):
    """How a job went: clicks, seconds with the waiting in them, and the answer it ended on."""

    job: Job
    clicks: int
    seconds: float
    answer: str


def build(home: Path) -> None:
    """A sample company of 200 days, with what people had decided before: budgets, incomes, a done action, a contract
    that makes gpt-5.2 cheaper from December.
    """
    ledger, state = new_ledger(home), State.open(home)
    sample.load(ledger, state, sample.wish(rows=12_000, days=200, end=END))
    ledger.close()
    ledger = Ledger.open(home)
    view = ledger.at(ledger.snapshot())
    top = view.frame(
        view.usage.filter(view.usage.customer_id.notnull())
        .group_by("customer_id")
        .aggregate(usd=view.usage.cost_usd.sum())
        .order_by("customer_id")
        .limit(3)
    )
    ledger.close()
    for number, name in enumerate(top["customer_id"]):
        INCOMES.save(state, name, {"usd_month": 0.001 if number == 1 else 500})
    for team, usd in (("research", 30.0), ("legal", 400.0)):
        budget.save(state, budget.check_budget(name=team, amount=usd, filters={"team": (team,)}))
    budget.save(state, budget.check_budget(name="company", amount=250.0))
    done = check_action(
        name="Shorter answers of the help assistant",
        expected_usd_month=5.0,
        status="done",
        decided="2026-09-28",
        done="2026-10-01",
        filters={"feature": ("help-assistant",)},
    )
    ACTIONS.save(state, done.name, done)
    deal = {"provider": "openai", "model": "gpt-5.2", "discount": "0.25", "start": "2026-12-01"}
    OVERRIDES.save(state, "deal", deal)


@contextmanager
def company(home: Path, log: Path) -> Iterator[tuple[str, LoopbackWebhook]]:
    """The app on that store, and the chat that its alerts and messages reach."""
    build(home)
    with LoopbackWebhook([200]) as chat:
        to = f"json://{urlsplit(chat.url).netloc}/alerts"
        for address in serve(home, log, 0, BATON_WEBHOOK_URL=chat.url, **{CHANNEL: to}):
            yield address, chat


def walked(browser: Browser, address: str, chat: LoopbackWebhook, job: Job) -> Done:
    """Do a job from its first page, in a window of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    chat.bodies.clear()
    try:
        settled(page, address, job.begins)
        walk, began = Walk(page, address, chat), time.monotonic()
        answer = job.walk(walk)
        return Done(job, walk.clicks, time.monotonic() - began, " ".join(answer.split()))
    finally:
        context.close()


def table(done: list[Done]) -> str:
    """The jobs as a Markdown table."""
    lines = ["| job | clicks | seconds | ends on |", "|---|---:|---:|---|"]
    for one in done:
        answer = one.answer.replace("|", "\\|").replace("$", "\\$")
        lines.append(f"| {one.job.question} | {one.clicks} | {one.seconds:.0f} | {answer} |")
    return "\n".join(lines)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--write", action="store_true", help="renew the table of docs/jobs.md")
    asked = words.parse_args()
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with company(Path(folder) / "home", Path(folder) / "server.txt") as (address, chat):
            done = []
            for job in JOBS:
                done.append(walked(browser, address, chat, job))
                print(table(done[-1:]).splitlines()[-1], flush=True)
        browser.close()
    if asked.write:
        head, _, rest = DOC.read_text().partition("<!-- jobs -->")
        _, _, foot = rest.partition("<!-- end of jobs -->")
        DOC.write_text(f"{head}<!-- jobs -->\n\n{table(done)}\n\n<!-- end of jobs -->{foot}")


if __name__ == "__main__":
    main()
