"""A mix as a routing policy: few rules, the first that matches decides, for the same dollars.

The mix says for every group of the log who answers it. A decision list says the same in conditions that a gateway
knows (task type, criticality, data class, size, the model asked for): exceptions from the dearest down, each a
condition that holds for no other work still open, then one rule for the rest. Several answers are tried for the
rest and the shortest list is kept (greedy set cover; Rivest, Learning Decision Lists, 1987,
https://doi.org/10.1007/BF00058680). It is short, not proven shortest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analytics.scope import UNKNOWN
from data import wording
from data.facts.models import Catalog
from routing.policies.choice import first_refusal, resolve
from routing.policies.policy import CURRENT, Policy, Rule
from simulations.mixes.optimise import mean_quality, total_cost
from simulations.mixes.problem_from_log import Programme

ASKED = ("task_type", "criticality", "data_class", "model", "provider")  # what a rule may ask of a request
BAND = "band"
WHOLE = 1e-4  # of a share: what a solver leaves of a nought
FOR_THE_REST = 6  # answers tried for the last rule

Answer = tuple[tuple[str, float], ...]  # the models that answer, each with its share; () is the model asked for
When = dict[str, tuple[Any, ...]]  # values by dimension; for the band its lower edges, in order


class Step(NamedTuple):
    """A rule in the making: groups that meet `when` get `answer`."""

    when: When
    answer: Answer


class Simpler(NamedTuple):
    """What the first `rules` of a list cost, the last of them for the rest: USD a year, quality (None unknown)."""

    rules: int
    cost_usd: float
    quality: float | None


@dataclass(frozen=True)
class Compiled:
    """The policy; USD a year of work for which no rule says what the mix says; what fewer rules would cost."""

    policy: Policy
    unsaid_usd: float
    simpler: tuple[Simpler, ...]

    @property
    def words(self) -> str:
        """How many rules, at what cost, and what they leave out."""
        step, whole = self.simpler[len(self.policy.rules) - 1], self.simpler[-1]
        rules, one = wording.count_of(step.rules, "rule"), "s" * (step.rules == 1)
        cost = f"{wording.usd_short(step.cost_usd)} a year before lost caches"
        if step is not whole:
            dearer = wording.usd_change(step.cost_usd - whole.cost_usd)
            return f"{rules} cost{one} {cost}, {dearer} a year beside the {whole.rules} that say the mix."
        if self.unsaid_usd < 0.005:
            return f"{rules} say{one} the mix: {cost}."
        return (
            f"{rules} say{one} all of the mix but {wording.usd_short(self.unsaid_usd)} a year of work that no "
            f"condition tells apart or whose model has no room for it by its catalogue: {cost}."
        )


def as_policy(made: Programme, shares: np.ndarray, catalog: Catalog, name: str, most: int | None = None) -> Compiled:
    """The mix `shares` (segments x models) of `made` as a policy under its constraints, of at most `most` rules.

    A router asks a model for what its catalogue says it has room for; a log may know better. So a share that a model
    keeps of requests above its own window cannot be said: it is counted among `unsaid_usd`.
    """
    groups = _Groups.of(made, shares, catalog)
    steps = _joined(groups.shortest(), groups)
    simpler = tuple(groups.simpler(made, steps, count) for count in range(1, len(steps) + 1))
    kept = steps if most is None or most >= len(steps) else _cut(steps, most, groups)
    rules = tuple(Rule.model_validate({"when": _conditions(s.when, made.edges), **_way(s.answer)}) for s in kept)
    fallback = (CURRENT, *_reserve(made, shares))
    policy = Policy(name=name, constraints=made.policy.constraints, rules=rules, fallback=fallback)
    return Compiled(policy, groups.unsaid_usd(kept), simpler)


def _reserve(made: Programme, shares: np.ndarray) -> list[str]:
    """Models that take what rules and constraints leave without one: few that together may answer every segment, those
    that answer most in the mix first among equals."""
    task = made.problem
    open_ = task.allowed & np.isfinite(task.cost_usd)
    used = (shares * task.weights[:, None]).sum(0)
    left, chosen = open_.any(1), []
    while left.any():
        covers = (open_ & left[:, None] & (used > 0)).sum(0)
        covers = covers if covers.any() else (open_ & left[:, None]).sum(0)
        best = max(range(len(task.models)), key=lambda m: (covers[m], used[m]))
        chosen.append(task.models[best])
        left &= ~open_[:, best]
    return chosen


def _way(answer: Answer) -> dict[str, Any]:
    if not answer:
        return {"use": CURRENT}
    return {"use": answer[0][0]} if len(answer) == 1 else {"split": dict(answer)}


def _conditions(when: When, edges: tuple[int, ...]) -> dict[str, Any]:
    """As a policy writes them."""
    told: dict[str, Any] = {name: list(values) for name, values in when.items() if name != BAND}
    if BAND in when:
        bounds = sorted({0, *edges})
        after = [edge for edge in bounds if edge > when[BAND][-1]]
        low, high = int(when[BAND][0]), {"lt": after[0]} if after else {}
        told["input_tokens"] = ({"ge": low} if low or not high else {}) | high
    return told


class _Groups(NamedTuple):
    """The groups that a rule may move: their attributes, what each may be answered by, and its weight."""

    attributes: pd.DataFrame
    answers: list[Answer]
    fits: np.ndarray  # groups x answers: the answer is what the mix says there
    usd: np.ndarray  # a year
    calls: np.ndarray
    segment: np.ndarray
    models: tuple[str, ...]

    @staticmethod
    def of(made: Programme, shares: np.ndarray, catalog: Catalog) -> _Groups:
        """Operations apart stay where they are by themselves: no rule is needed for them."""
        together = ~made.groups["separate"].to_numpy(bool)
        rows, segment = made.groups[together].reset_index(drop=True), made.segment[together]
        task = made.problem
        wanted = [_answer(shares[s], task.models) for s in segment]
        present = [((task.models[task.current[s]], 1.0),) for s in segment]
        stays = np.array([answer == here for answer, here in zip(wanted, present, strict=True)], bool)
        answers: list[Answer] = [(), *dict.fromkeys(wanted)]
        place = {answer: n for n, answer in enumerate(answers)}
        fits = np.zeros((len(rows), len(answers)), bool)
        fits[np.arange(len(rows)), [place[answer] for answer in wanted]] = True
        fits[:, 0] = stays
        here, band = task.current[segment], rows["band"].to_numpy(float)
        shared = ~stays & (shares[segment, here] > WHOLE)
        for kind in {(h, b) for h, b in zip(here[shared], band[shared], strict=True)}:
            if _refused(task.models[kind[0]], kind[1], catalog):
                fits[shared & (here == kind[0]) & (band == kind[1])] = False
        attributes = rows[list(ASKED)].astype(object).where(rows[list(ASKED)].notna(), UNKNOWN)
        attributes[BAND] = rows["band"].astype(float)
        usd = rows["cost_usd"].astype(float).to_numpy() * made.yearly
        return _Groups(attributes, answers, fits, usd, rows["calls"].to_numpy(float), segment, task.models)

    def shortest(self) -> list[Step]:
        """The shortest list over the answers that most dollars ask for."""
        cells = [
            self._cells(names) for size in range(1, len(ASKED) + 2) for names in combinations((*ASKED, BAND), size)
        ]
        asked = (self.fits * self.usd[:, None]).sum(0)
        tried = dict.fromkeys([0, *np.argsort(-asked, kind="stable")[:FOR_THE_REST].tolist()])
        return min((self._listed(rest, cells) for rest in tried), key=len)

    def _cells(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
        """A number for every combination of the values of `names`, by group; -1 where one is not known."""
        frame = self.attributes[list(names)]
        codes = frame.groupby(list(names), sort=False, dropna=True).ngroup().to_numpy()
        return names, codes

    def _listed(self, rest: int, cells: list[tuple[tuple[str, ...], np.ndarray]]) -> list[Step]:
        """Exceptions until everything still open fits the answer for the rest."""
        open_ = np.asarray(self.fits.any(axis=1))
        steps: list[Step] = []
        while (wrong := open_ & ~self.fits[:, rest]).any():
            found = self._dearest(open_, wrong, cells)
            if found is None:  # work that no condition tells from other work: the rest takes it
                break
            names, inside, answer = found
            first = self.attributes.iloc[int(np.flatnonzero(inside)[0])]
            steps.append(Step({name: (first[name],) for name in names}, self.answers[answer]))
            open_ &= ~inside
        return [*steps, Step({}, self.answers[rest])]

    def _dearest(
        self, open_: np.ndarray, wrong: np.ndarray, cells: list[tuple[tuple[str, ...], np.ndarray]]
    ) -> tuple[tuple[str, ...], np.ndarray, int] | None:
        """The condition, and the answer for all it holds for, that sets the most dollars right; fewer names first."""
        best: tuple[float, tuple[str, ...], np.ndarray, int] | None = None
        for names, codes in cells:
            known = open_ & (codes >= 0)
            if not (known & wrong).any():
                continue
            size = int(codes.max()) + 1
            gain = np.bincount(codes[known & wrong], self.usd[known & wrong] + 1e-12, size)
            for answer in range(len(self.answers)):
                misfit = np.bincount(codes[known & ~self.fits[:, answer]], minlength=size)
                pure = np.where(misfit == 0, gain, 0.0)
                cell = int(pure.argmax())
                if pure[cell] > 0 and (best is None or pure[cell] > best[0] * (1 + 1e-9)):
                    best = float(pure[cell]), names, codes == cell, answer
        return best and best[1:]

    def meets(self, when: When) -> np.ndarray:
        """Which groups a condition holds for."""
        held = np.ones(len(self.usd), bool)
        for name, values in when.items():
            held &= self.attributes[name].isin(values).to_numpy()
        return held

    def positions(self, steps: list[Step]) -> np.ndarray:
        """The position of each group's answer under a list that ends with a rule for the rest."""
        place, given = {answer: n for n, answer in enumerate(self.answers)}, np.full(len(self.usd), -1)
        for step in steps:
            given[(given < 0) & self.meets(step.when)] = place[step.answer]
        return given

    def unsaid_usd(self, steps: list[Step]) -> float:
        """USD a year of the groups that a list answers otherwise than the mix."""
        return float(self.usd[~self.fits[np.arange(len(self.usd)), self.positions(steps)]].sum())

    def simpler(self, made: Programme, steps: list[Step], count: int) -> Simpler:
        """Cost and quality of the list cut to `count` rules, where what is not allowed stays as it is."""
        task, given = made.problem, self.positions(_cut(steps, count, self))
        mixed, calls = np.zeros_like(task.cost_usd), np.zeros(len(task.cost_usd))
        for group, answer in enumerate(given):
            s, row = self.segment[group], np.zeros(len(task.models))
            for model, share in self.answers[answer]:
                row[task.models.index(model)] = share
            if not self.answers[answer] or (row[~(task.allowed[s] & np.isfinite(task.cost_usd[s]))] > 0).any():
                row = np.eye(len(task.models))[task.current[s]]
            mixed[s] += row * self.calls[group]
            calls[s] += self.calls[group]
        shares = np.where(calls[:, None] > 0, mixed / np.where(calls > 0, calls, 1)[:, None], made.current_shares)
        return Simpler(count, total_cost(task, shares), mean_quality(task, shares))


