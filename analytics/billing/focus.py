"""FOCUS export (1.2, and a preview of 1.5): one row per day, model and kind of token, quantities in tokens.

Column names and rules: FinOps Open Cost and Usage Specification 1.2. Periods are UTC days with
exclusive ends. A day's spend on a model is split over its kinds of tokens in proportion to what each
costs at the day's price, so the rows add up to the spend exactly; where no price is known the tokens
are listed with the whole amount on the first kind. A unit price is the day's average: cost by quantity.
"""

from __future__ import annotations

import argparse
import json
import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pandas as pd

from analytics.billing import focus_columns
from analytics.command_options import view_of
from data import console
from data.calendar import MILLION
from data.errors import BadInput, BatonError
from data.held_versions import hold
from data.json_text import value_of
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.prices.price_row import RATES
from data.schema import MEDIA_TOKENS, TOKENS
from data.state import State
from data.version import VERSION
from data.wording import cell

TOOLS = "tool_calls"


def meter_of(media: str) -> str:
    """`image_cache_read_tokens` -> Image cache read tokens."""
    return media.replace("_", " ").capitalize()


METERS = {
    "fresh_input_tokens": "Input tokens",
    "cache_read_tokens": "Cached input tokens",
    "cache_write_5m_tokens": "Cache write tokens, 5 minutes",
    "cache_write_1h_tokens": "Cache write tokens, 1 hour",
    "output_tokens": "Output tokens",
    "reasoning_tokens": "Reasoning tokens",
    **{name: meter_of(name) for name in MEDIA_TOKENS},
    TOOLS: "Tool calls",
}
KEYS = ("usage_day", "provider", "host", "model", "team", "project", "region", "service_tier", "cost_basis")
WITH_FEES = ("list", "contract", "prepaid")  # bases whose cost is known to hold the fees of tools
RATE_OF = dict(zip(TOKENS, RATES, strict=True))


def rows(ledger: Ledger, month: date, version: str = "1.2") -> pd.DataFrame:
    """The month's charges in the columns of a FOCUS version, Decimal amounts; empty with the same columns when there
    are none."""
    first, after = month.replace(day=1), month.replace(day=1) + timedelta(days=monthrange(month.year, month.month)[1])
    frame = _sums(ledger, first, after)
    book = PriceBook.load(State.open(ledger.home))
    origin = {"x_BatonVersion": VERSION, "x_DataVersion": ledger.snapshot()}
    records = [_known(record) for record in frame.to_dict("records")]
    charges = [charge for record in records for charge in _charges(record, book, first, after, version)]
    return pd.DataFrame([charge | origin for charge in charges], columns=list(focus_columns.COLUMNS[version]))


def _sums(ledger: Ledger, first: date, after: date) -> pd.DataFrame:
    """KEYS and the sums of costs, tokens and tool calls of the days [first, after)."""
    rows = ledger.usage
    rows = rows.filter(rows.requested_at >= _midnight(first), rows.requested_at < _midnight(after))
    rows = rows.mutate(usage_day=rows.requested_at.date())
    sums = {name: rows[name].sum() for name in ("cost_usd", "list_cost_usd", "tool_fees_usd")}
    sums |= {name: rows[name].sum().cast("float64") for name in TOKENS}
    frame = ledger.frame(rows.group_by(*KEYS).aggregate(**sums).order_by(*KEYS))
    called = (
        rows.filter(rows.server_tools.notnull())
        .group_by(*KEYS, "server_tools")
        .aggregate(n=lambda tools: tools.count())
    )
    calls: dict[tuple, float] = {}
    for row in ledger.frame(called).to_dict("records"):
        key = tuple(_known({name: row[name] for name in KEYS}).values())
        calls[key] = calls.get(key, 0.0) + row["n"] * _calls_in(row["server_tools"])
    keys = [tuple(_known(row).values()) for row in frame[list(KEYS)].to_dict("records")]
    return frame.assign(**{TOOLS: pd.Series([calls.get(key) for key in keys], dtype="float64")})


def _calls_in(server_tools: str) -> int:
    """The calls in `{"web_search": 2}`."""
    told = value_of(server_tools)
    return sum(int(n) for n in told.values() if isinstance(n, int | float)) if isinstance(told, dict) else 0


def _midnight(day: date) -> ir.TimestampScalar:
    return ibis.literal(datetime.combine(day, datetime.min.time()))


def _known(record: dict) -> dict:
    """The record with None where the frame says NaN."""
    return {k: None if pd.isna(v) else v for k, v in record.items()}


def _charges(record: dict, book: PriceBook, first: date, after: date, version: str) -> list[dict]:
    """One charge per token kind with tokens and one of tool calls; one charge of requests where there is neither."""
    used = {t: record[t] for t in TOKENS if record[t]} or {"": None}
    shares = _shares(used, record, book)
    fees = (record["tool_fees_usd"] or Decimal(0)) if record["cost_basis"] in WITH_FEES else Decimal(0)
    cost, listed = ((record[c] or Decimal(0)) - fees for c in ("cost_usd", "list_cost_usd"))
    parts = zip(used, _parts(cost, shares), _parts(listed, shares), strict=True)
    lines = [(kind, used[kind], billed, at_list) for kind, billed, at_list in parts]
    lines += [(TOOLS, record[TOOLS], fees, fees)] if fees else []
    return [_charge(record, first, after, version, *line) for line in lines]


