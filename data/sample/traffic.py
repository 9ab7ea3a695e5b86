"""The sample company's traffic as engine queries: deterministic for a seed, an end date and a number of rows.

Every random number is a hash of what it is for, so no row depends on how many threads made it. A
record sums as many real calls as the company has per record: its tokens are scaled so that each
workload costs its declared dollars a year at catalogue prices, whatever the number of rows. At tens
of millions of rows a record is close to one real call.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Any

from data.sample.company import Company, Workload

HOUR_STEPS = 512  # resolution of the inverse distribution of hours
RETRY_FAILS = 0.06  # share of second attempts that fail too

MACROS = (
    # [0, 1) for a key and a purpose. Hashed twice: the hash of two columns is only a XOR of theirs, so purposes would
    # agree.
    "chance(k, n) AS (hash(hash(k, n)) >> 11) / 9007199254740992.0",
    "normal(k, n) AS sqrt(-2 * ln(1 - chance(k, n))) * cos(2 * pi() * chance(k, n + 1000))",
    "spread(k, n, sigma) AS exp(sigma * normal(k, n) - sigma * sigma / 2)",  # log-normal with mean 1
    "hex_of(k) AS lower(lpad(to_hex(k), 16, '0'))",
)


@dataclass(frozen=True)
class Wish:
    """What to generate: about `rows` records over the `days` before `end` (exclusive), from `seed`."""

    rows: int
    days: int
    end: date
    seed: int


def plan(cursor: Any, company: Company, wish: Wish) -> None:
    """Create the temp tables the queries read; `slot` has a row per workload and day: its calls and its token scale."""
    for macro in MACROS:
        cursor.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")
    kinds: dict[Any, str] = {str: "TEXT", float: "DOUBLE", int: "INTEGER"}
    typed = {name: kinds.get(field.annotation, "TEXT") for name, field in Workload.model_fields.items()}
    workloads = [(number, *workload.model_dump().values()) for number, workload in enumerate(company.workloads)]
    _fill(cursor, "workload", {"w": "INTEGER"} | typed, workloads)
    rates = [(name, *rate.model_dump().values()) for name, rate in company.models.items()]
    prices = dict.fromkeys(("fresh_usd", "cached_usd", "output_usd", "overhead_ms", "ms_per_token"), "DOUBLE")
    _fill(cursor, "rate", {"model": "TEXT", "provider": "TEXT"} | prices, rates)
    rhythms = [(name, _hour_steps(weights)) for name, weights in company.hours.items()]
    _fill(cursor, "rhythm", {"hours": "TEXT", "hour_at": "INTEGER[]"}, rhythms)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE slot AS {_slots_text(company, wish)}")


def _fill(cursor: Any, table: str, columns: dict[str, str], rows: list[tuple]) -> None:
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
    )
    cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)


def _hour_steps(weights: list[float]) -> list[int]:
    """The hour at each of HOUR_STEPS equal shares of a day's requests."""
    reached = list(accumulate(weights))
    shares = ((step + 0.5) / HOUR_STEPS * reached[-1] for step in range(HOUR_STEPS))
    return [next(hour for hour, sum_ in enumerate(reached) if sum_ > share) for share in shares]


