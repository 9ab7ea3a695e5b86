"""Seconds of the review's questions on a large ledger: `python -m tests.benchmarks.review_speed [ROWS] [HOME]`.

Fills a fresh ledger with ROWS synthetic attempts over 400 days (default one million) in one SQL statement,
then asks every question twice on one data version, in seconds by the clock and of processor time (the
one that counts on a busy machine). Kept in HOME where given.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta

from analytics import inventory, unit_costs
from analytics.anomalies import anomaly_search
from analytics.bridges import bridge
from analytics.budgets import plan
from analytics.forecasts import forecast
from analytics.history import daily, through
from analytics.savings import savings
from analytics.scope import Scope
from analytics.weekly import review
from analytics.weekly.weeks import last_week
from data import rollups
from data.ledger import Ledger
from data.state import State
from routing.policies.in_force import forbidden

ROWS_TEXT = """
INSERT INTO lake.main.usage BY NAME
SELECT 'e' || i AS event_id, 'bench' AS source, 'bench' AS batch_id, i AS record_no, 'c' || i AS call_id, 1 AS attempt,
    TIMESTAMP '2025-10-01' + to_seconds((400.0 * 86400 * i / {rows})::BIGINT) AS requested_at,
    ['openai', 'minimax', 'deepseek', 'anthropic'][1 + m] AS provider, ['gpt-5.2', 'minimax-m2', 'deepseek-v3.2',
        'claude-opus-4-6'][1 + m] AS model,
    'standard' AS service_tier, 'chat' AS operation, 'team-' || t AS team, 'feature-' || (t * 2 + h % 2) AS feature,
        'production' AS environment,
    's' || (i // 4) AS session_id, 'customer-' || (h % 200) AS customer_id, ['chat', 'coding', 'extraction',
        'reasoning'][1 + t % 4] AS task_type,
    ['low', 'normal', 'high'][1 + t % 3] AS criticality, 'internal' AS data_class,
        800 + h % 1000 AS fresh_input_tokens, h % 2000 AS cache_read_tokens,
    100 + h % 400 AS output_tokens, 'reported' AS token_semantics,
        CASE WHEN h % 100 < 2 THEN 'error' ELSE 'success' END AS status, 900.0 + h % 900 AS latency_ms,
    ((800 + h % 1000) * 1.75e-6 + (100 + h % 400) * 14e-6)::DECIMAL(18, 12) AS cost_usd, cost_usd AS list_cost_usd,
        'list' AS cost_basis,
    CASE WHEN h % 10 = 0 THEN 0.85 + (h % 15) / 100 END AS quality_score
FROM (SELECT i, hash(i) % 1000003 AS h, (hash(i, 1) % 4)::INTEGER AS m, (hash(i,
    2) % 10)::INTEGER AS t FROM range({rows}) AS r(i))
"""


def fill(ledger: Ledger, rows: int) -> None:
    with ledger.write() as cursor:
        cursor.execute(ROWS_TEXT.format(rows=rows))
        cursor.execute("INSERT INTO lake.main.batches BY NAME SELECT 'bench' AS batch_id, ? AS loaded", [rows])
        rollups.rebuild(cursor)


def questions(view: Ledger, state: State) -> dict[str, Callable[[], object]]:
    end = through(view).complete_until
    month, week = Scope.of(view, end - timedelta(days=28), end), Scope.of(view, end - timedelta(days=7), end)
    return {
        "month end": lambda: forecast.month_end(view, Scope.of(view)),
        "12 months": lambda: plan.plan(daily(view, Scope.of(view)), end, 12),
        "bridge, two weeks": lambda: bridge.between(view, week.before(), week),
        "anomalies, 28 days": lambda: anomaly_search.findings(view, month),
        "savings, 28 days of rows": lambda: savings.findings(view, month, state, forbidden(state)),
        "unit costs, a week of rows": lambda: unit_costs.costs_of(view, week),
        "inventory": lambda: inventory.in_use(view, state, ("model", "feature", "team")),
        "weekly report, whole": lambda: review.build(view, state, last_week(view), forbidden=forbidden(state)),
    }


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as scratch:
        home = sys.argv[2] if len(sys.argv) > 2 else scratch
        ledger = Ledger.open(home)
        if not ledger.sql(f"SELECT count(*) AS n FROM {ledger.name('usage')}")["n"][0]:
            started = time.perf_counter()
            fill(ledger, rows)
            print(f"filled {rows:,} rows in {time.perf_counter() - started:.0f} s")
        view, state = ledger.at(ledger.snapshot()), State.open(home)
        for name, ask in questions(view, state).items():
            seconds = []
            for _ in range(2):
                started, worked = time.perf_counter(), time.process_time()
                ask()
                seconds += [time.perf_counter() - started, time.process_time() - worked]
            print(
                "{:28s} first {:6.2f} s ({:5.2f} s of processor), again {:6.2f} s ({:5.2f})".format(name, *seconds),
                flush=True,
            )
        ledger.close()


if __name__ == "__main__":
    main()
