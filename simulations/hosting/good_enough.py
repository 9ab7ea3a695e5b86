"""Which work an open model is good enough for, by the scores this log already carries.

Scores are of different prompts, so a difference is an indication, not a paired measurement; what
nobody has graded stays unknown.
"""

from __future__ import annotations

from typing import NamedTuple

from analytics.scope import UNKNOWN, Scope
from data.ledger import Ledger

LEAST_SCORES = 30  # of either side, before a task type may be judged


class Measured(NamedTuple):
    """One task type.

    Mean score of the open model and of the models it would replace, each with its number of answers.
    """

    task_type: str
    own_score: float | None
    own_answers: int
    other_score: float | None
    other_answers: int

    @property
    def loss(self) -> float | None:
        """Quality given up, 0 to 1; None where either side has too few graded answers."""
        if self.own_score is None or self.other_score is None:
            return None
        if min(self.own_answers, self.other_answers) < LEAST_SCORES:
            return None
        return self.other_score - self.own_score


def measured_quality(view: Ledger, scope: Scope, model: str) -> list[Measured]:
    """Mean scores by task type, the most graded first; empty when nothing is graded.

    A choice of models in `scope` says what would be replaced; the scores of `model` itself count either way.
    """
    replaced, kept_out = (dict(chosen).get("model") for chosen in (scope.filters, scope.excluded))
    others = {name: tuple(f for f in getattr(scope, name) if f[0] != "model") for name in ("filters", "excluded")}
    rows = scope.model_copy(update=others).usage(view)
    own = (rows.model == model).fill_null(False)
    asked = ~own & (rows.model.isin(replaced) if replaced else True)
    if kept_out:
        asked &= ~rows.model.isin(kept_out)
    graded = rows.filter(rows.quality_score.notnull()).mutate(
        own=own, asked=asked, task=rows.task_type.fill_null(UNKNOWN)
    )
    sides = {"own": graded.own, "other": graded.asked}
    sums = {f"{side}_score": graded.quality_score.mean(where=where) for side, where in sides.items()}
    sums |= {f"{side}_answers": graded.quality_score.count(where=where) for side, where in sides.items()}
    frame = view.frame(graded.group_by("task").aggregate(**sums))
    made = [
        Measured(row.task, _known(row.own_score), int(row.own_answers), _known(row.other_score), int(row.other_answers))
        for row in frame.itertuples()
    ]
    return sorted(made, key=lambda m: -(m.own_answers + m.other_answers))


def _known(score: float) -> float | None:
    return None if score != score or score is None else float(score)


def eligible(measured: list[Measured], largest_loss: float) -> list[str]:
    """Task types whose measured loss is known and within the limit."""
    return [m.task_type for m in measured if m.loss is not None and m.loss <= largest_loss]
