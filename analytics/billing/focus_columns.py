"""The columns of a FOCUS export, by version of the specification.

1.2: all mandatory columns and the conditional ones that a log can fill (specification/columns at 04f8bb3d). What is not
among them needs a contract, a commitment, a virtual currency or a zone, which no log has.
1.5 preview: 1.4 replaced the names of provider and publisher by those of the service's and the host's provider, and 1.5
is to put the model into SkuPriceDetails (FOCUS_Spec pull request 2442) and the direction and the cache of tokens beside
it (2606, open in September 2026). Names may still change; a model's family is left out, since nothing states it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from data.facts import models

VERSIONS = ("1.2", "1.5-preview")
COLUMNS_1_2 = (
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ConsumedQuantity",
    "ConsumedUnit",
    "PricingQuantity",
    "PricingUnit",
    "PricingCategory",
    "ListUnitPrice",
    "ContractedUnitPrice",
    "ProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "ServiceCategory",
    "ServiceSubcategory",
    "ServiceName",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SkuPriceDetails",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "RegionId",
    "RegionName",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "Tags",
    "x_CostBasis",
    "x_BatonVersion",
    "x_DataVersion",
)
RENAMED = {"ProviderName": "ServiceProviderName", "PublisherName": "HostProviderName"}
COLUMNS = {
    "1.2": COLUMNS_1_2,
    "1.5-preview": tuple(RENAMED.get(name, name) for name in COLUMNS_1_2),
}

# Direction and cache of each kind of token, in the words of pull request 2606.
DIRECTIONS = {
    "fresh_input_tokens": ("Input", "Uncached"),
    "cache_read_tokens": ("Input", "Read"),
    "cache_write_5m_tokens": ("Input", "Write"),
    "cache_write_1h_tokens": ("Input", "Write"),
    "output_tokens": ("Output", None),
    "reasoning_tokens": ("Output", None),
}


def direction_of(kind: str) -> tuple[str | None, str | None]:
    """TokenDirection and TokenCacheAction of a kind of token; (None, None) of what is none.

    >>> direction_of("image_cache_read_tokens")
    ('Input', 'Read')
    """
    if kind in DIRECTIONS:
        return DIRECTIONS[kind]
    if kind.endswith("_cache_read_tokens"):
        return "Input", "Read"
    if kind.endswith("_input_tokens"):
        return "Input", "Uncached"
    return ("Output", None) if kind.endswith("_output_tokens") else (None, None)


def price_details(record: Mapping[str, Any], kind: str, version: str) -> str | None:
    """SkuPriceDetails of a charge as JSON; None where nothing is known that a price depends on."""
    details: dict[str, object] = {"x_ServiceTier": record["service_tier"], "x_TokenKind": kind or None}
    if version != "1.2":
        direction, cache = direction_of(kind)
        details |= {
            "ModelDeveloper": developer_of(record["model"]),
            "ModelVersion": record["model"],
            "TokenDirection": direction,
            "TokenCacheAction": cache,
        }
    known = {name: value for name, value in details.items() if value is not None}
    return json.dumps(known) if known else None


def developer_of(model: str | None) -> str | None:
    """Who makes a model, as far as the shipped facts know."""
    if not model:
        return None
    catalogue = models.shipped_catalog()
    name = catalogue.spelling(model)
    return catalogue[name].vendor if name and name in catalogue else None
