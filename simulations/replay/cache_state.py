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

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from hashlib import sha256

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from analytics.scope import Scope
from data import kept_answers
from data.engine_sql import question_text
from data.kept_rows import keeping
from data.ledger import Ledger
from simulations.replay.repricing import Market
from simulations.replay.traffic import Folding, with_group_keys
from simulations.replay.uses import DRAWN, SLOTS, Way, decisions_of

DECISIVE = ("rule", "mask", "band", "separate", "model", "provider", "host")
MOST_KEPT = 3_000_000  # rows whose conversations are held in the engine between two policies
MOVES, FORGETS_SOONER = 1, 2  # what is decided about a request; of a conversation's the greatest counts
CODES = 2**31  # two codes of models make one number
COUNTS = ("lost_short", "lost_long", "lost_unmarked", "reads", "at_risk", "known")


def lost_reads(
    view: Ledger,
    scope: Scope,
    folding: Folding,
    ways: Sequence[Way],
    market: Market,
    *,
    every: int = 1,
) -> list[pd.DataFrame]:
    """Of each way to answer the traffic tokens per group and target, where a conversation is touched: columns `group`,
    `slot` and `COUNTS`. All ways are followed in one walk, so that many cost little more than one.

    `lost_short` and `lost_long` are to be written anew (for five minutes, for an hour), `lost_unmarked` are below what
    the target keeps; `reads` is what the log read in these conversations, `at_risk` what of it a move could end,
    `known` what was followed by session.
    With `every` one conversation in so many is followed, drawn by its name, and stands for the others.
    """
    groups = ways[0].groups  # the same requests in every way
    counted = groups["basis"] != "kept"
    followed = groups.loc[counted, "cache_read_tokens"].fillna(0).sum() > groups.loc[counted, "loose_reads"].sum()
    handed = [tuple(tuple(way.uses[group]) for group in way.parts["group"]) for way in ways]
    numbers = {uses: number for number, uses in enumerate(dict.fromkeys(handed))}  # what is alike is followed once
    table = decisions_of(ways[0], list(numbers), market) if followed else None
    if table is None or not (table["d_target"] != table["d_logged"]).any():
        return [pd.DataFrame(columns=["group", "slot", *COUNTS])] * len(ways)
    conversations = _conversations(with_group_keys(view, scope, folding), bool(table["d_per_request"].any()))
    held = partial(keeping, view) if groups["attempts"].sum() <= MOST_KEPT else nullcontext

    def walk() -> pa.Table:
        with held(conversations) as rows, held(_by_place(rows)) as parts:
            found = view.frame(_lost_by_place(rows, parts, ibis.memtable(table), every))
        return pa.Table.from_pandas(found, preserve_index=False)

    found = kept_answers.answer_to(view, lambda: _asked(conversations, table, every), walk).to_pandas()
    found[list(COUNTS)] *= every
    number = found["slot"] // SLOTS
    found["slot"] %= SLOTS
    return [_by_group(found[number == numbers[uses]], way) for way, uses in zip(ways, handed, strict=True)]


def _asked(conversations: ir.Table, table: pd.DataFrame, every: int) -> str:
    """All that a walk through these conversations depends on."""
    rows, decisions = (
        ibis.table(made.schema(), name=name)
        for made, name in ((conversations, "rows"), (ibis.memtable(table), "decisions"))
    )
    parts = ibis.table(_by_place(rows).schema(), name="parts")
    texts = map(question_text, (conversations, _by_place(rows), _lost_by_place(rows, parts, decisions, every)))
    made, written = pa.Table.from_pandas(table, preserve_index=False), pa.BufferOutputStream()
    with pa.ipc.new_stream(written, made.schema) as stream:
        stream.write_table(made)
    return " ".join([*texts, sha256(written.getvalue()).hexdigest()])


def _lost_by_place(rows: ir.Table, parts: ir.Table, decisions: ir.Table, every: int) -> ir.Table:
    touched = _touched(_part(parts, every), decisions)
    return _lost(_answered(_part(rows, every), touched, decisions))


