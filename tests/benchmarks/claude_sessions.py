"""Claude Code session files made up by us, with everything that makes counting them hard.

Messages are written several times while they stream, resumed sessions copy their history under a new
session id, side conversations replay messages of the main line under new request ids, and among it are
synthetic messages, API errors, missing request ids and lines cut in half. Same seed, same files.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

MODELS = ("claude-sonnet-4-20250514", "claude-opus-4-5-20251101", "claude-haiku-4-5-20251001")
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
TURNS = 60  # answers in a session


class Writer:
    """Writes sessions until there are enough lines; counts them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random, self.lines, self.files = folder, random.Random(seed), 0, 0

    def write(self, target: int) -> None:
        while self.lines < target:
            session = self.session(START + timedelta(minutes=self.random.randrange(60 * 24 * 60)))
            if self.random.random() < 0.3:
                self.resume(session)
            if self.random.random() < 0.5:
                self.sidechain(session)

    def session(self, moment: datetime, history: tuple = ()) -> list[dict]:
        name, records = self.token("s"), list(history)
        for _ in range(self.random.randint(TURNS // 4, TURNS)):
            moment += timedelta(seconds=self.random.randint(5, 400))
            records.append(
                self.line(
                    moment, name, type="user", message={"role": "user", "content": "…" * self.random.randint(10, 200)}
                )
            )
            records += self.answer(moment, name)
        self.save(f"{name}.jsonl", records)
        return records

    def resume(self, records: list[dict]) -> None:
        """A new session that begins with a copy of another's history."""
        last = datetime.fromisoformat(records[-1]["timestamp"])
        self.session(last + timedelta(hours=2), tuple(records))

    def sidechain(self, records: list[dict]) -> None:
        """A side conversation: replays of main messages under new request ids, and messages of its own."""
        name, agent, own = records[-1]["sessionId"], self.token("a"), []
        for record in records:
            if record["type"] == "assistant" and record["message"].get("id") and self.random.random() < 0.2:
                own.append(record | {"requestId": self.token("req"), "isSidechain": True, "agentId": agent})
        moment = datetime.fromisoformat(records[-1]["timestamp"])
        for _ in range(8):
            own += [line | {"isSidechain": True, "agentId": agent} for line in self.answer(moment, name)]
        self.save(f"agent-{agent}.jsonl", own)

    def answer(self, moment: datetime, session: str) -> list[dict]:
        message, request, model = self.token("msg"), self.token("req"), self.random.choice(MODELS)
        if self.random.random() < 0.01:
            model = "<synthetic>"
        whole = self.random.randint(20, 3000)
        written = self.random.choice((0, 0, 300, 4000))
        long_lived = self.random.randint(0, written)
        usage = {
            "input_tokens": self.random.randint(1, 4000),
            "cache_read_input_tokens": self.random.choice((0, 9000, 60000)),
            "cache_creation_input_tokens": written,
        }
        if self.random.random() < 0.5:
            usage["cache_creation"] = {
                "ephemeral_5m_input_tokens": written - long_lived,
                "ephemeral_1h_input_tokens": long_lived,
            }
        if model == "<synthetic>":
            usage = dict.fromkeys(("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), 0)
            whole = 0
        lines = []
        for part in range(1, self.random.randint(1, 4) + 1):
            said = whole if part == 4 else min(whole, part * max(1, whole // 4))
            body = {
                "id": message,
                "type": "message",
                "role": "assistant",
                "model": model,
                "content": [{"type": "text", "text": "…" * 40}],
                "usage": usage | {"output_tokens": said},
            }
            line = self.line(
                moment + timedelta(seconds=part),
                session,
                type="assistant",
                requestId=request,
                isSidechain=False,
                message=body,
            )
            lines.append(line)
        if self.random.random() < 0.01:  # other clouds give no request id; written once, see ccusage_parity
            return [{key: value for key, value in lines[-1].items() if key != "requestId"}]
        return lines

    def line(self, moment: datetime, session: str, **rest) -> dict:
        return {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "sessionId": session,
            "version": "2.0.31",
            "cwd": "/home/dev/shop",
            **rest,
        }

    def token(self, kind: str) -> str:
        return f"{kind}_{self.random.getrandbits(64):016x}"

    def save(self, name: str, records: list[dict]) -> None:
        texts = [json.dumps(record, separators=(",", ":"), ensure_ascii=False) for record in records]
        if self.random.random() < 0.02:
            texts.insert(len(texts) // 2, texts[0][: len(texts[0]) // 2])
        path = self.folder / "projects" / f"project-{self.random.randrange(12)}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(texts) + "\n")
        self.lines += len(texts)
        self.files += 1
