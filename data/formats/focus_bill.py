"""FOCUS billing files (FinOps Open Cost and Usage Specification 1.0 to 1.4): any cloud's or vendor's bill.

BilledCost is what an invoice adds up to. Where the file says what services are, only charges of language models count:
a machine-learning platform's bill is mostly machines, disks and addresses. `--format focus_bill_all` takes every row.
Charge periods are UTC and their end is exclusive. 1.3 added, and 1.4 kept alone, the names of who offers the service
and who hosts it (finops-toolkit 2120); what a model is may stand in SkuPriceDetails, in the words proposed for 1.5.
"""

from __future__ import annotations

from typing import Any

from data.formats import Format, has

NAMES = (
    "BilledCost",
    "BillingCurrency",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeDescription",
    "ConsumedQuantity",
    "ConsumedUnit",
    "PricingQuantity",
    "PricingUnit",
    "EffectiveCost",
    "ProviderName",
    "ServiceProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "ServiceCategory",
    "ServiceSubcategory",
    "ServiceName",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "ResourceId",
    "ResourceName",
    "SubAccountId",
    "SubAccountName",
    "BillingAccountId",
    "RegionId",
    "Tags",
    "x_model",
    "HostProviderName",
    "SkuPriceDetails",
)
LATER = ("ServiceSubcategory", "HostProviderName", "SkuPriceDetails")  # added since identities are made of NAMES

# ISO 8601, or what a spreadsheet made of it: month first.
REPORT_DAY = """CAST(coalesce(try_strptime(d.ChargePeriodStart, ['%m/%d/%y', '%m/%d/%Y', '%m/%d/%y %H:%M',
'%m/%d/%Y %H:%M']), utc(d.ChargePeriodStart)) AS DATE)"""

# A service that sells nothing but models, a charge that names a model or its tokens, and what is neither.
SELLERS = (
    "bedrock|openai|anthropic|claude|gemini api|mistral|cohere|perplexity|deepseek|groq|openrouter|fireworks"
    "|together ai"
)
MODELS = (
    "\\b(gpt|claude|gemini|gemma|llama|mistral|mixtral|codestral|cohere|command|titan|nova|deepseek|qwen|kimi|grok"
    "|phi|jamba|palm|dall-?e|whisper|imagen|veo|embeddings?|tokens?|llms?|generative|o[134](-mini|-pro)?)\\b"
    "|large language|foundation model"
)
MACHINES = (
    "virtual machine|managed disk|\\bdisks?\\b|ip address|bandwidth|data transfer|load balancer|\\bnat\\b|snapshot"
    "|instance core|instance ram|\\bvcpu|node hours?"
)
SERVICE = "concat_ws(' ', d.ServiceName, d.PublisherName, d.ServiceProviderName, d.ProviderName, d.InvoiceIssuerName)"
CHARGE = (
    "concat_ws(' ', d.ChargeDescription, d.SkuMeter, d.SkuId, d.ResourceName, d.ConsumedUnit, d.PricingUnit, d.x_model)"
)
DETAILS = "TRY_CAST(d.SkuPriceDetails AS JSON)"
MODEL = (
    "coalesce(text_of(d.x_model), jtext(TRY_CAST(d.Tags AS JSON), '$.model'),"
    f" jtext({DETAILS}, '$.ModelVersion'), jtext({DETAILS}, '$.x_Model'), jtext({DETAILS}, '$.ModelFamily'))"
)
# Tokens may be counted in thousands or millions, and be named by the meter alone.
UNIT = "lower(d.ConsumedUnit)"
TOKENS = "^([0-9]*)\\s*(k|thousands?|m|millions?)?\\s*(of )?"
SCALE = f"""CASE WHEN regexp_matches({UNIT}, '{TOKENS}tokens?$') OR regexp_matches({UNIT}, '{TOKENS}$')
        AND regexp_matches(lower(concat_ws(' ', d.ChargeDescription, d.SkuMeter)), '\\btokens?\\b')
    THEN nullif(coalesce(nullif(number(regexp_extract({UNIT}, '{TOKENS}', 1)), 0), 1)
        * CASE left(regexp_extract({UNIT}, '{TOKENS}', 2), 1) WHEN 'k' THEN 1000 WHEN 't' THEN 1000
            WHEN 'm' THEN 1000000 ELSE 1 END, 1) END"""