def _refused(model: str, band: float, catalog: Catalog) -> bool:
    """Whether a router would not ask a model for requests of a size."""
    tokens = None if pd.isna(band) else int(band)
    return first_refusal(resolve(model, {}, catalog), [], {"input_tokens": tokens}, catalog) is not None


def _answer(row: np.ndarray, models: tuple[str, ...]) -> Answer:
    """The models of a segment with their shares, what a solver leaves of noughts taken off."""
    kept = np.where(row > WHOLE, row, 0.0)
    kept = np.round(kept / kept.sum(), 6)
    kept[int(kept.argmax())] += 1 - kept.sum()  # rounded shares sum to one all the same
    return tuple((models[i], round(float(kept[i]), 9)) for i in np.flatnonzero(kept))


def _joined(steps: list[Step], groups: _Groups) -> list[Step]:
    """The same list with rules of one answer that differ in one dimension as one, wherever the order lets them meet."""
    done, at = list(steps), 0
    while at < len(done) - 1:
        for later in range(at + 1, len(done) - 1):
            both = _both(done[at], done[later], groups)
            between = done[at + 1 : later]
            if both and all(step.answer == both.answer or _apart(step.when, done[later].when) for step in between):
                done[at] = both
                del done[later]
                break
        else:
            at += 1
    return done


def _both(one: Step, other: Step, groups: _Groups) -> Step | None:
    """Two rules as one; None where their answers differ, or more than one dimension, or bands that do not touch."""
    if one.answer != other.answer or set(one.when) != set(other.when):
        return None
    unlike = [name for name in one.when if one.when[name] != other.when[name]]
    if len(unlike) != 1:
        return None
    name = unlike[0]
    values = tuple(sorted({*one.when[name], *other.when[name]}))
    if name == BAND:
        bands = sorted(groups.attributes[BAND].dropna().unique())
        places = [bands.index(value) for value in values]
        if places != list(range(places[0], places[-1] + 1)):
            return None
    return Step({**one.when, name: values}, one.answer)


def _apart(one: When, other: When) -> bool:
    """Whether no request meets both."""
    return any(not set(one[name]) & set(other[name]) for name in set(one) & set(other))


def _cut(steps: list[Step], count: int, groups: _Groups) -> list[Step]:
    """The first `count - 1` rules and the last, which is for the rest."""
    return [*steps[: count - 1], steps[-1]]
