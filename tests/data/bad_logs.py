"""A good Helicone log, and ways to spoil it; shared by the tests of bad input, of kills and of mutations."""

from __future__ import annotations

import json
from pathlib import Path

from data.ledger import Ledger
from data.loading.ingest import ingest
from data.loading.report import Report
from data.state import State


def record(number: int, **changes: object) -> dict:
    """One valid request of a Helicone export; `changes` replace or add fields."""
    return {
        "request_id": f"req-{number}",
        "response_id": f"res-{number}",
        "request_created_at": f"2026-10-{1 + number % 28:02}T08:00:00Z",
        "response_status": 200,
        "provider": "OPENAI",
        "model": "gpt-5.2",
        "prompt_tokens": 1000 + number,
        "prompt_cache_read_tokens": 200,
        "completion_tokens": 50,
        "total_tokens": 1050 + number,
        "delay_ms": 900,
        "costUSD": 0.002,
        "properties": {"team": "support"},
    } | changes


def lines(*records: dict | str) -> str:
    """JSONL text of records; text is taken as the line itself."""
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


class Store:
    """A ledger and its state in one folder, with what the tests ask of them."""

    def __init__(self, home: Path) -> None:
        self.home, self.ledger, self.state = home, Ledger.open(home), State.open(home)

    def load(self, *paths: Path, **options) -> list[Report]:
        return ingest(self.ledger, self.state, paths, **options)

    def count(self, table: str) -> int:
        return int(self.ledger.sql(f"SELECT count(*) AS n FROM {self.ledger.name(table)}")["n"][0])

    def contents(self) -> tuple[int, ...]:
        """What must not change when input is refused: the data version and the rows of every table."""
        return self.ledger.snapshot(), *(
            self.count(table) for table in ("usage", "rejected", "batches", "spend_by_day")
        )

    def reasons(self) -> list[str]:
        return list(self.ledger.sql(f"SELECT reason FROM {self.ledger.name('rejected')} ORDER BY record_no")["reason"])


def accounted(report: Report) -> bool:
    return report.loaded + report.duplicate + report.rejected == report.read


def one_sentence(message: str) -> bool:
    """Short, on one line, ended, and no traceback or engine jargon in it."""
    return (
        message.endswith((".", "?"))
        and "\n" not in message
        and len(message) < 1200
        and "Traceback" not in message
        and "Exception" not in message
    )
