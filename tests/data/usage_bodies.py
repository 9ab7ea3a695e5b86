"""The 1,083 real response bodies of genai-prices' test set: as log files of ours, and what is expected of them.

Each body goes into an envelope with a time and an id, in one JSONL file per format that recognises it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from data.formats import all_formats

MOMENT = "2026-06-01T00:00:00Z"
# Which of genai-prices' extractors reads a body the way a format of ours does.
EXTRACTORS = {
    "openai": [("openai", "chat"), ("openai", "responses"), ("openai", "embeddings")],
    "anthropic": [("anthropic", "default")],
    "gemini": [("google", "default")],
    "cohere": [("cohere", "default"), ("cohere", "embeddings")],
    "bedrock_body": [("aws", "default")],
}


def bodies(shared_data: Path) -> list[dict]:
    """The corpus: dicts with `body` and `extracted` (alternative readings, each with its extractors)."""
    return json.loads((shared_data / "usage_bodies" / "usages.json").read_text())


def enveloped(number: int, entry: dict) -> dict:
    """One body as a log record; its id is `body-<number>`."""
    response = {key: value for key, value in entry["body"].items() if key != "file"}
    return {"timestamp": MOMENT, "request_id": f"body-{number}", "response": response}


def write_logs(corpus: list[dict], folder: Path) -> dict[str, Path]:
    """One JSONL file per format; a body no format recognises is an error of the test."""
    forms = [form for form in all_formats() if form.name in EXTRACTORS]
    lines = defaultdict(list)
    for number, entry in enumerate(corpus):
        record = enveloped(number, entry)
        form = next(form for form in forms if form.recognise([record]))
        lines[form.name].append(json.dumps(record))
    paths = {name: folder / f"{name}.jsonl" for name in lines}
    for name, path in paths.items():
        path.write_text("\n".join(lines[name]))
    return paths


def expected_usage(entry: dict, form: str) -> dict[str, int]:
    """The expected token counts under the extractor that stands for our format."""
    by_extractor = {
        (e["provider_id"], e["api_flavor"]): option["usage"]
        for option in entry["extracted"]
        for e in option["extractors"]
    }
    return next(by_extractor[name] for name in EXTRACTORS[form] if name in by_extractor)
