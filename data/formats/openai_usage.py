"""OpenAI organization usage: the API's pages of buckets, and the dashboard's CSV of the same columns.

Counts of one bucket and group, so neither tiers nor reasoning can be told apart; day and hour are UTC.
The CSV writes counts as "3.0" and is read by column name. Source: openai SDK 3.52.0, admin types.
"""

from __future__ import annotations

from data.formats import Format, has, report_page

RESULT = {
    name: "VARCHAR"
    for name in (
        "object",
        "input_tokens",
        "input_cached_tokens",
        "input_uncached_tokens",
        "input_cache_write_tokens",
        "output_tokens",
        "num_model_requests",
        "project_id",
        "user_id",
        "api_key_id",
        "model",
        "batch",
        "service_tier",
    )
}
PLAIN = "coalesce(d.results, [raw::JSON])"  # a CSV row is bucket and result in one

COUNTS = {
    "input_tokens": (
        """coalesce(number(r.input_uncached_tokens),
        number(r.input_tokens) - coalesce(number(r.input_cached_tokens),
        0) - coalesce(number(r.input_cache_write_tokens), 0))"""
    ),
    "input_cached_tokens": "number(r.input_cached_tokens)",
    "input_cache_write_tokens": "number(r.input_cache_write_tokens)",
    "output_tokens": "number(r.output_tokens)",
    "num_model_requests": "number(r.num_model_requests)",
}
# Completions, embeddings and so on are reports of their own; the first has had no word of its own in its ids.
WORK = r"nullif(nullif(regexp_extract(r.object, 'organization\.usage\.(\w+)\.result', 1), ''), 'completions')"
SAME = f"""started, ended, r.project_id, r.user_id, r.api_key_id, r.model, r.batch, r.service_tier, others,
    {report_page.subject_word(WORK)}"""
ROWS = report_page.lines(
    COUNTS, report_page.with_namesakes(report_page.rows("start_time", "end_time", RESULT, PLAIN), SAME)
)

COLUMNS = {
    "event_key": f"concat_ws(':', {SAME}, line.item, namesake)",
    **report_page.PLACE,
    "bucket": report_page.SPAN,
    "account": report_page.ORGANIZATION,
    "subject": f"CASE WHEN r IS NOT NULL THEN coalesce({WORK}, '-') END",
    "provider": "'openai'",
    "day": "CAST(utc(started) AS DATE)",
    "line_item": "line.item",
    "model": "r.model",
    "project": "r.project_id",
    "kind": "'usage'",
    "quantity": "line.count",
    "unit": "CASE WHEN line.item = 'num_model_requests' THEN 'requests' ELSE 'tokens' END",
    "note": (
        """CASE WHEN r.model IS NULL THEN 'not grouped by model: it cannot be priced'
        WHEN r.batch IN ('true', 'True') THEN 'batch' WHEN r.service_tier IN ('flex',
        'priority') THEN r.service_tier END"""
    ),
    "skip": (
        "CASE WHEN line.count IS NULL OR (line.count = 0 AND line.item <> 'num_model_requests') THEN 'a count of"
        " zero' END"
    ),
}

MEDIA = ("text", "audio", "image")
HARMLESS = {
    **{
        name: "a part of a count that is read"
        for kind in MEDIA
        for name in (f"input_{kind}_tokens", f"input_cached_{kind}_tokens", f"output_{kind}_tokens")
    },
    "input_cache_write_30m_tokens": "a part of the cache writes, which are read",
    "input_cache_write_12h_tokens": "a part of the cache writes, which are read",
    **dict.fromkeys(("start_time", "end_time"), "instants"),
}


def _recognise(sample: list[dict]) -> bool:
    named = any("organization.usage" in str(r.get("object")) for r in report_page.results(sample))
    return named or has(sample, "start_time_iso", "num_model_requests", "input_tokens")


FORMATS = (
    Format(
        name="openai_usage",
        label="OpenAI organization usage (API pages or dashboard CSV)",
        recognise=_recognise,
        fields=report_page.fields("start_time", "end_time"),
        rows=report_page.with_record_numbers(ROWS, "place, line.n"),
        usage=report_page.usage("start_time", "end_time", RESULT, HARMLESS),
        columns=COLUMNS,
        table="billed",
        supersedes=True,
        documents=True,
        order=40,
        note=(
            "UTC days. Reasoning and long-context tiers are not split out; group by model and batch, or it cannot be"
            " priced."
        ),
    ),
)
