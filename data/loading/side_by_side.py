"""Tables whose rows hold several calls side by side: a column of tokens or dollars a model, told from the names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from data.loading import column_names

COUNTED = ("input_tokens", "output_tokens", "total_tokens", "reported_cost_usd")
# In front of a count these say which tokens, not whose.
KINDS = frozenset(
    {"cache", "cached", "read", "write", "created", "creation", "reasoning", "thinking", "audio", "image", "video"}
    | {"text", "fresh", "uncached", "billed", "billable", "estimated", "max", "min", "mean", "avg", "average", "sum"}
    | {"total", "llm", "request", "response", "usage", "first", "last", "input", "output", "prompt", "completion"}
)


def calls_beside(sources: Iterable[str]) -> tuple[str, ...]:
    """Whose calls a row holds, as its columns name them; empty where a row is one call.

    `gpt-4o_prompt_tokens` and `claude-sonnet-4-5_prompt_tokens` are two calls, as are `input_tokens_a` and
    `input_tokens_b`, `prompt_tokens` of `model` and `judge_prompt_tokens` of `judge_model`, or
    `/gpt-4o/prompt_tokens` beside `/claude/prompt_tokens`.
    """
    names = ["|".join(column_names.path_of(source)) for source in sources]
    plain = {column_names.plain(name) for name in names}
    held: dict[str, dict[str, None]] = {}
    for name in names:
        if told := _told(name):
            counted, who = told
            held.setdefault(counted, {})[who] = None
    for counted, whose in held.items():
        another = {column_names.plain(who + "model") for who in whose}  # a judge's beside the model's own
        if "model" in plain and another & plain and any(_counted(name) == counted for name in names):
            held[counted] = {"model": None} | whose
    return max((tuple(whose) for whose in held.values() if len(whose) > 1), key=len, default=())


def _told(name: str) -> tuple[str, str] | None:
    """(what is counted, whose it is) for a column that says both."""
    parts = [part for part in re.split(r"([_|/:. -]+)", name) if part]
    for cut in range(2, len(parts), 2):
        for who, what in ((parts[: cut - 1], parts[cut:]), (parts[cut:], parts[: cut - 1])):
            counted = _counted("".join(what))
            label = "".join(who)
            if counted and not set(re.split(r"[^a-z]+", label.lower())) & KINDS:
                return counted, label
    return None


def _counted(words: str) -> str:
    plain = column_names.plain(words)
    return next((one for one in COUNTED if plain in column_names.USUAL_NAMES[one].split()), "")
