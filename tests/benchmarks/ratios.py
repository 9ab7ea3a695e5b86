"""What a benchmark found, as a row of the one table that `python -m tests.benchmarks.all` writes."""

from __future__ import annotations

HEAD = "| question | Baton | beside it, in the same run | ratio | aim |\n|---|---|---|---|---|"


def row(question: str, ours: str, peer: str, ratio: float | None = None, aim: str = "") -> str:
    """A row of the table; `ratio` is ours over theirs, None where the two are not of one unit."""
    return f"| {question} | {ours} | {peer} | {'' if ratio is None else f'{ratio:.2f}'} | {aim} |"


def is_row(line: str) -> bool:
    """Whether a line that a benchmark printed belongs to the table."""
    return line.startswith("| ") and line.rstrip().endswith("|")
