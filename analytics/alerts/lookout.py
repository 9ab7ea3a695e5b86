"""What the rules look at, as things stood at the start of a day; asked once for all rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from analytics.anomalies import anomaly_search, incidents
from analytics.anomalies.incidents import Incident
from analytics.budgets import budgets
from analytics.coverage import comparison, coverage
from analytics.forecasts import retirements
from analytics.forecasts.planned_events import saved_events
from analytics.forecasts.price_changes import PriceChange, announced_changes
from analytics.forecasts.retirements import Ending
from analytics.history import logged_days, through
from analytics.promises.promises import Measured, ledger_of_promises
from analytics.scope import ClosedScope, Scope
from analytics.silences import holes
from analytics.source_logs import SourceLog, source_logs
from analytics.spend import grouped_spend
from analytics.weekly import news
from analytics.weekly.attention import grown_caveats
from analytics.weekly.news import News
from data.calendar import DAY
from data.ledger import Ledger
from data.sources.progress import progress_of
from data.sources.source import SOURCES
from data.state import State


class Firing(NamedTuple):
    """Something that a rule tells: `about` names it for as long as it lasts, `text` says it in a sentence without its
    full stop, `usd` are its dollars, where it has any."""

    about: str
    text: str
    usd: float | None = None


class Judged(NamedTuple):
    """What a rule found; `untold` says why it could not be judged, "" where it was."""

    firings: tuple[Firing, ...] = ()
    untold: str = ""


class Amounts(NamedTuple):
    """A measure by value of a dimension ("" where none is asked for), whether the log covers the span, and why not."""

    by_value: dict[str, float]
    whole: bool
    reason: str


Known = dict[tuple[ClosedScope, str, str], Amounts]


class Lookout:
    """The ledger and the state as of the start of `until`; None is now, with the running day. `now` is the clock (UTC),
    None in a look back, whose days share what is `known` of the spans they ask for."""

    def __init__(
        self,
        view: Ledger,
        state: State,
        until: date | None = None,
        now: datetime | None = None,
        known: Known | None = None,
    ) -> None:
        self.view, self.state, self.asked_until, self.now = view, state, until, now
        self._known: Known = {} if known is None else known
        self.until = min(through(view).complete_until, until or date.max)

    def last(self, days: int, filters: dict[str, tuple[str, ...]]) -> ClosedScope:
        """The last whole days, and the rows a rule chooses."""
        return Scope.of(self.view, self.until - timedelta(days=days), self.until, **filters)

    def rows_of(self, filters: dict[str, tuple[str, ...]]) -> Scope:
        """The rows a rule chooses, at any time."""
        return Scope.of(self.view, None, None, **filters)

    @cached_property
    def budgets(self) -> Sequence[budgets.Status]:
        return budgets.status(self.view, self.state, saved_events(self.state), self.asked_until)

    @cached_property
    def promises(self) -> Sequence[Measured]:
        return ledger_of_promises(self.view, self.state, self.until)

    @cached_property
    def sources(self) -> Sequence[SourceLog]:
        return [log for log, _ in source_logs(self.view, Scope.of(self.view))]

    @cached_property
    def unlogged_days(self) -> int:
        """Days up to yesterday, by the clock, that should have had records since the last one; 0 in a look back."""
        logged = logged_days(self.view)
        whole = pd.date_range(
            logged[0], max(logged[-1], pd.Timestamp(self.now.date() - DAY)) if self.now else logged[-1]
        )
        return int((holes(pd.Series(whole.isin(logged), index=whole)) & (whole > logged[-1])).sum())

    @cached_property
    def pulls_behind(self) -> list[tuple[str, datetime | None, str]]:
        """Saved sources by name, with when each was last pulled and what it met since; none in a
        look back."""
        held = {name: progress_of(self.state, name) for name in (SOURCES.all(self.state) if self.now else ())}
        return [(name, one.pulled_at, one.problem) for name, one in held.items()]

    def amounts(self, scope: ClosedScope, name: str, by: str) -> Amounts:
        """One measure over a span; what is not known is left out."""
        asked = scope, name, by
        if asked not in self._known:
            frame = grouped_spend(self.view, scope, (by,) if by else (), (name,)).dropna(subset=[name])
            keys = frame[by] if by else [""] * len(frame)
            covered = coverage(self.view, scope)
            found = {str(key): float(value) for key, value in zip(keys, frame[name], strict=True)}
            self._known[asked] = Amounts(found, covered.is_whole, covered.reason)
        return self._known[asked]

    def unusual(self, scope: ClosedScope) -> tuple[list[Incident], str]:
        """The incidents of a scope that nobody has settled, and why there can be none."""
        seen = anomaly_search.findings(self.view, scope)
        found = incidents.incidents(self.view, scope, seen.anomalies)
        statuses = ((one, incidents.note_on(self.state, one)["status"]) for one in found)
        return [one for one, status in statuses if status not in news.SETTLED], "" if seen.checked else seen.note

    def caveats(self, scope: ClosedScope) -> tuple[list[News], str]:
        """The caveats that grew, and why that cannot be told."""
        compared = comparison(self.view, scope)
        return grown_caveats(self.view, compared), "" if compared.now else compared.note

    def ahead(self, filters: dict[str, tuple[str, ...]]) -> tuple[tuple[PriceChange, ...], tuple[Ending, ...]]:
        """Announced price changes and ends of models that touch the chosen rows."""
        asked = self.view, self.state, self.rows_of(filters), self.until
        return announced_changes(*asked), retirements.endings(*asked)
