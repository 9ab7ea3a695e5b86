"""Money that buys nothing: cache reads missed, work that could wait, failures, growing context, long answers.

Every finder takes the cells of `work_cells.cells` (and what else it names) and returns a `Claim`, or
None. A claim says per cell what the span's spend would be less, before overlap with other findings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.paid_prices import KINDS
from analytics.savings.savings_claim import Claim
from data import wording

BATCH_PROVIDERS = ("openai", "anthropic", "google", "azure", "aws", "mistral")  # half price for answers within a day
BATCH_DISCOUNT = 0.5
WAITING_TASKS = ("extraction", "summarisation", "classification")
NIGHT_SHARE = 0.7
USUAL_FAILURES = 0.01
LONGER_THAN_PEERS = 2.0
CACHE_FELL = 0.15
SHARED = "resent and outgrown"  # the block of input in which missed cache and growing context meet


def missed_cache(cells: pd.DataFrame, sessions: pd.DataFrame, best: pd.DataFrame) -> Claim | None:
    """Input paid in full that a prompt cache had served before, or that the same session had already sent."""
    inputs = cells[list(KINDS[:4])].sum(axis=1)
    share = (cells["cache_read_tokens"] / inputs.where(inputs > 0)).fillna(0.0)
    keys = pd.MultiIndex.from_arrays([cells.index.get_level_values(name) for name in ("model", "team", "feature")])
    before = (
        pd.Series(best["best_share"].reindex(keys).to_numpy(dtype=float), index=cells.index).fillna(0.0)
        if len(best)
        else share
    )
    fell = (before - share).where(before - share > CACHE_FELL, 0.0) * inputs
    resent = sessions["resent_tokens"].reindex(cells.index).fillna(0.0) if len(sessions) else 0.0 * inputs
    missed = np.minimum(np.maximum(fell, resent), cells["fresh_input_tokens"])
    usd = missed * (cells["fresh_price"] - cells["read_price"]).clip(lower=0.0)
    shared, alone = _in_conversations(cells, sessions, "resent_tokens")
    measured = float((fell * (cells["fresh_price"] - cells["read_price"])).sum()) >= 0.5 * float(usd.sum())
    return _where_it_saves(
        Claim(
            kind="missed cache",
            title="Prompt cache reads missed",
            usd=usd,
            touched=missed * cells["fresh_price"],
            part="input",
            confidence="high" if measured else "medium",
            assumption="The cache serves what it served in an earlier month, or what the same session had sent before;"
            " writes cost no more than now.",
            action="Put the stable part of the prompt first, keep it byte for byte the same, and check the cache's"
            " lifetime.",
            page="explore",
            blocks={SHARED: shared * cells["fresh_price"], "resent only": alone * cells["fresh_price"]},
        )
    )


def batch_eligible(cells: pd.DataFrame) -> Claim | None:
    """Work nobody waits for, at the full price: by night, never streamed, or of a kind that runs in bulk."""
    at = cells.index
    known = cells["attempts"].where(cells["attempts"] > 0)
    by_night = cells["by_night"] / known >= NIGHT_SHARE
    streams_known = cells.groupby(level="provider")["streamed"].transform("sum") > 0
    unseen = (cells["streamed"] == 0) & streams_known & at.get_level_values("task_type").isin(WAITING_TASKS)
    fits = at.get_level_values("provider").isin(BATCH_PROVIDERS) & (by_night | unseen)
    return _where_it_saves(
        Claim(
            kind="batch",
            title="Work that could wait for the batch price",
            usd=(cells["standard_cost_usd"] * BATCH_DISCOUNT).where(fits, 0.0),
            touched=cells["standard_cost_usd"],
            part="answers",
            confidence="medium",
            assumption=f"At least {wording.percent(NIGHT_SHARE)} of it runs at night or none of it is streamed, so an"
            " answer within a day is soon enough; batch costs half.",
            action="Ask the owner whether an answer by the next morning will do; if so, send it through the batch API.",
            page="explore",
        )
    )


def failures(cells: pd.DataFrame, repeats: pd.DataFrame, first_prices: dict[tuple, tuple]) -> Claim | None:
    """Attempts that failed and cost, answers paid twice, and the premium of a dearer fallback.

    `first_prices`: USD per token by kind of (provider, model), for what the first choice would have cost.
    """
    usd = cells["failed_cost_usd"].copy()
    for row in repeats.itertuples():
        instead = first_prices.get((row.first_provider, row.first_model))
        same = row.first_model == row.Index[1]
        wasted = 0.0
        if row.first_answered:
            wasted = row.cost_usd
        elif not same and instead:
            wasted = max(
                0.0, row.cost_usd - sum(getattr(row, kind) * price for kind, price in zip(KINDS, instead, strict=True))
            )
        if row.Index in usd.index:
            usd[row.Index] += wasted
    rate = cells["failed"].sum() / max(cells["attempts"].sum(), 1)
    title = f"Failures and second attempts ({wording.share(rate)} of attempts fail)"
    return _where_it_saves(
        Claim(
            kind="failures",
            title=title,
            usd=usd * max(0.0, 1 - USUAL_FAILURES / rate) if rate else usd,
            touched=usd,
            part="failed",
            confidence="medium",
            assumption=f"The failure rate can be brought to {wording.percent(USUAL_FAILURES)}; a fallback's premium is"
            " its price over the first choice's list price.",
            action="Look at the error classes: adapt the rate limit, back off, repair the tool schema; fall back to a"
            " model of the same price.",
            page="routing",
        )
    )


def growing_context(cells: pd.DataFrame, sessions: pd.DataFrame) -> Claim | None:
    """Sessions whose prompts grow far beyond their first one."""
    if sessions.empty:
        return None
    tokens = sessions["outgrown_tokens"].reindex(cells.index).fillna(0.0)
    shared, alone = _in_conversations(cells, sessions, "outgrown_tokens")
    inputs = cells[list(KINDS[:4])].sum(axis=1)
    mean_price = (
        (cells["fresh_input_tokens"] * cells["fresh_price"] + cells["cache_read_tokens"] * cells["read_price"])
        / inputs.where(inputs > 0)
    ).fillna(0.0)
    return _where_it_saves(
        Claim(
            kind="context",
            title="Context that grows with the session",
            usd=tokens * mean_price * 0.5,
            touched=tokens * mean_price,
            part="input",
            confidence="low",
            assumption="Half of what goes beyond three times the first prompt can be summarised or dropped without"
            " losing the thread.",
            action="Summarise old turns, drop tool output that has been used, start a new session per task.",
            page="explore",
            test="Ask 30 of these tasks with the full and with the shortened context in the Live lab; the same scores"
            " make it medium.",
            trial=_dearest(cells, tokens * mean_price),
            blocks={SHARED: shared * mean_price, "outgrown only": alone * mean_price},
        )
    )


def _in_conversations(cells: pd.DataFrame, sessions: pd.DataFrame, name: str) -> tuple[pd.Series, pd.Series]:
    """Per cell, of the tokens that `sessions` counts by this name: those that lie in the same conversations as both
    kinds do, and the others."""
    if sessions.empty:
        return (cells["attempts"] * 0.0,) * 2
    every, shared = (sessions[column].reindex(cells.index).fillna(0.0) for column in (name, "shared_tokens"))
    return shared, every - shared


def long_answers(cells: pd.DataFrame) -> Claim | None:
    """Answers more than twice as long as those of other features that do the same kind of task."""
    groups = cells.groupby(level=["task_type", "team", "feature"])[
        ["billed_output_tokens", "answers", *KINDS[:4]]
    ].sum()
    groups = groups[(groups["answers"] >= 100) & (groups.index.get_level_values("task_type") != "unknown")]
    length = groups["billed_output_tokens"] / groups["answers"]
    # Also against the input: a log that sums many requests into one record has long answers everywhere.
    ratio = groups["billed_output_tokens"] / groups[list(KINDS[:4])].sum(axis=1).clip(lower=1.0)
    peers, by_input = (values.groupby(level="task_type").transform("median") for values in (length, ratio))
    enough = length.groupby(level="task_type").transform("size") >= 3
    long = enough & (length > LONGER_THAN_PEERS * peers) & (ratio > LONGER_THAN_PEERS * by_input)
    excess = (1 - LONGER_THAN_PEERS * peers / length).where(long, 0.0)
    keys = pd.MultiIndex.from_arrays([cells.index.get_level_values(name) for name in ("task_type", "team", "feature")])
    share = pd.Series(excess.reindex(keys).to_numpy(), index=cells.index).fillna(0.0)
    return _where_it_saves(
        Claim(
            kind="long answers",
            title="Answers far longer than their peers'",
            usd=share * cells["billed_output_tokens"] * cells["output_price"],
            touched=cells["billed_output_tokens"] * cells["output_price"],
            part="output",
            confidence="low",
            assumption=f"Answers of {LONGER_THAN_PEERS:.0f} times the median length of the same task type are enough.",
            action="Set a maximum length, ask for less reasoning effort, and ask for the answer without its retelling.",
            page="explore",
            test="Ask 30 of these tasks with and without a maximum length in the Live lab; the same scores make it"
            " medium.",
            trial=_dearest(cells, share),
        )
    )


def _dearest(cells: pd.DataFrame, usd: pd.Series) -> tuple[str, ...]:
    """The model with most of these dollars."""
    by_model = (usd * cells["cost_usd"].clip(lower=0)).groupby(level="model").sum()
    return (str(by_model.idxmax()),) if len(by_model) else ()


def _where_it_saves(claim: Claim) -> Claim | None:
    """The claim on the cells where it saves, each touching what it saves at least, its blocks within that; None where
    it saves nothing.
    """
    usd = claim.usd[claim.usd > 0]
    if not usd.sum() > 0:
        return None
    most = claim.touched.reindex(usd.index).clip(lower=usd)
    placed, room = {}, most
    for name, block in claim.blocks.items():
        placed[name] = block.reindex(usd.index).clip(upper=room)
        room = room - placed[name]
    return claim._replace(usd=usd, touched=most, blocks=placed)
