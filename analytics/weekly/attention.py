"""What needs attention now: open incidents, budgets at risk, what is announced, silent sources, models that answer
otherwise than before, caveats that grew.

The Overview's list, most weighty first (`news.rank`); each line with its dollars.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from analytics.anomalies import anomaly_search, incidents, silent_changes
from analytics.budgets import budgets
from analytics.coverage import Comparison, comparison
from analytics.forecasts import retirements
from analytics.forecasts.forecast import READS as FORECAST_READS
from analytics.forecasts.planned_events import saved_events
from analytics.forecasts.price_changes import announced_changes, last_paid
from analytics.scope import ClosedScope
from analytics.spend import totals
from analytics.weekly import news
from analytics.weekly.news import News
from data import wording
from data.calendar import DAYS_PER_WEEK, MIN_BASELINE_DAYS
from data.caveats import BY_CODE
from data.ledger import Ledger
from data.state import State

READS = ("budget", "finding", *FORECAST_READS)  # kinds of document that the list depends on
AHEAD_DAYS = 180  # what is announced further ahead waits on the Budget plan
GREW = 0.01  # of the dollars
RULE = (
    "By dollars; what began in the last week counts twice, and so does what stops work, hides spend or breaks a budget."
)


class Attention(NamedTuple):
    """What needs attention, most weighty first; `unjudged` says what could not be looked at, "" where all could."""

    news: tuple[News, ...]
    unjudged: str


def attention(view: Ledger, state: State, scope: ClosedScope) -> Attention:
    """What needs attention in a scope; budgets and silent changes of models are told where nothing is filtered."""
    watch = anomaly_search.findings(view, scope)
    seen = watch.anomalies
    happened = [(one, incidents.note_on(state, one)["status"]) for one in incidents.incidents(view, scope, seen)]
    day = last_paid(view)
    since = min(day + timedelta(days=1), scope.end) - timedelta(days=DAYS_PER_WEEK)
    changes, ends = announced_changes(view, state, scope), retirements.endings(view, state, scope)
    statuses = [] if scope.is_narrowed else budgets.status(view, state, saved_events(state))
    changed = [] if scope.is_narrowed else silent_changes.silent_changes(view, state)
    found = news.rank(
        [
            *news.of_incidents(happened, since, f"in these {scope.length_days} days"),
            *news.of_budgets(budgets.json_form(one) for one in statuses),
            *news.of_what_is_ahead(changes, ends, day, AHEAD_DAYS),
            *news.of_model_changes(changed, day + timedelta(days=1), [one for one, _ in happened]),
            *grown_caveats(view, comparison(view, scope)),
        ]
    )
    young = f"under {MIN_BASELINE_DAYS} days of history, so no day can be called unusual yet"
    return Attention(found, "" if watch.checked else young)


def grown_caveats(view: Ledger, compared: Comparison) -> list[News]:
    """Caveats on more of the dollars than before, by at least a point; a caveat is known by provider and model only."""
    if compared.now is None or compared.before is None:
        return []
    if any(name not in ("provider", "model") for name, _ in (*compared.now.filters, *compared.now.excluded)):
        return []
    now, before = (_shares(view, span) for span in (compared.now, compared.before))
    found = []
    for code, (share, usd) in now.items():
        grew = share - before.get(code, (0.0, 0.0))[0]
        if grew < GREW:
            continue
        label = BY_CODE[code].label if code in BY_CODE else code
        told = (
            f"“{label}” is on {wording.share(share)} of the dollars ({wording.usd(usd)}), {wording.points(grew)} "
            f"against the {compared.now.length_days} days before"
        )
        found.append(News("caveat", told, usd * grew / share, "more than before", subject=code))
    return found


def _shares(view: Ledger, span: ClosedScope) -> dict[str, tuple[float, float]]:
    """By caveat: its share of the span's dollars, and those dollars."""
    whole = float(totals(view, span, ("cost_usd",))["cost_usd"] or 0)
    inside = span.of_days(view.caveats_by_day)
    frame = view.frame(inside.group_by("caveat").aggregate(usd=inside.cost_usd.sum().cast("float64"))).dropna()
    return {row.caveat: (row.usd / whole, row.usd) for row in frame.itertuples() if whole and row.usd > 0}
