"""The kill switch in a real browser: after the click nothing further is asked; closing the browser ends nothing."""

from __future__ import annotations

import time

import pytest

from routing.runs.launch import launch
from routing.runs.store import attempts, create_run, read_run
from tests.browser.conftest import CHROMIUM, FLAGS, serve
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import GOOD, SUMS, adder, spec, until

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture
def site(home, tmp_path):
    """The app over this test's own store."""
    yield from serve(home, tmp_path / "server.txt")


def test_a_click_ends_the_run_with_most_of_its_tasks_unasked(site, state):
    from playwright.sync_api import sync_playwright

    tasks = [{**task, "id": f"{task['id']}-{n}"} for n in range(500) for task in SUMS]
    with ScriptedServer(lambda n, body: "slow", adder) as server, sync_playwright() as playwright:
        run_id = create_run(state, "to be stopped", spec(server.url, GOOD, tasks=tasks), "tester")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        launch(state, run_id)
        page.goto(f"{site}/lab?run={run_id}", timeout=120_000)
        page.get_by_role("button", name="Stop the run now").wait_for(timeout=120_000)
        page.get_by_text("answered,").first.wait_for(timeout=60_000)
        # Closing and opening the browser again changes nothing for the run.
        before = len(server.seen)
        page.goto("about:blank")
        until(lambda: len(server.seen) > before)
        page.goto(f"{site}/lab?run={run_id}", timeout=120_000)
        button = page.get_by_role("button", name="Stop the run now")
        button.wait_for(timeout=120_000)
        page.get_by_text("answered,").first.wait_for(timeout=60_000)
        clicked = time.monotonic()
        button.click()
        until(lambda: read_run(state, run_id)["status"] == "stopped")
        asked = len(server.seen)
        print(f"last new call {max(server.arrived) - clicked:.3f} s after the click")
        browser.close()
    # Once it is stopped nothing is asked any more, whatever the machine was busy with.
    assert len(server.seen) == asked < len(tasks)
    # What was under way at the click was cancelled, unless all of it had just been answered.
    assert {"success"} <= {a["status"] for a in attempts(state, run_id)} <= {"success", "cancelled"}
    assert [e.event for e in state.audit()].index("run ended") < [e.event for e in state.audit()].index("kill switch")
