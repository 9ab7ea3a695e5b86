"""Every task of a run under every policy: prompt, what was expected, what came, why it passed or failed, its dollars.

Rows are tasks (once per repeat), columns policies. Money in USD, times in ms, tokens as billed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from data.state import State
from routing.grading.statistics import Paired, compare_pairs
from routing.grading.tasks import Assertion
from routing.runs.pair_judging import preference_words
from routing.runs.spec import RunSpec, checked_spec
from routing.runs.store import attempts, judged_pairs, read_run, results

SHOWS = ("all", "failures", "disagreements")
WORDS = {"blocked": "withheld"}
LIKE = {"equals": "", "match": "", "exact": "", "answer": "", "choice": "", "f1": "like "}


@dataclass(frozen=True)
class Cell:
    """What one policy made of one task. `outcome` is passed, wrong, no answer, not graded, failed, refused or withheld:
    what kept an answer away is not a wrong answer.
    """

    outcome: str
    why: str
    answer: str
    model: str | None
    confidence: float | None
    cost_usd: float
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True)
class Row:
    """One task (and repeat): `cells` by policy, None where the run ended before it; `judged` is what a judge of pairs
    said of a policy's answer against the baseline's, in words.
    """

    task_id: str
    repeat: int
    task_type: str
    prompt: str
    expected: str
    cells: dict[str, Cell | None]
    judged: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether some policy has no passed answer here, where one was graded or kept away."""
        return any(map(self.failed_under, self.cells))

    def failed_under(self, policy: str) -> bool:
        """Whether this policy has no passed answer here, where one was graded or kept away."""
        cell = self.cells.get(policy)
        return cell is not None and cell.outcome not in ("passed", "not graded")

    @property
    def disagrees(self) -> bool:
        """Whether policies came to different outcomes here."""
        return len({cell.outcome for cell in self.cells.values() if cell is not None}) > 1


def matrix(state: State, run_id: str) -> list[Row]:
    """The matrix of a run in the order of its tasks."""
    spec, found = checked_spec(read_run(state, run_id)["spec"]), results(state, run_id)
    return rows_of(spec, found, _tokens(attempts(state, run_id)), judged_pairs(state, run_id))


def rows_of(
    spec: RunSpec,
    found: Iterable[Mapping[str, Any]],
    tokens: Mapping[str, tuple[int, int]],
    pairs: Iterable[Mapping[str, Any]] = (),
) -> list[Row]:
    """As `matrix`, from the parts; tasks that no policy came to are left out."""
    said: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for pair in pairs:
        said[pair["task_id"], pair["repeat"]][pair["policy"]] = preference_words(pair)
    by_task: dict[tuple[str, int], dict[str, Cell]] = defaultdict(dict)
    for result in found:
        by_task[result["task_id"], result["repeat"]][result["policy"]] = _cell(result, tokens.get(result["call_id"]))
    names = [policy.name for policy in spec.policies]
    return [
        Row(
            task.id,
            repeat,
            task.task_type,
            task.asked,
            _expected(task.asserts),
            {name: by_task[task.id, repeat].get(name) for name in names},
            said[task.id, repeat],
        )
        for task in spec.tasks.tasks
        for repeat in range(spec.repeats)
        if (task.id, repeat) in by_task
    ]


def shown(rows: Sequence[Row], show: str) -> list[Row]:
    """All rows, those with a failure, or those on which the policies disagree."""
    return [row for row in rows if show == "all" or (row.failed if show == "failures" else row.disagrees)]


def _expected(checks: Iterable[Assertion]) -> str:
    """What an answer must be, in short: the value of an equality, the name and value of any other check."""
    return "; ".join(_one_expected(check) for check in checks)


