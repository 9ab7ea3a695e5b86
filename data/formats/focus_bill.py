"""FOCUS billing files (FinOps Open Cost and Usage Specification 1.0 to 1.3): any cloud's or vendor's bill.

BilledCost is what an invoice adds up to. Rows of services that are no AI are left out where the file
says what a service is. Charge periods are UTC and their end is exclusive.
"""

from __future__ import annotations

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
)

# ISO 8601, or what a spreadsheet made of it: month first.
DAY = """CAST(coalesce(try_strptime(d.ChargePeriodStart, ['%m/%d/%y', '%m/%d/%Y', '%m/%d/%y %H:%M', '%m/%d/%Y %H:%M']), utc(d.ChargePeriodStart)) AS DATE)"""

ISSUER = "lower(coalesce(text_of(d.ServiceProviderName), text_of(d.ProviderName), text_of(d.PublisherName), text_of(d.InvoiceIssuerName)))"

COLUMNS = {
    # The place among rows that are equal in all of this keeps each of them, in every export of the period.
    "event_key": "md5(concat_ws('|', same, place))",
    "provider": f"""CASE WHEN {ISSUER} LIKE '%aws%' OR {ISSUER} LIKE '%amazon%' THEN 'aws' WHEN {ISSUER} LIKE '%microsoft%' OR {ISSUER} LIKE '%azure%' THEN 'azure'
        WHEN {ISSUER} LIKE '%google%' THEN 'google' ELSE {ISSUER} END""",
    "day": DAY,
    "line_item": "coalesce(text_of(d.ChargeDescription), text_of(d.SkuMeter), text_of(d.SkuId))",
    "model": "coalesce(text_of(d.x_model), jtext(TRY_CAST(d.Tags AS JSON), '$.model'))",
    "project": "coalesce(text_of(d.SubAccountName), text_of(d.SubAccountId), text_of(d.BillingAccountId))",
    "kind": "'cost'",
    "amount": "text_of(d.BilledCost)",
    "currency": "text_of(d.BillingCurrency)",
    "quantity": "number(d.ConsumedQuantity)",
    "unit": "text_of(d.ConsumedUnit)",
    "note": """CASE WHEN d.ChargeCategory = 'Purchase' THEN 'a purchase made in advance: its usage is billed at 0'
        WHEN d.ChargeCategory <> 'Usage' THEN lower(d.ChargeCategory) END""",
    "skip": """CASE WHEN text_of(d.ServiceCategory) IS NOT NULL AND d.ServiceCategory <> 'AI and Machine Learning'
        THEN 'a service that is no AI: ' || d.ServiceCategory END""",
}

SAME = (
    "concat_ws('|', "
    + ", ".join(
        f"coalesce(d.{name}, '')"
        for name in NAMES
        if name not in ("BilledCost", "EffectiveCost", "ConsumedQuantity", "PricingQuantity")
    )
    + ")"
)

FORMATS = (
    Format(
        name="focus_bill",
        label="FOCUS billing file",
        recognise=lambda sample: has(sample, "BilledCost", "BillingCurrency", "ChargePeriodStart"),
        fields=dict.fromkeys(NAMES, "VARCHAR"),
        rows=f"SELECT *, row_number() OVER (PARTITION BY file_no, same ORDER BY record_no) AS place FROM (SELECT *, md5({SAME}) AS same FROM records)",
        columns=COLUMNS,
        table="billed",
        supersedes=True,
        order=40,
        note="BilledCost is compared: what was bought in advance stands on the day it was bought.",
    ),
)
