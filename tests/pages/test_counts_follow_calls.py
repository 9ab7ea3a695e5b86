"""What pages, tables and flows count, against calls followed row by row in plain Python."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.scope import Scope
from data.facts.models import shipped_catalog
from data.ledger import Ledger
from data.prices.book import PriceBook
from pages.ui import format as fmt
from routing.policies.text import examples
from simulations.mixes.problem_from_log import programme
from simulations.replay.repricing import Market
from simulations.replay.traffic import last_instant
from tests.pages.page_alone import opened
from tests.simulations.ledgers import START, TYPICAL, ledger_of

OURS = {"model": "gpt-5.2", "provider": "openai"}
CHINESE = {"model": "minimax-m2", "provider": "minimax"}
FAILED = {"status": "error", "error_class": "timeout", "cost_usd": Decimal("0.0005")}
# One call each: its attempts in order; what differs from one to the next is its model, its fate or its load.
CALLS: dict[str, list[dict[str, Any]]] = {
    "answered at once": [OURS],
    "answered at once in China": [CHINESE],
    "retried": [CHINESE | FAILED, CHINESE],
    "retried twice": [CHINESE | FAILED, CHINESE | FAILED, CHINESE],
    "fell back": [CHINESE | FAILED, OURS],
    "fell back to China": [OURS | FAILED, CHINESE],
    "never answered": [CHINESE | FAILED, OURS | FAILED],
    "answered twice": [CHINESE | FAILED, CHINESE, OURS],
    "in two loads": [CHINESE | FAILED | {"batch_id": "b1"}, CHINESE | {"batch_id": "b2"}],
    "from the gateway's cache": [OURS | {"status": "cached", "cost_usd": Decimal(0)}],
}


def a_log(seed: int) -> list[dict[str, Any]]:
    """Attempts of sixty calls of every kind, of changing size and data class, in the order of a seed."""
    drawn, rows = random.Random(seed), []
    for number in range(60):
        kind = drawn.choice(list(CALLS))
        size = {"fresh_input_tokens": drawn.randint(10, 9000), "output_tokens": drawn.randint(1, 900)}
        about = {"data_class": drawn.choice(["customer", "internal"]), "call_id": f"call {number}"}
        at = START + timedelta(hours=5 * number)
        for place, attempt in enumerate(CALLS[kind], start=1):
            cost = {"cost_usd": Decimal(drawn.randint(1, 9_999_999)).scaleb(-8)} if "cost_usd" not in attempt else {}
            when = {"requested_at": at + timedelta(seconds=20 * place), "attempt": place}
            rows.append(TYPICAL | size | about | cost | when | attempt)
    drawn.shuffle(rows)
    return rows


def answering(attempts: list[dict[str, Any]]) -> dict[str, Any]:
    """The attempt that answered a call, else its first."""
    attempts = sorted(attempts, key=lambda row: row["attempt"])
    return next((row for row in attempts if row["status"] in ("success", "cached")), attempts[0])


def moves(row: dict[str, Any]) -> bool:
    """Whether the rule “no Chinese models over an API for customer data” sends an attempt elsewhere."""
    return row["status"] == "success" and row["model"] == "minimax-m2" and row["data_class"] == "customer"


class Twin:
    """Calls and dollars of the log under the shipped rule, followed one by one."""

    def __init__(self, rows: list[dict[str, Any]], at: Any) -> None:
        book, calls = PriceBook(), defaultdict(list)
        for row in rows:
            calls[row["call_id"]].append(row)
        told = [answering(attempts) for attempts in calls.values()]
        self.calls = len(calls)
        self.moved = sum(map(moves, told))
        self.failed = sum(row["status"] != "success" for row in told)
        self.flows = Counter((r["model"], "gpt-5.2" if moves(r) else r["model"], not moves(r)) for r in told)
        self.logged = sum((row["cost_usd"] for row in rows), Decimal(0))
        self.policy = Decimal(0)
        for row in rows:
            tokens = {"fresh_input": row["fresh_input_tokens"], "output": row["output_tokens"]}
            self.policy += book.quote("openai", "gpt-5.2", at, **tokens).cost_usd if moves(row) else row["cost_usd"]
        self.customer = sum(moves(row) for row in told)


@pytest.fixture(params=[1, 2, 3])
def case(request, home, alone) -> Iterator[tuple[Ledger, list[dict[str, Any]], Any]]:
    rows = a_log(request.param)
    ledger = ledger_of(home, rows)
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.batches (batch_id, path, format, loaded) "
            "VALUES ('b1', 'a.jsonl', 'litellm', 50), ('b2', 'b.jsonl', 'litellm', 50)"
        )
    view = ledger.at(ledger.snapshot())
    yield view, rows, last_instant(view, Scope.of(view))
    ledger.close()


def test_routing_counts_every_call_once_with_its_dollars(case):
    twin = Twin(*case[1:])
    page = opened("policy_replay", window="All", policy="no Chinese models over an API for customer data")
    captions = " ".join(c.value for c in page.caption).replace("\\", "")
    assert f"{fmt.count(twin.moved)} of {fmt.count(twin.calls)} requests change model" in captions
    tiles = {m.label: m.value for m in page.metric}
    assert tiles["As logged"] == fmt.usd_short(twin.logged)
    assert tiles["Under the policy"] == fmt.usd_short(twin.policy)
    table = next(d.value for d in page.dataframe if list(d.value.columns)[:2] == ["old_model", "target"])
    found = {(f["old_model"], f["target"], bool(f["stays"])): f["requests"] for f in table.to_dict("records")}
    assert found == {key: float(number) for key, number in twin.flows.items()}


def test_model_mix_leaves_out_what_was_never_answered_and_counts_the_breach_in_calls(case):
    view, rows, at = case
    made = programme(
        view, Scope.of(view), Market(PriceBook(), shipped_catalog(), at), held=examples()["no_chinese_api"]
    )
    twin = Twin([row for row in rows if row["requested_at"].date() not in made.scope.without], at)
    assert made.scope.without == (at.date(),)  # a year is taken from whole days
    assert made.excluded["kept"][0] == twin.failed
    yearly = made.problem.weights.sum() / made.yearly
    assert yearly == pytest.approx(twin.calls - twin.failed)
    here = made.kept[range(len(made.kept)), made.problem.current]
    assert made.problem.weights[~here].sum() / made.yearly == pytest.approx(twin.customer)
    page = opened("mix", window="All")
    captions = " ".join(c.value for c in page.caption).replace("\\", "")
    assert f"{twin.failed} requests failed or answered by a gateway's cache" in captions
