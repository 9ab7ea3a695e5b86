"""DeepSeek platform export: `amount-*.csv` (tokens, one row per kind) and `cost-*.csv` (money, often CNY).

Times carry an offset. A bucket of a whole day is the platform's own day, and keeps its date.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, report_page

NAMES = (
    "user_id",
    "start_time_iso",
    "end_time_iso",
    "model",
    "api_key_name",
    "api_key",
    "type",
    "price",
    "amount",
    "wallet_type",
    "cost",
    "currency",
)
STARTED, ENDED = "utc(d.start_time_iso)", "utc(d.end_time_iso)"
WHOLE_DAY = f"TRY({ENDED} - {STARTED} >= INTERVAL 23 HOUR)"  # an endless span is none
FOREIGN = f"{WHOLE_DAY} AND {STARTED} <> date_trunc('day', {STARTED})"

SAME = ("start_time_iso", "end_time_iso", "user_id", "api_key_name", "model", "type", "wallet_type", "currency")

COLUMNS = {
    "event_key": f"concat_ws(':', {', '.join(f'd.{name}' for name in SAME)}, namesake)",
    "provider": "'deepseek'",
    "day": f"CASE WHEN {WHOLE_DAY} THEN TRY_CAST(left(d.start_time_iso, 10) AS DATE) ELSE CAST({STARTED} AS DATE) END",
    "line_item": "coalesce(text_of(d.type), text_of(d.wallet_type), 'cost')",
    "model": "text_of(d.model)",
    "project": "text_of(d.api_key_name)",
    "kind": "CASE WHEN d.cost IS NULL THEN 'usage' ELSE 'cost' END",
    "amount": "text_of(d.cost)",
    # The token file has no currency column and its price is left alone.
    "currency": "text_of(d.currency)",
    "quantity": "CASE WHEN d.cost IS NULL THEN number(d.amount) END",
    "unit": "CASE WHEN d.cost IS NOT NULL THEN NULL WHEN d.type = 'request_count' THEN 'requests' ELSE 'tokens' END",
    "note": f"CASE WHEN {FOREIGN} THEN 'the day of the platform, not of UTC (' || d.start_time_iso || ')' END",
    "skip": "CASE WHEN d.cost IS NULL AND coalesce(number(d.amount), 0) = 0 THEN 'a count of zero' END",
}


def _recognise(sample: list[dict]) -> bool:
    tokens = has(sample, "start_time_iso", "type", "amount", "api_key_name")
    return tokens or has(sample, "start_time_iso", "wallet_type", "cost", "currency")


FORMATS = (
    Format(
        name="deepseek_export",
        label="DeepSeek platform export (amount and cost CSV)",
        recognise=_recognise,
        fields=dict.fromkeys(NAMES, "VARCHAR"),
        rows=report_page.told_apart("FROM records", ", ".join(f"d.{name}" for name in SAME), SAME, "raw"),
        columns=COLUMNS,
        table="billed",
        usage=flat_usage(dict.fromkeys(NAMES, "VARCHAR")),
        supersedes=True,
        days=True,
        order=40,
        note="Amounts keep their currency; they are compared in USD only with a rate you give.",
    ),
)
