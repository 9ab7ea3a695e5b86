"""Codex session files (`~/.codex/sessions/**/*.jsonl`).

`token_count` events carry a running total: an event's usage is its growth since the event before. Events
are repeated with an unchanged total, and a forked or spawned session opens with a replay of its parent's
history, written within the second in which the file was made (or with the parent's older timestamps).
The model is that of the latest `turn_context`.
"""

from __future__ import annotations

from data.formats import Format

FALLBACK_MODEL = "gpt-5"

COUNTS = {
    "input_tokens": "BIGINT",
    "cached_input_tokens": "BIGINT",
    "cache_write_input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "reasoning_output_tokens": "BIGINT",
}


def _less(minuend: str, subtrahend: str) -> str:
    fields = (f"{name} := coalesce({minuend}.{name}, 0) - coalesce({subtrahend}.{name}, 0)" for name in COUNTS)
    return f"struct_pack({', '.join(fields)})"


NOTHING = "struct_pack(" + ", ".join(f"{name} := 0::BIGINT" for name in COUNTS) + ")"
LEAD = "OVER (PARTITION BY file_no ORDER BY record_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"

ROWS = f"""
SELECT * FROM (
WITH lines AS (
    -- Only session facts and counts take part; whatever else the file holds is passed by.
    SELECT file_no, record_no, path, d, CASE WHEN d.payload.type = 'token_count' THEN raw ELSE '' END AS raw, utc(d.timestamp) AS instant,
           d.payload AS p, d.payload.info AS info, coalesce(d.type = 'session_meta', FALSE) AS is_meta,
           d.type = 'event_msg' AND d.payload.type = 'token_count' AND d.payload.info.total_token_usage IS NOT NULL AS counts
    FROM records
),
followed AS (
    SELECT *, first_value(CASE WHEN is_meta THEN p.id END IGNORE NULLS) {LEAD} AS session_id,
        first_value(CASE WHEN is_meta THEN instant END IGNORE NULLS) {LEAD} AS opened_at,
        first_value(CASE WHEN is_meta THEN coalesce(p.forked_from_id, p.source ->> '$.subagent.thread_spawn.parent_thread_id', '') END IGNORE NULLS)
            {LEAD} AS parent,
        last_value(p.model IGNORE NULLS) {LEAD} AS turn_model,
        last_value(p.cwd IGNORE NULLS) {LEAD} AS cwd,
        last_value(p.thread_settings.service_tier IGNORE NULLS) {LEAD} AS tier
    FROM lines
),
events AS (
    SELECT *, info.total_token_usage AS total, info.last_token_usage AS latest, greatest(instant, opened_at) AS moment,
        row_number() OVER (PARTITION BY file_no, info.total_token_usage ORDER BY record_no) > 1 AS repeated
    FROM followed WHERE counts
),
timed AS (
    SELECT *, lag(total) OVER (PARTITION BY file_no ORDER BY record_no) AS before,
        coalesce(lag(moment) OVER (PARTITION BY file_no ORDER BY record_no), opened_at) AS earlier
    FROM events WHERE NOT repeated
),
based AS (
    -- The first event of a file may continue a counter begun elsewhere: its own share is `last_token_usage`.
    -- A counter that restarted (full context window) stands at its last usage.
    SELECT *, coalesce(bool_and(parent <> '' AND TRY(moment - earlier < INTERVAL 1 SECOND)) {LEAD}, FALSE) AS replayed,
        CASE WHEN before IS NULL OR (total.input_tokens < before.input_tokens AND total.input_tokens = latest.input_tokens)
             THEN CASE WHEN latest IS NOT NULL THEN {_less("total", "latest")} END ELSE before END AS base
    FROM timed
)
SELECT f.file_no, f.record_no, f.path, f.raw, f.instant, f.session_id, f.turn_model, f.cwd, f.tier, f.info, b.total, {_less("b.total", "b.base")} AS growth,
    CASE WHEN f.counts IS NOT TRUE THEN 'a line without a token count'
         WHEN b.total IS NULL OR {_less("b.total", "b.base")} = {NOTHING} THEN 'the counter did not move'
         WHEN b.replayed THEN 'a replay of the parent session''s history'
         WHEN b.total.input_tokens < b.base.input_tokens OR b.total.output_tokens < b.base.output_tokens THEN 'the counter went back'
    END AS skip
FROM followed AS f LEFT JOIN based AS b USING (file_no, record_no)
)
"""

COLUMNS = {
    # Without a session_meta a copied line can only be known by its instant and its totals.
    "event_key": "concat_ws(':', session_id, epoch_ms(instant), total.input_tokens, total.output_tokens)",
    "requested_at": "instant",
    "provider": "'openai'",
    "service_tier": "tier",
    "model_raw": f"coalesce(text_of(info.model), text_of(turn_model), '{FALLBACK_MODEL}')",
    "operation": "'chat'",
    "project": "text_of(cwd)",
    "session_id": "coalesce(session_id, parse_filename(path, true))",
    "tags": "CASE WHEN coalesce(text_of(info.model), text_of(turn_model)) IS NULL THEN json_object('model', 'assumed') END",
    "task_type": "'coding'",
    "input_tokens": "growth.input_tokens",
    "cache_read_tokens": "growth.cached_input_tokens",
    "cache_write_tokens": "growth.cache_write_input_tokens",
    "output_tokens": "growth.output_tokens",
    "reasoning_tokens": "growth.reasoning_output_tokens",
    "input_has_cache": "TRUE",
    "output_has_reasoning": "TRUE",
    "skip": "skip",
}


def _is_codex(record: dict) -> bool:
    return record.get("type") in (
        "session_meta",
        "turn_context",
        "event_msg",
        "response_item",
        "compacted",
    ) and isinstance(record.get("payload"), dict)


FORMATS = (
    Format(
        name="codex",
        label="Codex session files",
        recognise=lambda sample: bool(sample) and 2 * sum(map(_is_codex, sample)) >= len(sample),
        fields={
            "timestamp": "VARCHAR",
            "type": "VARCHAR",
            "payload": {
                "type": "VARCHAR",
                "id": "VARCHAR",
                "forked_from_id": "VARCHAR",
                "source": "JSON",
                "model": "VARCHAR",
                "cwd": "VARCHAR",
                "thread_settings": {"service_tier": "VARCHAR"},
                "info": {"model": "VARCHAR", "total_token_usage": COUNTS, "last_token_usage": COUNTS},
            },
        },
        rows=ROWS,
        columns=COLUMNS,
        order=40,
        note="Usually a flat-fee subscription: read the dollars as API-equivalent value, not as spend. "
        "A call whose session names no model is taken for gpt-5.",
    ),
)
