"""Anthropic usage report for messages (Admin API): disjoint token counts by UTC bucket.

Grouped by `context_window` it is the one provider report whose long-context tier can be priced.
Source: platform.claude.com, usage_report/retrieve_messages.
"""

from __future__ import annotations

from data.formats import Format, report_page

RESULT = {
    "uncached_input_tokens": "VARCHAR",
    "cache_read_input_tokens": "VARCHAR",
    "output_tokens": "VARCHAR",
    "cache_creation": {"ephemeral_5m_input_tokens": "VARCHAR", "ephemeral_1h_input_tokens": "VARCHAR"},
    "server_tool_use": {"web_search_requests": "VARCHAR"},
    "api_key_id": "VARCHAR",
    "workspace_id": "VARCHAR",
    "model": "VARCHAR",
    "service_tier": "VARCHAR",
    "context_window": "VARCHAR",
    "inference_geo": "VARCHAR",
    "speed": "VARCHAR",
    "account_id": "VARCHAR",
    "service_account_id": "VARCHAR",
    "product": "VARCHAR",
    "rbac_group_id": "VARCHAR",
    "slack_channel_id": "VARCHAR",
    "actor_id": "VARCHAR",
}

COUNTS = {
    "uncached_input_tokens": "number(r.uncached_input_tokens)",
    "cache_read_input_tokens": "number(r.cache_read_input_tokens)",
    "cache_creation_5m_input_tokens": "number(r.cache_creation.ephemeral_5m_input_tokens)",
    "cache_creation_1h_input_tokens": "number(r.cache_creation.ephemeral_1h_input_tokens)",
    "output_tokens": "number(r.output_tokens)",
    "web_search_requests": "number(r.server_tool_use.web_search_requests)",
}
SAME = """started, ended, r.workspace_id, r.api_key_id, r.account_id, r.service_account_id, r.model, r.service_tier,
    r.context_window, r.inference_geo, r.speed"""
# What the analytics reports group by besides; last in the key, so that it is the same where they are missing.
ANALYTICS = "r.product, r.rbac_group_id, r.slack_channel_id, r.actor_id, others"
ROWS = report_page.lines(
    COUNTS, report_page.with_namesakes(report_page.rows("starting_at", "ending_at", RESULT), f"{SAME}, {ANALYTICS}")
)

COLUMNS = {
    "event_key": f"concat_ws(':', {SAME}, line.item, {ANALYTICS}, namesake)",
    **report_page.PLACE,
    "bucket": report_page.SPAN,
    "provider": "'anthropic'",
    "day": "CAST(utc(started) AS DATE)",
    "line_item": "line.item",
    "model": "r.model",
    "project": "coalesce(r.workspace_id, 'default')",
    "kind": "'usage'",
    "quantity": "line.count",
    "unit": "CASE WHEN line.item = 'web_search_requests' THEN 'requests' ELSE 'tokens' END",
    "note": (
        """nullif(concat_ws(', ', CASE WHEN r.model IS NULL THEN 'not grouped by model: it cannot be priced' END,
        CASE WHEN r.context_window IS NULL THEN 'not grouped by context window' ELSE 'context ' || r.context_window END,
        CASE WHEN r.service_tier <> 'standard' THEN r.service_tier END, CASE WHEN r.speed = 'fast' THEN 'fast' END),
        '')"""
    ),
    "skip": "CASE WHEN coalesce(line.count, 0) = 0 THEN 'a count of zero' END",
}


FORMATS = (
    Format(
        name="anthropic_usage",
        label="Anthropic usage report",
        recognise=lambda sample: any("uncached_input_tokens" in r for r in report_page.results(sample)),
        fields=report_page.fields("starting_at", "ending_at"),
        rows=report_page.with_record_numbers(ROWS, "place, line.n"),
        usage=report_page.usage("starting_at", "ending_at", RESULT),
        columns=COLUMNS,
        table="billed",
        supersedes=True,
        documents=True,
        order=40,
        note="UTC days. Group by model and context_window, or tiers cannot be priced.",
    ),
)
