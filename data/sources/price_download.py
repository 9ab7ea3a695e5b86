"""genai-prices' data file from where the package itself updates from, or from a mirror."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from data.prices import catalogue_file, refresh
from data.prices.refresh import Proposal
from data.sources.client import Client, Sleep


def usual_address() -> str:
    """Where the package would update itself from."""
    from genai_prices.update_prices import DEFAULT_UPDATE_URL

    return DEFAULT_UPDATE_URL


def download(url: str = "", sleep: Sleep = asyncio.sleep) -> Proposal:
    """The edition that an address has today; Refused where it may not be asked or does not answer, BadInput for a file
    that is no price book. Nothing is kept of it."""
    address = url or usual_address()
    base, _, name = address.rpartition("/")
    content = asyncio.run(_fetch(base, f"/{name}", sleep))
    return refresh.read(content, datetime.now(UTC).date(), address)


async def _fetch(base: str, path: str, sleep: Sleep) -> bytes:
    client = Client("The address of the price book", base, {"Accept": "application/json"}, sleep)
    try:
        return await client.ask_for(path, lambda body: body[: catalogue_file.LARGEST_FILE + 1] or None, "a file")
    finally:
        await client.close()
