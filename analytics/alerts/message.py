"""One message per channel: what began and what is over, by rule, the dearest first; a storm is counted, not listed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from analytics.alerts.rule import KINDS
from data import wording

LISTED = 10  # lines per rule
RULES_LISTED = 12
LINE = 400  # characters of one line


class Entry(NamedTuple):
    """An incident on its way into a message."""

    incident_id: int
    rule: str
    text: str
    usd: float | None
    kind: str


def digest(begun: Sequence[Entry], over: Sequence[Entry]) -> tuple[str, str]:
    """Title and text of a message; names from the log cannot mark up, link or call anybody in it."""
    counts = [wording.count_of(len(begun), "alert")] if begun else []
    counts += [f"{wording.count(len(over))} over"] if over else []
    lines = [*_lines(begun), *(["Over:", *_lines(over, over=True)] if over else [])]
    return f"Baton: {', '.join(counts)}", "\n".join(lines)


def _lines(entries: Sequence[Entry], *, over: bool = False) -> list[str]:
    rules = [(name, list(part)) for name, part in groupby(sorted(entries, key=lambda one: one.rule), lambda e: e.rule)]
    lines = []
    for name, part in rules[:RULES_LISTED]:
        end = f" ({KINDS[part[0].kind].over})" if over else ""
        lines.append(f"{plain(name)}{end}:")
        lines += [f"- {plain(one.text)}" for one in part[:LISTED]]
        if len(part) > LISTED:
            lines.append(f"- and {wording.count(len(part) - LISTED)} more")
    if len(rules) > RULES_LISTED:
        more = sum(len(part) for _, part in rules[RULES_LISTED:])
        lines.append(f"and {wording.count(more)} more of {wording.count_of(len(rules) - RULES_LISTED, 'rule')}")
    return lines


def plain(text: str) -> str:
    """A text in one line that no chat takes for a link, a mention or markup."""
    safe = wording.visible(text)
    for sign, other in (("<", "‹"), (">", "›"), ("@", "＠"), ("](", "] ("), ("`", "'"), ("*", "∗")):
        safe = safe.replace(sign, other)
    return safe if len(safe) <= LINE else safe[: LINE - 1] + "…"
