"""A FOCUS export in each version: its columns, what tells tokens apart, and unit prices that multiply to the cost."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from analytics.__main__ import main
from analytics.billing import focus, focus_columns
from data.loading.ingest import ingest

FIRST = date(2026, 10, 1)
# Feature level of specification/columns 1.2.
MANDATORY = {
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
}


@pytest.fixture
def month(ledger):
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.usage (event_id, attempt, requested_at, provider, host, model, service_tier, status,"
            " region, team, cost_usd, list_cost_usd, fresh_input_tokens, cache_read_tokens, output_tokens) VALUES ('e',"
            " 1, TIMESTAMP '2026-10-02 00:00:00', 'openai', 'azure', 'gpt-5', 'standard', 'success', 'eu', 'search',"
            " 0.0180, 0.0180, 6000, 4000, 1000)"
        )
        cursor.execute("INSERT INTO lake.main.batches (batch_id, loaded) VALUES ('b', 1)")
    return ledger


def test_version_1_2_has_every_mandatory_column():
    assert set(focus_columns.COLUMNS["1.2"]) >= MANDATORY


def test_unit_prices_times_quantities_are_the_costs(month):
    for row in focus.rows(month, FIRST).to_dict("records"):
        for unit, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
            assert abs(row[unit] * Decimal(str(row["PricingQuantity"])) - row[cost]) < Decimal("1e-9")


def test_the_preview_says_model_direction_and_cache(month):
    frame = focus.rows(month, FIRST, "1.5-preview").set_index("SkuMeter")
    assert not {"ProviderName", "PublisherName"} & set(frame.columns)
    assert set(frame["ServiceProviderName"]) == {"openai"} and set(frame["HostProviderName"]) == {"azure"}
    details = {meter: json.loads(text) for meter, text in frame["SkuPriceDetails"].items()}
    assert details["Cached input tokens"] | {"x_TokenKind": ""} == {
        "x_ServiceTier": "standard",
        "x_TokenKind": "",
        "ModelDeveloper": focus_columns.developer_of("gpt-5"),
        "ModelVersion": "gpt-5",
        "TokenDirection": "Input",
        "TokenCacheAction": "Read",
    }
    assert details["Input tokens"]["TokenCacheAction"] == "Uncached"
    assert "TokenCacheAction" not in details["Output tokens"] and details["Output tokens"]["TokenDirection"] == "Output"


@pytest.mark.parametrize("kind", focus.METERS)
def test_every_kind_of_token_has_a_direction(kind):
    assert (focus_columns.direction_of(kind)[0] is None) == (kind == focus.TOOLS)


@pytest.mark.parametrize("version", focus_columns.VERSIONS)
def test_an_export_is_read_as_a_bill(month, version, state, tmp_path):
    path = tmp_path / "focus.csv"
    assert main(["focus", "--month", "2026-10", "--focus-version", version, "--out", str(path)]) == 0
    report = ingest(month, state, [path])[0]
    assert (report.format, report.loaded, report.rejected, report.skipped) == ("focus_bill", 3, 0, 0)
    billed = month.sql(f"SELECT sum(amount) AS usd, max(provider) AS provider FROM {month.name('billed')}").iloc[0]
    assert (billed["usd"], billed["provider"]) == (Decimal("0.018"), "openai")
