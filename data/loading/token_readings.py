"""What "input" and "output" mean in a source, decided from its own numbers.

Four consistency tests per (source, provider, model), the first that decides wins:
1. cache tokens exceed the input: the input excludes them;
2. the log's total equals input + output (inclusive) or input + cache + output (exclusive);
   input + output + reasoning puts reasoning outside the output;
3. the log's cost is reproduced by one reading and not by the other;
4. none decides: the source's documented default, and the row says `assumed`.
"""

from __future__ import annotations

from data.formats import RAW_COUNTS, Format
from data.schema import MEDIA_TOKENS

CACHE = (
    "(coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) + coalesce(cache_write_5m_tokens, 0) +"
    " coalesce(cache_write_1h_tokens, 0))"
)
ENOUGH = 0.9  # share of telling records that must agree
COST_SAMPLE = 2000  # rows per model priced under both readings


def decide(cursor, stage: str, form: Format, priced) -> None:
    """Create temp table `readings`: one row per (provider, model_raw) of the staged rows that needs a decision.

    `priced(relation)` is the price book's SQL; it prices the same rows under both readings.
    """
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE readings AS {_evidence(stage)}")
    undecided = cursor.execute(
        f"SELECT count(*) FROM readings WHERE has_cache > 0 AND excl_by_size = 0 AND NOT ({INCLUSIVE_BY_TOTAL})"
        f" AND NOT ({EXCLUSIVE_BY_TOTAL})"
    ).fetchone()[0]
    if undecided:
        cursor.execute(_cost_evidence(stage, priced))
    else:
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE cost_readings (provider VARCHAR, model_raw VARCHAR, fits_inclusive BIGINT,"
            " fits_exclusive BIGINT, priced BIGINT)"
        )
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE readings AS {_verdicts(form)}")


def _evidence(stage: str) -> str:
    telling = f"{CACHE} > 0 AND total_tokens IS NOT NULL"
    return f"""
        SELECT provider, model_raw, count(*) AS records,
            count(*) FILTER ({CACHE} > 0) AS has_cache,
            count(*) FILTER ({CACHE} > input_tokens) AS excl_by_size,
            count(*) FILTER ({telling} AND total_tokens IN (input_tokens + output_tokens,
                input_tokens + output_tokens + reasoning_tokens)) AS incl_by_total,
            count(*) FILTER ({telling} AND total_tokens IN (input_tokens + {CACHE} + output_tokens,
                input_tokens + {CACHE} + output_tokens + reasoning_tokens)) AS excl_by_total,
            count(*) FILTER (reasoning_tokens > 0) AS has_reasoning,
            count(*) FILTER (reasoning_tokens > output_tokens) AS outside_by_size,
            count(*) FILTER (reasoning_tokens > 0 AND total_tokens IN (input_tokens + output_tokens + reasoning_tokens,
                input_tokens + {CACHE} + output_tokens + reasoning_tokens)) AS outside_by_total,
            count(*) FILTER (reasoning_tokens > 0 AND total_tokens IN (input_tokens + output_tokens,
                input_tokens + {CACHE} + output_tokens)) AS inside_by_total
        FROM {stage}
        WHERE (input_has_cache IS NULL AND {CACHE} > 0 OR output_has_reasoning IS NULL AND reasoning_tokens > 0)
        GROUP BY ALL"""


def _cost_evidence(stage: str, priced) -> str:
    """Price a sample of rows whose log carries a cost under both readings and count the fits (within 1 %)."""
    sample = f"""SELECT * FROM {stage} WHERE input_has_cache IS NULL AND {CACHE} > 0
        AND reported_cost_usd > 0 AND {CACHE} <= input_tokens AND status = 'success'
        QUALIFY row_number() OVER (PARTITION BY provider, model_raw) <= {COST_SAMPLE}"""
    both = f"SELECT *, unnest([true, false]) AS reading FROM ({sample})"
    fits = "count(*) FILTER (reading {} AND abs(list_cost_usd - reported_cost_usd) <= 0.01 * reported_cost_usd)"
    buckets = disjoint("reading", "coalesce(output_has_reasoning, true)")
    raw = ", ".join(RAW_COUNTS)
    once = f"SELECT * EXCLUDE ({raw}), provider AS raw_provider, {buckets} FROM ({both})"
    return f"""CREATE OR REPLACE TEMP TABLE cost_readings AS
        SELECT raw_provider AS provider, model_raw, {fits.format("")} AS fits_inclusive,
            {fits.format("IS FALSE")} AS fits_exclusive,
            count(*) FILTER (reading AND list_cost_usd IS NOT NULL) AS priced
        FROM ({priced(f"({once})")}) GROUP BY ALL"""


