"""Baton's own live lab: one record per attempt, written by routing/runs/live_ledger.py."""

from __future__ import annotations

from data.formats import Format, flat_usage, has

PLAIN = (
    "call_id",
    "attempt",
    "provider",
    "host",
    "model_raw",
    "feature",
    "environment",
    "session_id",
    "task_type",
    "criticality",
    "data_class",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "latency_ms",
    "ttft_ms",
    "status",
    "error_class",
    "http_status",
    "quality_score",
    "quality_source",
    "succeeded",
    "unmetered",
)
TYPES = {
    "attempt": "INTEGER",
    "latency_ms": "DOUBLE",
    "ttft_ms": "DOUBLE",
    "http_status": "INTEGER",
    "quality_score": "DOUBLE",
    "succeeded": "BOOLEAN",
    "unmetered": "BOOLEAN",
}

FIELDS = {
    **{name: TYPES.get(name, "VARCHAR") for name in PLAIN},
    "baton_live_attempt": "VARCHAR",
    "requested_at": "VARCHAR",
    "fresh_input_tokens": "VARCHAR",
    "cost_usd": "VARCHAR",
    "tags": "JSON",
}
FORMATS = (
    Format(
        name="live",
        label="Baton live lab",
        recognise=lambda sample: has(sample, "baton_live_attempt", "call_id", "requested_at", share=1.0),
        fields=FIELDS,
        columns={
            **{name: f"d.{name}" for name in PLAIN},
            "event_key": "d.baton_live_attempt",
            "requested_at": "utc(d.requested_at)",
            "operation": "'chat'",
            "tags": "d.tags",
            # The lab's buckets are already disjoint.
            "input_tokens": "d.fresh_input_tokens",
            "input_has_cache": "FALSE",
            "output_has_reasoning": "FALSE",
            "reported_cost_usd": "d.cost_usd",
        },
        usage=flat_usage(FIELDS),
        assume_input_has_cache=False,
        assume_output_has_reasoning=False,
        note="Measured by Baton's live lab; prices are those declared for the provider.",
    ),
)
