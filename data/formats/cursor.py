"""Cursor's usage export (Dashboard, Usage, Export CSV): one row per request.

The four token columns are disjoint by their own total: `Input (w/ Cache Write)` is what was written to the cache,
`Input (w/o Cache Write)` the fresh input (facts/formats2.md 3, on real rows; tokscale a496cca has the header). Some
tools write files whose first column contains the second: the total of such a row says so. `Cost` is what the request
costs by use, of an `Included` row too, which is no money paid; `Cost to you` is what is charged for it. The larger is
the row's cost, the charge stays as a tag.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has

WRITTEN, FRESH = "Input (w/ Cache Write)", "Input (w/o Cache Write)"
NAMES = (
    "Date",
    "User",
    "Cloud Agent ID",
    "Automation ID",
    "Kind",
    "Model",
    "Max Mode",
    WRITTEN,
    FRESH,
    "Cache Read",
    "Output Tokens",
    "Total Tokens",
    "Cost",
    "Cost to you",
    "Requests",
)


def _text(name: str) -> str:
    return f'text_of(d."{name}")'


# No id: what is alike in all of its columns is told apart by its place among its likes.
ROWS = f"""
    SELECT *, row_number() OVER (PARTITION BY file_no, same ORDER BY record_no) AS place, written IS NOT NULL AND fresh
        IS NOT NULL AND total = fresh + coalesce(read, 0) + coalesce(output, 0) AND written > 0
        AND written >= fresh AS is_within
    FROM (SELECT *, md5(concat_ws('|', {", ".join(f"coalesce({_text(name)}, '')" for name in NAMES[:-3])})) AS same,
        {
    ", ".join(
        f"TRY_CAST({_text(name)} AS BIGINT) AS {short}"
        for name, short in (
            (WRITTEN, "written"),
            (FRESH, "fresh"),
            ("Cache Read", "read"),
            ("Output Tokens", "output"),
            ("Total Tokens", "total"),
        )
    )
} FROM records)"""

KINDS = "included|demand|usage|free|no charge|not charged|api key|paid|pro|team|business|bonus|promo|credit"
KIND = f"lower({_text('Kind')})"


def _money(name: str) -> str:
    return f"TRY_CAST({_text(name)} AS DECIMAL(18,12))"


# An amount in another currency, or written as nobody expects: the row says that it is not read.
UNREAD = f"CASE WHEN regexp_matches({_text('Cost')}, '[0-9]') AND {_money('Cost')} IS NULL THEN {_text('Cost')} END"
MONEY = f"greatest({_money('Cost')}, {_money('Cost to you')})"
COLUMNS = {
    "event_key": "same || ':' || place",
    "requested_at": f"utc({_text('Date')})",
    "provider": "'cursor'",
    "model_raw": _text("Model"),
    "operation": "'chat'",
    "user_id": _text("User"),
    "session_id": _text("Cloud Agent ID"),
    "tags": f"""json_merge_patch('{{}}', json_object('kind', {_text("Kind")}, 'max_mode', {_text("Max Mode")},
        'automation', {_text("Automation ID")}, 'cost_to_you', {_money("Cost to you")}::DOUBLE))""",
    "task_type": "'coding'",
    "input_tokens": _text(FRESH),
    "cache_read_tokens": _text("Cache Read"),
    "cache_write_tokens": f"CASE WHEN is_within THEN (written - fresh)::VARCHAR ELSE {_text(WRITTEN)} END",
    "output_tokens": _text("Output Tokens"),
    "total_tokens": _text("Total Tokens"),
    "input_has_cache": "FALSE",
    "output_has_reasoning": "TRUE",
    "status": f"""CASE WHEN {KIND} LIKE 'errored%' THEN 'error' WHEN {KIND} LIKE 'aborted%' THEN 'cancelled'
        WHEN NOT regexp_matches({KIND}, '{KINDS}') THEN {KIND} END""",
    "error_class": f"CASE WHEN {KIND} LIKE 'errored%' THEN 'other' END",
    # What is free costs nothing; `Included` and `-` say no amount.
    "reported_cost_usd": f"""CASE WHEN lower({_text("Cost")}) = 'free' OR {KIND} LIKE '%no charge%'
            OR {KIND} LIKE '%not charged%' THEN '0'
        ELSE coalesce({UNREAD}, {MONEY}::VARCHAR) END""",
    "caveats": "[CASE WHEN is_within THEN 'split_assumed' END]",
    "unmetered": f"""coalesce({_text(FRESH)}, {_text("Output Tokens")}) IS NULL
        AND {KIND} NOT LIKE 'errored%' AND {KIND} NOT LIKE 'aborted%' AND lower({_text("Cost")}) IS DISTINCT FROM 'free'
        AND {MONEY} IS NULL""",
}

FORMATS = (
    Format(
        name="cursor",
        label="Cursor usage export (CSV)",
        recognise=lambda sample: has(sample, "Date", "Model", WRITTEN, FRESH),
        fields=dict.fromkeys(NAMES, "VARCHAR"),
        rows=ROWS,
        columns=COLUMNS,
        usage=flat_usage(dict.fromkeys(NAMES, "VARCHAR")),
        assume_input_has_cache=False,
        order=40,
        note=(
            "Requests of kind Included are in the plan's fee: read their dollars as API-equivalent value (tag `kind`)."
            " What Cursor calls auto has no list price."
        ),
    ),
)
