"""What pricing costs: copying rows, copying them priced, and pricing them one call at a time.

Run by hand: `python -m tests.benchmarks.pricing_ratio [ROWS]`. Prints CPU seconds and ratios of one run.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

from genai_prices import Usage, calc_price

from data.ledger import Ledger
from data.prices.book import PriceBook
from data.schema import TOKENS
from tests.benchmarks.ratios import row

CALLS = 2_000
NAMES = (
    ("openai", "gpt-5.4"),
    ("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("deepseek", "deepseek-v4-pro"),
    ("google", "gemini-2.5-pro"),
    ("minimax", "MiniMax-M2"),
)


def main(rows: int) -> None:
    """Print one line per way."""
    with tempfile.TemporaryDirectory() as home:
        ledger = Ledger.open(home)
        cursor, book = ledger.cursor(), PriceBook.load()
        cursor.execute(_rows(rows))
        attach = _cpu(lambda: book.attach(cursor, "staged"))
        copied = _cpu(lambda: cursor.execute("CREATE TEMP TABLE copied AS FROM staged"))
        priced = _cpu(lambda: cursor.execute(f"CREATE TEMP TABLE priced AS {book.price_rows('staged')}"))
        ledger.close()
    at = datetime(2026, 6, 1, tzinfo=UTC)
    usage = Usage(input_tokens=5_000, cache_read_tokens=4_000, output_tokens=700)
    per_call = (
        _cpu(
            lambda: [
                calc_price(usage, model_ref="gpt-5.4", provider_id="openai", genai_request_timestamp=at)
                for _ in range(CALLS)
            ]
        )
        / CALLS
    )
    print(
        f"{rows:,} rows: names {attach:.2f} s, copy {copied:.2f} s, copy with prices {priced:.2f} s ="
        f" {priced / copied:.1f} x"
    )
    ours_us, theirs_us = 1e6 * (priced - copied) / rows, 1e6 * per_call
    print(
        row(
            f"Pricing of {rows:,} rows in the engine (CPU a row)",
            f"{ours_us:.2f} µs",
            f"genai-prices, one call each: {theirs_us:.0f} µs",
            ours_us / theirs_us,
        )
    )


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _rows(count: int) -> str:
    cases = {"provider": 0, "model_raw": 1}
    names = {
        column: " ".join(f"WHEN {n} THEN '{name[i]}'" for n, name in enumerate(NAMES)) for column, i in cases.items()
    }
    picked = ", ".join(f"CASE i % {len(NAMES)} {branches} END AS {column}" for column, branches in names.items())
    media = ", ".join(
        f"NULL::BIGINT AS {column}" for column in TOKENS if column.startswith(("image", "audio", "video"))
    )
    return f"""CREATE TEMP TABLE staged AS SELECT i::VARCHAR AS event_id,
        TIMESTAMP '2025-06-01' + INTERVAL (i % 40000000) SECOND AS requested_at,
        {picked}, NULL::VARCHAR AS host, NULL::VARCHAR AS server_tools, NULL::VARCHAR[] AS caveats,
        {media}, NULL::VARCHAR AS region,
            CASE WHEN i % 4 = 0 THEN 'batch' ELSE 'standard' END AS service_tier,
        (random() * 300000)::BIGINT AS fresh_input_tokens, (random() * 3000)::BIGINT AS cache_read_tokens,
            0::BIGINT AS cache_write_5m_tokens,
        NULL::BIGINT AS cache_write_1h_tokens, (random() * 3000)::BIGINT AS output_tokens,
            (random() * 3000)::BIGINT AS reasoning_tokens,
        'success' AS status, NULL::DECIMAL(18, 12) AS reported_cost_usd, FALSE AS unmetered FROM range({count}) t(i)"""


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
