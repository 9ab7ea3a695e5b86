"""The anomaly checks on the ledger: every series worth watching, what was checked, what could not be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from analytics.anomalies.anomalies import FLOOR_SHARE, Anomaly, failing_since, keep_narrowest, outgrown, unusual_days
from analytics.anomalies.shared_spend import SharedSpend
from analytics.anomalies.silent_sources import CUBE, HolesOfSeries, silences_of
from analytics.answers_by_version import keep_as, remember
from analytics.bridges import bridge
from analytics.coverage import coverage
from analytics.history import daily_by, through
from analytics.scope import UNKNOWN, Scope
from data import wording
from data.calendar import HOURS_PER_WEEK, MIN_BASELINE_DAYS
from data.documents import Documents
from data.ledger import Ledger
from data.state import State

MEASURES = ("cost_usd", "calls", "attempts", "failed", "failed_cost_usd", "retry_cost_usd")
SERIES_PER_DIMENSION = 40
Status = Literal["open", "expected", "investigating", "fixed"]
STATUSES: tuple[Status, ...] = get_args(Status)
HOURS_BACK = 28
HOUR_TIMES = 2.0


class Watch(NamedTuple):
    """Anomalies by dollars; how many series were checked, which had too little history, days without any log."""

    anomalies: tuple[Anomaly, ...]
    checked: int
    too_short: tuple[str, ...]
    gaps: tuple[date, ...]

    @property
    def verdict(self) -> str:
        """What to say where there is no anomaly: what was not looked at is not called usual."""
        return "Nothing unusual." if self.checked else "Not checked for what is unusual: the history is too short."

    @property
    def note(self) -> str:
        """What was checked and what could not be, in a sentence or three."""
        told = []
        if self.checked:
            told.append(f"Checked {self.checked} series against the same weekdays of up to six weeks before.")
        if self.too_short:
            told.append(
                f"Under {MIN_BASELINE_DAYS} days of history, so not checked: {', '.join(self.too_short[:6])}"
                + (f" and {len(self.too_short) - 6} more." if len(self.too_short) > 6 else ".")
            )
        if self.gaps:
            told.append(
                f"No log at all on {', '.join(f'{day:%-d %b}' for day in self.gaps[:5])}"
                + (f" and {len(self.gaps) - 5} more days." if len(self.gaps) > 5 else ".")
            )
        return " ".join(told)


@remember
def findings(view: Ledger, scope: Scope, keys: bool = False) -> Watch:
    """What was unusual in the scope's days, on whole days only, with what moved most in each.

    `keys` also watches every API key; that reads the rows' tags, so it takes seconds on tens of millions.
    """
    bare = bare_findings(view, scope, keys)
    return bare._replace(anomalies=tuple(_explained_by(view, scope, one) for one in bare.anomalies))


@remember
@keep_as(Watch)
def bare_findings(view: Ledger, scope: Scope, keys: bool = False) -> Watch:
    """As `findings`, without what moved in them, which takes as long as the search."""
    cube = daily_by(view, scope.at_any_time(), CUBE, MEASURES)
    cube = cube[cube.index < pd.Timestamp(min(through(view).complete_until, scope.end or date.max))]
    if cube.empty:
        return Watch((), 0, (), ())
    start = pd.Timestamp(scope.start) if scope.start else cube.index[0]
    total = cube["cost_usd"].sum(axis=1, min_count=1)
    floor = FLOOR_SHARE * float(np.nanmedian(total))
    holes = HolesOfSeries(view, scope)
    found: list[Anomaly] = []
    short, checked = [], 0
    holes_of_models: dict[str, pd.Series] = {}
    for dimension, value, logged in _series(view, scope, cube, keys):
        unknown = holes.of(dimension, value, logged.index)
        series = logged.mask(pd.Series(unknown, index=logged.index), axis=0) if unknown.any() else logged
        spend = series["cost_usd"]
        if (spend > 0).sum() < MIN_BASELINE_DAYS:
            short.append("the total" if dimension == "total" else f"{dimension} {value}")
            continue
        checked += 1
        if dimension == "model":
            holes_of_models[value] = spend.isna()
        found += _runs(dimension, value, series, floor, start)
        found += _other(dimension, value, series, floor, start)
    found += _hours(view, scope, floor, start, holes_of_models)
    found += silences_of(view, scope, start)
    narrowest = keep_narrowest(found, SharedSpend(cube["cost_usd"]).share)
    gaps = tuple(day.date() for day in total.index[total.isna()] if day >= start)
    return Watch(tuple(narrowest), checked, tuple(short), gaps)


def _series(view: Ledger, scope: Scope, cube: pd.DataFrame, keys: bool):
    """(dimension, value, frame of the measures by day) of everything watched, the largest first."""
    yield "total", "total", cube.T.groupby(level=0).sum(min_count=1).T
    tables = [(name, cube) for name in CUBE]
    if keys:
        last = cube.index[-1].date()
        recent = scope.between(last - timedelta(days=56), last + timedelta(days=1))
        tables.append(("key_alias", daily_by(view, recent, ("key_alias",), MEASURES)))
    for name, table in tables:
        sums = table.T.groupby(level=[name, 0]).sum(min_count=1).T
        spend = sums.xs("cost_usd", axis=1, level=1).sum()
        for value in spend.nlargest(SERIES_PER_DIMENSION).index:
            if value != UNKNOWN:
                yield name, value, sums[value]


def _runs(dimension: str, value: str, series: pd.DataFrame, floor: float, start: pd.Timestamp) -> list[Anomaly]:
    """Days on which spend, or the cost of a request, left its pattern; one line where both did."""
    spend = unusual_days(series["cost_usd"], floor, start)
    unit = unusual_days(series["cost_usd"], floor, start, series["calls"])
    unit = [run for run in unit if not any(run.start < other.end and other.start < run.end for other in spend)]
    return [
        Anomaly(kind, dimension, value, run.start, run.end, run.usd, run.expected_usd, "", run.usd_in_scope)
        for kind, runs in (("spend", spend), ("request cost", unit))
        for run in runs
    ]


def _other(dimension: str, value: str, series: pd.DataFrame, floor: float, start: pd.Timestamp) -> list[Anomaly]:
    """A failure rate that crossed its limit (models), and cost growing faster than usage."""
    found, end = [], series.index[-1].date() + timedelta(days=1)
    if dimension == "model" and (failing := failing_since(series["attempts"], series["failed"])):
        since, rate = failing
        wasted = series.loc[since:, ["failed_cost_usd", "retry_cost_usd"]].max(axis=1)
        usd, inside = float(wasted.sum()), float(wasted[wasted.index >= start].sum())
        cost = f"{wording.share(rate)} of its attempts failed"
        found.append(Anomaly("failures", dimension, value, since.date(), end, usd, 0.0, cost, inside))
    if grown := outgrown(series["cost_usd"], series["calls"]):
        share, usd = grown
        if usd > floor * 28:
            now = series.iloc[-28:]
            before = float(now["cost_usd"].sum()) - usd
            asked = now[now.index >= start]
            inside = float(asked["cost_usd"].sum() - before / now["calls"].sum() * asked["calls"].sum())
            span = end - timedelta(days=28), end
            found.append(Anomaly("outgrown", dimension, value, *span, usd, before, "", inside))
    return found


def _hours(
    view: Ledger, scope: Scope, floor: float, start: pd.Timestamp, holes: Mapping[str, pd.Series]
) -> list[Anomaly]:
    """Hours of the last week at more than twice the dearest hour of the three weeks before, per model of `holes`.

    `holes` says of every day whether it has no log of the model: what is missing is no hour without spend.
    """
    end = min(through(view).complete_until, scope.end or date.max)
    rows = scope.between(end - timedelta(days=HOURS_BACK), end).usage(view)
    frame = view.frame(
        rows.group_by(hour=rows.requested_at.truncate("h"), model=rows.model).aggregate(
            usd=rows.cost_usd.sum().cast("float64")
        )
    )
    found = []
    for model, part in frame[frame["model"].isin(holes)].groupby("model"):
        whole = pd.date_range(end - timedelta(days=HOURS_BACK), end, freq="h", inclusive="left")
        unlogged = holes[model].reindex(whole.normalize(), fill_value=True).to_numpy()
        spend = part.set_index("hour")["usd"].reindex(whole).fillna(0.0).mask(unlogged)
        weeks = spend.to_numpy().reshape(-1, HOURS_PER_WEEK)
        usual = pd.DataFrame(weeks[:-1]).median().to_numpy()
        above = weeks[-1] - usual
        for hour in np.flatnonzero((above > floor) & (weeks[-1] > HOUR_TIMES * pd.DataFrame(weeks[:-1]).max().max())):
            at = whole[-HOURS_PER_WEEK + hour]
            if at >= start:
                found.append(
                    Anomaly(
                        "hour",
                        "model",
                        str(model),
                        at.date(),
                        at.date() + timedelta(days=1),
                        float(above[hour]),
                        float(usual[hour]),
                        f"at {at:%H:%M} UTC",
                        float(above[hour]),
                    )
                )
    # One line per model and day: its dearest hour.
    best: dict[str, Anomaly] = {}
    for one in found:
        best[one.key] = max(one, best.get(one.key, one), key=lambda a: a.usd)
    return list(best.values())


def _explained_by(view: Ledger, scope: Scope, one: Anomaly) -> Anomaly:
    """With what moved most in the direction of the change, against the same weekdays before; as it is where it says
    so itself or those have no log."""
    if one.driver or one.kind == "silence" or one.dimension == "source":
        return one
    weeks = -(-(one.end - one.start).days // 7)
    after = scope.between(one.start, one.end)
    if one.dimension != "total":
        after = after.with_filter(one.dimension, one.value)
    shift = timedelta(days=7 * weeks)
    before = after.between(one.start - shift, one.end - shift)
    if not coverage(view, before).is_whole:
        return one
    main = bridge.between(view, before, after).largest(() if one.kind == "spend" else ("days", "volume"))
    told = f"{main.label}: {wording.usd_change(main.usd)} against the same weekdays before"
    return one._replace(driver=told, cause=main.name)


class Note(BaseModel):
    """What people know about a finding."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Status = "open"
    owner: str = ""
    note: str = ""


NOTES = Documents("finding", Note)  # by `Anomaly.key`


def note_on(state: State, anomaly: Anomaly) -> dict[str, str]:
    """Status, owner and note of a finding; open until somebody says otherwise."""
    return (NOTES.get(state, anomaly.key) or Note()).model_dump()
