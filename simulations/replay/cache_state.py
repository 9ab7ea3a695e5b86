"""What a policy does to prompt caches: the log's cache reads that a moved request, or the one after it, loses.

A cache belongs to a model at a provider and a prefix, and lives for a while from its last use. Each
conversation (session, else user and key) is followed in time, in the engine. A request finds what its
own new model last saw of this conversation, if that was within the model's life (data/facts/prompt_caches):

- where the request before it on the new model is the one before it in the log, nothing is lost, unless the
  new model forgets sooner than the old one did;
- else it reads at most what the earlier request held, and pays for the rest again.

A conversation's first request reads what came from outside it (a shared instruction) as it did in the log.
Nobody is credited with a read that the log does not have. A conversation none of whose requests moves, or that moves
as a whole, is not looked at: it loses nothing.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

from analytics.scope import Scope
from data.facts.prompt_caches import PromptCache, prompt_cache
from data.kept_rows import keeping
from data.ledger import Ledger
from routing.policies.policy import CURRENT
from simulations.replay.repricing import Market
from simulations.replay.traffic import Folding, with_group_keys

DECISIVE = ("rule", "mask", "band", "separate", "model", "provider", "host")
SHORTEST_LIFE = -1.0  # seconds: nothing is ever found
DRAWN = 1_000_000  # parts into which a split divides conversations
MOST_KEPT = 3_000_000  # rows whose conversations are held in the engine between two policies
COUNTS = ("lost_short", "lost_long", "lost_unmarked", "reads", "at_risk", "known")


class Use(NamedTuple):
    """One way a group's requests may be answered: its place among the flows, and its part [low, high) of a split.

    `lane` tells apart what is asked at the same time, as in a cross-check.
    """

    slot: int
    lane: int
    target: str
    low: float
    high: float
    per_request: bool


def lost_reads(
    view: Ledger,
    scope: Scope,
    folding: Folding,
    groups: pd.DataFrame,
    uses: list[list[Use]],
    market: Market,
    *,
    every: int = 1,
) -> pd.DataFrame:
    """Tokens per group and target: columns `group`, `slot` and `COUNTS`, only where a conversation is touched.

    `lost_short` and `lost_long` are to be written anew (for five minutes, for an hour), `lost_unmarked` are below what
    the target keeps; `reads` is what the log read in these conversations, `at_risk` what of it a move could end,
    `known`
    what was followed by session.
    `uses` names the targets of every group, in the order of `groups`. With `every` one conversation in so many is
    followed, drawn by its name, and stands for the others.
    """
    counted = groups["basis"] != "kept"
    followed = groups.loc[counted, "cache_read_tokens"].fillna(0).sum() > groups.loc[counted, "loose_reads"].sum()
    table = _decisions(groups, uses, market)
    if not followed or not (table["d_target"] != table["d_logged"]).any():
        return pd.DataFrame(columns=["group", "slot", *COUNTS])
    conversations = _conversations(with_group_keys(view, scope, folding))
    held = partial(keeping, view) if groups["attempts"].sum() <= MOST_KEPT else nullcontext
    with held(conversations) as rows, held(_by_place(rows)) as parts:
        touched = _touched(_part(parts, every), table)
        found = view.frame(_lost(_answered(_part(rows, every).join(touched, "conversation"), table)))
    found[list(COUNTS)] *= every
    return found


def _part(rows: ir.Table, every: int) -> ir.Table:
    """One conversation in so many."""
    return rows if every == 1 else rows.filter(rows.conversation.abs() // DRAWN % every == 0)


def _decisions(groups: pd.DataFrame, uses: list[list[Use]], market: Market) -> pd.DataFrame:
    """One line per group and use: codes of the target and of what answered, lives, the least a target keeps."""
    lines: list[tuple[Any, ...]] = []
    codes: dict[str, int] = {}
    keys = groups[["place", "basis", "model", "provider", "host"]].itertuples(index=False, name=None)
    for group, ((place, basis, *route), some) in enumerate(zip(keys, uses, strict=True)):
        if basis == "kept":
            continue
        model, provider, host = (None if pd.isna(value) else str(value) for value in route)
        logged = market.logged_target(model, provider, host)
        old = prompt_cache(provider, model)
        for use in some:
            target = logged if use.target == CURRENT else use.target
            new = old if target == logged else market.cache_of(target)
            lines.append(
                (
                    place,
                    group,
                    use.slot,
                    use.lane,
                    codes.setdefault(target, len(codes)),
                    codes.setdefault(logged, len(codes)),
                    *_lives(new),
                    *_lives(old),
                    0 if target == logged else new.minimum_tokens or 0,
                    old.writes == "automatic",
                    round(use.low * DRAWN),
                    round(use.high * DRAWN),
                    use.per_request,
                )
            )
    columns = ["place", "group", "slot", "lane", "target", "logged", "life", "long_life", "old_life", "old_long_life"]
    columns += ["minimum", "automatic", "low", "high", "per_request"]
    return pd.DataFrame(lines, columns=[f"d_{name}" for name in columns])


def _lives(cache: PromptCache) -> tuple[float, float]:
    short = SHORTEST_LIFE if cache.life_s is None else cache.life_s
    return short, max(short, cache.long_life_s or SHORTEST_LIFE)


def _conversations(rows: ir.Table) -> ir.Table:
    """Rows that could use a cache, with the conversation they belong to; those of no conversation are left out."""
    by_user = rows.user_id + "\n" + rows.key_alias.fill_null("")
    rows = rows.filter((rows.basis != "kept") & (rows.session_id.notnull() | rows.user_id.notnull()))
    return rows.select(
        "place",
        conversation=ibis.ifelse(rows.session_id.notnull(), rows.session_id, by_user).hash(),
        request=rows.event_id.hash(),
        by_session=rows.session_id.notnull(),
        at=rows.requested_at,
        number=rows.record_no,
        read=rows.cache_read_tokens.fill_null(0),
        short=rows.cache_write_5m_tokens.fill_null(0),
        long=rows.cache_write_1h_tokens.fill_null(0),
        fresh=rows.fresh_input_tokens.fill_null(0),
    )


def _by_place(rows: ir.Table) -> ir.Table:
    """What a conversation did in each group: enough to say whether a policy may touch it, in far fewer rows."""
    total = rows.read + rows.short + rows.long
    return rows.group_by("conversation", "place").aggregate(
        read=rows.read.sum(),
        least=total.min(where=rows.read > 0),
        short=rows.short.sum(),
        long=rows.long.sum(),
        started=rows.at.min(),
    )


def _answered(rows: ir.Table, table: pd.DataFrame) -> ir.Table:
    """Each row with what answers it under the policy: one line for every use."""
    decisions = ibis.memtable(table)
    joined = rows.join(decisions, rows.place == decisions.d_place)
    drawn = ibis.ifelse(joined.d_per_request, joined.request, joined.conversation).abs() % DRAWN
    joined = joined.filter((drawn >= joined.d_low) & (drawn < joined.d_high))
    total = joined.read + joined.short + joined.long
    # An automatic cache keeps the whole prompt; where callers mark what to keep, only that.
    return joined.mutate(total=total, held=total + ibis.ifelse(joined.d_automatic, joined.fresh, 0))


def _touched(parts: ir.Table, table: pd.DataFrame) -> ir.Table:
    """Conversations that may lose something: with reads, of which some request moves, and not all of them alike.

    One that moves as a whole is looked at where the new model may forget sooner or keeps no prompt this short.
    """
    decisions = ibis.memtable(table)
    rows = parts.join(decisions, parts.place == decisions.d_place)
    drawn = rows.conversation.abs() % DRAWN  # what is drawn by request may go to any of its targets
    rows = rows.filter(rows.d_per_request | ((drawn >= rows.d_low) & (drawn < rows.d_high)))
    folded = rows.group_by("conversation").aggregate(
        reads=rows.read.sum(),
        moves=(rows.d_target != rows.d_logged).any(),
        targets=rows.d_target.max() - rows.d_target.min(),
        models=rows.d_logged.max() - rows.d_logged.min(),
        sooner=(
            (rows.read > 0)
            & (rows.d_target != rows.d_logged)
            & (
                (rows.d_life < rows.d_old_life)
                | (rows.d_long_life < rows.d_old_long_life)
                | (rows.d_life < 0)
                | (rows.least < rows.d_minimum)
            )
        ).any(),
        started=rows.started.min(),
        long_kept=rows.long.sum() > rows.short.sum(),
    )
    alike = (folded.targets == 0) & (folded.models == 0) & ~folded.sooner
    touched = folded.filter((folded.reads > 0) & folded.moves & ~alike)
    return touched.select("conversation", "started", "long_kept")


def _lost(rows: ir.Table) -> ir.Table:
    """Sums of lost reads per group and use."""
    order = [rows.at, rows.number]
    same = {
        name: ibis.window(group_by=[rows.conversation, rows[name], rows.d_lane], order_by=order)
        for name in ("d_target", "d_logged")
    }
    rows = rows.mutate(
        before=rows.at.lag().over(same["d_target"]),
        before_id=rows.request.lag().over(same["d_target"]),
        before_held=rows.held.lag().over(same["d_target"]),
        logged_before_id=rows.request.lag().over(same["d_logged"]),
    )
    life = ibis.ifelse(rows.long_kept, rows.d_long_life, rows.d_life)
    old_life = ibis.ifelse(rows.long_kept, rows.d_old_long_life, rows.d_old_life)
    gap = (rows.at.epoch_seconds() - rows.before.epoch_seconds()).fill_null(0)
    moved = rows.d_target != rows.d_logged
    as_logged = (
        (rows.at == rows.started)
        | (rows.before_id.isnull() & rows.logged_before_id.isnull())
        | (rows.before_id == rows.logged_before_id)
    ).fill_null(False)
    forgets = moved & ((life < 0) | ((life < old_life) & (gap > life)))
    held = ibis.ifelse((rows.before.notnull() & (gap <= life)).fill_null(False), rows.before_held, 0)
    below = rows.total < rows.d_minimum
    warm = ibis.cases(
        (below, 0),
        (as_logged & ~forgets, rows.read),
        (as_logged, 0),
        else_=ibis.least(rows.read, held),
    )
    rows = rows.mutate(lost=rows.read - warm, below=below, at_risk=moved | ~as_logged)
    return rows.group_by(group=rows.d_group, slot=rows.d_slot).aggregate(
        lost_short=rows.lost.sum(where=~rows.below & ~rows.long_kept).fill_null(0),
        lost_long=rows.lost.sum(where=~rows.below & rows.long_kept).fill_null(0),
        lost_unmarked=rows.lost.sum(where=rows.below).fill_null(0),
        reads=rows.read.sum(),
        at_risk=rows.read.sum(where=rows.at_risk).fill_null(0),
        known=rows.read.sum(where=rows.by_session).fill_null(0),
    )