def flat(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """One plain row per task, repeat and policy, for a table, CSV and JSON; with what a judge of pairs said."""
    rows = list(rows)
    judged = any(row.judged for row in rows)
    return [
        {
            "task": row.task_id,
            "repeat": row.repeat,
            "task_type": row.task_type,
            "prompt": row.prompt,
            "expected": row.expected,
            "policy": policy,
            **(asdict(cell) if cell else {"outcome": "not run"}),
            **({"judge": row.judged.get(policy, "")} if judged else {}),
        }
        for row in rows
        for policy, cell in row.cells.items()
    ]


@dataclass(frozen=True)
class Against:
    """Two runs task by task: `rows` where both have an answer of the same policy to the same prompt, and by policy what
    these tasks show (the second run against the first); policies or tasks that only one of them has are named.
    """

    rows: list[dict[str, Any]]
    by_policy: dict[str, Paired]
    only_first: list[str]
    only_second: list[str]


def against(first: Sequence[Row], second: Sequence[Row]) -> Against:
    """Compare two runs per task; a task counts where id, repeat and prompt are the same."""
    then = {(row.task_id, row.repeat, row.prompt): row for row in first}
    now = {(row.task_id, row.repeat, row.prompt): row for row in second}
    rows: list[dict[str, Any]] = []
    scores: dict[str, dict[str, tuple[list[float], list[float]]]] = defaultdict(lambda: defaultdict(lambda: ([], [])))
    for key in then.keys() & now.keys():
        for policy in then[key].cells.keys() & now[key].cells.keys():
            was, is_ = then[key].cells[policy], now[key].cells[policy]
            if was is None or is_ is None:
                continue
            rows.append(
                {
                    "task": key[0],
                    "repeat": key[1],
                    "policy": policy,
                    "outcome_then": was.outcome,
                    "outcome_now": is_.outcome,
                    "changed": was.outcome != is_.outcome or was.answer != is_.answer,
                    "cost_change_usd": is_.cost_usd - was.cost_usd,
                    "answer_then": was.answer,
                    "answer_now": is_.answer,
                }
            )
            if _graded(was) and _graded(is_):
                scores[policy][key[0]][0].append(float(was.outcome == "passed"))
                scores[policy][key[0]][1].append(float(is_.outcome == "passed"))
    rows.sort(key=lambda row: (not row["changed"], row["task"], row["repeat"], row["policy"]))
    paired = {
        policy: compare_pairs([fmean(was) for was, _ in tasks.values()], [fmean(is_) for _, is_ in tasks.values()])
        for policy, tasks in sorted(scores.items())
    }
    return Against(rows, paired, _only(then, now), _only(now, then))


def _only(one: Mapping[tuple[str, int, str], Row], other: Mapping[tuple[str, int, str], Row]) -> list[str]:
    """The tasks, or policies, of one side that the other has not."""
    policies = {p for row in one.values() for p in row.cells} - {p for row in other.values() for p in row.cells}
    return [*sorted(policies), *sorted({task for task, *_ in one.keys() - other.keys()})]


def _graded(cell: Cell) -> bool:
    return cell.outcome in ("passed", "wrong", "no answer")


def _cell(result: Mapping[str, Any], tokens: tuple[int, int] | None) -> Cell:
    calls = "\n".join(str(call) for call in result["tool_calls"])
    return Cell(
        _outcome(result),
        result["verdict"] or result["reason"],
        result["answer"] or calls,
        result["model"],
        result["confidence"],
        result["cost_usd"],
        result["latency_ms"],
        *(tokens or (None, None)),
    )


def _outcome(result: Mapping[str, Any]) -> str:
    """Passed, wrong, no answer, or what kept it from an answer: different things."""
    if result["status"] != "done":
        return WORDS.get(result["status"], result["status"])
    if result["passed"] is None:
        return "not graded"
    return "passed" if result["passed"] else "no answer" if result["no_answer"] else "wrong"


def _one_expected(check: Assertion) -> str:
    if check.type == "assert-set":
        return " and ".join(_one_expected(inner) for inner in check.checks)
    value = "" if check.value is None else str(check.value)
    return f"{LIKE[check.type]}{value}" if check.type in LIKE else f"{check.type} {value}".strip()


def _tokens(made: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """(input, output) tokens of every call, all its attempts together; unknown counts are left out."""
    found: dict[str, tuple[int, int]] = {}
    for attempt in made:
        used = attempt["tokens"]
        read = sum(used[k] or 0 for k in ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h"))
        written = (used["output"] or 0) + (used["reasoning"] or 0)
        before = found.get(attempt["call_id"], (0, 0))
        if used["fresh_input"] is not None or used["output"] is not None:
            found[attempt["call_id"]] = (before[0] + read, before[1] + written)
    return found
