"""A page asks its own server and nobody else, finds everything it asks for, and its console is silent."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import settled
from tests.browser.reading import PATHS

# On a link to a page Streamlit's own script asks below that page first, to find out where the server's root is.
PROBES = ("/_stcore/health", "/_stcore/host-config")


@pytest.mark.parametrize("path", PATHS)
def test_a_page_asks_nobody_but_its_server_and_finds_everything(page, address, path):
    own = urlsplit(address).netloc
    asked, missing, said = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
    page.on("console", lambda line: said.append((line.text, line.location["url"])) if line.type == "error" else None)
    settled(page, address, path)
    abroad = [url for url in asked if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own]
    assert len(asked) > 5 and not abroad, abroad
    probes = {f"{address}{path}{probe}" for probe in PROBES}
    assert not (wrong := [url for url in missing if url not in probes]), wrong
    assert not (wrong := [line for line in said if line[1] not in probes]), wrong
