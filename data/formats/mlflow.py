"""MLflow traces: `trace.to_json()`, JSON lines of them, or a table of `search_traces` with a column `spans`.

Attributes of a span are JSON inside of text. The trace repeats the sums of its spans and stands for them where none has
any. Whether the input holds the cache follows the SDK that was traced. Source: mlflow-skinny 3.17.2 constants.
"""

from __future__ import annotations

import json

from data.formats import Format, UsageObject, traced_runs

USAGE = {
    "input_tokens": "VARCHAR",
    "output_tokens": "VARCHAR",
    "total_tokens": "VARCHAR",
    "cache_read_input_tokens": "VARCHAR",
    "cache_creation_input_tokens": "VARCHAR",
    "cache_creation_input_tokens_above_1hr": "VARCHAR",
}
SPAN = dict.fromkeys(
    (
        "name",
        "trace_id",
        "span_id",
        "parent_span_id",
        "parent_id",
        "status_code",
        "start_time_unix_nano",
        "end_time_unix_nano",
    ),
    "VARCHAR",
) | {
    "context": {"trace_id": "VARCHAR", "span_id": "VARCHAR"},
    "start_time": "VARCHAR",
    "end_time": "VARCHAR",
    "status": "JSON",
    "attributes": "JSON",
}
FIELDS = {
    "info": "JSON",
    "data": {"spans": ["JSON"]},
    "spans": "JSON",
    "trace_id": "VARCHAR",
    "request_time": "VARCHAR",
    "trace_metadata": "JSON",
    "tags": "JSON",
}
WHOLE = "trace"  # the span that a trace itself stands for, above the others
SPANS = f"""
    SELECT *, json_transform(span, '{json.dumps(SPAN)}') AS s,
        json_transform(json_of(a -> 'mlflow.chat.tokenUsage'), '{json.dumps(USAGE)}') AS u,
        json_of(a -> 'mlflow.llm.cost') AS cost
    FROM (
        SELECT * REPLACE (row_number() OVER (PARTITION BY file_no ORDER BY record_no, place) AS record_no,
            span::VARCHAR AS raw), json_of(span -> 'attributes') AS a
        FROM (
            SELECT *, unnest(found) AS span, generate_subscripts(found, 1) AS place FROM (SELECT *, CASE
                WHEN meta ->> 'mlflow.trace.tokenUsage' IS NULL THEN held ELSE list_append(held, whole) END AS found
            FROM (
                SELECT *, coalesce(d.data.spans, from_json(json_of(d.spans), '["JSON"]'), []) AS held,
                    coalesce(info ->> 'trace_id', info ->> 'request_id', text_of(d.trace_id)) AS trace,
                    json_object('span_id', '{WHOLE}', 'name', '{WHOLE}', 'start_time',
                        coalesce(info ->> 'request_time', info ->> 'timestamp_ms', d.request_time), 'attributes',
                        json_object('mlflow.chat.tokenUsage', meta -> 'mlflow.trace.tokenUsage', 'mlflow.llm.cost',
                            meta -> 'mlflow.trace.cost')) AS whole
                FROM (SELECT *, json_of(d.info) AS info,
                        json_of(coalesce(json_of(d.info) -> 'trace_metadata', json_of(d.info) -> 'request_metadata',
                            d.trace_metadata)) AS meta FROM records)))))"""


def _attribute(name: str) -> str:
    """SQL: an attribute's text, which is JSON inside of a string, or plain."""
    return f"""coalesce(jtext(json_of(a -> '{name}'), '$'), a ->> '{name}')"""


KIND = "lower(" + _attribute("mlflow.spanType") + ")"
NAMED = {
    "trace_id": "coalesce(trace, s.trace_id, s.context.trace_id)",
    "span_id": "coalesce(s.span_id, s.context.span_id)",
    "parent_id": f"""CASE WHEN s.span_id IS DISTINCT FROM '{WHOLE}'
        THEN coalesce(text_of(s.parent_span_id), text_of(s.parent_id), '{WHOLE}') END""",
    "operation": f"CASE {KIND} WHEN 'chat_model' THEN 'chat' WHEN 'embedding' THEN 'embeddings' ELSE {KIND} END",
    "failed": """upper(coalesce(s.status ->> 'code', s.status ->> '$', s.status_code)) IN ('ERROR',
        'STATUS_CODE_ERROR', '2')""",
    "started_at": "coalesce(utc(s.start_time_unix_nano), utc(s.start_time))",
    "duration_ms": """(coalesce(number(s.end_time_unix_nano), number(s.end_time))
        - coalesce(number(s.start_time_unix_nano), number(s.start_time))) / 1e6""",
    "model": f"coalesce({_attribute('mlflow.llm.model')}, {_attribute('gen_ai.response.model')}, "
    f"{_attribute('gen_ai.request.model')})",
    "provider": f"coalesce({_attribute('mlflow.llm.provider')}, {_attribute('gen_ai.provider.name')})",
    "input": f"coalesce(u.input_tokens, {_attribute('gen_ai.usage.input_tokens')})",
    "output": f"coalesce(u.output_tokens, {_attribute('gen_ai.usage.output_tokens')})",
    "total": "u.total_tokens",
    "cache_read": "u.cache_read_input_tokens",
    "cache_write": "u.cache_creation_input_tokens",
    "cache_write_5m": """(number(u.cache_creation_input_tokens)
        - number(u.cache_creation_input_tokens_above_1hr))::VARCHAR""",
    "cache_write_1h": "u.cache_creation_input_tokens_above_1hr",
    "cost": """coalesce(cost ->> 'total_cost', (TRY_CAST(cost ->> 'input_cost' AS DECIMAL(18,12))
        + TRY_CAST(cost ->> 'output_cost' AS DECIMAL(18,12)))::VARCHAR)""",
    "session": "meta ->> 'mlflow.trace.session'",
    "person": "meta ->> 'mlflow.trace.user'",
    "feature": "coalesce(json_of(d.info) -> 'tags', json_of(d.tags)) ->> 'mlflow.traceName'",
    "used": "json_of(a -> 'mlflow.chat.tokenUsage')",
}


def _is_mlflow(record: dict) -> bool:
    data = record.get("data")
    spans = data.get("spans") if isinstance(data, dict) else record.get("spans")
    text = json.dumps([record.get("info"), record.get("trace_metadata"), spans])[:200_000]
    return ("info" in record or "trace_id" in record) and spans is not None and "mlflow." in text


FORMATS = (
    Format(
        name="mlflow",
        label="MLflow traces",
        recognise=lambda sample: bool(sample) and 2 * sum(map(_is_mlflow, sample)) >= len(sample),
        fields=FIELDS,
        rows=traced_runs.rows(SPANS, NAMED),
        columns=traced_runs.COLUMNS,
        usage=(UsageObject("used", USAGE, name="tokenUsage"),),
        order=38,
        note="Costs are MLflow's own estimate.",
    ),
)
