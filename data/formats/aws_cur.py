"""AWS Cost and Usage Report: the lines of Amazon Bedrock, in the names of CUR 2.0 or of the legacy report.

One line per hour, kind of token and set of tags. Three services sell models: two count in thousands of tokens, the
marketplace's foundation models in millions; where the line's own unit says which, that counts. The model stands in the
usage type, or in the name of the marketplace's product. Lines of other services are passed over; `--format aws_cur_all`
keeps every line. Source: docs.aws "Understanding your Amazon Bedrock CUR data", facts/formats2.md 13, formats3.md 13.
"""

from __future__ import annotations

from typing import Any

from data.formats import Format, has

# CUR 2.0 writes `line_item_usage_type` what the legacy report writes `lineItem/UsageType`.
NAMES = {
    "started": ("line_item_usage_start_date", "lineItem/UsageStartDate"),
    "code": ("line_item_product_code", "lineItem/ProductCode"),
    "usage_type": ("line_item_usage_type", "lineItem/UsageType"),
    "operation": ("line_item_operation", "lineItem/Operation"),
    "quantity": ("line_item_usage_amount", "lineItem/UsageAmount"),
    "amount": ("line_item_unblended_cost", "lineItem/UnblendedCost"),
    "net": ("line_item_net_unblended_cost", "lineItem/NetUnblendedCost"),
    "currency": ("line_item_currency_code", "lineItem/CurrencyCode"),
    "kind": ("line_item_line_item_type", "lineItem/LineItemType"),
    "resource": ("line_item_resource_id", "lineItem/ResourceId"),
    "account": ("line_item_usage_account_id", "lineItem/UsageAccountId"),
    "account_name": ("line_item_usage_account_name", "lineItem/UsageAccountName"),
    "description": ("line_item_line_item_description", "lineItem/LineItemDescription"),
    "unit": ("pricing_unit", "pricing/unit"),
    "region": ("product_region_code", "product/regionCode", "product/region"),
    "service": ("product_servicename", "product/servicename", "product_product_name", "product/ProductName"),
    "product": ("product",),
    "principal": ("line_item_iam_principal", "lineItem/IamPrincipal"),
    "tags": ("resource_tags",),
}
FIELDS = {
    spelled: "JSON" if key in ("product", "tags") else "VARCHAR" for key, names in NAMES.items() for spelled in names
}


def _line(key: str) -> str:
    return "coalesce(" + ", ".join(f'text_of(d."{name}")' for name in NAMES[key]) + f", NULL) AS {key}"


SELLERS = "('AmazonBedrock', 'AmazonBedrockService', 'AmazonBedrockFoundationModels')"
EDITION = "coalesce(service, jtext(json_of(product), '$.product_name'), jtext(json_of(product), '$.servicename'))"
IS_MODEL = f"(code IN {SELLERS} OR contains(lower({EDITION}), 'bedrock') OR contains(lower(resource), ':bedrock:'))"
# The region in front of a usage type is no part of the model's name; the kind of token ends it.
BARE = "regexp_replace(regexp_replace(usage_type, '^[A-Z]{2,4}[0-9]*-', ''), '^MP:[A-Z0-9]+_', '')"
ENDS = "(mantle|input|output|cache|batch|latency|provisioned|reserved|customized)"
MODEL = f"""CASE WHEN contains({EDITION}, '(Amazon Bedrock Edition)')
         THEN trim(replace({EDITION}, '(Amazon Bedrock Edition)', ''))
    WHEN regexp_matches(lower({BARE}), '-{ENDS}') THEN nullif(regexp_extract({BARE}, '^(.+?)-(?i:{ENDS})', 1), '')
    WHEN contains(resource, 'foundation-model/') THEN regexp_extract(resource, 'foundation-model/([^/]+)', 1) END"""
# Thousands or millions: what the unit says, else what the service is known to use; the newer `mantle` lines say it.
IS_TOKENS = "regexp_matches(lower(usage_type), 'token')"
SCALE = f"""CASE WHEN NOT {IS_TOKENS} OR regexp_matches(lower(usage_type), 'tokens-per-minute') THEN NULL
    WHEN regexp_matches(lower(unit), '1m|million') THEN 1000000
    WHEN regexp_matches(lower(unit), '1k|thousand') THEN 1000
    WHEN lower(unit) = 'tokens' THEN 1 WHEN code = 'AmazonBedrockFoundationModels' THEN 1000000
    WHEN code IN {SELLERS} AND NOT contains(usage_type, '-mantle-') THEN 1000 END"""
SAME = ", ".join(
    f"coalesce({name}, '')"
    for name in (
        "started",
        "code",
        "usage_type",
        "operation",
        "kind",
        "resource",
        "account",
        "principal",
        "tags",
        "description",
    )
)
ROWS = f"""
    SELECT *, row_number() OVER (PARTITION BY file_no, alike ORDER BY record_no) AS place, {SCALE} AS scale
    FROM (SELECT *, CAST(utc(started) AS DATE) AS day, concat_ws(':', day, md5(concat_ws('|', {SAME}))) AS alike
          FROM (SELECT *, {", ".join(_line(key) for key in NAMES)} FROM records))"""

COLUMNS = {
    "event_key": "concat_ws(':', alike, place)",
    "alike": "alike",
    "place": "place",
    "provider": "'aws'",
    "day": "day",
    "line_item": "coalesce(usage_type, description, kind)",
    "model": MODEL,
    "project": "coalesce(account_name, account)",
    "kind": "'cost'",
    "amount": "amount",
    "currency": "coalesce(currency, 'USD')",
    "quantity": "number(quantity) * coalesce(scale, 1)",
    "unit": "CASE WHEN scale IS NOT NULL THEN 'tokens' ELSE coalesce(lower(unit), 'units') END",
    "note": """nullif(concat_ws(', ', CASE WHEN kind NOT IN ('Usage', 'DiscountedUsage') THEN lower(kind) END,
        CASE WHEN net IS NOT NULL AND number(net) <> number(amount) THEN net || ' after discounts' END), '')""",
    "reject": "CASE WHEN amount IS NULL THEN 'the line has no unblended cost' END",
    "skip": f"""CASE WHEN NOT coalesce({IS_MODEL}, FALSE)
        THEN 'no charge of a language model: ' || coalesce(code, 'no code') END""",
}
SHAPE: dict[str, Any] = {
    "fields": FIELDS,
    "rows": ROWS,
    "table": "billed",
    "supersedes": True,
    "days": True,
    "family": "aws_cur",
    "order": 40,
    "note": "Unblended cost, by UTC day. A line that a newer report has with another amount is replaced.",
}


def _recognise(sample: list[dict]) -> bool:
    new = has(sample, "line_item_usage_type", "line_item_unblended_cost")
    return new or has(sample, "lineItem/UsageType", "lineItem/UnblendedCost")


FORMATS = (
    Format(
        name="aws_cur",
        label="AWS Cost and Usage Report (Amazon Bedrock)",
        recognise=_recognise,
        columns=COLUMNS,
        no_usage="a line is one charge; every other amount and quantity of it explains the billed one",
        **SHAPE,
    ),
    Format(
        name="aws_cur_all",
        label="AWS Cost and Usage Report, every line",
        recognise=lambda sample: False,  # chosen by the operator, who knows that all of the file is about models
        columns={name: sql for name, sql in COLUMNS.items() if name != "skip"},
        no_usage="a line is one charge; every other amount and quantity of it explains the billed one",
        **SHAPE,
    ),
)
