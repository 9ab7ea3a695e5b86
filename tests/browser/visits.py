"""A visit to a page, read in both themes on a wide screen and on a phone: everything that is asked about pages is noted
on the way, as opening one takes longer than any question about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.browser.conftest import settled
from tests.browser.reading import faults, violations

Theme = Literal["light", "dark"]
READ: tuple[tuple[Theme, int], ...] = (("light", 1280), ("dark", 390))
# On a link to a page Streamlit's own script asks below that page first, to find out where the server's root is.
PROBES = ("/_stcore/health", "/_stcore/host-config")


@dataclass
class Visit:
    """What was seen at an address, by how it was read; and what the page asked for and said all the while."""

    address: str
    path: str
    titles: dict[str, str] = field(default_factory=dict)
    exceptions: dict[str, int] = field(default_factory=dict)
    faults: dict[str, Any] = field(default_factory=dict)
    violations: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    said: list[tuple[str, str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def abroad(self) -> list[str]:
        """What was asked of another server."""
        own = urlsplit(self.address).netloc
        parts = ((url, urlsplit(url)) for url in self.asked)
        return [url for url, part in parts if part.scheme not in ("data", "blob") and part.netloc != own]

    def not_found(self) -> list[str]:
        return [url for url in self.missing if url not in self._probes()]

    def errors(self) -> list[tuple[str, str, str]]:
        """What the console calls an error."""
        return [line for line in self.said if line[0] == "error" and line[2] not in self._probes()]

    def refused(self) -> list[str]:
        """What the page wanted and the policy forbids, as the browser says."""
        return [text for _, text, _ in self.said if "Content Security" in text]

    def _probes(self) -> set[str]:
        return {f"{self.address}{urlsplit(self.path).path}{probe}" for probe in PROBES}

    def listen(self, page: Page) -> None:
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("response", lambda answer: self.missing.append(answer.url) if answer.status >= 400 else None)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.broken.append(str(error)))

    def _hear(self, line: ConsoleMessage) -> None:
        self.said.append((line.type, line.text, line.location["url"]))

    def read(self, page: Page, theme: Theme, width: int) -> None:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        settled(page, self.address, self.path)
        way = f"{theme}, {width}"
        self.exceptions[way] = page.locator('[data-testid="stException"]').count()
        self.titles[way] = page.locator("h1").first.inner_text().strip()
        self.faults[way] = faults(page)
        self.violations[way] = violations(page)


def visit(browser: Browser, address: str, path: str) -> Visit:
    """Open a page in a window that knows nothing of others, and read it in every way."""
    seen = Visit(address, path)
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    seen.listen(page)
    try:
        for theme, width in READ:
            seen.read(page, theme, width)
    finally:
        context.close()
    return seen
