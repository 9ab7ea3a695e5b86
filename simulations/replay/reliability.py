"""How fast and how surely each model answered in this log: P50 and P95 of its answers' latency, and its failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from analytics.scope import Scope
from data.ledger import Ledger


class Reliability(NamedTuple):
    """One model in this log. `attempts` asked it, `failure_share` failed; ms of successful ones, None unknown."""

    attempts: int
    failure_share: float
    p50_ms: float | None
    p95_ms: float | None


def reliability(view: Ledger, scope: Scope) -> dict[str, Reliability]:
    """By model, the busiest first; what a gateway's cache answered asked no model."""
    rows = scope.usage(view)
    rows = rows.filter((rows.status != "cached") & rows.model.notnull())
    waits = {f"p{share}": rows.latency_ms.quantile(share / 100, where=rows.status == "success") for share in (50, 95)}
    failed = (rows.status == "error").sum()
    table = view.frame(rows.group_by("model").aggregate(attempts=rows.count(), failed=failed, **waits))
    table = table.sort_values(["attempts", "model"], ascending=[False, True])
    return {
        row.model: Reliability(
            int(row.attempts),
            float(row.failed) / float(row.attempts),
            *(None if wait != wait else float(wait) for wait in (row.p50, row.p95)),
        )
        for row in table.itertuples(index=False)
    }


def failure_share(shares: Mapping[str, float], known: Mapping[str, Reliability]) -> float | None:
    """Of the requests of a mix, by each model's own share of failures in this log; None where one was never asked."""
    parts = [(name.partition("@")[0], share) for name, share in shares.items() if share > 0]
    if not parts or any(name not in known for name, _ in parts):
        return None
    return sum(share * known[name].failure_share for name, share in parts)
