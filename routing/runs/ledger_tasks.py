"""Sample tasks from the ledger, where prompts were kept (`ingest --keep-text`)."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from data.errors import NoData
from data.ledger import Ledger
from routing.grading.tasks import Assertion, Task, TaskSet

# How much of the logged answer's words a new answer must have to count as the same answer.
ALIKE = 0.5


LABELS = ("task_type", "criticality", "data_class", "team", "feature")


def kept_prompts(ledger: Ledger, rows: ir.Table | None = None) -> ir.Table:
    """The prompts and answers that were kept of answered requests, of some rows of the usage table or of all."""
    asked = ledger.usage if rows is None else rows
    answered = asked.filter(asked.status == "success").select("event_id", *LABELS)
    texts = ledger.table("texts")
    return texts.filter(texts.prompt.strip().length() > 0).inner_join(answered, "event_id")


def sampled_tasks(ledger: Ledger, count: int, seed: int = 0, rows: ir.Table | None = None) -> TaskSet:
    """A repeatable random sample of logged requests with their labels, of some `rows` of the usage table or of all.

    The logged answer is the reference: an answer passes when it has half of its words, which measures likeness, not
    truth.
    """
    kept = kept_prompts(ledger, rows)
    drawn = kept.order_by((kept.event_id + ibis.literal(str(seed))).hexdigest("md5")).limit(count)
    frame = ledger.frame(drawn.select("event_id", "prompt", "completion", *LABELS))
    if frame.empty:
        which = "The ledger keeps no prompts" if rows is None else "The ledger keeps no prompts of these requests"
        raise NoData(f"{which}; ingest a log again with --keep-text to sample tasks from it.")
    tasks = []
    for row in frame.to_dict("records"):
        known = {key: row[key] for key in LABELS if isinstance(row[key], str)}
        reference = row["completion"] if isinstance(row["completion"], str) else ""
        checks = (Assertion(type="f1", value=reference, threshold=ALIKE),) if reference.strip() else ()
        tasks.append(
            Task(
                id=f"log-{row['event_id'][:24]}",
                prompt=row["prompt"],
                asserts=checks,
                source="ledger",
                max_tokens=1024,
                **known,
            )
        )
    return TaskSet(name="sampled from the ledger", tasks=tuple(tasks))
