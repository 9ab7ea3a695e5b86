"""Azure API Management, table `ApiManagementGatewayLogs`: requests with their bodies, as text.

Bodies are there only where the diagnostic setting logs them, cut at 8,192 bytes: one that cannot be parsed is a call
without usage. A stream is the text of its events. Source: learn.microsoft.com
azure-monitor/reference/tables/apimanagementgatewaylogs.
"""

from __future__ import annotations

from data.formats import Format, envelope, has, openai

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


# The events of a stream as the list that a logged stream is elsewhere.
EVENTS = """'[' || array_to_string(list_transform(list_filter(string_split(answer, chr(10)),
    lambda line: starts_with(line, 'data: {')), lambda line: line[7:]), ',') || ']'"""
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
        'response': CASE WHEN starts_with(answer, 'data:') THEN {
    EVENTS
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
    "event_key": "text_of(d.request_id)",  # as in the table of language-model requests: both say the same call
    "call_id": "text_of(d.request_id)",
    "status": f"CASE WHEN lower(cache) = 'hit' THEN 'cached' ELSE {openai.COLUMNS['status']} END",
    "skip": f"CASE WHEN NOT coalesce({IS_MODEL}, FALSE) THEN 'a request to no language model' END",
}


def _recognise(sample: list[dict]) -> bool:
    bodies = [r for r in sample if "BackendResponseBody" in r or "ResponseBody" in r or "BackendUrl" in r]
    return has(sample, "category", "properties.backendResponseBody", share=0.01) or bool(
        bodies and has(bodies, "CorrelationId")
    )


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
        order=45,
        note="Azure cuts logged bodies at 8,192 bytes; a call whose usage was cut off is unmetered.",
    ),
)
