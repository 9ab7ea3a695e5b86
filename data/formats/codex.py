"""Codex session files (`~/.codex/sessions/**/*.jsonl`).

`token_count` events carry a running total: an event's usage is its growth since the event before. Events
are repeated with an unchanged total, and a forked or spawned session opens with a replay of its parent's
history, written within the second in which the file was made (or with the parent's older timestamps).
The model is that of the latest `turn_context`.

Newer versions also write a `token_usage_record` per response. Most repeat a growth of the counter; one that does not, a
compaction's, is in no running total and counts by itself.
"""

from __future__ import annotations

from data.formats import Format, UsageObject

FALLBACK_MODEL = "gpt-5"

COUNTS = {
    "input_tokens": "BIGINT",
    "cached_input_tokens": "BIGINT",
    "cache_write_input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "reasoning_output_tokens": "BIGINT",
}

WITH_TOTAL = COUNTS | {"total_tokens": "BIGINT"}


def _less(minuend: str, subtrahend: str) -> str:
    fields = (f"{name} := coalesce({minuend}.{name}, 0) - coalesce({subtrahend}.{name}, 0)" for name in COUNTS)
    return f"struct_pack({', '.join(fields)})"


def _same(counts: str) -> str:
    return f"[coalesce({counts}.input_tokens, 0), coalesce({counts}.output_tokens, 0)]"


# Whether the line itself or its payload is named so.
IS_RECORD = "'token_usage_record' IN (d.type, d.payload.type)"
# A count without the running total counts by itself.
IS_ALONE = """(d.payload.type = 'token_count' AND d.payload.info.total_token_usage IS NULL
    AND d.payload.info.last_token_usage.input_tokens IS NOT NULL)"""
NOTHING = "struct_pack(" + ", ".join(f"{name} := 0::BIGINT" for name in COUNTS) + ")"
LEAD = "OVER (PARTITION BY file_no ORDER BY record_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"

ROWS = f"""
SELECT * FROM (
WITH lines AS (
    -- Only session facts and counts take part; whatever else the file holds is passed by.
    SELECT file_no, record_no, path, d, CASE WHEN d.payload.type = 'token_count' OR {IS_RECORD} THEN raw ELSE '' END
        AS raw, utc(d.timestamp) AS instant,
           d.payload AS p, d.payload.info AS info, coalesce(d.type = 'session_meta', FALSE) AS is_meta,
           d.type = 'event_msg' AND d.payload.type = 'token_count' AND d.payload.info.total_token_usage IS NOT NULL AS
               counts,
           coalesce({IS_RECORD} AND d.payload.usage.input_tokens IS NOT NULL OR {IS_ALONE}, FALSE) AS is_record,
           CASE WHEN {IS_ALONE} THEN d.payload.info.last_token_usage ELSE d.payload.usage END AS used
    FROM records
),
followed AS (
    SELECT *, first_value(CASE WHEN is_meta THEN p.id END IGNORE NULLS) {LEAD} AS session_id,
        first_value(CASE WHEN is_meta THEN instant END IGNORE NULLS) {LEAD} AS opened_at,
        first_value(CASE WHEN is_meta THEN coalesce(p.forked_from_id,
        p.source ->> '$.subagent.thread_spawn.parent_thread_id', '') END IGNORE NULLS)
            {LEAD} AS parent,
        last_value(p.model IGNORE NULLS) {LEAD} AS turn_model,
        last_value(p.cwd IGNORE NULLS) {LEAD} AS cwd,
        -- Settings without a tier are back at the default.
        last_value(CASE WHEN p.thread_settings IS NOT NULL THEN coalesce(p.thread_settings.service_tier,
        'default') ELSE p.service_tier END IGNORE NULLS)
            {LEAD} AS tier
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
    -- A counter that restarted (full context window) stands at its last usage; one that went back otherwise (a rewound
    -- or resumed session) says no more than that.
    SELECT *, coalesce(bool_and(parent <> '' AND TRY(moment - earlier < INTERVAL 1 SECOND)) {LEAD}, FALSE) AS replayed,
        (total.input_tokens < before.input_tokens OR total.output_tokens < before.output_tokens)
            AND coalesce(total.input_tokens <> latest.input_tokens, FALSE) AS went_back,
        CASE WHEN before IS NULL OR went_back OR (total.input_tokens < before.input_tokens AND total.input_tokens =
        latest.input_tokens)
             THEN CASE WHEN latest IS NOT NULL THEN {_less("total", "latest")} END ELSE before END AS base
    FROM timed
),
moved AS (
    SELECT *, {_less("total", "base")} AS growth FROM based
),
recorded AS (
    SELECT file_no, record_no, used AS usage, row_number() OVER (PARTITION BY file_no,
        {_same("used")} ORDER BY record_no) AS nth
    FROM followed WHERE is_record
),
repeated_records AS (
    SELECT r.file_no, r.record_no FROM recorded AS r JOIN
        (SELECT *, row_number() OVER (PARTITION BY file_no, {_same("growth")} ORDER BY record_no) AS nth FROM moved)
            AS m
        ON m.file_no = r.file_no AND m.nth = r.nth AND {_same("m.growth")} = {_same("r.usage")}
)
SELECT f.file_no, f.record_no, f.path, f.raw, f.instant, f.session_id, f.turn_model, f.cwd, f.tier, f.info,
    f.used AS usage, b.total, f.is_record, b.went_back,
    CASE WHEN f.is_record THEN f.p.response_id END AS response_id, coalesce(f.info.model,
        CASE WHEN f.is_record THEN f.p.model END) AS own_model,
    CASE WHEN f.is_record THEN {_less("f.used", f"({NOTHING})")} ELSE b.growth END AS growth,
    CASE WHEN f.is_record AND q.record_no IS NOT NULL THEN 'a record of what the counter says too'
         WHEN f.is_record THEN CASE WHEN f.parent <> '' AND f.instant < f.opened_at + INTERVAL 1 SECOND
             THEN 'a replay of the parent session''s history' END
         WHEN f.counts IS NOT TRUE THEN 'a line without a token count'
         WHEN b.total IS NULL OR b.growth = {NOTHING} THEN 'the counter did not move'
         WHEN b.replayed THEN 'a replay of the parent session''s history'
         WHEN b.total.input_tokens < b.base.input_tokens OR b.total.output_tokens < b.base.output_tokens THEN
         'the counter went back'
    END AS skip
FROM followed AS f LEFT JOIN moved AS b USING (file_no, record_no) LEFT JOIN repeated_records AS q USING (file_no,
    record_no)
)
"""

