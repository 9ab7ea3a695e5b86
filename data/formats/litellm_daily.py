"""LiteLLM's daily spend tables (user, team, tag): one row per UTC day, key and model.

A team's and a tag's table count the same calls again: load one of them.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, report_page

NAMES = (
    "date",
    "user_id",
    "team_id",
    "tag",
    "api_key",
    "model",
    "model_group",
    "custom_llm_provider",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "spend",
    "api_requests",
    "successful_requests",
    "failed_requests",
)

# Prompt tokens include the cache for every provider, as everywhere in LiteLLM.
COUNTS = {
    "spend": "NULL",
    "input_tokens": (
        "number(d.prompt_tokens) - coalesce(number(d.cache_read_input_tokens), 0) -"
        " coalesce(number(d.cache_creation_input_tokens), 0)"
    ),
    "cache_read_tokens": "number(d.cache_read_input_tokens)",
    "cache_write_tokens": "number(d.cache_creation_input_tokens)",
    "output_tokens": "number(d.completion_tokens)",
    "requests": "number(d.api_requests)",
}

SAME = "d.date, d.user_id, d.team_id, d.tag, d.api_key, d.custom_llm_provider, d.model_group, d.model"

COLUMNS = {
    "event_key": f"concat_ws(':', {SAME}, line.item, namesake)",
    "provider": "provider_of(d.custom_llm_provider)",
    "day": "CAST(utc(d.date) AS DATE)",
    "line_item": "line.item",
    "model": "coalesce(text_of(d.model), text_of(d.model_group))",
    "project": "coalesce(text_of(d.team_id), text_of(d.tag), text_of(d.user_id), text_of(d.api_key))",
    "kind": "CASE WHEN line.item = 'spend' THEN 'cost' ELSE 'usage' END",
    "amount": "CASE WHEN line.item = 'spend' THEN text_of(d.spend) END",
    "currency": "CASE WHEN line.item = 'spend' THEN 'USD' END",
    "quantity": "line.count",
    "unit": "CASE line.item WHEN 'spend' THEN NULL WHEN 'requests' THEN 'requests' ELSE 'tokens' END",
    "note": (
        "CASE WHEN number(d.failed_requests) > 0 AND line.item = 'requests' THEN TRY_CAST(number(d.failed_requests) AS"
        " BIGINT) || ' failed' END"
    ),
    "skip": "CASE WHEN line.item <> 'spend' AND coalesce(line.count, 0) = 0 THEN 'a count of zero' END",
}

SAVED = dict.fromkeys(("saved_cache_cost", "cache_savings", "prompt_cache_savings"), "money that was not spent")
FORMATS = (
    Format(
        name="litellm_daily",
        label="LiteLLM daily spend table",
        recognise=lambda sample: has(sample, "date", "spend", "api_requests", "prompt_tokens"),
        fields=dict.fromkeys(NAMES, "VARCHAR"),
        rows=report_page.with_record_numbers(
            report_page.lines(COUNTS, report_page.told_apart("FROM records", SAME, NAMES, "raw")), "line.n"
        ),
        columns=COLUMNS,
        table="billed",
        usage=flat_usage(dict.fromkeys(NAMES, "VARCHAR"), SAVED, json="CASE WHEN line.item = 'spend' THEN raw END"),
        supersedes=True,
        days=True,
        order=40,
        note=(
            "UTC days that cannot be moved to another time zone. User, team and tag tables repeat each other: load one."
        ),
    ),
)
