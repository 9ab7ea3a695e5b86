"""The SQL that prices usage rows: resolved names, dated prices and dated fees, met by range joins.

A row's cost, in this order:

1. `cached` (answered by a gateway's own cache): 0.
2. `error`: what the log reports, else 0; nobody bills an attempt that failed.
3. usage missing (`unmetered`, or neither input nor output known): what the log reports above 0, else NULL `unmetered`.
4. a contract price holds: that price, `contract`; a contract that says the work runs on capacity bought ahead:
   `prepaid`.
5. the service tier is capacity bought ahead (a provisioned deployment, a Priority Tier): `prepaid`, tokens at 0.
6. the log reports a cost: that cost, `reported`. A reported 0 for used tokens is a gap in the log
   rather than a gift: it yields to the list price, and to `unpriced` where there is none.
7. the list price, `list` (0 where the model is free).
8. NULL, `unpriced`; also where the amount is beyond what the ledger can hold.

Fees of server tools are part of the list, the contract and the prepaid cost. The reported and the list cost
stay beside it, so a discrepancy can be shown. What a list or contract cost assumed is added to `caveats`.
"""

from __future__ import annotations

from collections.abc import Iterable

from data.prices.price_row import MEDIA_RATES, TEXT_PRICE_OF, TEXT_RATES
from data.prices.service_tiers import prepaid_sql
from data.schema import INPUT_TOKENS, MEDIA_TOKENS, MONEY, TEXT_TOKENS, TOKENS
from data.sql_text import literal


def priced_sql(relation: str, tiers: Iterable[str]) -> str:
    """SELECT text over `relation` and the temporary tables of `PriceBook.attach`; `tiers` are those it has prices of.

    Returns every column of `relation` with `provider` made canonical and `caveats` extended, and `model`,
    `list_cost_usd`, `cost_usd`, `tool_fees_usd` (all DECIMAL(18,12)) and `cost_basis`.
    """
    return f"""
SELECT * EXCLUDE ({", ".join((*_MET, *_DECIDED))}) REPLACE ({_CAVEATS} AS caveats),
       {_COST} AS cost_usd, {_BASIS} AS cost_basis, {_TOOL_FEES} AS tool_fees_usd
FROM (
    SELECT *, {_LIST_COST} AS list_cost_usd, {_CONTRACT_COST} AS price_contract, {_DECIDED_BY} AS price_by
    FROM ({_with_prices(relation, tiers)})
)"""


# -- prices meet rows ---------------------------------------------------------------------------

_MET = (
    "price_tier",
    "price_tier_known",
    "price_second",
    "price_input",
    "price_media",
    "price_tools",
    "price_unmetered",
    "price_ahead",
    "price_list_tokens",
    "price_contract_tokens",
    "price_contract_ahead",
    "price_list_fees",
    "price_paid_fees",
    "price_fees_by_contract",
    "price_list_tier_assumed",
    "price_contract_tier_assumed",
    "price_list_media_as_text",
    "price_contract_media_as_text",
    "price_fee_unknown",
)


def _with_prices(relation: str, tiers: Iterable[str]) -> str:
    """The rows with what list prices, contract prices and fees make of each."""
    names = " AND ".join(f"r.{c} IS NOT DISTINCT FROM n.{c}" for c in ("provider", "host", "region", "model_raw"))
    provider = "coalesce(n.canonical_provider, r.provider)"
    return f"""
    SELECT r.* REPLACE ({provider} AS provider), n.model,
           {prepaid_sql(provider, "r.service_tier")} AS price_ahead,
           {_amount("p")} AS price_list_tokens,
           {_amount("c")} AS price_contract_tokens,
           coalesce(c.prepaid, FALSE) AS price_contract_ahead,
           {_fees("f.list_fees")} AS price_list_fees,
           {_fees("f.paid_fees")} AS price_paid_fees,
           coalesce(list_has_any(map_keys(price_tools), f.by_contract), FALSE) AS price_fees_by_contract,
           NOT price_tier_known OR coalesce(p.tier_assumed, FALSE) AS price_list_tier_assumed,
           NOT price_tier_known OR coalesce(c.tier_assumed, FALSE) AS price_contract_tier_assumed,
           {_as_text("p")} AS price_list_media_as_text,
           {_as_text("c")} AS price_contract_media_as_text,
           CASE WHEN r.server_tools IS NULL THEN FALSE WHEN price_tools IS NULL OR f.paid_fees IS NULL THEN TRUE
               ELSE len(list_filter(map_keys(price_tools), lambda tool: NOT map_contains(f.paid_fees, tool))) > 0
               END AS price_fee_unknown
    FROM ({_rows(relation, tiers)}) r
    LEFT JOIN resolved n ON {names}
    LEFT JOIN prices p ON {_holds("p")}
    LEFT JOIN contract_prices c ON {_holds("c")}
    LEFT JOIN tool_fees f ON f.name_id = CASE WHEN r.server_tools IS NOT NULL THEN n.name_id END
        AND r.requested_at >= f.valid_from AND r.requested_at < f.valid_to"""


