"""Azure API Management, table `ApiManagementGatewayLogs`: requests with their bodies, as text.

Bodies are there only where the diagnostic setting logs them, cut at 8,192 bytes: one that cannot be parsed is a call
without usage. A stream is the text of its events. Source: learn.microsoft.com
azure-monitor/reference/tables/apimanagementgatewaylogs.
"""

from __future__ import annotations

from data.formats import Format, assistant_runs, envelope, has, openai

NAMES = {
    "time": ("TimeGenerated", "time"),
    "id": ("CorrelationId", "correlationId"),
    "region": ("Region", "location"),
    "answer": ("BackendResponseBody", "ResponseBody", "backendResponseBody", "responseBody"),
    "question": ("BackendRequestBody", "RequestBody", "backendRequestBody", "requestBody"),
    "status": ("ResponseCode", "responseCode", "BackendResponseCode", "backendResponseCode"),
    "latency": ("BackendTime", "backendTime", "TotalTime", "totalTime"),
    "url": ("BackendUrl", "backendUrl", "Url", "url"),
    "cache": ("Cache", "cache"),
    "user": ("UserId", "userId", "ApimSubscriptionId", "apimSubscriptionId"),
    "api": ("ApiId", "apiId"),
}


def _either(name: str) -> str:
    """A column of the table, or the property of a diagnostic record (their names differ in case alone)."""
    return "coalesce(" + ", ".join(f"jtext(record, '$.{key}')" for key in NAMES[name]) + ")"


REQUESTS = f"""(
    SELECT file_no, record_no, path, raw, cache, answer, url, {{
        {
    ", ".join(
        f"'{name}': NULL::{kind}"
        for name, kind in envelope.FIELDS.items()
        if name
        not in (
            "timestamp",
            "request_id",
            "provider",
            "region",
            "status_code",
            "latency_ms",
            "model",
            "user",
            "feature",
            "request",
            "response",
        )
    )
},
        'timestamp': moment, 'request_id': id, 'provider': 'azure', 'region': replace(lower(region), ' ', ''),
        'status_code': status,
        'latency_ms': latency, 'model': regexp_extract(url, '/deployments/([^/?]+)', 1), 'user': who, 'feature': api,
        'request': CASE WHEN json_valid(question) THEN question END::JSON,
        'response': CASE WHEN {envelope.is_stream("answer")} THEN {
    envelope.events("answer")
} WHEN json_valid(answer) THEN answer ELSE '{{}}' END::JSON
    }} AS d
    FROM (SELECT file_no, record_no, path, raw, {_either("time")} AS moment, {_either("id")} AS id, {
    _either("region")
} AS region,
        {_either("answer")} AS answer, {_either("question")} AS question, {_either("status")} AS status, {
    _either("latency")
} AS latency,
        {_either("url")} AS url, {_either("cache")} AS cache, {_either("user")} AS who, {_either("api")} AS api
        FROM (SELECT *, json_merge_patch(raw::JSON, coalesce(json_of(d.properties),
            '{{}}')) AS record FROM records)))"""
IS_MODEL = (
    "(b.usage IS NOT NULL OR b.error IS NOT NULL OR regexp_matches(url,"
    " '/(chat/)?completions|/responses|/embeddings|/messages'))"
)

COLUMNS = openai.COLUMNS | {
    # As in the table of language-model requests: both say the same call. A run is asked for again until it has ended.
    "event_key": f"coalesce({assistant_runs.ITS_ID}, text_of(d.request_id))",
    "call_id": f"coalesce({assistant_runs.RUN}, text_of(d.request_id))",
    "status": f"CASE WHEN lower(cache) = 'hit' THEN 'cached' ELSE {openai.COLUMNS['status']} END",
    "skip": f"CASE WHEN NOT coalesce({IS_MODEL}, FALSE) THEN 'a request to no language model' END",
}


def _recognise(sample: list[dict]) -> bool:
    tables = [r for r in sample if r.keys() & {"BackendResponseBody", "ResponseBody", "BackendUrl"}]
    logs = [r for r in sample if "category" in r and isinstance(r.get("properties"), dict)]
    bodies = [r for r in logs if r["properties"].keys() & {"backendResponseBody", "responseBody"}]
    return bool(bodies) or bool(tables) and has(tables, "CorrelationId")


FORMATS = (
    Format(
        name="azure_gateway",
        label="Azure API Management gateway log with bodies",
        family="azure_apim",
        recognise=_recognise,
        fields={"properties": "JSON"},
        rows=envelope.rows(openai.STRUCTURE, openai.STREAMED, REQUESTS),
        columns=COLUMNS,
        usage=openai.USAGE_OBJECTS,
        supersedes=True,
        stand_ins=(assistant_runs.STEPS,),
        order=45,
        note="Azure cuts logged bodies at 8,192 bytes; a call whose usage was cut off is unmetered.",
    ),
)
