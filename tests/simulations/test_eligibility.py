"""Which task types an open model is good enough for, by scores the log carries."""

from __future__ import annotations

import pytest

from analytics.scope import Scope
from simulations.hosting.good_enough import eligible, measured_quality
from tests.simulations.ledgers import ledger_of


def graded(model: str | None, task: str | None, score: float | None, times: int) -> list[dict]:
    return [{"model": model, "task_type": task, "quality_score": score}] * times


@pytest.fixture
def ledger(home):
    rows = [
        *graded("minimax-m2", "coding", 0.8, 40),
        *graded("gpt-5.2", "coding", 0.9, 40),
        *graded("minimax-m2", "chat", 0.92, 40),
        *graded("gpt-5.2", "chat", 0.9, 30),
        *graded(None, "chat", 0.9, 10),
        *graded("gpt-5.2", None, 0.5, 50),
        *graded("minimax-m2", "extraction", 0.9, 5),
        *graded("gpt-5.2", "extraction", 0.9, 90),
        *graded("gpt-5.2", "reasoning", None, 50),
    ]
    return ledger_of(home, rows)


def test_loss_is_known_only_where_both_sides_were_graded_often_enough(ledger):
    found = {m.task_type: m for m in measured_quality(ledger, Scope(), "minimax-m2")}
    assert found["coding"].loss == pytest.approx(0.1) and found["chat"].loss == pytest.approx(-0.02)
    assert found["chat"].other_answers == 40 and found["unknown"].own_score is None
    assert found["extraction"].loss is None and found["unknown"].loss is None and "reasoning" not in found
    assert eligible(list(found.values()), 0.05) == ["chat"]
    assert set(eligible(list(found.values()), 0.2)) == {"chat", "coding"}


def test_a_choice_of_models_says_what_is_replaced_and_keeps_the_open_models_own_scores(ledger):
    found = {m.task_type: m for m in measured_quality(ledger, Scope().with_filter("model", "gpt-5.2"), "minimax-m2")}
    assert found["chat"].other_answers == 30 and found["chat"].own_answers == 40


def test_a_model_nobody_graded_is_unknown(ledger):
    assert all(m.loss is None and m.own_score is None for m in measured_quality(ledger, Scope(), "qwen3-32b"))
