"""Every dimension and measure, declared once: name, label, unit, expression, meaning.

Queries, labels, tooltips, the command line, docs/measures.md and the tests all read this. A measure
is an expression over additive totals, and `total` finds those both on rows and on the daily roll-up,
so one declaration serves both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from analytics.attributes import Dimension, Dimensions, column_of, hour_of, time_of, work_of
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
from data import rollups
from data.calendar import MILLION
from data.dimensions import PREFIX, declared
from data.errors import BadInput

if TYPE_CHECKING:
    from data.ledger import Ledger


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


DIMENSIONS = Dimensions(
    (
        Dimension("day", "Day", "day in the reporting time zone", True, time_of("D"), is_time=True),
        Dimension("week", "Week", "ISO week, named by its Monday", True, time_of("W"), is_time=True),
        Dimension("month", "Month", "month, named by its first day", True, time_of("M"), is_time=True),
        Dimension("hour", "Hour of day", "0 to 23 in the reporting time zone", False, hour_of),
        *(
            Dimension(name, label, meaning, name in rollups.KEYS, column_of(name))
            for name, label, meaning in (
                ("provider", "Provider", "who made the price"),
                ("model", "Model", "canonical model name"),
                ("team", "Team", "who pays"),
                ("feature", "Feature", "product feature or agent"),
                ("environment", "Environment", "production, staging, development"),
                ("project", "Project", "project or workspace"),
                ("customer_id", "Customer", "whom the work was done for"),
                ("user_id", "User", "end user or developer"),
                ("task_type", "Task type", "coding, reasoning, extraction, summarisation, classification, chat, other"),
                ("criticality", "Criticality", "high, normal or low"),
                ("data_class", "Data class", "public, internal, customer or regulated"),
                ("status", "Status", "success, error, cached or cancelled"),
                ("error_class", "Error class", "why an attempt failed"),
                ("cost_basis", "Cost basis", "contract, reported, list, prepaid, unpriced or unmetered"),
                (
                    "service_tier",
                    "Service tier",
                    "standard, batch, flex, priority, fast, ultrafast, provisioned; another word as logged",
                ),
                ("operation", "Operation", "chat, embedding, image, audio, ..."),
                ("host", "Host", "who served it, where that is not the provider"),
                ("region", "Region", "region that changes the price"),
                ("source", "Log format", "format the row was read from"),
                ("model_raw", "Model as logged", "the log's own model name"),
            )
        ),
        Dimension("work", "Kind of work", "provider, model, team, ... data class: all eight", False, work_of),
        Dimension("key_alias", "API key", "name of the key, from the log's tags", False, column_of("key_alias")),
    )
)

# -- measures -----------------------------------------------------------------------------------

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


def with_free(view: Ledger) -> list[Dimension]:
    """Every dimension that is no time: the declared ones, then those of the ledger's operator."""
    own = [DIMENSIONS[PREFIX + one.name] for one in declared(view)]
    return [*(one for one in DIMENSIONS.values() if not one.is_time), *own]


def dimension(name: str) -> Dimension:
    """Look a dimension up; raises BadInput that names the nearest ones."""
    return _lookup(DIMENSIONS, name, "dimension")


def measure(name: str) -> Measure:
    """Look a measure up; raises BadInput that names the nearest ones."""
    return _lookup(MEASURES, name, "measure")


def _lookup(known: dict, name: str, kind: str):
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
    raise BadInput(f"There is no {kind} {name!r}; did you mean {', '.join(near)}?")
