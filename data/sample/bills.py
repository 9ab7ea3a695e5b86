"""The sample company's invoice: what OpenAI billed by day, beside what the gateways logged.

It agrees with the logs but for one day on which a notebook key went around every gateway, so that the
reconciliation has something to find.
"""

from __future__ import annotations

from datetime import date, timedelta

from data.calendar import next_month
from data.sample.company import Company
from data.sample.logs import WRITERS
from data.sample.traffic import Wish, attempts_text

PROVIDER = "openai"


def billed_span(wish: Wish) -> tuple[date, date] | None:
    """The calendar months that lie wholly in the history, as first day and day after the last; None without one."""
    begins = wish.end - timedelta(wish.days)
    first = begins if begins.day == 1 else next_month(begins)
    last = wish.end.replace(day=1)
    return (first, last) if first < last else None


def bill_text(company: Company, wish: Wish, first: date, last: date) -> str:
    """SELECT text of one page of OpenAI organization costs for the days from `first` to before `last`.

    Sums are decimal: those of floating point depend on the order, and the same wish must write the same bytes.
    """
    stray = company.events.unlogged
    day = wish.end - timedelta(stray.days_ago)
    logged = " UNION ALL ".join(
        f"SELECT started_at, model, provider, cost_usd FROM ({attempts_text(company, wish, log, first, last)})"
        for log in WRITERS
    )
    return f"""
        WITH line AS (
            SELECT started_at::DATE AS day, 'proj-gateway' AS project, model, sum(cost_usd::DECIMAL(18,
                9)) AS usd FROM ({logged}) WHERE provider = '{PROVIDER}' GROUP BY ALL
            UNION ALL SELECT DATE '{day}', 'proj-notebooks', '{stray.model}',
                {stray.usd} WHERE DATE '{day}' BETWEEN DATE '{first}' AND DATE '{last - timedelta(1)}'
        ),
        bucket AS (
            SELECT day, list({{'object': 'organization.costs.result',
                'amount': {{'value': round(usd, 6)::DOUBLE, 'currency': 'usd'}},
                'line_item': model, 'project_id': project}}
                ORDER BY project, model) AS results
            FROM line WHERE day < DATE '{last}' GROUP BY day
        )
        SELECT 'page' AS object,
            list({{'object': 'bucket', 'start_time': epoch(day)::BIGINT, 'end_time': epoch(day + 1)::BIGINT,
                'results': results}} ORDER BY day) AS data,
            false AS has_more
        FROM bucket"""
