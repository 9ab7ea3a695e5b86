"""What a review decides, clicked in a real browser: an action, a finding's status, an owner, a budget, a message to
the chat.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error, Locator, Page, expect

from data.state import State
from tests.analytics import planted
from tests.browser.conftest import serve, settled
from tests.browser.pointing import click_inside
from tests.routing.loopback_webhook import LoopbackWebhook

HEADER, FIRST_COLUMN = 36, 70  # pixels to the first row of an editable table, and into its first column


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    planted.build(folder, "longer outputs", days=70).close()
    return folder


@pytest.fixture(scope="module")
def chat() -> Iterator[LoopbackWebhook]:
    with LoopbackWebhook([200]) as server:
        yield server


@pytest.fixture(scope="module")
def site(store, chat, tmp_path_factory) -> Iterator[str]:
    yield from serve(store, tmp_path_factory.mktemp("server") / "log.txt", BATON_WEBHOOK_URL=chat.url)


def grid(page: Page, header: str) -> Locator:
    """The editable table that has a column of this name."""
    found = page.get_by_test_id("stDataFrame").filter(has=page.locator("th", has_text=header)).first
    found.wait_for()
    return found


def write(page: Page, table: Locator, column: int, text: str, row_height: int = 35) -> None:
    """Type into a cell of the first row, the columns counted from 0; again where the page moved or ran meanwhile."""
    editor = page.locator("#portal input, #portal textarea").first
    for patience in (5_000, 10_000, 20_000):
        click_inside(table, FIRST_COLUMN, HEADER + row_height // 2)
        for _ in range(column):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        with suppress(Error, AssertionError):
            editor.fill(text, timeout=patience)
            editor.press("Enter", timeout=patience)
            return shown(table, text, patience)
        page.keyboard.press("Escape")
    shown(table, text)


def shown(table: Locator, text: str, patience_ms: int = 60_000) -> None:
    """The table's accessible twin holds the text."""
    expect(table.locator("td", has_text=text).first).to_have_count(1, timeout=patience_ms)


def test_a_saving_becomes_an_action_with_owner_and_due_date(page, site, store):
    settled(page, site, "/savings")
    page.get_by_role("button", name="Make it an action").first.click()
    page.get_by_label("Owner", exact=True).fill("Ada")
    page.get_by_label("Due", exact=True).get_by_role("spinbutton").first.click()
    page.keyboard.type("20261120")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Put it on the list").click()
    page.get_by_text("It is on the action list").first.wait_for()
    ((name, body),) = State.open(store).all("action").items()
    assert (body["owner"], body["due"]) == ("Ada", "2026-11-20") and body["expected_usd_month"] > 0 and body["filters"]
    settled(page, site, "/weekly")
    page.reload()
    action = page.locator("p").filter(has_text=name).filter(has_text="Ada; due 20 Nov")
    expect(action.first).to_be_visible()


def test_a_finding_gets_a_status_that_stays(page, site, store):
    settled(page, site, "/weekly")
    write(page, grid(page, "What it led to"), 5, "expected", row_height=96)
    page.get_by_role("button", name="Save what we know").click()
    page.get_by_role("button", name="Save what we know").wait_for(state="detached")
    assert [body["status"] for body in State.open(store).all("finding").values()] == ["expected"]
    page.reload()
    shown(grid(page, "What it led to"), "expected")


def test_an_owner_is_written_down(page, site, store):
    settled(page, site, "/savings")
    write(page, grid(page, "Owner of the connection"), 2, "Bo")
    save = page.get_by_role("button", name="Save owners")
    save.click()
    expect(save).to_be_disabled(timeout=60_000)  # nothing is left to save
    page.reload()
    shown(grid(page, "Owner of the connection"), "Bo")
    assert [body["owner"] for body in State.open(store).all("owner").values()] == ["Bo"]


def test_a_budget_changes_overview_and_plan(page, site):
    settled(page, site, "/")
    assert "no budget is set" in page.inner_text("h1")
    settled(page, site, "/plan?part=Budgets")
    page.get_by_role("button", name="Add a budget").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Save the budget").click()
    form.get_by_text("Give the budget a name. Give an amount above zero.").wait_for()
    form.get_by_label("Name", exact=True).fill("company")
    form.get_by_label("Amount, USD").fill("40")
    page.keyboard.press("Enter")
    form.get_by_role("button", name="Save the budget").click()
    form.wait_for(state="detached")
    expect(page.locator("h1").first).to_contain_text("chance to exceed $480")
    settled(page, site, "/")
    assert "the monthly budget" in page.inner_text("h1")


def test_the_summary_reaches_the_chat(page, site, chat):
    settled(page, site, "/weekly")
    page.get_by_role("button", name="Post to chat").click()
    page.get_by_role("button", name="Post it").click()
    page.get_by_text("Posted.").wait_for()
    assert chat.bodies[-1]["text"].startswith("*Week 2026-W44 cost")
