"""A thousand URL parameters nobody would write, over all pages: none stops a page, and no secret gets anywhere.

    nice -n 5 .venv/bin/python -m tests.benchmarks.addresses --parameters 1000

The store is a log of hostile names, whose records and whose environment hold canaries: secrets made up for the search
in every byte of the store at the end. Ten parameters make an address.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from pages.ui.navigation import PAGES
from tests.data.bad_logs import record
from tests.pages.test_hostile_names import NAMES
from tests.pages.test_place import HOSTILE
from tests.routing.test_chaos import everything_written, forms

ROOT = Path(__file__).resolve().parents[2]
FILES = [entry[0] for entries in PAGES.values() for entry in entries]
KEYS = sorted(
    {key for query in HOSTILE for key in query}
    | {"customer_id", "feature", "growth", "months", "policy", "run", "item", "page", "section", "gpus", "share", "m"}
)
VALUES = (
    *NAMES,
    *(value for query in HOSTILE for value in query.values()),
    *(
        "",
        " ",
        "\0",
        "²",
        "1e309",
        "-1",
        "9" * 400,
        "nan",
        "2026-W00",
        "9999-W99",
        "../../etc/passwd",
        "%00",
        "[[",
        "{",
    ),
    *("x" * 20_000, "__class__", "' OR 1=1 --", "1;2", "\ud7ff", "🦊" * 50, "None", "true", "=1+1", "{{7*7}}"),
)
PER_ADDRESS = 10
CANARIES = {
    "OPENAI_API_KEY": "sk-canaryenv-0123456789abcdefghij",  # a key that the server may send
    "PROD_DB_PASSWORD": "canarydb-9876543210zyxwvutsrq",
    "log": "sk-canarylog-1111aaaa2222bbbb3333",
    "rejected": "sk-canaryrej-4444cccc5555dddd6666",
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--parameters", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=3)
    options = arguments.parse_args()
    chance, opened, faults = random.Random(options.seed), Counter[str](), []
    with tempfile.TemporaryDirectory(prefix="baton-addresses-") as folder:
        home = Path(folder)
        os.environ |= {"BATON_HOME": folder} | {name: CANARIES[name] for name in ("OPENAI_API_KEY", "PROD_DB_PASSWORD")}
        os.chdir(ROOT)
        load_hostile(home)
        for number in range(options.parameters // PER_ADDRESS):
            file = FILES[number % len(FILES)]
            query = {chance.choice(KEYS): chance.choice(VALUES) for _ in range(3 * PER_ADDRESS)}
            query = dict(list(query.items())[:PER_ADDRESS])
            opened[file] += len(query)
            if told := wrong(file, query):
                faults.append(f"{file} {query}: {told}"[:1500])
                print(f"FAULT {faults[-1]}", flush=True)
            if (number + 1) % len(FILES) == 0:
                print(f"{time.strftime('%H:%M')} {sum(opened.values())} parameters, {len(faults)} faults", flush=True)
        written = everything_written(home)
        for name, secret in CANARIES.items():
            if found := [form for form in forms(secret) if form in written]:
                faults.append(f"the canary {name} stands in the store as {found}")
    print("\n".join([*faults, f"{sum(opened.values())} parameters over {len(opened)} pages, {len(faults)} faults"]))
    return bool(faults)


def load_hostile(home: Path) -> None:
    """Sixty days of hostile names, secrets among them."""
    rows = []
    for number in range(480):
        name = NAMES[number % len(NAMES)]
        tags = {"team": name, "feature": NAMES[(number + 1) % len(NAMES)], "note": CANARIES["log"]}
        day = f"2026-{9 + number // 240:02}-{1 + number // 8 % 30:02}T0{number % 8}:00:00Z"
        rows.append(json.dumps(record(number, request_created_at=day, properties=tags, costUSD=0.5 + number % 7)))
    rows.append(f'{{"broken": {CANARIES["rejected"]}')
    rows.append(json.dumps(record(999, prompt_tokens="x", properties={"password": CANARIES["rejected"]})))
    with tempfile.TemporaryDirectory() as elsewhere:
        log = Path(elsewhere) / "log.jsonl"
        log.write_text("\n".join(rows) + "\n")
        ledger = Ledger.open(home)
        ingest(ledger, State.open(home), [log])
        ledger.close()


def wrong(file: str, query: dict[str, str]) -> str:
    """What a page answers to an address where it should answer with a title or a sentence; "" where it does."""
    st.cache_resource.clear()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    for key, value in query.items():
        app.query_params[key] = value
    try:
        app.run()
        if file != "overview":
            app.switch_page(f"pages/{file}.py").run()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if app.exception:
        return str(app.exception[0].message)
    return "" if app.title or app.error else "no title and no sentence"


if __name__ == "__main__":
    sys.exit(main())
