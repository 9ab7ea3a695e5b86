"""Providers and URLs as people declare them: every bad one refused in a sentence that repeats no secret."""

from __future__ import annotations

import os

import httpx
import pytest

from data import owner
from data.errors import BadInput, Refused
from data.sources.addresses import CheckedTransport, checked_url
from routing.calling.client import probe
from routing.calling.declarations import (
    checked_provider,
    read_providers,
    read_providers_text,
    save_provider,
    saved_providers,
)
from routing.calling.keys import MASK, checked_name, key_for, mask_key
from tests.routing.live import provider, run
from tests.routing.scripted_server import ScriptedServer

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
    "http://2130706433:8000",
    "http://0177.0.0.1:8000",
    "http://127.1:8000",
    "https://１２７.0.0.1/v1",
    "https://[::ffff:127.0.0.1]/v1",
    "https://[64:ff9b::a00:1]/v1",
    "https://[2002:a00:1::]/v1",
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
    [
        ("93.184.216.34", True),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("2002:a00:1::", False),
        ("2606:2800:220:1::1", True),
    ],
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
        pinned = f"[{address}]" if ":" in address else address
        assert sent == [(f"https://{pinned}/v1", "api.example.com", "api.example.com")]
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
    assert key_for("p", None) is None and key_for("p", "MY_KEY", {"MY_KEY": " abc123 "}) == "abc123"
    with pytest.raises(BadInput, match="export NO_SUCH_KEY="):
        key_for("p", "NO_SUCH_KEY", {})
    with pytest.raises(BadInput) as refused:
        key_for("p", "MY_KEY", {"MY_KEY": f"{SECRET}\nx-evil: 1"})
    assert SECRET not in str(refused.value)
    with pytest.raises(BadInput):
        checked_name("not-a-name")


def test_masking_takes_whole_and_partial_keys_out():
    assert mask_key(f"bad key {SECRET}", SECRET) == f"bad key {MASK}"
    assert SECRET[:12] not in mask_key(f"key {SECRET[:12]}*** is wrong", SECRET)


def test_a_provider_outside_of_the_owners_lists_is_neither_saved_nor_called(state, monkeypatch):
    """Any browser user could send any variable of the server to a host of their choice."""
    stolen = checked_provider(
        {"name": "evil", "base_url": "https://evil.example.com", "models": [OFFER], "key_env": "PATH"}
    )
    with pytest.raises(Refused, match="the owner of this machine list it in BATON_KEYS"):
        save_provider(state, stolen)
    [said] = run(probe(stolen))
    assert not said["ok"] and "BATON_KEYS" in said["detail"] and os.environ["PATH"] not in said["detail"]
    monkeypatch.setenv(owner.HOSTS, "api.openai.com")
    elsewhere = stolen.model_copy(update={"key_env": None})
    with pytest.raises(Refused, match="lists it in BATON_HOSTS"):
        save_provider(state, elsewhere)
    [said] = run(probe(elsewhere))
    assert said["detail"].startswith("address: evil.example.com is none of the hosts")
    assert not saved_providers(state)


def test_a_redirect_is_not_followed_so_that_no_key_goes_elsewhere():
    with ScriptedServer() as server:
        [said] = run(probe(provider(server.url, "redirect")))
    assert not said["ok"] and said["detail"].startswith("redirect") and len(server.seen) == 1
