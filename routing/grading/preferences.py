"""What a judge that compared two policies' answers in pairs says of them, and how far it can be trusted.

A task is one observation, however often it was asked. An answer that both orders prefer is a win; a tie in both
orders, two answers that are the same, and orders that disagree count as neither. Several policies against one baseline
are a family, as in `comparison`. The statistics stand in `statistics`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from data import wording
from routing.grading.comparison import SIGNIFICANT
from routing.grading.statistics import Interval, difference_interval, equal_means_p, holm, share_interval

CHANCE = 0.5  # how often a judge that tosses a coin gives the same in both orders


@dataclass(frozen=True)
class JudgedPair:
    """Two answers to one task: `preferred` is 1 for the policy's, -1 for the baseline's, 0 for neither, None without a
    verdict (`why` says what kept it away). `agree` is None where nothing was asked; `grades` is the preference of the
    task's own checks, None where an answer is not graded.
    """

    task: str
    preferred: int | None
    agree: bool | None
    grades: int | None
    why: str = ""


@dataclass(frozen=True)
class Preferences:
    """A policy against the baseline, as the judge sees them.

    `tasks` have a verdict: `wins`, `ties` and `losses` add up to them; `net` is the mean of +1, 0 and -1, its interval
    at 95 % for all policies of the run together, `p_value` (no preference) adjusted by Holm. `asked` pairs were asked
    in both orders, `agreed` of them the same way (`agreement` with its interval). Of `graded` pairs whose own grades
    differ the judge preferred the answer that passed in `with_grade`. `same` pairs have one answer twice, `no_verdict`
    pairs none that is usable, `left` pairs were not come to.
    """

    tasks: int
    wins: int
    ties: int
    losses: int
    net: float | None
    interval: Interval
    p_value: float
    asked: int
    agreed: int
    agreement: float | None
    agreement_interval: Interval
    graded: int
    with_grade: int
    grade_interval: Interval
    same: int
    no_verdict: int
    left: int
    reliable: bool
    words: str


def preferences(
    rivals: Mapping[str, Sequence[JudgedPair]], baseline: str, left: Mapping[str, int]
) -> dict[str, Preferences]:
    """Every policy against the baseline; `left` counts the pairs of each that nobody judged."""
    level = 1 - SIGNIFICANT / max(1, len(rivals))
    scores = {name: _by_task(pairs) for name, pairs in rivals.items()}
    adjusted = holm([equal_means_p(of_tasks) for of_tasks in scores.values()])
    return {
        name: _preferences(name, baseline, pairs, scores[name], p_value, level, left.get(name, 0))
        for (name, pairs), p_value in zip(rivals.items(), adjusted, strict=True)
    }


def _by_task(pairs: Sequence[JudgedPair]) -> list[float]:
    """One score a task, -1 to 1: the mean over the times it was asked and judged."""
    tasks: dict[str, list[int]] = defaultdict(list)
    for pair in pairs:
        if pair.preferred is not None:
            tasks[pair.task].append(pair.preferred)
    return [fmean(preferred) for preferred in tasks.values()]


def _preferences(
    name: str,
    baseline: str,
    pairs: Sequence[JudgedPair],
    scores: Sequence[float],
    p_value: float,
    level: float,
    left: int,
) -> Preferences:
    asked = [pair for pair in pairs if pair.agree is not None]
    agreements = _shares([(pair.task, bool(pair.agree)) for pair in asked])
    told = [(p.task, p.preferred == p.grades) for p in pairs if p.grades and p.preferred is not None]
    interval = share_interval(agreements)
    found = Preferences(
        tasks=len(scores),
        wins=sum(score > 0 for score in scores),
        ties=sum(score == 0 for score in scores),
        losses=sum(score < 0 for score in scores),
        net=fmean(scores) if scores else None,
        interval=difference_interval(scores, level),
        p_value=p_value,
        asked=len(asked),
        agreed=sum(bool(pair.agree) for pair in asked),
        agreement=fmean(agreements) if agreements else None,
        agreement_interval=interval,
        graded=len(told),
        with_grade=sum(right for _, right in told),
        grade_interval=share_interval(_shares(told)),
        same=sum(pair.agree is None and pair.preferred is not None for pair in pairs),
        no_verdict=sum(pair.preferred is None for pair in pairs),
        left=left,
        reliable=bool(asked) and interval[0] > CHANCE,
        words="",
    )
    why = Counter(pair.why for pair in pairs if pair.preferred is None).most_common(1)
    return _with_words(found, name, baseline, why[0][0] if why else "")


def _shares(told: Sequence[tuple[str, bool]]) -> list[float]:
    """Per task the share of its pairs for which something holds."""
    tasks: dict[str, list[bool]] = defaultdict(list)
    for task, holds in told:
        tasks[task].append(holds)
    return [fmean(holds) for holds in tasks.values()]


def _with_words(found: Preferences, name: str, baseline: str, why: str) -> Preferences:
    parts = (
        _preferred_words(found, name, baseline),
        _agreement_words(found),
        _grade_words(found),
        _rest_words(found, why),
    )
    values = {**vars(found), "words": " ".join(part for part in parts if part)}
    return Preferences(**values)


def _preferred_words(found: Preferences, name: str, baseline: str) -> str:
    if not found.tasks:
        return f"The judge gave no verdict on “{name}” against “{baseline}”."
    low, high = found.interval
    chance = "p < 0.001" if found.p_value < 0.001 else f"p = {found.p_value:.2g}"
    shows = "" if found.p_value < SIGNIFICANT else ": no preference shown"
    return (
        f"The judge preferred “{name}” on {found.wins}, “{baseline}” on {found.losses} and neither on {found.ties} of "
        f"{wording.count_of(found.tasks, 'task')}{shows} (net {100 * (found.net or 0.0):+.1f} points, 95 % interval "
        f"{100 * low:+.1f} to {100 * high:+.1f}, {chance})."
    )


def _agreement_words(found: Preferences) -> str:
    if not found.asked:
        return ""
    low, high = found.agreement_interval
    text = (
        f"Both orders gave the same on {found.agreed} of {wording.count_of(found.asked, 'pair')} "
        f"({wording.share(low)} to {wording.share(high)})"
    )
    return f"{text}." if found.reliable else f"{text}, which a coin may give too: do not build on this judge here."


def _grade_words(found: Preferences) -> str:
    if not found.graded:
        return ""
    low, high = found.grade_interval
    return (
        f"Where the tasks' own grades differ, it preferred the answer that passed on {found.with_grade} of "
        f"{wording.count_of(found.graded, 'pair')} ({wording.share(low)} to {wording.share(high)})."
    )


def _rest_words(found: Preferences, why: str) -> str:
    said = []
    if found.same:
        said.append(f"{wording.count_of(found.same, 'pair')} with one answer twice counted as neither, without asking.")
    if found.no_verdict:
        said.append(f"{wording.count_of(found.no_verdict, 'pair')} without a verdict left out, such as: {why}.")
    if found.left:
        said.append(f"{wording.count_of(found.left, 'pair')} not judged: the run ended before.")
    return " ".join(said)
