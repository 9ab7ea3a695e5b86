"""What a request, a task, a successful task and a customer cost; the price per token is not the cost of the work.

A task is a session, or a single request where the log has none. All attempts of a task are charged to
it, failed and repeated ones included. A task succeeded when the log says so (`succeeded`) of any of its
requests, for a session that came through in the end did; else when its mean score reaches `PASS_SCORE`;
without either nobody knows, and it says how to log one.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import ibis
import pandas as pd

from analytics.command_options import last_days, view_of
from analytics.registry import dimension
from analytics.scope import UNKNOWN, Scope
from data import console, wording
from data.ledger import Ledger
from data.schema import TOKENS

PASS_SCORE = 0.7
NO_SIGNAL = (
    "No task says whether it succeeded. Log an evaluation score (0 to 1), feedback, or an outcome with the request: for"
    " LiteLLM in metadata.spend_logs_metadata as quality_score or succeeded, for Langfuse as a score, for other logs"
    " through a mapping."
)


class UnitCosts(NamedTuple):
    """USD per unit; None where the unit is not known. `known_share`: tasks with a success signal / tasks."""

    cost_usd: float
    requests: int
    tasks: int
    customers: int
    successes: int
    known_share: float
    per_request_usd: float | None
    per_1k_tokens_usd: float | None
    list_per_1k_tokens_usd: float | None
    per_task_usd: float | None
    per_successful_task_usd: float | None
    success_rate: float | None
    per_customer_usd: float | None
    wasted_usd: float

    @property
    def note(self) -> str:
        """How far to trust the cost per successful task."""
        if not self.known_share:
            return NO_SIGNAL
        return (
            f"Success is known for {wording.share(self.known_share)} of the tasks; their cost, failures included, is"
            " divided by the successes."
        )


def costs_of(view: Ledger, scope: Scope) -> UnitCosts:
    """Unit costs of a scope; one query over its rows."""
    rows = scope.usage(view)
    frame = view.frame(_folded(rows, _tasks(rows)))
    customers = view.frame(
        rows.aggregate(
            n=rows.customer_id.nunique(), usd=rows.cost_usd.sum(where=rows.customer_id.notnull()).cast("float64")
        )
    )
    return _costs(frame.iloc[0], int(customers["n"][0]), float(customers["usd"].fillna(0.0)[0]))


def costs_by(view: Ledger, scope: Scope, name: str) -> pd.DataFrame:
    """One row per value of a dimension: value, cost_usd, tasks, per_request_usd, per_task_usd,
    per_successful_task_usd, success_rate, per_1k_tokens_usd, list_per_1k_tokens_usd.

    A task that touches several values counts in each, with what it cost there.
    """
    rows = scope.usage(view)
    key = dimension(name).expression(rows, scope.time_zone).cast("string").fill_null(UNKNOWN)
    frame = view.frame(_folded(rows, _tasks(rows, value=key), "value"))
    costs = [(row["value"], _costs(row, 0, 0.0)) for _, row in frame.iterrows()]
    columns = (
        "cost_usd",
        "tasks",
        "per_request_usd",
        "per_task_usd",
        "per_successful_task_usd",
        "success_rate",
        "per_1k_tokens_usd",
        "list_per_1k_tokens_usd",
    )
    table = pd.DataFrame(
        [(value, *(getattr(cost, column) for column in columns)) for value, cost in costs], columns=["value", *columns]
    )
    return table.sort_values("cost_usd", ascending=False, ignore_index=True)


def _tasks(rows, **keys):
    """One row per task: what it cost with everything in it, and whether it succeeded (NULL where unknown)."""
    task = ibis.coalesce(rows.session_id, rows.call_id)
    grouped = rows.group_by(task=task, **keys)
    tokens = sum(rows[name].fill_null(0) for name in TOKENS)
    outcome = ibis.coalesce(rows.succeeded.any(), rows.quality_score.mean() >= PASS_SCORE)
    return grouped.aggregate(
        cost=rows.cost_usd.sum(),
        list_cost=rows.list_cost_usd.sum(),
        # Of a part of the work, the requests it had a part in: a model may only answer what another was asked first.
        calls=rows.call_id.nunique() if keys else (rows.attempt == 1).sum(),
        tokens=tokens.sum(),
        wasted=rows.cost_usd.sum(where=(rows.status == "error") | (rows.attempt > 1)),
        success=outcome,
    )


def _folded(rows, tasks, *keys: str):
    grouped = tasks.group_by(*keys) if keys else tasks
    # Decimal sums first, floats last: a parallel sum of floats differs in its last digits from run to run.
    sums = {
        "cost_usd": tasks.cost.sum(),
        "list_cost_usd": tasks.list_cost.sum(),
        "calls": tasks.calls.sum(),
        "tokens": tasks.tokens.sum(),
        "tasks": tasks.count(),
        "known_tasks": tasks.success.count(),
        "successes": tasks.success.sum(),
        "known_cost_usd": tasks.cost.sum(where=tasks.success.notnull()),
        "wasted_usd": tasks.wasted.sum(),
    }
    return grouped.aggregate(**{name: value.cast("float64") for name, value in sums.items()})


def _costs(row: pd.Series, customers: int, customer_usd: float) -> UnitCosts:
    row = row.fillna(0)
    return UnitCosts(
        cost_usd=float(row["cost_usd"]),
        requests=int(row["calls"]),
        tasks=int(row["tasks"]),
        customers=customers,
        successes=int(row["successes"]),
        known_share=float(_per(row["known_tasks"], row["tasks"]) or 0.0),
        per_request_usd=_per(row["cost_usd"], row["calls"]),
        per_1k_tokens_usd=_per(row["cost_usd"] * 1000, row["tokens"]),
        list_per_1k_tokens_usd=_per(row["list_cost_usd"] * 1000, row["tokens"]),
        per_task_usd=_per(row["cost_usd"], row["tasks"]),
        per_successful_task_usd=_per(row["known_cost_usd"], row["successes"]),
        success_rate=_per(row["successes"], row["known_tasks"]),
        per_customer_usd=_per(customer_usd, customers),
        wasted_usd=float(row["wasted_usd"]),
    )


def _per(amount: float, count: float) -> float | None:
    return float(amount) / float(count) if count else None


def register(commands: console.Commands) -> None:
    """`python -m analytics units`."""
    sub = commands.add("units", _command)
    sub.add_argument("--days", type=int, default=28, metavar="N", help="look at the last N whole days (default 28)")
    sub.add_argument("--by", default="model", metavar="DIMENSION", help="split by this dimension (default model)")


def _command(args: argparse.Namespace) -> None:
    view = view_of(args)
    scope = last_days(view, args.days)
    whole, parts = costs_of(view, scope), costs_by(view, scope, args.by)
    if args.json:
        console.emit_json(
            whole._asdict()
            | {
                "note": whole.note,
                "by": args.by,
                "rows": parts.to_dict("records"),
                "snapshot": view.snapshot(),
            }
        )
        return
    shown = (
        "per_request_usd",
        "per_task_usd",
        "per_successful_task_usd",
        "per_1k_tokens_usd",
        "list_per_1k_tokens_usd",
    )
    rows = [
        (row["value"], *("–" if pd.isna(row[c]) else f"{row[c]:.4g}" for c in shown)) for _, row in parts.iterrows()
    ]
    rows.append(("total", *("–" if getattr(whole, c) is None else f"{getattr(whole, c):.4g}" for c in shown)))
    labels = ("USD per request", "per task", "per successful task", "per 1k tokens", "list per 1k tokens")
    console.emit_table([args.by, *labels], rows, right=labels)
    console.say(whole.note)
