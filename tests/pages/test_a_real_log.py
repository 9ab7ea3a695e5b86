"""Every page over logs that are not the sample's: one day of many models, and one of every format we know."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.data.case_tables import FILES as TABLES
from tests.data.case_tables import cases_of
from tests.pages.whole_app import FILES, ROOT, answered, opened
from tests.stores import made_once, new_ledger

pytestmark = pytest.mark.one_server
LOG = ROOT / "tests" / "cases" / "litellm_spend_logs.jsonl"


@pytest.fixture(scope="module")
def tour_home(tmp_path_factory, blank_home) -> Path:
    """The store after the README's first command: 35 calls of one day, eleven models, one without a price."""
    home = tmp_path_factory.mktemp("tour") / "home"
    shutil.copytree(blank_home, home)
    ledger = Ledger.open(home)
    assert ingest(ledger, State.open(home), [LOG])[0].loaded == 35
    ledger.close()
    return home


@pytest.fixture(scope="module")
def every_home(tmp_path_factory) -> Path:
    """A store with the records of every format's case table: odd names, rejects, bills, unpriced models, a year of
    gaps.
    """
    logs = tmp_path_factory.mktemp("every")

    def fill(home: Path) -> None:
        for number, (form, case) in enumerate((table.stem, case) for table in TABLES for case in cases_of(table)):
            kind = "record" if "record" in case or "records" in case else "document" if "document" in case else None
            if kind is None or "format" in case:
                continue
            records = case.get("records", [case.get("record")]) if kind == "record" else [case["document"]]
            target = logs / (f"{form}.jsonl" if kind == "record" else f"{form}-{number}.json")
            with open(target, "a") as log:
                log.writelines(json.dumps(r, default=str) + "\n" for r in records)
        ledger = new_ledger(home)
        reports = ingest(ledger, State.open(home), [logs / "*.json*"])
        assert sum(r.loaded for r in reports) > 200 and len({r.format for r in reports}) > 25
        ledger.close()

    return made_once(tmp_path_factory, "every-format", fill)


@pytest.mark.parametrize("file", FILES)
def test_a_page_answers_from_a_day_of_many_models(tour_home, monkeypatch, file):
    answered(tour_home, monkeypatch, file)


@pytest.mark.parametrize("file", FILES)
def test_a_page_answers_from_every_format_at_once(every_home, monkeypatch, file):
    answered(every_home, monkeypatch, file, window="All")


def test_a_log_without_any_price_shows_no_dollar(tmp_path, blank_home, monkeypatch):
    """Unknown is not zero: no page says what such a log costs."""
    log = tmp_path / "log.jsonl"
    log.write_text(
        "".join(
            json.dumps(
                {
                    "request_id": f"r{n}",
                    "response_id": f"r{n}",
                    "request_created_at": f"2026-11-{1 + n % 19:02d}T08:00:00Z",
                    "response_status": 200,
                    "provider": "CUSTOM",
                    "model": "in-house-7b",
                    "prompt_tokens": 900,
                    "completion_tokens": 60,
                }
            )
            + "\n"
            for n in range(60)
        )
    )
    home = tmp_path / "store"
    shutil.copytree(blank_home, home)
    ledger = Ledger.open(home)
    assert ingest(ledger, State.open(home), [log])[0].loaded == 60
    ledger.close()
    for file in ("overview", "explore", "weekly", "plan", "savings", "mix"):
        app = opened(home, monkeypatch, file)
        assert not app.exception and not app.error
        assert "unknown" in app.title[0].value or file == "mix", file
        assert not any("$0" in m.value for m in (*app.title, *app.metric)), file
