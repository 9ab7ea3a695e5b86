"""Sample tasks from the ledger, where prompts were kept (`ingest --keep-text`)."""

from __future__ import annotations

from data.errors import NoData
from data.ledger import Ledger
from routing.grading.tasks import Assertion, Task, TaskSet

# How much of the logged answer's words a new answer must have to count as the same answer.
ALIKE = 0.5


def sampled_tasks(ledger: Ledger, count: int, seed: int = 0) -> TaskSet:
    """A repeatable random sample of logged requests with their labels.

    The logged answer is the reference: an answer passes when it has half of its words, which measures likeness, not
    truth.
    """
    frame = ledger.sql(
        "SELECT t.event_id, t.prompt, t.completion, u.task_type, u.criticality, u.data_class, u.team, u.feature "
        f"FROM {ledger.name('texts')} t "
        f"JOIN {ledger.name('usage')} u USING (event_id) WHERE length(trim(t.prompt)) > 0 AND u.status = 'success' "
        "ORDER BY md5(t.event_id || ?) LIMIT ?",
        [str(seed), count],
    )
    if frame.empty:
        raise NoData("The ledger keeps no prompts; ingest a log again with --keep-text to sample tasks from it.")
    tasks = []
    for row in frame.to_dict("records"):
        known = {
            key: row[key]
            for key in ("task_type", "criticality", "data_class", "team", "feature")
            if isinstance(row[key], str)
        }
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