def disjoint(input_has_cache: str, output_has_reasoning: str) -> str:
    """SQL for the disjoint buckets, given how the log's totals are to be read. NULL stays NULL.

    Media tokens are parts of the log's totals: they are taken out of the text, and never more than is there.
    """
    writes = (
        "CASE WHEN cache_write_5m_tokens IS NULL AND cache_write_1h_tokens IS NULL THEN cache_write_tokens ELSE"
        " cache_write_5m_tokens END"
    )
    fresh = f"CASE WHEN {input_has_cache} THEN input_tokens - {CACHE_ONCE} ELSE input_tokens END"
    visible = (
        f"CASE WHEN {output_has_reasoning} THEN output_tokens - coalesce(reasoning_tokens, 0) ELSE output_tokens END"
    )

    def not_cached(kind: str) -> str:
        cached = f"{kind}_cache_read_tokens" if f"{kind}_cache_read_tokens" in MEDIA_TOKENS else "0"
        return f"{kind}_input_tokens - CASE WHEN {input_has_cache} THEN coalesce({cached}, 0) ELSE 0 END"

    sides = (
        ("fresh_input_tokens", fresh, {f"{kind}_input_tokens": not_cached(kind) for kind in MEDIA_INPUT}),
        ("cache_read_tokens", "cache_read_tokens", {name: name for name in MEDIA_TOKENS if "cache_read" in name}),
        ("output_tokens", visible, {name: name for name in MEDIA_TOKENS if name.endswith("_output_tokens")}),
    )
    buckets = {name: sql for side in sides for name, sql in _apart(*side).items()}
    buckets |= {
        "cache_write_5m_tokens": writes,
        "cache_write_1h_tokens": "cache_write_1h_tokens",
        "reasoning_tokens": "reasoning_tokens",
    }
    return ", ".join(f"{sql} AS {name}" for name, sql in buckets.items())


MEDIA_INPUT = ("image", "audio", "video")


def _apart(text: str, whole: str, media: dict[str, str]) -> dict[str, str]:
    """One side of the tokens as text and its media, which together are the whole as far as it reaches."""
    parts: dict[str, str] = {}
    room = f"greatest(coalesce({whole}, {UNKNOWN_WHOLE}), 0)"
    taken = "0"
    for name, count in media.items():
        parts[name] = f"CASE WHEN {name} IS NOT NULL THEN greatest(least({count}, {room} - {taken}), 0) END"
        taken = f"least({taken} + greatest(coalesce({count}, 0), 0), {room})"
    return {text: f"{whole} - CASE WHEN coalesce({', '.join(media)}) IS NOT NULL THEN {taken} ELSE 0 END", **parts}


UNKNOWN_WHOLE = 10**12  # media of a side whose total is unknown stand as they are


# `cache_write_tokens` is the sum where the log also splits it by time to live: count it once.
CACHE_ONCE = (
    "(coalesce(cache_read_tokens, 0) + CASE WHEN cache_write_5m_tokens IS NULL AND cache_write_1h_tokens IS NULL THEN"
    " coalesce(cache_write_tokens, 0) ELSE coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0) END)"
)


def _agree(hits: str, of: str) -> str:
    """Whether enough of the telling records say the same."""
    return f"{hits} > 0 AND {hits} >= {ENOUGH} * ({of})"


INCLUSIVE_BY_TOTAL = _agree("incl_by_total", "incl_by_total + excl_by_total")
EXCLUSIVE_BY_TOTAL = _agree("excl_by_total", "incl_by_total + excl_by_total")


def _verdicts(form: Format) -> str:
    assumed_in, assumed_out = str(form.assume_input_has_cache).upper(), str(form.assume_output_has_reasoning).upper()
    return f"""
        SELECT r.provider, r.model_raw, r.records,
            CASE WHEN excl_by_size > 0 THEN FALSE
                 WHEN {INCLUSIVE_BY_TOTAL} THEN TRUE
                 WHEN {EXCLUSIVE_BY_TOTAL} THEN FALSE
                 WHEN {_agree("fits_inclusive", "priced")} AND fits_inclusive > fits_exclusive THEN TRUE
                 WHEN {_agree("fits_exclusive", "priced")} AND fits_exclusive > fits_inclusive THEN FALSE
                 ELSE {assumed_in} END AS input_has_cache,
            CASE WHEN outside_by_size > 0 THEN FALSE
                 WHEN {_agree("outside_by_total", "outside_by_total + inside_by_total")} THEN FALSE
                 WHEN {_agree("inside_by_total", "outside_by_total + inside_by_total")} THEN TRUE
                 ELSE {assumed_out} END AS output_has_reasoning,
            CASE WHEN (has_cache = 0 OR excl_by_size + incl_by_total + excl_by_total > 0 OR coalesce(fits_inclusive,
            0) <> coalesce(fits_exclusive, 0))
                  AND (has_reasoning = 0 OR outside_by_size + outside_by_total + inside_by_total > 0) THEN 'inferred'
                      ELSE 'assumed' END AS verdict,
            CASE WHEN excl_by_size > 0 THEN 'cache tokens exceed the input in ' || excl_by_size || ' of ' || has_cache
            || ' records'
                 WHEN incl_by_total + excl_by_total > 0 THEN 'total = input + output in ' || incl_by_total ||
                 ', = input + cache + output in ' || excl_by_total || ' of ' || has_cache || ' records'
                 WHEN coalesce(priced, 0) > 0 THEN 'logged cost reproduced in ' || fits_inclusive ||
                 ' (inclusive) and ' || fits_exclusive || ' (exclusive) of ' || priced || ' records'
                 WHEN has_reasoning > 0 AND has_cache = 0 THEN 'total has reasoning outside output in ' ||
                 outside_by_total || ', inside in ' || inside_by_total || ' of ' || has_reasoning || ' records'
                 ELSE 'no record decides; the source''s documented default is used' END AS evidence
        FROM readings r LEFT JOIN cost_readings c ON r.provider IS NOT DISTINCT FROM c.provider AND r.model_raw IS NOT
        DISTINCT FROM c.model_raw"""