COLUMNS = {
    # Without a session_meta a copied line can only be known by its instant and its totals.
    "event_key": (
        """CASE WHEN is_record THEN coalesce(response_id, md5(raw))
        ELSE concat_ws(':', session_id, epoch_ms(instant), total.input_tokens, total.output_tokens) END"""
    ),
    "requested_at": "instant",
    "provider": "'openai'",
    "service_tier": "tier",
    "model_raw": f"coalesce(text_of(own_model), text_of(turn_model), '{FALLBACK_MODEL}')",
    "operation": "'chat'",
    "project": "text_of(cwd)",
    "session_id": "coalesce(session_id, parse_filename(path, true))",
    "tags": (
        "CASE WHEN coalesce(text_of(own_model), text_of(turn_model)) IS NULL THEN json_object('model', 'assumed') END"
    ),
    "task_type": "'coding'",
    "input_tokens": "growth.input_tokens",
    "cache_read_tokens": "growth.cached_input_tokens",
    "cache_write_tokens": "growth.cache_write_input_tokens",
    "output_tokens": "growth.output_tokens",
    "reasoning_tokens": "growth.reasoning_output_tokens",
    # The running total of a full context window is that of the window; the last usage's is the call's own.
    "total_tokens": (
        f"""CASE WHEN is_record THEN usage.total_tokens
        WHEN {_same("info.last_token_usage")} = {_same("growth")} THEN info.last_token_usage.total_tokens END"""
    ),
    "input_has_cache": "TRUE",
    "output_has_reasoning": "TRUE",
    "caveats": "[CASE WHEN went_back THEN 'split_assumed' END]",
    "skip": "skip",
}

INFO = {"model": "VARCHAR", "total_token_usage": COUNTS, "last_token_usage": WITH_TOTAL}
HARMLESS = {
    "model_context_window": "what the model could take",
    "total_token_usage.total_tokens": "a running total; the call's own is in the last usage",
}


def _is_codex(record: dict) -> bool:
    return record.get("type") in (
        "session_meta",
        "turn_context",
        "event_msg",
        "response_item",
        "compacted",
        "token_usage_record",
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
                "response_id": "VARCHAR",
                "service_tier": "VARCHAR",
                "thread_settings": {"service_tier": "VARCHAR"},
                "usage": WITH_TOTAL,
                "info": INFO,
            },
        },
        rows=ROWS,
        columns=COLUMNS,
        usage=(
            UsageObject("CASE WHEN is_record THEN raw -> '$.payload.usage' END", WITH_TOTAL),
            UsageObject(
                "CASE WHEN NOT is_record AND raw <> '' THEN raw -> '$.payload.info' END", INFO, HARMLESS, "info"
            ),
        ),
        order=40,
        note=(
            "Usually a flat-fee subscription: read the dollars as API-equivalent value, not as spend. "
            "A call whose session names no model is taken for gpt-5."
        ),
    ),
)