def _slots_text(company: Company, wish: Wish) -> str:
    failing, cache, runaway = company.events.failing, company.events.broken_cache, company.events.runaway
    is_failing = f"model = '{failing.model}' AND days_ago <= {failing.days_ago}"
    year = f"least({wish.days}, 365)"
    return f"""
        WITH day AS (SELECT DATE '{wish.end}' - i::INTEGER AS day, i AS days_ago FROM range(1,
            {wish.days + 1}) AS t(i)),
        weighted AS (
            SELECT *, hash({wish.seed}, w, days_ago) AS salt,
                (CASE WHEN hours = 'nightly' THEN {company.batch_weekdays} ELSE {company.weekdays} END)[isodow(day)]
                    * pow(1 + growth, -days_ago / 365.0) * spread(hash({wish.seed}, w, day), 1, 0.07)
                    * CASE WHEN team = '{runaway.team}' AND feature = '{runaway.feature}'
                        AND days_ago <= {runaway.days_ago} AND days_ago > {runaway.days_ago - runaway.days} THEN
                            {runaway.times} ELSE 1 END AS weight,
                pow(1 + context_growth, -days_ago / 365.0) AS drift,
                CASE WHEN team = '{cache.team}' AND feature = '{cache.feature}' AND days_ago <= {cache.days_ago}
                    THEN {cache.cached} ELSE cached END AS cached_share,
                CASE WHEN {is_failing} THEN {failing.rate} ELSE {company.events.usual_failure_rate} END AS failure_rate,
                CASE WHEN {is_failing} THEN {failing.fallback_share} ELSE 0 END AS fallback_share
            FROM workload CROSS JOIN day JOIN rate USING (model) JOIN rhythm USING (hours)
        ),
        parted AS (SELECT *, share * weight / sum(weight) FILTER (days_ago <= {year}) OVER (PARTITION BY w) AS part
            FROM weighted),
        expected AS (
            SELECT *, {wish.rows} * part / sum(part) OVER () AS expected,
                (1 - failure_rate * fallback_share) * (1 - failure_rate * {RETRY_FAILS}) * drift
                    * (input * ((1 - cached_share) * fresh_usd + cached_share * cached_usd) + output * output_usd) /
                        1e6 AS call_usd
            FROM parted
        ),
        counted AS (
            SELECT *, floor(expected + chance(salt, 2))::BIGINT AS calls,
                usd * {year} / 365 / sum(expected * call_usd) FILTER (days_ago <= {year}) OVER (PARTITION BY w) AS scale
            FROM expected
        )
        SELECT * EXCLUDE (share, usd, weight, part, expected, call_usd, overhead_ms, ms_per_token, provider,
            fresh_usd, cached_usd, output_usd),
            (sum(calls) OVER (PARTITION BY w ORDER BY day) - calls)::BIGINT AS first_call, hash({wish.seed}, w,
                'session') AS session_salt
        FROM counted ORDER BY day, w"""


