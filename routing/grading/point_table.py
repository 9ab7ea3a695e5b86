"""A small table of points from graded tasks: which conditions tell where the dear model gains, and by how much.

Columns are conditions of the policy language, each held or not; the target is what the dear model gains on a task, -1
to 1. Columns enter one after another, the one that explains most first, while it explains more than the best of as
many columns of noise would (the risk inflation criterion, 2 log p; Foster and George (1994), Annals of Statistics 22,
1947); then least squares, in whole points of a hundred. No column enters where there is no signal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from routing.policies.conditions import SIZES, applies
from routing.policies.difficulty import Points

LOG_FEATURES = ("task_type", "criticality", "data_class", "input_tokens")
MOST_TERMS = 8
LEAST_SHARE, LEAST_TASKS = 0.05, 5  # a condition that fewer tasks meet, or fail to meet, tells nothing
QUANTILES = (0.2, 0.4, 0.6, 0.8)
DIGITS = 9  # gains that agree so far are equal: the first column enters, on every machine


def possible_terms(attributes: Sequence[Mapping[str, Any]], features: Sequence[str]) -> list[Points]:
    """Every condition on these features that enough tasks meet and enough do not; grades have no part in it."""
    least = max(LEAST_TASKS, LEAST_SHARE * len(attributes))
    found = []
    for name in features:
        known = [value for one in attributes if (value := one.get(name)) is not None]
        if name in SIZES:
            cuts = sorted({1, *(math.ceil(cut) for cut in np.quantile(known, QUANTILES))} - {0}) if known else []
            conditions: list[Any] = [{name: {"ge": cut}} for cut in cuts]
        else:
            conditions = [{name: [value]} for value in sorted({str(value) for value in known} - {"unknown"})]
        found += [Points(when=condition, points=0) for condition in conditions]
    met = columns_of(found, attributes).sum(0)
    return [term for term, count in zip(found, met, strict=True) if least <= count <= len(attributes) - least]


def columns_of(terms: Sequence[Points], attributes: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Tasks down, conditions across: 1 where a task meets a condition."""
    rows = [[float(applies(term.when, one)) for term in terms] for one in attributes]
    return np.array(rows).reshape(len(attributes), len(terms))


def fit_points(columns: np.ndarray, gains: np.ndarray) -> tuple[int, dict[int, int]]:
    """(base, points by column) of the table that these tasks tell, in whole points of a hundred."""
    chosen = _chosen(columns, gains)
    design = np.column_stack([np.ones(len(gains)), columns[:, chosen]])
    weights = np.asarray(np.linalg.lstsq(design, gains, rcond=None)[0])
    base, *points = (round(100 * weight) for weight in weights.round(DIGITS).tolist())
    return base, {column: given for column, given in zip(chosen, points, strict=True) if given}


def _chosen(columns: np.ndarray, gains: np.ndarray) -> list[int]:
    """Columns that explain more than noise would, in the order in which they enter; each step takes out of the others
    what is explained already.
    """
    rest, left = columns - columns.mean(0), gains - gains.mean()
    chosen: list[int] = []
    tasks, count = columns.shape
    while count and len(chosen) < MOST_TERMS and len(chosen) + 2 < tasks:
        lengths = (rest**2).sum(0)
        usable = lengths > 1e-9 * tasks
        explained = np.where(usable, (rest.T @ left) ** 2 / np.where(usable, lengths, 1.0), 0.0).round(DIGITS)
        best = int(explained.argmax())
        noise = float(left @ left) / (tasks - len(chosen) - 1)
        if explained[best] <= max(1e-9, 2 * math.log(max(2, count)) * noise):
            break
        chosen.append(best)
        direction = rest[:, best] / math.sqrt(lengths[best])
        left = left - direction * (direction @ left)
        rest = rest - np.outer(direction, direction @ rest)
    return chosen
