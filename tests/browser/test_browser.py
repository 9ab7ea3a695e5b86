"""What only a browser shows: real rendering in both themes, links that write themselves, downloads, accessibility."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import serve, settled
from tests.browser.pointing import click_inside


def test_a_choice_writes_itself_into_the_link_and_back(page, address):
    settled(page, address, "/explore")
    page.locator(".st-key-period button").click()
    page.get_by_role("radio", name="90d").click()
    page.wait_for_url("**/explore?**window=90d**")
    page.keyboard.press("Escape")
    expect(page.locator("h1").first).to_contain_text("90 days")
    page.reload()
    expect(page.locator("h1").first).to_contain_text("90 days")


def test_a_click_on_a_bar_is_a_filter_and_back_undoes_it(page, address):
    settled(page, address, "/")
    click_inside(page.locator("[class*=st-key-split] .bars .point path").first)
    page.wait_for_url("**/?*model=*")
    chip = page.locator("[class*=st-key-chip_is_model]")
    chip.wait_for()
    expect(page.locator("h1").first).to_contain_text("for these filters")
    page.go_back()
    chip.wait_for(state="detached")
    expect(page.locator("h1").first).not_to_contain_text("for these filters")


def test_a_cold_deep_link_opens_inside_the_app(sample_home, tmp_path, page):
    for fresh in serve(sample_home, tmp_path / "log.txt"):
        settled(page, fresh, "/explore?window=7d")
        assert page.get_by_role("link", name="Weekly review").count() == 1
        assert "7 days" in page.locator("h1").first.inner_text()


def test_a_chart_leaves_as_csv_and_as_a_dated_picture(page, address):
    settled(page, address, "/explore")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").first.click()
    rows = list(csv.reader(Path(download.value.path()).read_text().splitlines()))
    assert rows[0][:2] == ["provider", "cost_usd"] and rows[-1][0] == "Total"
    page.get_by_role("button", name="Picture").first.click()
    with page.expect_download() as download:
        page.locator("[role=dialog] .modebar-btn").first.click()
    dated = r"baton-.*-cost_usd-by-provider-[-\d]+-to-[-\d]+-data-\d+\.png"
    assert re.fullmatch(dated, download.value.suggested_filename)
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_hostile_names_are_shown_as_text(tmp_path, page):
    from data.ledger import Ledger
    from data.loading.ingest import ingest
    from data.state import State

    log = tmp_path / "log.jsonl"
    name = "<img src=x onerror=document.title='owned'> $a$ [x](javascript:alert(1))"
    log.write_text(
        "".join(
            json.dumps(
                {
                    "request_id": f"r{n}",
                    "response_id": f"r{n}",
                    "request_created_at": f"2026-10-0{1 + n % 9}T08:00:00Z",
                    "response_status": 200,
                    "provider": "OPENAI",
                    "model": "gpt-4o",
                    "prompt_tokens": 1000,
                    "completion_tokens": 10,
                    "properties": {"team": name},
                }
            )
            + "\n"
            for n in range(20)
        )
    )
    home = tmp_path / "home"
    ledger = Ledger.open(home)
    assert ingest(ledger, State.open(home), [log])[0].loaded == 20
    ledger.close()
    for fresh in serve(home, tmp_path / "server.txt"):
        for path in ("/?by=Team", "/explore?by=Team"):
            settled(page, fresh, path)
            page.wait_for_selector(".js-plotly-plot")
            assert page.title() != "owned"
            assert page.locator("img[src='x']").count() == 0


def test_a_log_is_dropped_and_read(tmp_path, page):
    log = tmp_path / "log.jsonl"
    log.write_text(
        json.dumps(
            {
                "request_id": "r1",
                "response_id": "r1",
                "request_created_at": "2026-10-05T08:00:00Z",
                "response_status": 200,
                "provider": "OPENAI",
                "model": "gpt-4o-2024-08-06",
                "prompt_tokens": 2006,
                "prompt_cache_read_tokens": 1920,
                "completion_tokens": 300,
            }
        )
        + "\n"
    )
    for fresh in serve(tmp_path / "home", tmp_path / "server.txt"):
        settled(page, fresh, "/")
        assert "ledger is empty" in page.inner_text("body").lower()
        page.locator("input[type=file]").set_input_files(str(log))
        page.get_by_role("button", name="Load these files").click()
        page.get_by_text("1 record loaded").wait_for()
        page.get_by_text("$0.005615").first.wait_for()


def test_the_first_link_opened_on_a_fresh_server_is_right(sample_home, tmp_path, page):
    """Also one with a hyphen: Streamlit's own navigation by file name knows no such page and would say so."""
    for fresh in serve(sample_home, tmp_path / "server.txt"):
        settled(page, fresh, "/self-host")
        assert page.get_by_text("Page not found").count() == 0
        assert page.locator('section[data-testid="stSidebar"]').bounding_box()["width"] < 250
        assert page.get_by_role("link", name="Weekly review").count() == 1
