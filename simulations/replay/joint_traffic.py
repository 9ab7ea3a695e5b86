"""One fold of the log for several policies: its rows are read once, and each policy gets the groups of its own fold.

What is folded is as fine as all of the policies together need it, with the rule and the constraints that a row meets
under each of them beside one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.scope import Scope
from data.ledger import Ledger
from routing.policies.policy import Policy
from simulations.replay.policy_query import folding
from simulations.replay.repricing import Market
from simulations.replay.traffic import SUMS, Folding, Key, fold_as_logged, with_names

MET = ("rule", "mask")
ADDED_UP = (*SUMS, "loose_reads", "quality_sum", "quality_count")


class Traffic(NamedTuple):
    """The groups of a scope as one policy needs them, and how the log was folded for all that are replayed together.

    `parts`: the `place` of every group of the fold that was made, and the number of the group here (`group`) that it
    is a part of.
    """

    folding: Folding
    groups: pd.DataFrame
    parts: pd.DataFrame


class Asked(NamedTuple):
    """A policy, the models whose prices its groups must tell apart besides its own targets, and the dimensions that
    split the groups further.
    """

    policy: Policy
    beside: tuple[str, ...] = ()
    by: tuple[str, ...] = ()


def traffics(view: Ledger, scope: Scope, each: Sequence[Asked], market: Market) -> list[Traffic]:
    """The scope folded as the decisions of every policy need it; one reading of the rows for all of them.

    Raises NoData when the scope is empty, and BadInput for a policy that the log cannot decide.
    """
    own = [
        folding(policy, market.edges(dict.fromkeys([*policy.targets, *beside])), by=by) for policy, beside, by in each
    ]
    joint = _joint(own)
    fine = fold_as_logged(view, scope, joint)
    return [_coarse(fine, joint, one, number) for number, one in enumerate(own)]


def _joint(own: Sequence[Folding]) -> Folding:
    """What all of these foldings tell apart."""
    keys: dict[str, Key] = {}
    late: dict[str, Key] = {}
    for number, one in enumerate(own):
        keys |= {_column(name, number): key for name, key in one.keys.items()}
        late |= {_column(name, number): key for name, key in one.late.items()}
    edges = sorted({edge for one in own for edge in one.edges})
    by, over = (tuple(dict.fromkeys(name for names in some for name in names)) for some in _dimensions(own))
    return Folding(tuple(edges), by, keys, over, late)


def _dimensions(own: Sequence[Folding]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    return [one.by for one in own], [one.over for one in own]


def _column(name: str, number: int) -> str:
    return f"{name}_{number}"


def _coarse(fine: pd.DataFrame, joint: Folding, own: Folding, number: int) -> Traffic:
    """The groups of one folding from those of the joint one, in the order in which it gives them itself."""
    whose = fine[[*own.kept, "basis", "costed", "separate"]].assign(
        band=_band(fine["band"], own.edges), **{name: fine[_column(name, number)] for name in MET}
    )
    keys = list(whose.columns)
    ordered = whose.sort_values(keys, kind="stable", na_position="last")
    group = ordered.groupby(keys, dropna=False, sort=False).ngroup().sort_index().to_numpy()
    groups = ordered.drop_duplicates().reset_index(drop=True)
    sums = {name: _sum(fine[name], group, len(groups)) for name in ADDED_UP}
    parts = pd.DataFrame({"place": fine["place"].to_numpy(), "group": group})
    return Traffic(joint, with_names(groups.assign(**sums), own), parts)


def _band(fine: pd.Series, edges: Iterable[int]) -> pd.Series:
    """The lower edge of the band between these edges that holds a finer one; what is unknown stays so."""
    lower = np.array([0, *sorted(set(edges))])
    known = fine.notna()
    wide = lower[np.searchsorted(lower, fine.fillna(0).to_numpy(float), side="right") - 1]
    return pd.Series(wide, fine.index).where(known) if not known.all() else pd.Series(wide, fine.index)


def _sum(column: pd.Series, group: np.ndarray, count: int) -> pd.Series:
    """Sums of a column by group, exact where it is; a group without any known value has none."""
    if column.dtype != object:
        return column.groupby(group).sum(min_count=1).reset_index(drop=True)
    sums: list = [None] * count
    for place, value in zip(group, column, strict=True):
        if not pd.isna(value):
            sums[place] = value if sums[place] is None else sums[place] + value
    return pd.Series(sums, dtype=object)
