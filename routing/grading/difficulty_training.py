"""A difficulty score learned from own grades, and whether it is worth anything: tested on tasks it has not seen.

Two models answered the same tasks. The score says how many points of quality the dear one is expected to gain on a
request; from a threshold on the dear model answers, below it the cheap one. Ten parts by task: each part is answered
by a score and a threshold that the other nine gave. Worth something is only what beats (1) the same training on
grades dealt out to the tasks at random, at the quality that the same share of dear answers would reach blindly, and
(2) the best single model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from data import wording
from data.errors import Refused
from routing.grading.comparison import SIGNIFICANT, Comparison, Pair, compare
from routing.grading.point_table import columns_of, fit_points, possible_terms
from routing.grading.statistics import tasks_for_margin
from routing.policies.difficulty import MOST, Difficulty
from routing.policies.policy import Policy, Rule

PARTS = 10
SHUFFLES = 199
LEAST_TASKS = 50
GIVEN_UP = 0.5  # the share of the margin that a threshold may give up for dollars; chance needs the rest


@dataclass(frozen=True)
class GradedTask:
    """One task that several models answered: share of answers passed (0 to 1) and mean USD an answer, by model.

    Tasks of one `group` (the same prompt, variants of one question) are never on both sides of a test.
    """

    group: str
    attributes: Mapping[str, Any]
    passed: Mapping[str, float]
    usd: Mapping[str, float]


@dataclass(frozen=True)
class Rated:
    """What one way of answering the tasks comes to: mean share passed and mean USD a task."""

    quality: float
    usd: float


@dataclass(frozen=True)
class Learned:
    """A trained score with its test. `router` is rated on tasks its score had not seen; `share_dear` of them went
    to the dear model; `gain` is its quality above sending that share blindly, `chance_gain` what the same
    training gains from shuffled grades in 95 of 100 cases, `p_value` how often those do as well. `reasons`
    against it; none: it is worth it.
    """

    cheap: str
    dear: str
    best: str
    tasks: int
    margin: float
    difficulty: Difficulty
    threshold: int
    singles: dict[str, Rated]
    router: Rated
    share_dear: float
    gain: float
    chance_gain: float
    p_value: float
    against_best: Comparison
    reasons: tuple[str, ...]

    @property
    def worth_it(self) -> bool:
        """Whether the score beat both the shuffled grades and the best single model."""
        return not self.reasons

    @property
    def words(self) -> str:
        """The result in a sentence, without full stop."""
        best, rated = self.singles[self.best], self.router
        ratio = f" at {wording.share(rated.usd / best.usd)} of its cost" if best.usd else ""
        told = (
            f"on {wording.count_of(self.tasks, 'task')} it had not seen, the score sends "
            f"{wording.share(self.share_dear)} to {self.dear} and passes {wording.share(rated.quality)}; "
            f"{self.best} alone passes {wording.share(best.quality)}{ratio and f', the score{ratio}'}"
        )
        return told if self.worth_it else f"{told}. Not worth using: {'; '.join(self.reasons)}"

    @property
    def test_words(self) -> str:
        """How it did against shuffled grades and against the best single model, in sentences."""
        return (
            f"Above the same share sent blindly: {100 * self.gain:+.1f} points; shuffled grades reach "
            f"{100 * self.chance_gain:+.1f} in 95 of 100 trainings (p = {self.p_value:.3f}). "
            f"Against {self.best} alone: {self.against_best.words}"
        )


@dataclass(frozen=True)
class _Work:
    """The tasks as arrays, in an order that does not depend on how they came."""

    tasks: tuple[GradedTask, ...]
    columns: np.ndarray
    cheap: np.ndarray
    dear: np.ndarray
    usd_cheap: np.ndarray
    usd_dear: np.ndarray
    allowance: float

    @cached_property
    def part(self) -> np.ndarray:
        """The part of each task; a group is in one."""
        groups = sorted({task.group for task in self.tasks})
        places = np.random.default_rng(0).permutation(len(groups)) % PARTS
        place = dict(zip(groups, places.tolist(), strict=True))
        return np.array([place[task.group] for task in self.tasks])

    def deal_out(self, order: np.ndarray) -> _Work:
        """The same tasks with the grades and dollars of others."""
        graded = ("cheap", "dear", "usd_cheap", "usd_dear")
        return replace(self, **{name: getattr(self, name)[order] for name in graded})


def learn(
    tasks: Sequence[GradedTask], cheap: str, dear: str, features: Sequence[str], margin: float = 0.05, name: str = ""
) -> Learned:
    """Train on the tasks that all models answered, and test it. The same tasks give the same score, in any order.

    Refused, with the reason, where nothing could be learned: too few tasks, grades of one class, the same answers.
    """
    models = tuple(sorted({model for task in tasks for model in task.passed}))
    ordered = sorted(
        (task for task in tasks if set(task.passed) == set(models)),
        key=lambda task: (task.group, sorted(task.passed.items()), sorted(task.usd.items())),
    )
    _refuse_hopeless(ordered, cheap, dear, margin)
    terms = possible_terms([task.attributes for task in ordered], features)
    sides = [np.array([getattr(t, of)[m] for t in ordered]) for of in ("passed", "usd") for m in (cheap, dear)]
    columns = columns_of(terms, [task.attributes for task in ordered])
    work = _Work(tuple(ordered), columns, sides[0], sides[1], sides[2], sides[3], GIVEN_UP * margin)
    sent = _sent_unseen(work)
    gain = _gain(work, sent)
    chance = _gains_by_chance(work)
    singles = {m: _rated([t.passed[m] for t in ordered], [t.usd[m] for t in ordered]) for m in models}
    best = max(models, key=lambda m: (singles[m].quality, -singles[m].usd))
    passed, usd = np.where(sent, work.dear, work.cheap), np.where(sent, work.usd_dear, work.usd_cheap)
    compared = _against(work, passed, usd, best, margin)
    p_value = float((1 + (chance >= gain - 1e-12).sum()) / (1 + len(chance)))
    base, points = fit_points(work.columns, work.dear - work.cheap)
    score = Difficulty(
        name=name or "difficulty",
        base=base,
        terms=tuple(terms[column].model_copy(update={"points": given}) for column, given in points.items()),
        note=f"points of quality {dear} gains over {cheap}, learned on {wording.count_of(len(ordered), 'graded task')}",
    )
    return Learned(
        cheap,
        dear,
        best,
        len(ordered),
        margin,
        score,
        _threshold(np.array([score.points(task.attributes) for task in ordered]), work),
        singles,
        _rated(passed, usd),
        float(sent.mean()),
        gain,
        float(np.quantile(chance, 1 - SIGNIFICANT)),
        p_value,
        compared,
        _reasons(points, p_value, compared, best),
    )


def policy_of(found: Learned, name: str) -> Policy:
    """The policy of a learned score: the dear model from its threshold on, the cheap one below."""
    rules = (
        Rule(when={"difficulty": {"ge": found.threshold}}, use=found.dear, name="hard"),
        Rule(when={}, use=found.cheap, name="easy"),
    )
    note = found.words[0].upper() + found.words[1:] + "."
    return Policy(name=name, note=note, difficulty=found.difficulty, rules=rules, fallback=(found.dear, found.cheap))


def _refuse_hopeless(tasks: Sequence[GradedTask], cheap: str, dear: str, margin: float) -> None:
    """Refused where these grades cannot teach anything, whatever the features."""
    fewest = max(LEAST_TASKS, tasks_for_margin(margin))
    if len(tasks) < fewest:
        raise Refused(
            f"{wording.count_of(len(tasks), 'task')} graded under every model: a score takes {fewest} at least, so "
            f"many as show {100 * margin:g} points against the best single model. Grade more, or leave a model out."
        )
    for model in (cheap, dear):
        grades = {task.passed[model] for task in tasks}
        if model == cheap and len(grades) == 1 and grades <= {0.0, 1.0}:
            way = "passed" if grades == {1.0} else "failed"
            raise Refused(
                f"Grades of one class only: {model} {way} all {len(tasks)} tasks, so nothing tells an easy task from a "
                f"hard one. {'It needs no other model here.' if way == 'passed' else 'Use another model for them.'}"
            )
    if all(task.passed[cheap] >= task.passed[dear] for task in tasks):
        raise Refused(
            f"{dear} passes no task that {cheap} fails, of {len(tasks)}: there is nothing that a difficulty score "
            f"could send to it. Use {cheap}."
        )


def _sent_unseen(work: _Work) -> np.ndarray:
    """Which tasks go to the dear model, each decided by a score and a threshold from the other parts."""
    sent = np.zeros(len(work.tasks), bool)
    for part in range(PARTS):
        mine, others = work.part == part, work.part != part
        base, points = fit_points(work.columns[others], (work.dear - work.cheap)[others])
        weights = np.zeros(work.columns.shape[1])
        weights[list(points)] = list(points.values())
        score = np.clip(base + work.columns @ weights, 0, MOST).round().astype(int)
        sent[mine] = score[mine] >= _threshold(score, work, others)
    return sent


def _threshold(score: np.ndarray, work: _Work, of: np.ndarray | None = None) -> int:
    """The threshold that keeps the quality of the better of the two models on these tasks, but for the allowance,
    for the fewest dollars.
    """
    of = np.ones(len(score), bool) if of is None else of
    cheap, dear = work.cheap[of], work.dear[of]
    goal, choices = max(cheap.mean(), dear.mean()) - work.allowance, []
    for threshold in (*np.unique(score[of]).tolist(), MOST + 1):
        sent = score[of] >= threshold
        if np.where(sent, dear, cheap).mean() >= goal - 1e-12:
            choices.append((round(float(np.where(sent, work.usd_dear[of], work.usd_cheap[of]).sum()), 12), threshold))
    return min(choices)[1]


def _gain(work: _Work, sent: np.ndarray) -> float:
    """Quality above what the same share of dear answers reaches without looking at the tasks."""
    blindly = work.cheap.mean() + sent.mean() * (work.dear.mean() - work.cheap.mean())
    return float(np.where(sent, work.dear, work.cheap).mean() - blindly)


def _gains_by_chance(work: _Work) -> np.ndarray:
    """The gain of the whole training, test included, on grades dealt out to the tasks at random."""
    rng = np.random.default_rng(1)
    dealt = (work.deal_out(rng.permutation(len(work.tasks))) for _ in range(SHUFFLES))
    return np.array([_gain(one, _sent_unseen(one)) for one in dealt])


def _against(work: _Work, passed: np.ndarray, usd: np.ndarray, best: str, margin: float) -> Comparison:
    """The score, on tasks it had not seen, against the best single model; a group is one observation."""
    by_group: dict[str, list[int]] = {}
    for place, task in enumerate(work.tasks):
        by_group.setdefault(task.group, []).append(place)
    pairs = [
        Pair(
            group,
            len(places),
            float(passed[places].mean()),
            float(np.mean([work.tasks[i].passed[best] for i in places])),
            float(usd[places].sum()),
            sum(work.tasks[i].usd[best] for i in places),
            0.0,
            0.0,
        )
        for group, places in by_group.items()
    ]
    return compare({"score": pairs}, margin)["score"]


def _reasons(points: Mapping[int, int], p_value: float, compared: Comparison, best: str) -> tuple[str, ...]:
    """Why the score is not worth using; none when it is."""
    told = []
    if not points:
        told.append("no feature tells hard tasks from easy ones")
    elif p_value > SIGNIFICANT:
        told.append(
            "it does not beat a score trained on shuffled grades "
            f"(those do as well in {wording.share(p_value)} of cases)"
        )
    better = compared.p_value < SIGNIFICANT and compared.difference > 0
    cheaper = compared.cost_interval_usd[1] < 0
    if not better and not compared.not_worse:
        told.append(
            f"it may be {100 * -compared.lowest:.1f} points worse than {best} alone, more than the margin allows"
        )
    elif not better and not cheaper:
        told.append(f"it is not shown to be cheaper than {best} alone")
    return tuple(told)


def _rated(passed: Any, usd: Any) -> Rated:
    return Rated(float(np.mean(passed)), float(np.mean(usd)))
