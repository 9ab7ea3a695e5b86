"""The sample company's traffic as engine queries: deterministic for a seed, an end date and a number of rows.

Every random number is a hash of what it is for, so no row depends on how many threads made it. A
record is one real call. A task is one call or a conversation of several, each of which sends everything
said before; it reads from the prompt cache what the call before it left there, where the provider still keeps it
(data/facts/prompt_caches). Fewer rows are a smaller company: dollars go with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

from data.calendar import DAYS_PER_YEAR
from data.facts.prompt_caches import prompt_cache
from data.sample.company import Company, Workload

HOUR_STEPS = 512  # resolution of the inverse distribution of hours
MOST_TURNS = 4  # the longest task has so many times the turns of its workload's mean
KEPT_IN_STEPS = 128  # tokens: a cache keeps a prompt's beginning in steps of this size
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
    """Create the temp tables the queries read; `slot` has a row per workload and day: how many tasks begin then."""
    for macro in MACROS:
        cursor.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")
    kinds: dict[Any, str] = {str: "TEXT", float: "DOUBLE", int: "INTEGER"}
    typed = {name: kinds.get(field.annotation, "TEXT") for name, field in Workload.model_fields.items()}
    workloads = [(number, *workload.model_dump().values()) for number, workload in enumerate(company.workloads)]
    _fill(cursor, "workload", {"w": "INTEGER"} | typed, workloads)
    rates = [(name, *rate.model_dump().values(), *_kept(rate.provider, name)) for name, rate in company.models.items()]
    prices = dict.fromkeys(("fresh_usd", "cached_usd", "output_usd", "overhead_ms", "ms_per_token", "room"), "DOUBLE")
    kept = {"life_s": "DOUBLE", "least_kept": "INTEGER"}
    _fill(cursor, "rate", {"model": "TEXT", "provider": "TEXT"} | prices | kept, rates)
    rhythms = [(name, _hour_steps(weights)) for name, weights in company.hours.items()]
    _fill(cursor, "rhythm", {"hours": "TEXT", "hour_at": "INTEGER[]"}, rhythms)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE slot AS {_slots_text(company, wish)}")


def _kept(provider: str, model: str) -> tuple[float, int]:
    """How long the provider keeps a prompt's beginning, in seconds from its last use, and the shortest it keeps."""
    cache = prompt_cache(provider, model)
    return cache.life_s or 0.0, cache.minimum_tokens or 0


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
    events = company.events
    failing, cache, runaway, moved = events.failing, events.broken_cache, events.runaway, events.provider_change
    is_failing = f"model = '{failing.model}' AND days_ago <= {failing.days_ago}"
    is_broken = f"team = '{cache.team}' AND feature = '{cache.feature}' AND days_ago <= {cache.days_ago}"
    return f"""
        WITH day AS (
            SELECT DATE '{wish.end}' - i::INTEGER AS day, i AS days_ago FROM range(1, {wish.days + 1}) AS t(i)
        ),
        weighted AS (
            SELECT * EXCLUDE (warm, provider, first_warm), hash({wish.seed}, w, days_ago) AS salt,
                share * (CASE WHEN hours = 'nightly' THEN {company.batch_weekdays} ELSE {company.weekdays}
                        END)[isodow(day)]
                    * pow(1 + growth, -days_ago / {DAYS_PER_YEAR}) * spread(hash({wish.seed}, w, day), 1, 0.07)
                    * CASE WHEN team = '{runaway.team}' AND feature = '{runaway.feature}'
                        AND days_ago <= {runaway.days_ago} AND days_ago > {runaway.days_ago - runaway.days}
                        THEN {runaway.times} ELSE 1 END AS weight,
                pow(1 + context_growth, -days_ago / {DAYS_PER_YEAR}) AS drift,
                CASE WHEN {is_broken} THEN {cache.warm} ELSE warm END AS warm,
                CASE WHEN {is_broken} THEN {cache.warm} ELSE first_warm END AS first_warm,
                CASE WHEN feature = '{moved.feature}' AND days_ago <= {moved.days_ago}
                    THEN '{moved.provider}' ELSE provider END AS provider,
                CASE WHEN {is_failing} THEN {failing.rate} ELSE {events.usual_failure_rate} END AS failure_rate,
                CASE WHEN {is_failing} THEN {failing.fallback_share} ELSE 0 END AS fallback_share
            FROM workload CROSS JOIN day JOIN rate USING (model) JOIN rhythm USING (hours)
        )
        SELECT * EXCLUDE (share, weight, fresh_usd, cached_usd, output_usd),
            floor({wish.rows} * weight / sum(weight * turns) OVER () + chance(salt, 2))::BIGINT AS tasks
        FROM weighted ORDER BY day, w"""


