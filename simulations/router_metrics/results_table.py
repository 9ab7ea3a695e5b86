"""Per-prompt results of several models: the table behind every routing metric.

Rows are (prompt, model, score or correct, cost_usd); every model must have answered every prompt,
so that each metric compares the same work. The public tables are wide: RouterBench has a column of scores a model
and its dollars under `MODEL|total_cost`, RouteLLM a column of right and wrong a model and no dollars; others write
`MODEL_score` and `MODEL_cost`. Prompts that are not told apart by what is asked are told apart by their row.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import BadInput, Unreadable

BLANK = {"", "none", "nan", "na", "n/a", "null"}  # a cell of a prompt that the model did not answer
TRUE, FALSE = {"1", "true", "yes", "right", "pass"}, {"0", "false", "no", "wrong", "fail"}
PROMPTS = (
    "sample_id",
    "prompt_id",
    "question_id",
    "id",
    "prompt",
    "question",
)  # what tells prompts apart, the surest first
INDEXES = ("", "index", "Unnamed: 0")  # what a data frame leaves in a file
COST = re.compile(r"(?i)[|_.:/ -](total_cost|cost_usd|cost|usd)( ?\((\$|usd)\))?$")
SCORE = re.compile(r"(?i)[|_.:/ -](score|correct|is_correct|accuracy|quality|performance)$")


@dataclass(frozen=True)
class ResultsTable:
    """`scores` (0 to 1) and `costs` (USD) have one row per prompt and one column per model."""

    prompts: tuple[str, ...]
    models: tuple[str, ...]
    scores: np.ndarray
    costs: np.ndarray

    def column(self, model: str) -> int:
        """Position of a model; BadInput with the nearest names when it is not in the table."""
        if model not in self.models:
            near = get_close_matches(model, self.models, n=3, cutoff=0.3) or self.models
            raise BadInput(f"`{model}` is not in the results table; its models are {', '.join(near)}.")
        return self.models.index(model)

    def points(self) -> list[tuple[str, float, float]]:
        """(model, mean USD per prompt, mean score) of every single model, cheapest first."""
        means = zip(self.models, self.costs.mean(0), self.scores.mean(0), strict=True)
        return sorted(((m, float(c), float(q)) for m, c, q in means), key=lambda point: (point[1], -point[2]))


def results_table(rows: Iterable[Mapping[str, Any]], *, drop: bool = False) -> ResultsTable:
    """The table of these rows. Duplicate (prompt, model) pairs are refused; so are prompts that some
    model did not answer, unless `drop` leaves them out."""
    cells: dict[tuple[str, str], tuple[float, float]] = {}
    prompts: dict[str, None] = {}
    models: dict[str, None] = {}
    for number, row in enumerate(rows, start=1):
        prompt, model = str(_field(row, "prompt", number)), str(_field(row, "model", number))
        if (prompt, model) in cells:
            raise BadInput(f"Row {number}: prompt `{prompt[:60]}` has two results for {model}; keep one of them.")
        cells[prompt, model] = _score(row, number), _cost(row, number)
        prompts[prompt] = models[model] = None
    if not cells:
        raise BadInput("The results table is empty; give rows with prompt, model, correct or score, cost_usd.")
    gaps = {p: [m for m in models if (p, m) not in cells] for p in prompts}
    missing = {p: absent for p, absent in gaps.items() if absent}
    if missing and not drop:
        prompt, absent = next(iter(missing.items()))
        raise BadInput(
            f"{len(missing)} of {len(prompts)} prompts were not answered by every model (prompt `{prompt[:60]}`: "
            f"{', '.join(absent[:3])} missing); "
            "add the results, or ask to drop these prompts."
        )
    whole = [p for p in prompts if p not in missing]
    if not whole:
        raise BadInput("No prompt was answered by every model; the models cannot be compared.")
    grid = np.array([[cells[p, m] for m in models] for p in whole])
    return ResultsTable(tuple(whole), tuple(models), grid[..., 0], grid[..., 1])


def read_results(path: str | Path, *, drop: bool = False) -> ResultsTable:
    """A results table from a CSV, JSONL or JSON file."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix == ".jsonl":
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        elif file.suffix == ".json":
            rows = json.loads(text)
        else:
            rows = list(csv.DictReader(text.splitlines()))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Unreadable(f"{file} cannot be read as a results table ({error}); give CSV, JSON or JSONL.") from error
    return results_table(_lengthened(rows), drop=drop)


def _lengthened(rows: list[Any]) -> list[Any]:
    """A row per prompt and model of a table that has a column per model; any other table as it is."""
    if not rows or not all(isinstance(row, dict) and "model" not in row for row in rows):
        return rows
    columns = _columns_by_model(rows)
    if len(columns) < 2:
        return rows
    prompt = next((name for name in PROMPTS if name in rows[0]), "")
    told_apart = prompt and len({row.get(prompt) for row in rows}) == len(rows)
    return [
        {
            "prompt": row[prompt] or number if told_apart else number,
            "model": model,
            "score": row.get(score),
            "cost_usd": row.get(cost) if cost else None,
        }
        for number, row in enumerate(rows, start=1)
        for model, (score, cost) in columns.items()
        if not _is_blank(row.get(score))
    ]


def _columns_by_model(rows: list[dict]) -> dict[str, tuple[str, str | None]]:
    """Model -> its column of scores and its column of dollars, None where it has none."""
    names = [name for name in rows[0] if name not in (*PROMPTS, *INDEXES)]
    costs = {COST.sub("", name): name for name in names if COST.search(name)}
    scored = [name for name in names if name not in costs.values() and _holds_scores([row.get(name) for row in rows])]
    named = {SCORE.sub("", name): name for name in scored}
    if costs:  # a table with dollars has them for every model; its other numbers are none
        named = {model: name for model, name in named.items() if model in costs}
    return {model: (name, costs.get(model)) for model, name in named.items()}


def _holds_scores(cells: list[Any]) -> bool:
    answered = [cell for cell in cells if not _is_blank(cell)]
    return bool(answered) and all(map(_is_score, answered))


def _is_blank(cell: Any) -> bool:
    return str("" if cell is None else cell).strip().lower() in BLANK


def _is_score(value: Any) -> bool:
    word = str(value).strip().lower()
    try:
        return word in TRUE | FALSE or 0 <= float(word) <= 1
    except ValueError:
        return False


def _field(row: Mapping[str, Any], name: str, number: int) -> Any:
    value = row.get(name)
    if value is None or value == "":
        raise BadInput(
            f"Row {number} of the results table has no `{name}`; columns are prompt, model, correct or score, cost_usd."
        )
    return value


def _score(row: Mapping[str, Any], number: int) -> float:
    raw = row.get("score") if row.get("score") not in (None, "") else _field(row, "correct", number)
    word = str(raw).strip().lower()
    try:
        score = 1.0 if word in TRUE else 0.0 if word in FALSE else float(word)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise BadInput(
            f"Row {number} of the results table: score `{raw}` is neither true or false nor between 0 and 1."
        )
    return score


def _cost(row: Mapping[str, Any], number: int) -> float:
    raw = row.get("cost_usd", row.get("cost"))
    if raw is not None and _is_blank(raw):
        raise BadInput(f"Row {number} of the results table has no cost; write 0 where the answer was free.")
    try:
        cost = 0.0 if raw is None else float(raw)
    except ValueError:
        cost = -1.0
    if not 0 <= cost < float("inf"):
        raise BadInput(f"Row {number} of the results table: cost `{raw}` is no amount of USD of 0 or more.")
    return cost