def _rows(relation: str, tiers: Iterable[str]) -> str:
    known = ", ".join(map(literal, tiers))
    return f"""
    SELECT r.*,
           service_tier IS NULL OR service_tier IN ({known}) AS price_tier_known,
           CASE WHEN service_tier IN ({known}) THEN service_tier ELSE 'standard' END AS price_tier,
           epoch_ms(requested_at) // 1000 % 86400 AS price_second,
           {_sum(INPUT_TOKENS)} AS price_input,
           coalesce({", ".join(MEDIA_TOKENS)}) IS NOT NULL AS price_media,
           CASE WHEN server_tools IS NOT NULL THEN TRY_CAST(TRY_CAST(server_tools AS JSON) AS MAP(VARCHAR, BIGINT)) END
               AS price_tools,
           coalesce(unmetered, FALSE) OR fresh_input_tokens IS NULL AND output_tokens IS NULL AS price_unmetered
    FROM {relation} r"""


def _sum(columns: Iterable[str]) -> str:
    return " + ".join(f"coalesce({column}, 0)" for column in columns)


def _amount(price: str) -> str:
    """A row's tokens at a price; an amount beyond the type is NULL: unpriced, no exception."""

    def terms(tokens: Iterable[str], rates: Iterable[str]) -> str:
        return " + ".join(
            f"TRY_CAST(coalesce(r.{column}, 0) AS DECIMAL(13, 0)) * {rate}"
            for column, rate in zip(tokens, rates, strict=True)
        )

    media = terms(MEDIA_TOKENS, (f"coalesce({price}.{rate}, {price}.{TEXT_PRICE_OF[rate]})" for rate in MEDIA_RATES))
    text = terms(TEXT_TOKENS, (f"{price}.{rate}" for rate in TEXT_RATES))
    return f"TRY({text} + {price}.request_usd + CASE WHEN price_media THEN {media} ELSE 0::{MONEY} END)"


def _as_text(price: str) -> str:
    """Whether some media tokens of the row have no price of their own."""
    cases = (
        f"r.{column} > 0 AND {price}.{rate} IS NULL" for column, rate in zip(MEDIA_TOKENS, MEDIA_RATES, strict=True)
    )
    return f"CASE WHEN price_media THEN coalesce({' OR '.join(cases)}, FALSE) ELSE FALSE END"


def _fees(fees: str) -> str:
    """What the row's tools cost by a map of fees; those without a known fee add nothing, NULL beyond the type."""
    one = f"TRY_CAST(least(call.value, {fees}[call.key].most) AS DECIMAL(13, 0)) * {fees}[call.key].usd"
    known = f"list_filter(map_entries(price_tools), lambda call: map_contains({fees}, call.key) AND call.value > 0)"
    return f"""CASE WHEN price_tools IS NULL THEN 0::{MONEY} ELSE
               TRY(coalesce(list_sum(list_transform({known}, lambda call: {one})), 0)::{MONEY}) END"""


def _holds(price: str) -> str:
    return f"""{price}.name_id = n.name_id AND {price}.service_tier = r.price_tier
        AND r.requested_at >= {price}.valid_from AND r.requested_at < {price}.valid_to
        AND r.price_second >= {price}.second_from AND r.price_second < {price}.second_to
        AND r.price_input >= {price}.tokens_from AND r.price_input < {price}.tokens_to"""


# -- which of them counts -----------------------------------------------------------------------

_DECIDED = ("price_contract", "price_by")
_FREE = "status IN ('cached', 'error')"
_LIST_COST = f"""CASE WHEN {_FREE} THEN 0::{MONEY} WHEN price_unmetered THEN NULL
        WHEN price_ahead THEN price_list_fees
        ELSE TRY((price_list_tokens + price_list_fees)::{MONEY}) END"""