def attempts_text(company: Company, wish: Wish, log: str, first: date, last: date) -> str:
    """SELECT text of every attempt that one log holds of the days from `first` to before `last`, day by day.

    `input_tokens` includes `cached_tokens`, `output_tokens` includes `reasoning_tokens`; `cost_usd` is at
    catalogue prices, 0 for an attempt that failed.
    """
    events = company.events
    return f"""
        WITH call AS (
            SELECT *, hash(salt, i) AS k, hash(session_salt, (first_call + i) // turns) AS session_key,
                (first_call + i) % turns AS turn
            FROM (SELECT *, unnest(range(calls)) AS i FROM slot WHERE log = '{log}' AND day >= DATE '{first}' AND day
                < DATE '{last}')
        ),
        drawn AS (
            SELECT *, chance(k, 1) < failure_rate AS fails, chance(k, 2) < fallback_share AS falls_back,
                input * drift * spread(k, 3, 0.5) * CASE WHEN turns > 1 THEN 2.0 * (turn + 1) / (turns + 1) ELSE 1 END
                    AS real_input,
                output * drift * spread(k, 4, 0.55) AS real_output,
                CASE WHEN turns > 1 THEN session_key ELSE k END AS task_key,
                {_error_text()} AS error
            FROM call
        ),
        attempt AS (
            SELECT * EXCLUDE (model), unnest(CASE WHEN fails THEN [1, 2] ELSE [1] END) AS attempt,
                fails AND (attempt = 1 OR chance(k, 5) < {RETRY_FAILS}) AS failed,
                CASE WHEN attempt = 2 AND falls_back THEN '{events.failing.fallback}' ELSE model END AS model
            FROM drawn
        ),
        counted AS (
            SELECT *, round(real_input * scale)::BIGINT AS input_tokens,
                round(input_tokens * cached_share)::BIGINT AS cached_tokens,
                CASE WHEN failed THEN 0 ELSE round(real_output * scale)::BIGINT END AS output_tokens,
                round(output_tokens * reasoning / output)::BIGINT AS reasoning_tokens,
                CASE WHEN failed THEN error.wait_ms * (0.7 + 0.6 * chance(k, attempt + 5))
                    ELSE (overhead_ms + ms_per_token * real_output) * spread(k, 8, 0.35) END AS latency_ms
            FROM attempt JOIN rate USING (model)
        )
        SELECT 'call-' || hex_of(k) AS call_id, attempt, model, provider, feature, task_type, criticality, data_class,
            failed, error,
            attempt = 2 AND falls_back AS fell_back, round(scale, 1) AS calls,
            least(day + to_hours(hour_at[1 + floor(chance(task_key, 9) * {HOUR_STEPS})::INTEGER])
                + to_milliseconds((3600000 * chance(task_key, 10) + turn * (75000 + 40000 * chance(k,
                11)) + (attempt - 1) * (1500 + error.wait_ms))::BIGINT),
                TIMESTAMP '{wish.end}' - INTERVAL 1 SECOND) AS started_at,
            started_at + to_milliseconds(latency_ms::BIGINT) AS ended_at, latency_ms,
            least(latency_ms, overhead_ms * spread(k, 12, 0.4)) AS ttft_ms,
            CASE WHEN chance(task_key, 13) >= {events.no_key_share} THEN team END AS team,
            {_environment_text(company)} AS environment,
            'user-' || left(team, 3) || '-' || lpad((1 + floor(40 * pow(chance(task_key, 15), 2)))::INTEGER::TEXT, 2,
                '0') AS user_id,
            CASE WHEN data_class IN ('customer', 'regulated')
                THEN 'customer-' || lpad((1 + floor(180 * pow(chance(task_key, 16), 2)))::INTEGER::TEXT, 3,
                    '0') END AS customer_id,
            CASE WHEN turns > 1 THEN 'session-' || hex_of(session_key) END AS session_id,
            input_tokens, cached_tokens, output_tokens, reasoning_tokens,
            CASE WHEN failed THEN 0 ELSE round(((input_tokens - cached_tokens) * fresh_usd + cached_tokens *
                cached_usd + output_tokens * output_usd) / 1e6, 9) END AS cost_usd,
            CASE WHEN NOT failed AND chance(k, 17) < {events.scored_share}
                THEN round(greatest(0, least(1, quality + 0.045 * normal(k, 18))), 3) END AS quality_score
        FROM counted"""


def _error_text() -> str:
    """What a failed attempt met: mostly the
    provider's rate limit, some rejected tool calls, time-outs and server errors."""
    kinds = (
        ("0.78", 429, "RateLimitError", "Rate limit reached: 1500 requests per minute", 400),
        ("0.90", 400, "BadRequestError", "Tool call arguments do not match the declared schema", 700),
        ("0.95", 504, "Timeout", "Request timed out after 60 seconds", 60_000),
        ("1.01", 503, "ServiceUnavailableError", "The model is temporarily unavailable", 1_200),
    )
    cases = " ".join(
        f"WHEN chance(k, 19) < {below} THEN {{'code': {code}, 'kind': '{kind}', 'text': '{text}', 'wait_ms':"
        f" {wait_ms}}}"
        for below, code, kind, text, wait_ms in kinds
    )
    return f"CASE {cases} END"


def _environment_text(company: Company) -> str:
    reached = accumulate(company.environments.values())
    cases = " ".join(
        f"WHEN chance(k, 14) < {below:.6f} THEN '{name}'"
        for name, below in zip(company.environments, reached, strict=True)
    )
    return f"CASE {cases} ELSE '{next(iter(company.environments))}' END"
