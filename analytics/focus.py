"""FOCUS 1.2 export: one row per day, model and kind of token, quantities in tokens.

Column names and rules: FinOps Open Cost and Usage Specification 1.2. Periods are UTC days with
exclusive ends. The cost of an attempt is split over its token kinds in proportion to the list price
of each, so the rows of a day add up to its spend; what has no list price is one row of its own.
"""

from __future__ import annotations

import argparse
import json
import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from analytics.spend import view_of
from data import console
from data.errors import BadInput
from data.ledger import Ledger
from data.usage import TOKENS

METERS = {
    "fresh_input_tokens": "Input tokens", "cache_read_tokens": "Cached input tokens", "cache_write_5m_tokens": "Cache write tokens, 5 minutes",
    "cache_write_1h_tokens": "Cache write tokens, 1 hour", "output_tokens": "Output tokens", "reasoning_tokens": "Reasoning tokens",
}  # fmt: skip
COLUMNS = (
    "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd",
    "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
    "ConsumedQuantity", "ConsumedUnit", "PricingQuantity", "PricingUnit", "PricingCategory", "ProviderName", "PublisherName", "InvoiceIssuerName",
    "ServiceCategory", "ServiceSubcategory", "ServiceName", "SkuId", "SkuMeter", "ResourceId", "ResourceName", "RegionId",
    "SubAccountId", "SubAccountName", "BillingAccountId", "BillingAccountName", "Tags", "x_CostBasis",
)  # fmt: skip
# Relative weight of a token kind where only the total is known: the usual ratio of list prices.
WEIGHTS = {"fresh_input_tokens": 1.0, "cache_read_tokens": 0.1, "cache_write_5m_tokens": 1.25, "cache_write_1h_tokens": 2.0, "output_tokens": 4.0, "reasoning_tokens": 4.0}


def rows(ledger: Ledger, month: date) -> pd.DataFrame:
    """The month's charges in FOCUS columns, Decimal amounts; empty with the same columns when there are none."""
    first, after = month.replace(day=1), month.replace(day=1) + timedelta(days=monthrange(month.year, month.month)[1])
    frame = ledger.sql(
        f"SELECT requested_at::DATE AS usage_day, provider, model, team, project, region, service_tier, cost_basis, "
        f"sum(cost_usd) AS cost_usd, sum(list_cost_usd) AS list_cost_usd, {', '.join(f'sum({t})::DOUBLE AS {t}' for t in TOKENS)} "
        f"FROM {ledger.name('usage')} WHERE requested_at >= ? AND requested_at < ? GROUP BY ALL ORDER BY ALL",
        [datetime.combine(first, datetime.min.time()), datetime.combine(after, datetime.min.time())],
    )
    charges = [charge for record in frame.to_dict("records") for charge in _charges(record, first, after)]
    return pd.DataFrame(charges, columns=list(COLUMNS))


def _charges(record: dict, first: date, after: date) -> list[dict]:
    """One charge per token kind with tokens; one charge of requests where no kind has any."""
    used = {t: record[t] for t in TOKENS if record[t] and record[t] == record[t]}
    shares = _split(used)
    if not used:
        used, shares = {"": None}, {"": Decimal(1)}
    cost, listed = (Decimal(0) if pd.isna(record[c]) else record[c] for c in ("cost_usd", "list_cost_usd"))
    parts = zip(used, _parts(cost, shares), _parts(listed, shares), strict=True)
    return [_charge(record, first, after, kind, used[kind], billed, at_list) for kind, billed, at_list in parts]


def _split(used: dict[str, float]) -> dict[str, Decimal]:
    whole = sum(WEIGHTS[t] * n for t, n in used.items())
    return {t: Decimal(WEIGHTS[t] * n / whole) for t, n in used.items()} if whole else {}


def _parts(amount: Decimal, shares: dict[str, Decimal]) -> list[Decimal]:
    """Split an amount so that the parts add up to it exactly: the last one takes the rounding."""
    parts = [(amount * s).quantize(Decimal("0.000000000001")) for s in shares.values()]
    return [*parts[:-1], amount - sum(parts[:-1])] if parts else []


def _charge(record: dict, first: date, after: date, kind: str, quantity: float | None, cost: Decimal, listed: Decimal) -> dict:
    day = pd.Timestamp(record["usage_day"])
    text = {k: None if pd.isna(record[k]) else record[k] for k in ("provider", "model", "team", "project", "region", "service_tier")}
    meter = METERS.get(kind, "Requests without token counts")
    return {
        "BilledCost": cost, "EffectiveCost": cost, "ContractedCost": cost, "ListCost": listed, "BillingCurrency": "USD",
        "BillingPeriodStart": _instant(first), "BillingPeriodEnd": _instant(after),
        "ChargePeriodStart": _instant(day), "ChargePeriodEnd": _instant(day + timedelta(days=1)),
        "ChargeCategory": "Usage", "ChargeClass": None, "ChargeDescription": f"{text['model'] or 'unknown model'}, {meter.lower()}", "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": quantity, "ConsumedUnit": "Tokens" if kind else None, "PricingQuantity": quantity / 1e6 if quantity else None,
        "PricingUnit": "1M Tokens" if kind else None, "PricingCategory": "Standard" if text["service_tier"] == "standard" else "Dynamic",
        "ProviderName": text["provider"], "PublisherName": text["provider"], "InvoiceIssuerName": text["provider"],
        "ServiceCategory": "AI and Machine Learning", "ServiceSubcategory": "Generative AI", "ServiceName": f"{text['provider'] or 'unknown'} API",
        "SkuId": text["model"], "SkuMeter": meter, "ResourceId": text["model"], "ResourceName": text["model"], "RegionId": text["region"],
        "SubAccountId": text["team"], "SubAccountName": text["team"], "BillingAccountId": text["provider"] or "unknown", "BillingAccountName": text["provider"],
        "Tags": json.dumps({k: v for k, v in (("team", text["team"]), ("project", text["project"])) if v}), "x_CostBasis": record["cost_basis"],
    }  # fmt: skip


def _instant(day: date) -> str:
    return f"{day:%Y-%m-%d}T00:00:00Z"


def register(subparsers: Any) -> None:
    """Add `focus` to `python -m analytics`."""
    focus = console.command(subparsers, "focus", run, "export a month as FOCUS 1.2, one row per token kind")
    focus.add_argument("--month", required=True, metavar="YYYY-MM")
    focus.add_argument("--out", metavar="F.csv", help="file to write (default: print)")
    focus.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def run(args: argparse.Namespace) -> None:
    """`focus`: write the month's CSV, or print it as JSON rows."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", args.month):
        raise BadInput(f"--month is {args.month!r}; write it as YYYY-MM, for example 2026-11.")
    view = view_of(args)
    frame = rows(view, date.fromisoformat(f"{args.month}-01"))
    if args.json:
        console.emit_json({"rows": frame.to_dict("records"), "billed_cost_usd": sum(frame["BilledCost"], Decimal(0)), "snapshot": view.snapshot()})
        return
    safe = frame.map(lambda v: f"'{v}" if isinstance(v, str) and v.startswith(("=", "+", "-", "@")) else v)
    if not args.out:
        print(safe.to_csv(index=False), end="")
        return
    try:
        Path(args.out).write_text(safe.to_csv(index=False))
    except OSError as error:
        raise BadInput(f"{args.out} cannot be written ({error.strerror}); name another file with --out.") from error
    console.say(f"{len(frame):,} charges of {args.month} written to {args.out}; data version {view.snapshot()}.")