def _shares(used: dict[str, float | None], record: dict, book: PriceBook) -> list[Decimal]:
    """What part of the cost each kind of token is, by the price that held on the day."""
    try:
        rates = book.price_usd_per_mtok(
            record["provider"],
            record["model"],
            pd.Timestamp(record["usage_day"]).to_pydatetime(),
            service_tier=record["service_tier"] or "standard",
        )
        amounts = [rates[RATE_OF[kind]] * Decimal(count or 0) for kind, count in used.items() if kind]
    except BatonError:
        amounts = []
    whole = sum(amounts, Decimal(0))
    return [a / whole for a in amounts] if whole else [Decimal(1)] + [Decimal(0)] * (len(used) - 1)


def _parts(amount: Decimal, shares: list[Decimal]) -> list[Decimal]:
    """Split an amount so that the parts add up to it exactly: the first one takes the rounding."""
    rest = [(amount * s).quantize(Decimal("0.000000000001")) for s in shares[1:]]
    return [amount - sum(rest), *rest]


def _charge(
    record: dict,
    first: date,
    after: date,
    version: str,
    kind: str,
    quantity: float | None,
    cost: Decimal,
    listed: Decimal,
) -> dict:
    day = pd.Timestamp(record["usage_day"])
    meter = METERS.get(kind, "Requests without token counts")
    priced = quantity if kind == TOOLS else quantity / MILLION if quantity else None
    named = f"{record['provider'] or 'unknown'}/{record['model']}" if record["model"] else None
    return {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ContractedCost": cost,
        "ListCost": listed,
        "BillingCurrency": "USD",
        "BillingPeriodStart": _instant(first),
        "BillingPeriodEnd": _instant(after),
        "ChargePeriodStart": _instant(day),
        "ChargePeriodEnd": _instant(day + timedelta(days=1)),
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeDescription": f"{record['model'] or 'unknown model'}, {meter.lower()}",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": {"": None, TOOLS: "Calls"}.get(kind, "Tokens"),
        "PricingQuantity": priced,
        "PricingUnit": {"": None, TOOLS: "Calls"}.get(kind, "1M Tokens"),
        "PricingCategory": _category(record),
        "ListUnitPrice": _unit_price(listed, priced),
        "ContractedUnitPrice": _unit_price(cost, priced),
        "ProviderName": record["provider"],
        "PublisherName": record["provider"],
        "ServiceProviderName": record["provider"],
        "HostProviderName": record["host"] or record["provider"],
        "InvoiceIssuerName": record["provider"],
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "ServiceName": f"{record['provider'] or 'unknown'} API",
        "SkuId": record["model"],
        "SkuMeter": meter,
        "SkuPriceId": f"{named}/{kind}/{record['service_tier'] or 'standard'}" if named and kind else None,
        "SkuPriceDetails": focus_columns.price_details(record, kind, version),
        "ResourceId": record["model"],
        "ResourceName": record["model"],
        "ResourceType": "Model" if record["model"] else None,
        "RegionId": record["region"],
        "RegionName": record["region"],
        "SubAccountId": record["team"],
        "SubAccountName": record["team"],
        "SubAccountType": "Team" if record["team"] else None,
        "BillingAccountId": record["provider"] or "unknown",
        "BillingAccountName": record["provider"],
        "BillingAccountType": "Provider account",
        "Tags": json.dumps({k: v for k, v in (("team", record["team"]), ("project", record["project"])) if v}),
        "x_CostBasis": record["cost_basis"],
    }


def _unit_price(amount: Decimal, quantity: float | None) -> Decimal | None:
    """What one pricing unit cost on average; None where nothing was counted."""
    return (amount / Decimal(str(quantity))).quantize(Decimal("0.000000000001")) if quantity else None


def _category(record: dict) -> str:
    if record["cost_basis"] == "prepaid":
        return "Committed"
    return "Standard" if record["service_tier"] == "standard" else "Dynamic"


def _instant(day: date) -> str:
    return f"{day:%Y-%m-%d}T00:00:00Z"


def register(commands: console.Commands) -> None:
    """Add `focus` to `python -m analytics`."""
    focus = commands.add("focus", run)
    focus.add_argument("--month", required=True, metavar="YYYY-MM")
    focus.add_argument(
        "--focus-version",
        choices=focus_columns.VERSIONS,
        default="1.2",
        help="columns of this version; the preview of 1.5 may still change",
    )
    focus.add_argument("--out", metavar="F.csv", help="file to write (default: print)")
    focus.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def run(args: argparse.Namespace) -> None:
    """`focus`: write the month's CSV, or print it as JSON rows."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", args.month):
        raise BadInput(f"--month is {args.month!r}; write it as YYYY-MM, for example 2026-11.")
    view = view_of(args)
    frame = rows(view, date.fromisoformat(f"{args.month}-01"), args.focus_version)
    if args.json:
        console.emit_json(
            {
                "rows": frame.to_dict("records"),
                "billed_cost_usd": sum(frame["BilledCost"], Decimal(0)),
                "snapshot": view.snapshot(),
            }
        )
        return
    safe = frame.map(cell)
    if not args.out:
        print(safe.to_csv(index=False), end="")
        return
    console.write_file(args.out, safe.to_csv(index=False))
    hold(State.open(args.home), view.snapshot(), "report")
    console.say(f"{len(frame):,} charges of {args.month} written to {args.out}; data version {view.snapshot()}.")
