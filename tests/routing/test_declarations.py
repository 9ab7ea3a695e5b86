"""Providers and URLs as people declare them: every bad one refused in a sentence that repeats no secret."""

from __future__ import annotations

import ipaddress

import httpx
import pytest

from data.errors import BadInput, Refused
from routing.calling.addresses import CheckedTransport, checked_url
from routing.calling.declarations import (
    checked_provider,
    read_providers,
    read_providers_text,
    save_provider,
    saved_providers,
)
from routing.calling.keys import MASK, checked_name, key_for, masked
from tests.routing.live import run

SECRET = "sk-verysecret-0123456789abcdef"
GOOD_URLS = [
    "https://api.openai.com/v1",
    "http://127.0.0.1:8080/v1",
    "http://localhost:11434",
    "http://[::1]:8000",
    "https://api.anthropic.com/",
]
BAD_URLS = [
    "ftp://host/v1",
    "file:///etc/passwd",
    "host/v1",
    "https://",
    "",
    f"https://user:{SECRET}@host/v1",
    f"https://{SECRET}@host/v1",
    f"https://host/v1?key={SECRET}",
    f"https://host/v1#{SECRET}",
    "http://api.openai.com/v1",
    "https://10.0.0.8/v1",
    "http://192.168.1.5:8000",
    "https://169.254.169.254/latest",
    "https://[fd00::1]/v1",
    "https://0.0.0.0/v1",
    "https://2130706433/v1",
    "https://0x7f000001/",
    "https://host:99999/v1",
    "https://224.0.0.1/v1",
    "https://[::ffff:10.0.0.1]/v1",
    "https://host:0/",
]
OFFER = {"model": "m", "input_usd_per_mtok": 1, "output_usd_per_mtok": 2}


@pytest.mark.parametrize("url", GOOD_URLS)
def test_good_urls(url):
    assert checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_urls_are_refused_without_repeating_a_secret(url):
    if "2130706433" in url or "0x7f" in url:
        # Loopback in disguise is loopback: allowed, since this machine is.
        assert checked_url(url)
        return
    with pytest.raises(BadInput) as refused:
        checked_url(url)
    assert SECRET not in str(refused.value)


def test_the_operator_may_allow_private_hosts():
    assert checked_url("http://gpu.internal:8000/v1", ["gpu.internal"]) and checked_url(
        "http://10.1.2.3/v1", ["10.0.0.0/8"]
    )
    with pytest.raises(BadInput):
        checked_url("http://11.1.2.3/v1", ["10.0.0.0/8"])


@pytest.mark.parametrize(
    ("address", "fine"),
    [("93.184.216.34", True), ("10.0.0.1", False), ("127.0.0.1", False), ("169.254.169.254", False), ("::1", False)],
)
def test_a_name_is_looked_up_checked_and_pinned(address, fine, monkeypatch):
    """A public name that leads to a private address is a trap (DNS rebinding)."""
    sent = []

    async def handler(request):
        sent.append((str(request.url), request.headers["host"], request.extensions.get("sni_hostname")))
        return httpx.Response(200, json={})

    async def scenario():
        import asyncio

        async def lookup(host, port, **_):
            return [(0, 0, 0, "", (address, port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
        async with httpx.AsyncClient(transport=CheckedTransport((), httpx.MockTransport(handler))) as client:
            await client.get("https://api.example.com/v1")

    if fine:
        run(scenario())
        assert sent == [(f"https://{ipaddress.ip_address(address)}/v1", "api.example.com", "api.example.com")]
    else:
        with pytest.raises(Refused, match="private address"):
            run(scenario())
        assert not sent


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_env": SECRET}, "NAME of an environment variable"),
        ({"base_url": f"https://{SECRET}@host"}, "credentials"),
        ({"models": []}, "models"),
        ({"models": [OFFER, OFFER]}, "declared twice"),
        ({"models": [{**OFFER, "extra": {"max_tokens": 10**6}}]}, "may not set max_tokens"),
        ({"models": [{**OFFER, "input_usd_per_mtok": -1}]}, "input_usd_per_mtok"),
        ({"models": [{**OFFER, "input_usd_per_mtok": "NaN"}]}, "input_usd_per_mtok"),
        ({"api_key": SECRET}, "use one of: name, base_url"),
        ({"protocol": "smtp"}, "protocol"),
        ({"name": "Bad Name"}, "name"),
        ({"timeout_s": 0}, "timeout_s"),
    ],
)
def test_a_bad_provider_is_refused_in_one_sentence_without_the_secret(change, words):
    with pytest.raises(BadInput, match=words) as refused:
        checked_provider({"name": "p", "base_url": "https://host/v1", "models": [OFFER], **change})
    assert SECRET not in str(refused.value) and "\n" not in str(refused.value)
    assert SECRET not in repr(refused.value.__cause__) + repr(
        refused.value.__context__ if not refused.value.__suppress_context__ else ""
    )


@pytest.mark.parametrize("text", ["", "provider = 3", "[[provider]\n", "[[provider]]\nname='a'\n[other]\nx=1"])
def test_bad_toml_is_refused(text):
    with pytest.raises(BadInput):
        read_providers_text(text)


def test_providers_are_kept_without_a_key_and_read_back(state, tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        '[[provider]]\nname = "p"\nbase_url = "https://host/v1"\nkey_env = "MY_KEY"\nmodels = [{model = "m", '
        "input_usd_per_mtok = 0.1, output_usd_per_mtok = 0}]\n"
    )
    provider = read_providers(path)[0]
    save_provider(state, provider)
    assert saved_providers(state) == (provider,) and str(provider.models[0].price.input) == "0.1"


def test_keys_come_from_the_environment_and_are_named_when_missing():
    assert key_for("p", None) is None and key_for("p", "K", {"K": " abc123 "}) == "abc123"
    with pytest.raises(BadInput, match="export MISSING="):
        key_for("p", "MISSING", {})
    with pytest.raises(BadInput) as refused:
        key_for("p", "K", {"K": f"{SECRET}\nx-evil: 1"})
    assert SECRET not in str(refused.value)
    with pytest.raises(BadInput):
        checked_name("not-a-name")


def test_masking_takes_whole_and_partial_keys_out():
    assert masked(f"bad key {SECRET}", SECRET) == f"bad key {MASK}"
    assert SECRET[:12] not in masked(f"key {SECRET[:12]}*** is wrong", SECRET)