_CONTRACT_COST = f"""CASE WHEN price_contract_tokens IS NOT NULL
            THEN TRY((price_contract_tokens + price_paid_fees)::{MONEY})
        WHEN price_fees_by_contract THEN TRY((price_list_tokens + price_paid_fees)::{MONEY}) END"""
_BELIEVED = f"(reported_cost_usd > 0 OR reported_cost_usd = 0 AND (({_sum(TOKENS)}) = 0 OR list_cost_usd = 0))"
_DECIDED_BY = f"""CASE WHEN status = 'cached' THEN 'cached' WHEN status = 'error' THEN 'error'
        WHEN price_unmetered THEN 'unmetered'
        WHEN (price_contract_ahead OR price_ahead AND price_contract_tokens IS NULL) AND price_paid_fees IS NOT NULL
            THEN 'prepaid'
        WHEN price_contract IS NOT NULL THEN 'contract'
        WHEN {_BELIEVED} THEN 'reported'
        WHEN list_cost_usd IS NOT NULL THEN 'list'
        ELSE 'unpriced' END"""
_COST = f"""CASE price_by WHEN 'cached' THEN 0::{MONEY}
        WHEN 'error' THEN greatest(coalesce(reported_cost_usd, 0), 0)::{MONEY}
        WHEN 'unmetered' THEN CASE WHEN reported_cost_usd > 0 THEN reported_cost_usd END
        WHEN 'prepaid' THEN price_paid_fees
        WHEN 'contract' THEN price_contract
        WHEN 'reported' THEN reported_cost_usd
        ELSE list_cost_usd END"""
_BASIS = """CASE price_by WHEN 'cached' THEN 'list'
        WHEN 'error' THEN CASE WHEN reported_cost_usd > 0 THEN 'reported' ELSE 'list' END
        WHEN 'unmetered' THEN CASE WHEN reported_cost_usd > 0 THEN 'reported' ELSE 'unmetered' END
        ELSE price_by END"""
_TOOL_FEES = """CASE WHEN price_tools IS NULL THEN NULL WHEN price_by IN ('contract', 'prepaid') THEN price_paid_fees
        WHEN price_by IN ('list', 'reported', 'unpriced') THEN price_list_fees END"""

_OWN_CONTRACT = "price_by = 'contract' AND price_contract_tokens IS NOT NULL"
_OWN_LIST = "price_by = 'list' OR price_by = 'contract' AND price_contract_tokens IS NULL"
_TIER_ASSUMED = f"{_OWN_CONTRACT} AND price_contract_tier_assumed OR ({_OWN_LIST}) AND price_list_tier_assumed"
_MEDIA_AS_TEXT = f"{_OWN_CONTRACT} AND price_contract_media_as_text OR ({_OWN_LIST}) AND price_list_media_as_text"
_FEE_UNPRICED = "price_fee_unknown AND price_by IN ('list', 'contract', 'prepaid', 'unpriced')"
# Cents for dollars, or dollars for cents: no discount comes so near to a hundredth.
_COST_UNIT = """price_by = 'reported' AND list_cost_usd > 0
        AND (abs(reported_cost_usd * 100 - list_cost_usd) <= list_cost_usd * 0.01
            OR abs(reported_cost_usd - list_cost_usd * 100) <= list_cost_usd)"""
_FAILED_WITH_OUTPUT = """price_by = 'error' AND coalesce(reported_cost_usd, 0) <= 0
        AND coalesce(output_tokens, 0) + coalesce(reasoning_tokens, 0) > 0"""
_CAVEATS = f"""CASE WHEN {_TIER_ASSUMED} OR {_MEDIA_AS_TEXT} OR {_FEE_UNPRICED} OR {_COST_UNIT} OR {_FAILED_WITH_OUTPUT}
        THEN list_concat(coalesce(caveats, []::VARCHAR[]), [
            CASE WHEN {_TIER_ASSUMED} THEN 'tier_price_assumed' END,
            CASE WHEN {_MEDIA_AS_TEXT} THEN 'media_as_text' END,
            CASE WHEN {_FEE_UNPRICED} THEN 'fee_unpriced' END,
            CASE WHEN {_COST_UNIT} THEN 'cost_unit_assumed' END,
            CASE WHEN {_FAILED_WITH_OUTPUT} THEN 'failed_with_output' END]) ELSE caveats END"""
