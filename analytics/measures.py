"""Every measure, declared once: name, label, unit, meaning, expression.

A measure is an expression over additive totals, and `total` finds those both on rows and on the daily roll-up, so one
declaration serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir

from analytics.totals import (
    MEDIA_INPUT_TOKENS,
    MEDIA_OUTPUT_TOKENS,
    input_of,
    output_of,
    ratio,
    sum_over,
    total,
    total_of,
)
from data.calendar import MILLION


@dataclass(frozen=True)
class Measure:
    """A number with its unit. `expression(table)` aggregates rows or the roll-up.

    `additive` measures may be summed over any dimension; the others are ratios and may not.
    """

    name: str
    label: str
    unit: str
    meaning: str
    expression: Callable[[ir.Table], ir.Value]
    additive: bool = False
    in_rollup: bool = True


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure(
            "cost_usd",
            "Spend",
            "USD",
            "cost of every attempt: contract price, else what the log reports, else the price book",
            lambda t: total(t, "cost_usd"),
            True,
        ),
        Measure(
            "requests",
            "Requests",
            "requests",
            "logical requests; retries and fallbacks of one request count once",
            lambda t: total(t, "calls"),
            True,
        ),
        Measure(
            "attempts",
            "Attempts",
            "attempts",
            "billed attempts, retries and failures included",
            lambda t: total(t, "attempts"),
            True,
        ),
        Measure(
            "input_tokens",
            "Input tokens",
            "tokens",
            "fresh input, cache reads and cache writes, media included",
            input_of,
            True,
        ),
        Measure(
            "output_all_tokens",
            "Output tokens",
            "tokens",
            "visible output and reasoning, media included",
            output_of,
            True,
        ),
        *(
            Measure(name, label, "tokens", meaning, total_of(name), True)
            for name, label, meaning in (
                ("fresh_input_tokens", "Fresh input", "input neither read from nor written to a cache"),
                ("cache_read_tokens", "Cache reads", "input served from the prompt cache"),
                ("cache_write_5m_tokens", "Cache writes, 5 min", "input written to the prompt cache, short life"),
                ("cache_write_1h_tokens", "Cache writes, 1 h", "input written to the prompt cache, one hour"),
                ("output_tokens", "Visible output", "text output without reasoning"),
                ("reasoning_tokens", "Reasoning", "hidden reasoning, billed as output"),
            )
        ),
        Measure(
            "media_input_tokens",
            "Media input",
            "tokens",
            "image, audio and video input, cached or not; in no other kind of tokens",
            lambda t: sum_over(t, MEDIA_INPUT_TOKENS),
            True,
        ),
        Measure(
            "media_output_tokens",
            "Media output",
            "tokens",
            "image, audio and video output; in no other kind of tokens",
            lambda t: sum_over(t, MEDIA_OUTPUT_TOKENS),
            True,
        ),
        Measure(
            "tool_fees_usd",
            "Tool fees",
            "USD",
            "what searches and other tools that the provider ran cost beside the tokens; a part of the list cost",
            lambda t: total(t, "tool_fees_usd"),
            True,
        ),
        Measure(
            "cost_per_1k_requests_usd",
            "Cost per 1,000 requests",
            "USD",
            "spend / requests x 1,000",
            lambda t: ratio(total(t, "cost_usd"), total(t, "calls"), 1000),
        ),
        Measure(
            "price_usd_per_mtok",
            "Blended price",
            "USD per 1M tokens",
            "spend / all tokens x 1,000,000",
            lambda t: ratio(total(t, "cost_usd"), input_of(t) + output_of(t), MILLION),
        ),
        Measure(
            "cache_read_share",
            "Cache-read share",
            "share",
            "cache reads / all input tokens",
            lambda t: ratio(total(t, "cache_read_tokens"), input_of(t)),
        ),
        Measure(
            "output_per_input",
            "Output per input token",
            "ratio",
            "output tokens / input tokens",
            lambda t: ratio(output_of(t), input_of(t)),
        ),
        Measure(
            "failure_rate",
            "Failure rate",
            "share",
            "failed attempts / attempts",
            lambda t: ratio(total(t, "failed"), total(t, "attempts")),
        ),
        Measure(
            "failed_cost_usd",
            "Spend on failures",
            "USD",
            "cost of attempts that failed",
            lambda t: total(t, "failed_cost_usd"),
            True,
        ),
        Measure(
            "retry_cost_usd",
            "Spend on retries",
            "USD",
            "cost of second and later attempts",
            lambda t: total(t, "retry_cost_usd"),
            True,
        ),
        Measure(
            "list_cost_usd",
            "List cost",
            "USD",
            "what the price book says the same tokens cost",
            lambda t: total(t, "list_cost_usd"),
            True,
        ),
        Measure(
            "priced_share",
            "Priced share",
            "share",
            "attempts with a known cost / attempts",
            lambda t: ratio(total(t, "priced_attempts"), total(t, "attempts")),
        ),
        Measure(
            "without_caveat_share",
            "Without caveat",
            "share",
            "dollars whose rows carry no caveat / dollars with a known cost",
            lambda t: 1.0 - ratio(total(t, "caveat_cost_usd").fill_null(0), total(t, "cost_usd")),
        ),
        Measure(
            "mean_latency_ms",
            "Mean latency",
            "ms",
            "mean of request to last byte",
            lambda t: ratio(total(t, "latency_ms_sum"), total(t, "latency_count")),
        ),
        Measure(
            "p95_latency_ms",
            "P95 latency",
            "ms",
            "95th percentile of request to last byte",
            lambda t: t.latency_ms.quantile(0.95),
            in_rollup=False,
        ),
        Measure(
            "mean_quality",
            "Mean quality",
            "0 to 1",
            "mean evaluation score, where the log carries one",
            lambda t: t.quality_score.mean(),
            in_rollup=False,
        ),
    )
}