def _by_group(found: pd.DataFrame, way: Way) -> pd.DataFrame:
    """What was found by place, by the groups of a way."""
    group = way.parts["group"].to_numpy()[found["part"].to_numpy()]
    return found.drop(columns="part").assign(group=group).groupby(["group", "slot"], as_index=False).sum()


def _part(rows: ir.Table, every: int) -> ir.Table:
    """One conversation in so many."""
    return rows if every == 1 else rows.filter(rows.conversation.abs() // DRAWN % every == 0)


def _conversations(rows: ir.Table, by_request: bool) -> ir.Table:
    """Rows that could use a cache, with the conversation they belong to; those of no conversation are left out.

    `request` is what a split `by_request` draws by, else the conversation.
    """
    by_user = rows.user_id + "\n" + rows.key_alias.fill_null("")
    rows = rows.filter((rows.basis != "kept") & (rows.session_id.notnull() | rows.user_id.notnull()))
    conversation = ibis.ifelse(rows.session_id.notnull(), rows.session_id, by_user).hash()
    return rows.select(
        "place",
        conversation=conversation,
        request=rows.event_id.hash() if by_request else conversation,
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


def _touched(parts: ir.Table, decisions: ir.Table) -> ir.Table:
    """Conversations, lane by lane, that may lose something: with reads, of which some request moves, not all alike.

    One that moves as a whole is looked at where the new model may forget sooner or keeps no prompt this short.
    """
    rows = parts.join(decisions, parts.place == decisions.d_place)
    # What is drawn by request may go to any of its targets.
    rows = rows.filter(rows.d_per_request | _draws(rows, rows.conversation))
    sooner = (rows.d_life < rows.d_old_life) | (rows.d_long_life < rows.d_old_long_life) | (rows.d_life < 0)
    sooner = (rows.read > 0) & (sooner | (rows.least < rows.d_minimum))
    moves, pair = rows.d_target != rows.d_logged, _pair(rows.d_target, rows.d_logged)
    # Few sums: there are hundreds of thousands of conversations.
    folded = rows.group_by("conversation", lane=rows.d_lane).aggregate(
        reads=rows.read.sum(),
        moved=ibis.cases((~moves, 0), (sooner, FORGETS_SOONER), else_=MOVES).max(),
        pairs=pair.max() - pair.min(),
        started=rows.started.min(),
        longer=(rows.long - rows.short).sum(),
    )
    loses = (folded.moved == FORGETS_SOONER) | ((folded.moved == MOVES) & (folded.pairs != 0))
    touched = folded.filter((folded.reads > 0) & loses)
    return touched.select("conversation", "lane", "started", long_kept=touched.longer > 0)


def _pair(target: ir.IntegerValue, logged: ir.IntegerValue) -> ir.IntegerValue:
    """What answers and what did answer, as one number."""
    return target.cast("int64") * CODES + logged


def _draws(rows: ir.Table, drawn_by: ir.Value) -> ir.BooleanValue:
    """Whether a draw falls into the part of a split that a use has."""
    drawn = drawn_by.abs() % DRAWN
    return (drawn >= rows.d_low) & (drawn < rows.d_high)


def _answered(rows: ir.Table, touched: ir.Table, decisions: ir.Table) -> ir.Table:
    """Each row of a touched conversation with what answers it under the policy: one line for every use.

    `forgets_after` are the seconds after which the new model no longer has what the old one still had.
    """
    rows = rows.join(touched, "conversation")
    # By one number: by two the engine would join every conversation with every decision of its lane first.
    rows = rows.join(decisions, (rows.place ^ rows.lane) == (decisions.d_place ^ decisions.d_lane))
    rows = rows.filter(rows.lane - rows.d_lane == 0)
    rows = rows.filter(_draws(rows, ibis.ifelse(rows.d_per_request, rows.request, rows.conversation)))
    total = rows.read + rows.short + rows.long
    life = ibis.ifelse(rows.long_kept, rows.d_long_life, rows.d_life)
    old_life = ibis.ifelse(rows.long_kept, rows.d_old_long_life, rows.d_old_life)
    moved = rows.d_target != rows.d_logged
    return rows.select(
        *("conversation", "at", "number", "read", "by_session", "long_kept"),
        lane=rows.d_lane,
        opens=rows.at == rows.started,
        part=rows.d_part,
        slot=rows.d_slot,
        pair=_pair(rows.d_target, rows.d_logged),
        moved=moved,
        # An automatic cache keeps the whole prompt; where callers mark what to keep, only that.
        held=total + ibis.ifelse(rows.d_automatic, rows.fresh, 0),
        below=total < rows.d_minimum,
        life=life,
        forgets_after=ibis.ifelse(moved & ((life < 0) | (life < old_life)), life, float("inf")),
    )


def _lost(rows: ir.Table) -> ir.Table:
    """Sums of lost reads per place and use.

    A run is what one target answers in a row, as one logged model did. Inside it a request finds what the one before
    left; only the first of a run looks further back, for the last row of an earlier run on its own target.
    """
    order = [rows.at, rows.number]
    around = ibis.window(group_by=[rows.conversation, rows.lane], order_by=order)
    rows = rows.mutate(
        begins=~(rows.pair.lag().over(around) == rows.pair).fill_null(False),
        ends=~(rows.pair.lead().over(around) == rows.pair).fill_null(False),
        before=rows.at.lag().over(around),
    )
    inside = rows.filter(~rows.begins).mutate(as_logged=True, found=ibis.literal(0, "int64"))
    return _summed(inside.union(_first_of_runs(rows.filter(rows.begins | rows.ends)).select(*inside.columns)))


def _first_of_runs(edges: ir.Table) -> ir.Table:
    """Of first and last rows of runs the first, each with the row of its own target `before` it and what that left."""
    order = [edges.at, edges.number]
    back = {
        name: ibis.window(group_by=[edges.conversation, edges.lane, code], order_by=order)
        for name, code in (("target", edges.pair // CODES), ("logged", edges.pair % CODES))
    }
    earlier = {
        name: (edges.at.lag().over(window), edges.number.lag().over(window), edges.held.lag().over(window))
        for name, window in back.items()
    }
    (at, number, held), (logged_at, logged_number, _) = earlier["target"], earlier["logged"]
    edges = edges.mutate(
        before=at,
        found=held,
        as_logged=edges.opens
        | (at.isnull() & logged_at.isnull())
        | ((at == logged_at) & (number == logged_number)).fill_null(False),
    )
    return edges.filter(edges.begins)


def _summed(rows: ir.Table) -> ir.Table:
    """The sums of `COUNTS`, by place (`part`, its number) and use."""
    gap = (rows.at.epoch_seconds() - rows.before.epoch_seconds()).fill_null(0)
    kept = ibis.ifelse((rows.before.notnull() & (gap <= rows.life)).fill_null(False), rows.found, 0)
    warm = ibis.cases(
        (rows.below, 0),
        (rows.as_logged & (gap <= rows.forgets_after), rows.read),
        (rows.as_logged, 0),
        else_=ibis.least(rows.read, kept),
    )
    rows = rows.mutate(lost=rows.read - warm, at_risk=rows.moved | ~rows.as_logged)
    return rows.group_by("part", "slot").aggregate(
        lost_short=rows.lost.sum(where=~rows.below & ~rows.long_kept).fill_null(0),
        lost_long=rows.lost.sum(where=~rows.below & rows.long_kept).fill_null(0),
        lost_unmarked=rows.lost.sum(where=rows.below).fill_null(0),
        reads=rows.read.sum(),
        at_risk=rows.read.sum(where=rows.at_risk).fill_null(0),
        known=rows.read.sum(where=rows.by_session).fill_null(0),
    )
