"""The SQL that prices usage rows: resolved names and dated prices, met by a range join.

A row's cost, in this order:

1. `cached` (answered by a gateway's own cache): 0.
2. `error`: what the log reports, else 0; nobody bills an attempt that failed.
3. usage missing (`unmetered`, or neither input nor output known): what the log reports above 0, else NULL `unmetered`.
4. a contract price holds: that price, `contract`.
5. the log reports a cost: that cost, `reported`. A reported 0 for used tokens is a gap in the log
   rather than a gift: it yields to the list price, and to `unpriced` where there is none.
6. the list price, `list` (0 where the model is free).
7. NULL, `unpriced`; also where the amount is beyond what the ledger can hold.

The reported and the list cost stay beside it, so a discrepancy can be shown.
"""

from __future__ import annotations

import pyarrow as pa

from data.prices.catalogue import RATES, SERVICE_TIERS
from data.schema import MONEY, TOKENS

# USD per token to twelve decimals, as a row's own money: products need no rounding and stay in 64 bits.
_RATE = pa.decimal128(18, 12)
PRICE_COLUMNS = (
    ("service_tier", pa.string()),
    ("valid_from", pa.timestamp("us")),
    ("valid_to", pa.timestamp("us")),
    ("second_from", pa.int64()),
    ("second_to", pa.int64()),
    ("tokens_from", pa.int64()),
    ("tokens_to", pa.int64()),
    *((rate, _RATE) for rate in RATES),
    ("request_usd", _RATE),
)
INPUT = TOKENS[:4]

_TIERS = ", ".join(f"'{tier}'" for tier in SERVICE_TIERS)

_ROWS = f"""
SELECT r.*,
       CASE WHEN service_tier IN ({_TIERS}) THEN service_tier ELSE 'standard' END AS price_tier,
       epoch_ms(requested_at) // 1000 % 86400 AS price_second,
       {" + ".join(f"coalesce({column}, 0)" for column in INPUT)} AS price_input,
       coalesce(unmetered, FALSE) OR fresh_input_tokens IS NULL AND output_tokens IS NULL AS price_unmetered
FROM {{relation}} r"""


def priced_sql(relation: str) -> str:
    """SELECT text over `relation` and the temporary tables of `PriceBook.attach`.

    Returns every column of `relation` with `provider` made canonical, and `model`, `list_cost_usd`,
    `cost_usd` (both DECIMAL(18,12)) and `cost_basis`.
    """
    return f"""
SELECT * EXCLUDE (price_tier, price_second, price_input, price_unmetered, contract_cost),
       {_COST} AS cost_usd, {_BASIS} AS cost_basis
FROM (
    SELECT r.* REPLACE (coalesce(n.canonical_provider, r.provider) AS provider), n.model,
           CASE WHEN r.status IN ('cached', 'error') THEN 0::{MONEY} WHEN NOT r.price_unmetered THEN {_amount("p")} END AS list_cost_usd,
           {_amount("c")} AS contract_cost
    FROM ({_ROWS.format(relation=relation)}) r
    LEFT JOIN resolved n ON {" AND ".join(f"r.{c} IS NOT DISTINCT FROM n.{c}" for c in ("provider", "host", "region", "model_raw"))}
    LEFT JOIN prices p ON {_holds("p")}
    LEFT JOIN contract_prices c ON {_holds("c")}
)"""


def _amount(price: str) -> str:
    terms = (
        f"coalesce(r.{column}, 0)::DECIMAL(13, 0) * {price}.{rate}" for column, rate in zip(TOKENS, RATES, strict=True)
    )
    return (
        f"TRY({' + '.join(terms)} + {price}.request_usd)"  # an amount beyond the type is NULL: unpriced, no exception
    )


def _holds(price: str) -> str:
    return f"""{price}.name_id = n.name_id AND {price}.service_tier = r.price_tier
        AND r.requested_at >= {price}.valid_from AND r.requested_at < {price}.valid_to
        AND r.price_second >= {price}.second_from AND r.price_second < {price}.second_to
        AND r.price_input >= {price}.tokens_from AND r.price_input < {price}.tokens_to"""


_USED = " + ".join(f"coalesce({column}, 0)" for column in TOKENS)
_BELIEVED = f"(reported_cost_usd > 0 OR reported_cost_usd = 0 AND (({_USED}) = 0 OR list_cost_usd = 0))"
_COST = f"""CASE WHEN status = 'cached' THEN 0::{MONEY}
        WHEN status = 'error' THEN greatest(coalesce(reported_cost_usd, 0), 0)::{MONEY}
        WHEN price_unmetered THEN CASE WHEN reported_cost_usd > 0 THEN reported_cost_usd END
        WHEN contract_cost IS NOT NULL THEN contract_cost
        WHEN {_BELIEVED} THEN reported_cost_usd
        ELSE list_cost_usd END"""
_BASIS = f"""CASE WHEN status = 'cached' THEN 'list'
        WHEN status = 'error' THEN CASE WHEN reported_cost_usd > 0 THEN 'reported' ELSE 'list' END
        WHEN price_unmetered THEN CASE WHEN reported_cost_usd > 0 THEN 'reported' ELSE 'unmetered' END
        WHEN contract_cost IS NOT NULL THEN 'contract'
        WHEN {_BELIEVED} THEN 'reported'
        WHEN list_cost_usd IS NOT NULL THEN 'list'
        ELSE 'unpriced' END"""
