"""A change that holds a known event says both: as it is, and without what the event cost."""

from __future__ import annotations

from typing import NamedTuple

from analytics.anomalies import anomaly_search
from analytics.anomalies.anomalies import Anomaly
from analytics.coverage import Comparison
from analytics.spend import totals
from data import wording
from data.ledger import Ledger

KINDS = ("spend", "request cost")
MATERIAL_POINTS = 0.01  # a change that the events move by less is told once


class Distortion(NamedTuple):
    """The change of spend between two spans (a share), the same without `events`, and those, largest first."""

    change: float
    change_without: float
    events: tuple[Anomaly, ...]

    @property
    def text(self) -> str:
        """`+8.7% without “research-agent above its pattern 18 Oct to 24 Oct”`."""
        more = f" and {len(self.events) - 1} more" if len(self.events) > 1 else ""
        return f"{wording.share_change(self.change_without)} without “{self.events[0].title}”{more}"


def distortion(view: Ledger, compared: Comparison) -> Distortion | None:
    """What known events do to a change; None where nothing is compared or nothing worth a word is in it."""
    if compared.now is None or compared.before is None:
        return None
    spent, without, events = [], [], []
    for span in (compared.now, compared.before):
        usd = float(totals(view, span, ("cost_usd",))["cost_usd"] or 0)
        inside = [one for one in anomaly_search.bare_findings(view, span).anomalies if one.kind in KINDS]
        spent.append(usd)
        without.append(usd - sum(one.usd_in_scope for one in inside))
        events += inside
    if min(*spent, *without) <= 0 or not events:
        return None
    found = Distortion(
        spent[0] / spent[1] - 1,
        without[0] / without[1] - 1,
        tuple(sorted(events, key=lambda one: -abs(one.usd_in_scope))),
    )
    return found if abs(found.change - found.change_without) >= MATERIAL_POINTS else None
