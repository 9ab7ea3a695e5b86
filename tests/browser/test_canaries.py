"""Secrets of the environment, of provider files and of log records are in no byte of the store, of what the server says
or of what leaves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.ledger import Ledger
from data.sql_text import literal
from data.state import State
from routing.calling.declarations import PROVIDERS
from tests.benchmarks.addresses import CANARIES, load_hostile
from tests.browser.conftest import serve, settled
from tests.hostile_names import decide, exported
from tests.routing.live import provider
from tests.routing.test_chaos import everything_written, forms

# By address what stands on the page once it is drawn: a hostile name, a record set aside; "" where nothing need.
PAGES = {
    "/": "",
    "/explore?window=All&by=Team": "https://evil.example/path",
    "/lab": "",
    "/governance": "",
    "/data?section=Batches": '{"broken": sk-[masked]',
    "/data?section=Prices": "gpt-5.2",
}


def rows_of(home: Path) -> bytes:
    """What the data files hold; their bytes are compressed."""
    ledger = Ledger.open(home)
    files = sorted((home / "files").rglob("*.parquet"))
    texts = [ledger.sql(f"SELECT t::VARCHAR AS row FROM read_parquet({literal(one)}) t")["row"] for one in files]
    ledger.close()
    return "\n".join(row for text in texts for row in text).encode()


def test_no_secret_is_written_said_or_handed_out(page, tmp_path):
    home, log = tmp_path / "home", tmp_path / "server.log"
    home.mkdir()
    load_hostile(home)
    state = State.open(home)
    PROVIDERS.save(state, "it", provider("http://127.0.0.1:9/v1", "gpt-5.2"))
    ledger = Ledger.open(home)
    teams = ledger.sql(f"SELECT DISTINCT team FROM {ledger.name('usage')} WHERE team IS NOT NULL ORDER BY team")["team"]
    decide(ledger.at(ledger.snapshot()), state, list(teams))
    ledger.close()
    shown: list[bytes] = []
    environ: dict[str, Any] = {name: CANARIES[name] for name in ("OPENAI_API_KEY", "PROD_DB_PASSWORD")}
    for address in serve(home, log, **environ):
        for path, drawn in PAGES.items():
            settled(page, address, path)
            page.wait_for_function("text => document.body.innerHTML.includes(text)", arg=drawn)
            shown.append(page.content().encode())
    places = {
        "the bytes under HOME": everything_written(home),
        "the rows": rows_of(home),
        "the server's output": log.read_bytes(),
        "pages": b"".join(shown),
        "exports": json.dumps(exported(home)).encode(),
    }
    found = [
        (name, place)
        for name, secret in CANARIES.items()
        for place, held in places.items()
        for form in forms(secret)
        if form in held
    ]
    assert not found, found
    assert b"evil" in places["the rows"], "no row was looked through"
    assert b"evil" in places["pages"], "no page was looked through"