# A service that sells nothing else is one in any category: who resells it files it under others.
SELLS_MODELS = (
    f"""(NOT regexp_matches(lower({CHARGE}), '{MACHINES}') AND regexp_matches(lower({SERVICE}), '{SELLERS}'))"""
)
IS_MODEL = f"""({MODEL} IS NOT NULL
    OR NOT regexp_matches(lower({CHARGE}), '{MACHINES}') AND (lower(d.ServiceSubcategory) = 'generative ai'
        OR regexp_matches(lower({SERVICE}), '{SELLERS}') OR regexp_matches(lower({CHARGE}), '{MODELS}')))"""

ISSUER = (
    "lower(coalesce(text_of(d.ServiceProviderName), text_of(d.ProviderName), text_of(d.PublisherName),"
    " text_of(d.InvoiceIssuerName), text_of(d.HostProviderName)))"
)

COLUMNS = {
    # The place among rows that are equal in all of this keeps each of them, in every export of the period.
    "event_key": "md5(concat_ws('|', alike, place))",
    "alike": "alike",
    "place": "place",
    "provider": (
        f"""CASE WHEN {ISSUER} LIKE '%aws%' OR {ISSUER} LIKE '%amazon%' THEN 'aws' WHEN {ISSUER} LIKE '%microsoft%' OR
        {ISSUER} LIKE '%azure%' THEN 'azure'
        WHEN {ISSUER} LIKE '%google%' THEN 'google' ELSE {ISSUER} END"""
    ),
    "day": REPORT_DAY,
    "line_item": "coalesce(text_of(d.ChargeDescription), text_of(d.SkuMeter), text_of(d.SkuId))",
    "model": MODEL,
    "project": "coalesce(text_of(d.SubAccountName), text_of(d.SubAccountId), text_of(d.BillingAccountId))",
    "kind": "'cost'",
    "amount": "text_of(d.BilledCost)",
    "currency": "text_of(d.BillingCurrency)",
    "quantity": f"number(d.ConsumedQuantity) * coalesce({SCALE}, 1)",
    "unit": f"CASE WHEN {SCALE} IS NOT NULL THEN 'Tokens' ELSE text_of(d.ConsumedUnit) END",
    "note": (
        """CASE WHEN d.ChargeCategory = 'Purchase' THEN 'a purchase made in advance: its usage is billed at 0'
        WHEN d.ChargeCategory <> 'Usage' THEN lower(d.ChargeCategory) END"""
    ),
    "reject": "CASE WHEN text_of(d.BilledCost) IS NULL THEN 'the charge has no BilledCost' END",
    "skip": (
        f"""CASE WHEN text_of(d.ServiceCategory) IS NOT NULL AND d.ServiceCategory <> 'AI and Machine Learning'
                AND NOT coalesce({SELLS_MODELS}, FALSE)
            THEN 'a service that is no AI: ' || d.ServiceCategory
        WHEN json_exists(raw, '$.ServiceCategory') AND NOT coalesce({IS_MODEL}, FALSE)
            THEN 'no charge of a language model: ' || coalesce(text_of(d.ServiceName), 'service not named') END"""
    ),
}

# Identity: what was added to NAMES later stays out of it.
SAME = (
    "concat_ws('|', "
    + ", ".join(
        f"coalesce(d.{name}, '')"
        for name in NAMES
        if name not in ("BilledCost", "EffectiveCost", "ConsumedQuantity", "PricingQuantity", *LATER)
    )
    + ")"
)

SHAPE: dict[str, Any] = {
    "fields": dict.fromkeys(NAMES, "VARCHAR"),
    "rows": (
        f"""SELECT *, row_number() OVER (PARTITION BY file_no, alike ORDER BY record_no) AS place
        FROM (SELECT *, md5({SAME}) AS alike FROM records)"""
    ),
    "table": "billed",
    "supersedes": True,
    "days": True,
    "family": "focus_bill",
    "no_usage": "a row is one charge; every other amount and quantity of it explains the billed one",
    "order": 40,
}
NOTE = "BilledCost is compared: what was bought in advance stands on the day it was bought."

FORMATS = (
    Format(
        name="focus_bill",
        label="FOCUS billing file",
        recognise=lambda sample: has(sample, "BilledCost", "BillingCurrency", "ChargePeriodStart"),
        columns=COLUMNS,
        note=f"{NOTE} Only charges of language models are kept; --format focus_bill_all keeps every row.",
        **SHAPE,
    ),
    Format(
        name="focus_bill_all",
        label="FOCUS billing file, every charge",
        recognise=lambda sample: False,  # chosen by the operator, who knows that all of the file is about models
        columns={name: sql for name, sql in COLUMNS.items() if name != "skip"},
        note=NOTE,
        **SHAPE,
    ),
)
