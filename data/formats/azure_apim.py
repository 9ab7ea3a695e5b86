"""Azure API Management, table `ApiManagementGatewayLlmLog`: Log Analytics exports and diagnostic records.

Source: learn.microsoft.com azure-monitor/reference/tables/apimanagementgatewayllmlog. A long message is spread over
several rows of one CorrelationId (`SequenceNumber`); the request counts once. There is no cached-token column.
"""

from __future__ import annotations

import json

from data.formats import Format, flat_usage, has

FIELDS = {
    "TimeGenerated": "VARCHAR",
    "TimeGenerated [UTC]": "VARCHAR",
    "time": "VARCHAR",
    "CorrelationId": "VARCHAR",
    "RequestId": "VARCHAR",
    "OperationName": "VARCHAR",
    "Region": "VARCHAR",
    "DeploymentName": "VARCHAR",
    "ModelName": "VARCHAR",
    "PromptTokens": "VARCHAR",
    "CompletionTokens": "VARCHAR",
    "TotalTokens": "VARCHAR",
    "SequenceNumber": "INTEGER",
    "IsStreamCompletion": "BOOLEAN",
}
# A diagnostic record sent to storage or an event hub keeps the columns under `properties`, in camel case.
PROPERTIES = {name[0].lower() + name[1:]: kind for name, kind in FIELDS.items() if " " not in name}
ROWS = f"SELECT *, json_transform(json_of(d.properties), '{json.dumps(PROPERTIES)}') AS p FROM records"


def either(name: str) -> str:
    """A column of the table, or the property of the same name."""
    return f"coalesce(text_of(d.{name}), text_of(p.{name}))"


# The portal's CSV names its time column with the zone and writes it the American way.
PORTAL_TIME = "try_strptime(d.\"TimeGenerated [UTC]\", ['%m/%d/%Y, %I:%M:%S.%g %p', '%m/%d/%Y, %I:%M:%S %p'])"
NO_TOKENS = f"coalesce({either('PromptTokens')}, {either('CompletionTokens')}, {either('TotalTokens')}) IS NULL"

COLUMNS = {
    "event_key": f"coalesce({either('CorrelationId')}, {either('RequestId')})",
    "call_id": f"coalesce({either('CorrelationId')}, {either('RequestId')})",
    "requested_at": f'coalesce(utc(d.TimeGenerated), {PORTAL_TIME}, utc(d."TimeGenerated [UTC]"), utc(d.time))',
    "provider": "'azure'",
    "region": f"replace(lower({either('Region')}), ' ', '')",
    "model_raw": f"coalesce({either('ModelName')}, {either('DeploymentName')})",
    "operation": f"CASE WHEN lower({either('OperationName')}) LIKE '%embedding%' THEN 'embedding' END",
    "tags": (
        f"json_merge_patch('{{}}', json_object('deployment', {either('DeploymentName')}, 'operation',"
        f" {either('OperationName')}))"
    ),
    "input_tokens": either("PromptTokens"),
    "output_tokens": either("CompletionTokens"),
    "total_tokens": either("TotalTokens"),
    "input_has_cache": "TRUE",
    "output_has_reasoning": "TRUE",
    "unmetered": NO_TOKENS,
    "skip": (
        f"CASE WHEN coalesce(d.SequenceNumber, p.sequenceNumber) > 0 AND {NO_TOKENS} THEN 'goes on with a long"
        " message' END"
    ),
}

FORMATS = (
    Format(
        name="azure_apim",
        label="Azure API Management LLM log",
        recognise=lambda sample: has(sample, "CorrelationId", "PromptTokens", "CompletionTokens")
        or has(sample, "time", "properties.promptTokens"),
        fields=FIELDS | {"properties": "JSON"},
        rows=ROWS,
        columns=COLUMNS,
        usage=(*flat_usage(FIELDS), *flat_usage(PROPERTIES, json="json_of(d.properties)", name="properties")),
        text_columns={"prompt": "jtext(raw, '$.RequestMessages')", "completion": "jtext(raw, '$.ResponseMessages')"},
        note="Azure's gateway log has no count of cached tokens, so its list price is an upper bound.",
    ),
)