def attempts_text(company: Company, wish: Wish, log: str, first: date, last: date) -> str:
    """SELECT text of every attempt that one log holds of the tasks begun from `first` to before `last`.

    `input_tokens` includes `cached_tokens`, `output_tokens` includes `reasoning_tokens`; `cost_usd` is at
    catalogue prices, 0 for an attempt that failed.
    """
    events = company.events
    quiet = wish.end - timedelta(events.quiet.days_ago if log == events.quiet.log else 0)
    return f"""
        WITH call AS ({_calls_text(log, first, last)}),
        attempt AS (
            SELECT * EXCLUDE (model, provider, room, life_s, least_kept),
                unnest(CASE WHEN fails THEN [1, 2] ELSE [1] END) AS attempt,
                fails AND (attempt = 1 OR chance(k, 5) < {RETRY_FAILS}) AS failed,
                attempt = 2 AND chance(k, 2) < fallback_share AS fell_back,
                CASE WHEN fell_back THEN '{events.failing.fallback}' ELSE model END AS model,
                CASE WHEN fell_back THEN '{company.models[events.failing.fallback].provider}' ELSE provider END
                    AS provider
            FROM call
        ),
        counted AS (
            SELECT attempt.* REPLACE (CASE WHEN fell_back THEN 0 ELSE cached_tokens END AS cached_tokens),
                CASE WHEN failed THEN 0 ELSE written END AS output_tokens,
                round(output_tokens * reasoning / output)::BIGINT AS reasoning_tokens,
                CASE WHEN failed THEN error.wait_ms * (0.7 + 0.6 * chance(k, attempt + 5))
                    ELSE (rate.overhead_ms + rate.ms_per_token * written) * spread(k, 8, 0.35) END AS latency_ms,
                rate.overhead_ms, rate.fresh_usd, rate.cached_usd, rate.output_usd
            FROM attempt JOIN rate USING (model)
        )
        SELECT 'call-' || hex_of(k) AS call_id, attempt, model, provider, feature, task_type, criticality, data_class,
            failed, error, fell_back,
            begun + to_milliseconds((elapsed_ms + (attempt - 1) * (1500 + error.wait_ms))::BIGINT) AS started_at,
            started_at + to_milliseconds(latency_ms::BIGINT) AS ended_at, latency_ms,
            least(latency_ms, overhead_ms * spread(k, 12, 0.4)) AS ttft_ms,
            CASE WHEN chance(task, 13) >= {events.no_key_share} THEN team END AS team,
            {_environment_text(company)} AS environment,
            'user-' || left(team, 3) || '-' || {_number_text(40, 15, 2)} AS user_id,
            CASE WHEN data_class IN ('customer', 'regulated') THEN 'customer-' || {_number_text(180, 16, 3)} END
                AS customer_id,
            CASE WHEN turns > 1 THEN 'session-' || hex_of(task) END AS session_id,
            input_tokens, cached_tokens, output_tokens, reasoning_tokens,
            CASE WHEN failed THEN 0 ELSE round(((input_tokens - cached_tokens) * fresh_usd
                + cached_tokens * cached_usd + output_tokens * output_usd) / 1e6, 9) END AS cost_usd,
            CASE WHEN NOT failed AND chance(k, 17) < {events.scored_share}
                THEN round(greatest(0, least(1, quality + 0.045 * normal(k, 18))), 3) END AS quality_score
        FROM counted WHERE started_at < TIMESTAMP '{quiet}'"""


def _calls_text(log: str, first: date, last: date) -> str:
    """SELECT text of one log's calls: what each sends, what of it the provider still keeps, and when it is sent.

    A conversation that fills the model's room is begun anew from a summary, as agents do.
    """
    return f"""
        WITH task AS (
            SELECT *, hash(salt, i) AS task, drift * spread(task, 3, 0.4) AS size,
                CASE WHEN turns = 1 THEN 1 ELSE
                    least({MOST_TURNS} * turns, greatest(1, round(turns * spread(task, 20, 0.5)))) END AS length,
                least(room, shared + input * size) AS opening, adds * size AS step,
                day + to_hours(hour_at[1 + floor(chance(task, 9) * {HOUR_STEPS})::INTEGER])
                    + to_milliseconds((3600000 * chance(task, 10))::BIGINT) AS begun
            FROM (SELECT *, unnest(range(tasks)) AS i FROM slot
                WHERE log = '{log}' AND day >= DATE '{first}' AND day < DATE '{last}')
        ),
        turn AS (
            SELECT * EXCLUDE (overhead_ms, ms_per_token), hash(task, turn) AS k,
                turn % greatest(1, floor((room - opening) / greatest(step, 1)))::BIGINT AS place,
                CASE WHEN place > 0 THEN place + 0.8 * (chance(k, 21) - 0.5) ELSE 0 END AS added,
                round(opening + step * added)::BIGINT AS input_tokens,
                round(output * drift * spread(k, 4, 0.55))::BIGINT AS written,
                chance(k, 1) < failure_rate AS fails, {_error_text()} AS error,
                overhead_ms + ms_per_token * written + 1000 * pause_s * spread(k, 11, 1.2) AS busy_ms
            FROM (SELECT *, unnest(range(length::BIGINT)) AS turn FROM task)
        ),
        timed AS (
            SELECT *, lag(input_tokens) OVER said AS said_tokens, lag(busy_ms) OVER said / 1000 AS gap_s,
                coalesce(sum(busy_ms) OVER (said ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS elapsed_ms
            FROM turn WINDOW said AS (PARTITION BY task ORDER BY turn)
        )
        SELECT *, CASE WHEN place > 0 AND gap_s <= life_s AND chance(k, 22) < warm THEN least(said_tokens, input_tokens)
                WHEN chance(k, 23) < first_warm THEN shared ELSE 0 END AS found,
            CASE WHEN found < least_kept THEN 0 ELSE found // {KEPT_IN_STEPS} * {KEPT_IN_STEPS} END::BIGINT
                AS cached_tokens
        FROM timed"""


def _number_text(most: int, purpose: int, digits: int) -> str:
    """A number from 1 to `most` as text; the low ones are met most often."""
    return f"lpad((1 + floor({most} * pow(chance(task, {purpose}), 2)))::INTEGER::TEXT, {digits}, '0')"


def _error_text() -> str:
    """What a failed attempt met: mostly the provider's rate limit, some rejected tool calls, time-outs and
    server errors."""
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
        f"WHEN chance(task, 14) < {below:.6f} THEN '{name}'"
        for name, below in zip(company.environments, reached, strict=True)
    )
    return f"CASE {cases} ELSE '{next(iter(company.environments))}' END"
