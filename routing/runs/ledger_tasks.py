"""Sample tasks that stand for the ledger: its own prompts where they were kept (`ingest --keep-text`), else shipped
tasks in the shares of its work.
"""

from __future__ import annotations

import random
from typing import Any

import ibis
import ibis.expr.types as ir

from data.errors import NoData
from data.ledger import Ledger
from routing.grading.tasks import Assertion, Task, TaskSet
from routing.runs.kept_texts import NotWords, answer_words, conversation

# How much of the logged answer's words a new answer must have to count as the same answer.
ALIKE = 0.5
ANSWER_TOKENS = 1024  # the longest answer a sampled task may get, where nobody says otherwise
LABELS = ("task_type", "criticality", "data_class", "team", "feature")  # the first three are a request's segment
ANSWERED_BY = ("model", "provider")


def kept_prompts(ledger: Ledger, rows: ir.Table | None = None) -> ir.Table:
    """The prompts and answers that were kept of answered requests, of some rows of the usage table or of all."""
    asked = ledger.usage if rows is None else rows
    answered = asked.filter(asked.status == "success").select("event_id", "cost_usd", *LABELS, *ANSWERED_BY)
    texts = ledger.table("texts")
    return texts.filter(texts.prompt.strip().length() > 0).inner_join(answered, "event_id")


def sampled_tasks(
    ledger: Ledger, count: int, seed: int = 0, rows: ir.Table | None = None, max_tokens: int = ANSWER_TOKENS
) -> TaskSet:
    """A repeatable sample of logged requests with their labels, of some `rows` of the usage table or of all; an answer
    may have `max_tokens`.

    Requests stand in order of their segment (type of task, criticality, class of data) and, within it, of their
    dollars; one is drawn at random from each of `count` equal slices. So every segment and every size of bill has its
    share, each request the same chance but for rounding, and a mean over the tasks stands for a mean over the
    requests.

    The logged answer is the reference: an answer passes when it has half of its words, which measures likeness, not
    truth.
    """
    kept = kept_prompts(ledger, rows)
    total = int(ledger.frame(kept.aggregate(n=kept.count()))["n"].iloc[0])
    if not total:
        which = "The ledger keeps no prompts" if rows is None else "The ledger keeps no prompts of these requests"
        raise NoData(f"{which}; ingest a log again with --keep-text to sample tasks from it.")
    order = [kept[name].fill_null("") for name in LABELS[:3]] + [kept.cost_usd.fill_null(-1), kept.event_id]
    placed = kept.mutate(place=ibis.row_number().over(ibis.window(order_by=order)))
    drawn = placed.filter(placed.place.isin(one_per_slice(total, count, seed))).order_by("place")
    frame = ledger.frame(drawn.select("event_id", "prompt", "completion", *LABELS, *ANSWERED_BY))
    tasks, left_out = [], []
    for row in frame.to_dict("records"):
        try:
            tasks.append(_task(row, max_tokens))
        except NotWords as reason:
            left_out.append(f"{_name(row)}: {reason}")
    if not tasks:
        raise NoData(f"None of the {len(frame)} requests that were drawn asks with words alone ({left_out[0]}).")
    return TaskSet(name="sampled from the ledger", tasks=tuple(tasks), left_out=tuple(left_out))


def _name(row: dict[str, Any]) -> str:
    """The id of a sampled task: the whole event's, since two may begin alike."""
    return f"log-{row['event_id']}"[:200]


def _task(row: dict[str, Any], max_tokens: int) -> Task:
    """A logged request as a task; NotWords where it was asked with more than text."""
    known = {key: row[key] for key in (*LABELS, *ANSWERED_BY) if isinstance(row[key], str)}
    reference = answer_words(row["completion"]) if isinstance(row["completion"], str) else ""
    system, asked = conversation(row["prompt"])
    return Task(
        id=_name(row),
        prompt=asked[0]["content"] if len(asked) == 1 else "",
        messages=asked if len(asked) > 1 else (),
        system=system,
        asserts=(Assertion(type="f1", value=reference, threshold=ALIKE),) if reference.strip() else (),
        source="ledger",
        max_tokens=max_tokens,
        **known,
    )


def one_per_slice(total: int, count: int, seed: int) -> list[int]:
    """Positions among `total`, one at random from each of `count` equal slices; all of them where there are no more."""
    if count >= total:
        return list(range(total))
    rng = random.Random(seed)
    return [rng.randrange(part * total // count, (part + 1) * total // count) for part in range(count)]


def requests_by_task_type(ledger: Ledger, rows: ir.Table | None = None) -> dict[str, int]:
    """Answered requests per type of task, `unknown` left out."""
    asked = ledger.usage if rows is None else rows
    known = asked.filter(asked.status == "success", asked.task_type.notnull(), asked.task_type != "unknown")
    frame = ledger.frame(known.group_by("task_type").aggregate(n=known.count()).order_by("task_type"))
    return {str(name): int(n) for name, n in zip(frame["task_type"], frame["n"], strict=True)}


def like_the_log(tasks: TaskSet, requests: dict[str, int], count: int) -> tuple[TaskSet, list[str]]:
    """(at most `count` tasks of a set in the log's shares of task types, the types the set has no task for).

    Shares are rounded by largest remainder; a type of which the set has too few gives all it has. NoData where the set
    has none of the log's types.
    """
    held = {name: [task for task in tasks.tasks if task.task_type == name] for name in requests}
    without = [name for name, of_type in held.items() if not of_type]
    whole = sum(n for name, n in requests.items() if held[name])
    if not whole:
        raise NoData(f"The set {tasks.name} has no task of the types in the log ({', '.join(requests) or 'unknown'}).")
    exact = {name: count * n / whole for name, n in requests.items() if held[name]}
    given = {name: int(share) for name, share in exact.items()}
    for name in sorted(exact, key=lambda name: given[name] - exact[name])[: count - sum(given.values())]:
        given[name] += 1
    chosen: list[Task] = []
    for name, wanted in given.items():
        of_type = held[name]
        taken = min(wanted, len(of_type))
        chosen += [of_type[place * len(of_type) // taken] for place in range(taken)]
    return TaskSet(name=f"{tasks.name}, in the log's shares", tasks=tuple(chosen)), without
