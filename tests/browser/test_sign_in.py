"""Sign-in with a real OpenID provider on loopback: who is let in, who is not, whose name a change carries."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.state import State
from data.wording import markdown
from tests.browser.conftest import free_port, serve

PEOPLE = [
    {"sub": "ann", "email": "ann@x.test", "groups": ["admins", "staff"]},
    {"sub": "olga", "email": "olga@x.test", "groups": ["finops"]},
    {"sub": "vic", "email": "vic@x.test", "groups": ["staff"]},
    {"sub": "eve", "email": "eve@x.test", "groups": ["others"]},
    {"sub": "sly", "email": "sly@x.test", "groups": "not-admins-x"},
]


def provider(port: int, *options: str) -> subprocess.Popen:
    """An OpenID provider that knows PEOPLE."""
    script = Path(sys.executable).parent / "oidc-provider-mock"
    claims = [word for person in PEOPLE for word in ("--user-claims", json.dumps(person))]
    running = subprocess.Popen(
        [str(script), "-p", str(port), *options, *claims], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(150):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/.well-known/openid-configuration", timeout=2).read()
            return running
        except OSError:
            time.sleep(0.2)
    running.kill()
    pytest.fail("the OpenID provider did not start")


def signed(folder: Path, idp: int, port: int) -> Path:
    secrets = folder / "secrets.toml"
    secrets.write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{"c" * 40}"\n'
        f'[auth.idp]\nclient_id = "baton"\nclient_secret = "s"\n'
        f'server_metadata_url = "http://127.0.0.1:{idp}/.well-known/openid-configuration"\n'
        'client_kwargs = { scope = "openid email profile groups" }\n'
        '[roles]\nadmin = ["admins"]\noperator = ["finops"]\nviewer = ["staff"]\n'
    )
    return secrets


def guarded(home: Path, folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen]]:
    idp, port = free_port(), free_port()
    running = provider(idp, *options)
    try:
        for address in serve(home, folder / "log.txt", port, STREAMLIT_SECRETS_FILES=str(signed(folder, idp, port))):
            yield address, running
    finally:
        running.kill()
        running.wait()


@pytest.fixture(scope="module")
def guarded_app(sample_copy, tmp_path_factory) -> Iterator[str]:
    for address, _ in guarded(sample_copy, tmp_path_factory.mktemp("guarded")):
        yield address


@pytest.fixture(scope="module")
def sample_copy(sample_home, tmp_path_factory) -> Path:
    import shutil

    return Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("store") / "home"))


def sign_in(page, address: str, who: str, path: str = "/") -> None:
    page.goto(address + path)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("oauth2/authorize"))
    known = page.get_by_role("button", name=who, exact=False)
    if known.count():
        known.first.click()
    else:
        page.locator("input[name=sub]").first.fill(who)
        page.locator("button").first.click()
    page.wait_for_url(re.compile(re.escape(address)))


def test_nobody_sees_a_number_without_signing_in(page, guarded_app):
    for path in ("/", "/explore", "/data", "/lab", "/?team=search"):
        page.goto(guarded_app + path)
        expect(page.get_by_role("heading", name="Sign in to Baton")).to_be_visible()
        assert "$" not in page.inner_text("body") and not page.locator("[data-testid=stMetric]").count()


def test_a_viewer_is_let_in_named_and_led_to_the_link_that_was_opened(page, guarded_app):
    sign_in(page, guarded_app, "vic", "/explore?team=search")
    expect(page.get_by_text(f"{markdown('vic@x.test')}, viewer")).to_be_visible()
    page.wait_for_url(re.compile(r"/explore\?.*team=search"))
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("end_session"))  # the provider's own page
    page.goto(guarded_app)
    expect(page.get_by_role("heading", name="Sign in to Baton")).to_be_visible()


@pytest.mark.parametrize("who", ["eve", "sly"])
def test_somebody_without_a_role_sees_nothing(page, guarded_app, who):
    sign_in(page, guarded_app, who)
    expect(page.get_by_role("heading", name="No access to this Baton")).to_be_visible()
    assert "$" not in page.inner_text("body")


def test_a_sign_in_that_has_expired_is_asked_for_again(page, sample_copy, tmp_path):
    for address, _ in guarded(sample_copy, tmp_path, "--token-max-age", "4"):
        sign_in(page, address, "vic")
        expect(page.get_by_text(f"{markdown('vic@x.test')}, viewer")).to_be_visible()
        time.sleep(5)
        page.goto(address + "/explore")
        expect(page.get_by_role("heading", name="Your sign-in has expired")).to_be_visible()


def test_a_provider_that_is_down_lets_nobody_in(page, sample_copy, tmp_path):
    for address, running in guarded(sample_copy, tmp_path):
        running.kill()
        running.wait()
        page.goto(address)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_timeout(4000)
        assert not page.locator("[data-testid=stMetric]").count() and "$" not in page.inner_text("body")


def test_a_change_carries_the_name_of_who_made_it(page, guarded_app, sample_copy):
    sign_in(page, guarded_app, "olga", "/plan")
    page.wait_for_selector("h1")
    expect(page.get_by_text(f"{markdown('olga@x.test')}, operator")).to_be_visible()
    before = len(State.open(sample_copy).audit())
    page.goto(guarded_app + "/weekly")
    page.wait_for_selector("[data-testid=stMain] h1")
    assert len(State.open(sample_copy).audit()) == before  # looking changes nothing
