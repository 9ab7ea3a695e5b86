"""What the gateway's log says of a rollout's two arms, read from the ledger as it arrives.

A request is one logical call with all its attempts: failed when no attempt succeeded, its cost their sum (unknown when
one is), its time theirs together. Rows stay in the engine; sums come out.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pandas as pd

from data.ledger import Ledger
from data.sql_text import literal, tag_text
from routing.rollout.decision import Arm, Look, Seen
from routing.rollout.plan import CANDIDATE, CONTROL, LOOKS, Rollout, Traffic

SUMS = """
    count(*) AS requests, count(*) FILTER (NOT answered) AS failed,
    count(cost) AS priced, coalesce(sum(cost), 0) AS cost, coalesce(sum(cost * cost), 0) AS cost_squares,
    count(wait) FILTER (answered) AS timed,
    count(*) FILTER (answered AND wait > (SELECT p95 FROM slow)) AS late,
    count(score) AS graded, coalesce(sum(score), 0) AS score, coalesce(sum(score * score), 0) AS score_squares"""

WEEKS_BEFORE = 4  # of the log, that say what is usual
ASKED = "status NOT IN ('cached', 'cancelled')"  # what a gateway's cache answered asked no model
# Of the attempts of one request.
REQUEST = """bool_or(status = 'success') AS answered,
            CASE WHEN bool_and(cost_usd IS NOT NULL) THEN sum(cost_usd)::DOUBLE END AS cost,
            CASE WHEN bool_and(latency_ms IS NOT NULL) THEN sum(latency_ms) END AS wait,
            max(quality_score) AS score"""


def evidence(ledger: Ledger, plan: Rollout) -> Seen:
    """The evidence of the stage a plan is in; empty before it has begun."""
    last = ledger.sql(f"SELECT max(requested_at) AS last FROM {ledger.name('usage')}")["last"].iloc[0]
    told = None if pd.isna(last) else pd.Timestamp(last, tz="UTC").to_pydatetime()
    if plan.since is None:
        return Seen((), 0, 0, (0, 0), told)
    since = plan.since.replace(tzinfo=None)
    calls = _calls(ledger, plan, since)
    counted = ledger.sql(f"WITH calls AS ({calls}) SELECT arm, count(*) AS n FROM calls GROUP BY arm")
    sizes = dict(zip(counted["arm"], counted["n"], strict=True))
    new, old = int(sizes.get("candidate", 0)), int(sizes.get("control", 0))
    due = [wanted for share in LOOKS if (wanted := math.ceil(share * plan.now.requests)) <= new]
    looks = [_look(ledger, calls, wanted) for wanted in due]
    return Seen(tuple(looks), new, old, _before(ledger, since), told)


def _calls(ledger: Ledger, plan: Rollout, since: datetime) -> str:
    """SQL: one row per request of either arm since the stage began. What a gateway's cache answered asked no model."""
    return f"""
        SELECT coalesce(call_id, event_id) AS call, min(requested_at) AS asked,
            CASE WHEN bool_or(starts_with(group_, {literal(CANDIDATE)})) THEN 'candidate' ELSE 'control' END AS arm,
            {REQUEST}
        FROM (
            SELECT *, {tag_text(plan.arm_key)} AS group_ FROM {ledger.name("usage")}
            WHERE requested_at >= {literal(str(since))}::TIMESTAMP)
        WHERE {ASKED} AND (starts_with(group_, {literal(CANDIDATE)}) OR starts_with(group_, {literal(CONTROL)}))
        GROUP BY coalesce(call_id, event_id)"""


def _look(ledger: Ledger, calls: str, wanted: int) -> Look:
    """Both arms up to the candidate's request number `wanted`."""
    frame = ledger.sql(f"""
        WITH calls AS ({calls}),
        due AS (SELECT max(asked) AS until FROM (
            SELECT asked FROM calls WHERE arm = 'candidate' ORDER BY asked, call LIMIT {wanted})),
        seen AS (SELECT * FROM calls WHERE asked <= (SELECT until FROM due)),
        slow AS (SELECT quantile_cont(wait, 0.95) AS p95 FROM seen WHERE arm = 'control' AND answered)
        SELECT arm, {SUMS} FROM seen GROUP BY arm""")
    arms = {row["arm"]: _arm(row) for row in frame.to_dict("records")}
    return Look(arms.get("candidate", Arm(0, 0)), arms.get("control", Arm(0, 0)))


def _arm(row: dict[str, float]) -> Arm:
    return Arm(
        int(row["requests"]),
        int(row["failed"]),
        int(row["priced"]),
        float(row["cost"]),
        float(row["cost_squares"]),
        int(row["timed"]),
        int(row["late"]),
        int(row["graded"]),
        float(row["score"]),
        float(row["score_squares"]),
    )


def _before(ledger: Ledger, since: datetime) -> tuple[int, int]:
    """(failed, requests) of the four weeks before the stage."""
    start = since - timedelta(weeks=WEEKS_BEFORE)
    row = ledger.sql(f"""
        SELECT count(*) AS n, count(*) FILTER (NOT answered) AS failed FROM (
            SELECT {REQUEST} FROM {ledger.name("usage")}
            WHERE requested_at >= {literal(str(start))}::TIMESTAMP AND requested_at < {literal(str(since))}::TIMESTAMP
                AND {ASKED}
            GROUP BY coalesce(call_id, event_id))""").iloc[0]
    return int(row["failed"]), int(row["n"])


def usual_traffic(ledger: Ledger) -> Traffic:
    """The requests of the log's last four weeks, as a plan counts on them."""
    last = ledger.sql(f"SELECT max(requested_at) AS last FROM {ledger.name('usage')}")["last"].iloc[0]
    if pd.isna(last):
        return Traffic(0.0)
    row = ledger.sql(f"""
        SELECT avg((NOT answered)::INTEGER) AS failing, stddev_samp(score) AS score_spread,
            CASE WHEN avg(cost) > 0 THEN stddev_samp(cost) / avg(cost) END AS cost_spread FROM (
            SELECT {REQUEST} FROM {ledger.name("usage")}
            WHERE requested_at >= {literal(str(last))}::TIMESTAMP - INTERVAL {WEEKS_BEFORE} WEEK AND {ASKED}
            GROUP BY coalesce(call_id, event_id))""").iloc[0]
    known = {name: None if pd.isna(value) else float(value) for name, value in row.items()}
    return Traffic(known["failing"] or 0.0, known["cost_spread"], known["score_spread"])
