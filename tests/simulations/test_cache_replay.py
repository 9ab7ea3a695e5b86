"""Prompt caches under a policy: known truth, a row-by-row twin, and the laws that every log must keep."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.scope import Scope
from data.engine_sql import sql_text
from data.facts.models import shipped_catalog
from data.facts.prompt_caches import prompt_cache
from data.prices.book import PriceBook
from routing.policies.policy import Policy
from routing.policies.text import read_policy
from simulations.mixes.caches import charge_lost_caches, first_caches, mix_caches
from simulations.mixes.from_log import log_scenario
from simulations.mixes.frontier import alone, frontier
from simulations.mixes.optimise import Demands, total_cost
from simulations.mixes.problem_from_log import programme
from simulations.replay import cache_state
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from simulations.replay.summary import summary
from tests.simulations.ledgers import START, ledger_of

AT = datetime.fromisoformat("2026-11-20")
BOOK = PriceBook()
OPUS = {"fresh": 5.0, "read": 0.5, "short": 6.25, "long": 10.0, "out": 25.0}
HAIKU = {"fresh": 1.0, "read": 0.1, "short": 1.25, "long": 2.0, "out": 5.0}
SOME_TURNS = read_policy(
    "name: some turns\nrules: [{when: {user_id: [moved]}, use: claude-haiku-4-5}, {when: {}, use: current}]"
)
ALL = read_policy("name: all\nrules: [{when: {}, use: claude-haiku-4-5}]")
IDENTITY = read_policy("name: identity\nrules: [{when: {}, use: current}]")
HALVES = read_policy("name: halves\nrules: [{when: {}, split: {claude-haiku-4-5: 0.5, claude-sonnet-4-5: 0.5}}]")


def usd(price: dict[str, float], fresh: int, read: int, written: int, out: int, kept: str = "short") -> Decimal:
    """List price of one request."""
    total = fresh * price["fresh"] + read * price["read"] + written * price[kept] + out * price["out"]
    return Decimal(repr(round(total / 1e6, 12)))


def turn(at: datetime, fresh: int, read: int, written: int, kept: str = "short", **more: Any) -> dict[str, Any]:
    """One request on Opus."""
    return {
        "requested_at": at,
        "provider": "anthropic",
        "model": "claude-opus-4-5",
        "model_raw": "claude-opus-4-5",
        "fresh_input_tokens": fresh,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written if kept == "short" else 0,
        "cache_write_1h_tokens": written if kept == "long" else 0,
        "output_tokens": 500,
        "cost_usd": usd(OPUS, fresh, read, written, 500, kept),
        **more,
    }


def answers(home: Any, rows: list[dict[str, Any]], policy: Policy) -> dict[str, Any]:
    """The replay's summary of these rows."""
    ledger = ledger_of(home, rows)
    view = ledger.at(ledger.snapshot())
    market = Market(BOOK, shipped_catalog(), AT)
    return summary(replay(view, Scope.of(view), policy, market), market)


def sessions(gap: int, every: int, kept: str, *, named: bool = True) -> tuple[list[dict[str, Any]], float]:
    """Sessions of 12 turns of which every n-th may move, and the dollars once these are on Haiku."""
    life, rows, right = 300 if kept == "short" else 3600, [], 0.0
    for s in range(4):
        known: dict[str, tuple[int, datetime | None]] = {"opus": (0, None), "haiku": (0, None)}
        for k in range(12):
            at = START + timedelta(minutes=37 * s, seconds=gap * k)
            read, written = (0, 21_000) if k == 0 else (20_000 + 1000 * k, 1000)
            moves = k % every == every - 1
            name, price = ("haiku", HAIKU) if moves else ("opus", OPUS)
            held, used = known[name]
            warm = held if used is not None and (at - used).total_seconds() <= life else 0
            right += float(usd(price, 5, warm, read + written - warm, 500, kept))
            known[name] = (read + written, at)
            who = {"user_id": "moved" if moves else "stays"} | ({"session_id": f"s{s}"} if named else {})
            rows.append(turn(at, 5, read, written, kept, **who))
    return rows, right


@pytest.mark.parametrize("kept", ["short", "long"])
@pytest.mark.parametrize(("gap", "every"), [(10, 2), (50, 5), (90, 5), (149, 2), (160, 3), (290, 4), (50, 12)])
def test_a_switch_costs_what_a_known_session_says(tmp_path, gap, every, kept):
    rows, right = sessions(gap, every, kept)
    said = answers(tmp_path, rows, SOME_TURNS)
    assert float(said["policy_cost_usd"]) == pytest.approx(right, rel=1e-9)
    assert said["cache"]["usd_if_always_warm"] <= right + 1e-6 <= said["cache"]["usd_if_never_warm"] + 2e-6
    assert said["by_model"][0]["policy_cost_usd"] + said["by_model"][1]["policy_cost_usd"] == pytest.approx(right)
    assert said["cache"]["known_share"] == 1


def test_without_session_and_user_both_bounds_hold_the_truth(tmp_path):
    rows, right = sessions(90, 5, "short", named=False)
    bare = [{**row, "feature": row["user_id"], "user_id": None} for row in rows]
    policy = read_policy(
        "name: p\nrules: [{when: {feature: [moved]}, use: claude-haiku-4-5}, {when: {}, use: current}]"
    )
    said = answers(tmp_path, bare, policy)
    assert said["cache"]["usd_if_always_warm"] < right < said["cache"]["usd_if_never_warm"]
    assert said["cache"]["known_share"] < 1 and "neither session nor user" in said["cache"]["note"]


def test_users_stand_in_for_sessions_and_it_is_said(tmp_path):
    rows, _ = sessions(50, 5, "short", named=False)
    said = answers(tmp_path, [{**row, "user_id": "u"} for row in rows], ALL)
    assert said["cache"]["warm_share"] == 1 and float(said["policy_cost_usd"]) == said["cache"]["usd_if_always_warm"]


def test_below_the_least_that_a_model_keeps_nothing_is_read(tmp_path):
    """3,000 tokens are enough for Sonnet 4.5 (1,024) and too few for Haiku 4.5 (4,096): they are fresh there."""
    rows = [
        turn(START + timedelta(seconds=60 * k), 0, 3000 if k else 0, 0 if k else 3000, session_id="s") for k in range(3)
    ]
    said = answers(tmp_path, rows, ALL)
    expected = (3000 * 1.25 + 2 * 3000 * 1.0 + 3 * 500 * 5.0) / 1e6
    assert float(said["policy_cost_usd"]) == pytest.approx(expected)
    sonnet = answers(tmp_path / "two", rows, read_policy("name: p\nrules: [{when: {}, use: claude-sonnet-4-5}]"))
    assert sonnet["cache"]["warm_share"] == 1


def test_a_cache_whose_life_nobody_states_is_not_taken_as_free(tmp_path):
    assert prompt_cache("google", "gemini-2.5-pro").life_s is None and prompt_cache("nobody", "x").life_s is None
    rows, _ = sessions(50, 5, "short")
    said = answers(tmp_path, rows, read_policy("name: p\nrules: [{when: {}, use: gemini-2.5-pro}]"))
    assert said["cache"]["warm_share"] == 0
    assert float(said["policy_cost_usd"]) == pytest.approx(said["cache"]["usd_if_never_warm"])


def test_a_model_that_forgets_sooner_loses_what_the_old_one_kept(tmp_path):
    """Turns 20 minutes apart, kept for an hour on Opus; MiniMax keeps five minutes."""
    rows, _ = sessions(1200, 12, "long")
    said = answers(tmp_path, rows, read_policy("name: p\nrules: [{when: {}, use: minimax-m2}]"))
    assert said["cache"]["warm_share"] == pytest.approx(0, abs=1e-6)
    assert answers(tmp_path / "two", rows, ALL)["cache"]["warm_share"] == 1


@pytest.mark.parametrize("policy", [ALL, HALVES], ids=["all", "halves"])
def test_a_policy_that_never_splits_a_session_loses_no_cache(tmp_path, policy):
    rows, _ = sessions(50, 5, "short")
    said = answers(tmp_path, rows, policy)
    assert said["cache"]["warm_share"] == 1
    assert float(said["policy_cost_usd"]) == pytest.approx(said["cache"]["usd_if_always_warm"], abs=1e-6)


MODELS = (("anthropic", "claude-opus-4-5"), ("anthropic", "claude-haiku-4-5"), ("openai", "gpt-5.2"))
request = st.tuples(
    st.integers(0, 3),  # session
    st.integers(0, 40 * 86_400),  # second: interleaved, backward, a month long
    st.sampled_from(MODELS),
    st.integers(0, 60_000),  # read
    st.integers(0, 60_000),  # written
    st.booleans(),
    st.sampled_from(["success", "success", "success", "error"]),
)


@given(st.lists(request, min_size=1, max_size=25), st.sampled_from(["stays", "moved", "either"]))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_laws_of_caches(tmp_path_factory, made, who):
    rows = []
    for session, second, (provider, model), read, written, moved, status in made:
        row = turn(START + timedelta(seconds=second), 5, read, written, session_id=f"s{session}", status=status)
        user = "moved" if (moved if who == "either" else who == "moved") else "stays"
        rows.append({**row, "provider": provider, "model": model, "model_raw": model, "user_id": user})
    home = tmp_path_factory.mktemp("laws")
    same, some = (answers(home / name, rows, policy) for name, policy in (("a", IDENTITY), ("b", SOME_TURNS)))
    assert same["policy_cost_usd"] == same["logged_cost_usd"] and same["cache"]["lost_usd"] == 0
    cache, policy_usd = some["cache"], float(some["policy_cost_usd"])
    assert cache["usd_if_always_warm"] <= policy_usd + 1e-5
    assert policy_usd <= cache["usd_if_never_warm"] + 1e-5
    assert cache["warm_share"] is None or 0 <= cache["warm_share"] <= 1
    if who == "stays":
        assert some["policy_cost_usd"] == some["logged_cost_usd"]


def test_a_split_per_request_tears_sessions_apart(tmp_path):
    rows, _ = sessions(50, 5, "short")
    rule = "split: {claude-haiku-4-5: 0.5, claude-sonnet-4-5: 0.5}"
    said = answers(tmp_path, rows, read_policy(f"name: p\nrules: [{{when: {{}}, {rule}, per: request}}]"))
    assert said["cache"]["warm_share"] < 1
    assert said["cache"]["usd_if_always_warm"] < float(said["policy_cost_usd"]) <= said["cache"]["usd_if_never_warm"]


def mixed_work(tmp_path) -> tuple[Any, Any, float]:
    """Sessions a day whose turns are chat and coding by turns, their problem, and the USD once coding is on Haiku."""
    rows, right = sessions(50, 5, "short")
    for row in rows:
        row["task_type"] = "coding" if row["user_id"] == "moved" else "chat"
        row["requested_at"] += timedelta(days=int(row["session_id"][1:]))
    over = {"requested_at": START + timedelta(days=4), "cost_usd": Decimal(0)}  # the log's last day is not over
    rows.append(turn(START, 5, 0, 0, task_type="chat") | over)
    ledger = ledger_of(tmp_path, rows)
    view = ledger.at(ledger.snapshot())
    market = Market(BOOK, shipped_catalog(), AT)
    return view, market, right


def test_mixes_followed_in_one_walk_lose_what_each_loses_alone(tmp_path):
    view, market, _ = mixed_work(tmp_path)
    banned = "{when: {task_type: [chat]}, forbid: {model: [claude-haiku-4-5]}}"
    rule = read_policy(f"name: p\nconstraints: [{banned}]\nfallback: [claude-sonnet-4-5]")
    made = programme(view, Scope.of(view), market, ["claude-haiku-4-5"], policy=rule)
    known = first_caches(view, made, Demands(), market)
    assert len(known) > 1 and any(one.usd for one in known.values())
    for mix, told in known.items():
        alone = mix_caches(view, made, np.frombuffer(mix).reshape(made.current_shares.shape), market)
        assert told.usd == pytest.approx(alone.usd, rel=1e-9) and told.warm_share == pytest.approx(alone.warm_share)


def test_the_engine_joins_no_conversation_with_every_decision_of_its_lane(tmp_path):
    """However many places and lanes: a conversation meets the decisions of its own places, about as many as its rows
    come to in all lanes."""
    places, lanes, conversations = 70, 10, 4_000
    ledger = ledger_of(tmp_path, [turn(START, 5, 0, 0)])
    cursor = ledger.cursor()
    cursor.execute(
        f"""CREATE TEMP TABLE followed AS SELECT (i % {places}) << 20 AS place, hash(i // 3) % {2**40} AS conversation,
        conversation AS request, true AS by_session, TIMESTAMP '2026-11-01' + to_seconds(i) AS at, i AS number,
        100 AS read, 100 AS short, 0 AS long, 50 AS fresh FROM range({3 * conversations}) AS r(i)"""
    )
    kinds = dict.fromkeys(("place", "conversation", "request", "number", "read", "short", "long", "fresh"), "int64")
    rows = ibis.table(kinds | {"by_session": "boolean", "at": "timestamp"}, name="followed")
    lives = {"d_life": 300.0, "d_long_life": 300.0, "d_old_life": 300.0, "d_old_long_life": 300.0}
    numbers = {"d_minimum": 1024, "d_automatic": True, "d_low": 0, "d_high": cache_state.DRAWN, "d_per_request": False}
    decided = [
        {
            "d_place": place << 20,
            "d_part": place,
            "d_slot": lane,
            "d_lane": lane,
            "d_target": (place + lane) % 3,
            "d_logged": 1,
        }
        for place in range(places)
        for lane in range(lanes)
    ]
    narrow = dict.fromkeys(("d_part", "d_slot", "d_lane", "d_target", "d_logged"), "int32")
    decisions = ibis.memtable(pd.DataFrame(decided).assign(**lives, **numbers).astype(narrow))
    cursor.execute(f"CREATE TEMP TABLE parts AS {sql_text(cache_state._by_place(rows))}")
    parts = ibis.table(cache_state._by_place(rows).schema(), name="parts")
    cursor.register(decisions.op().name, decisions.op().data.to_pyarrow(decisions.op().schema))
    text = sql_text(cache_state._lost_by_place(rows, parts, decisions, 1))
    [(_, plan)] = cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}").fetchall()
    made = [int(rows) for rows in re.findall(r'"operator_cardinality": ?(\d+)', plan)]
    assert conversations < max(made) <= 3 * conversations * lanes


def test_a_mix_loses_what_a_policy_of_the_same_shares_loses(tmp_path):
    """The mix sends the coding to Haiku, as the policy does."""
    view, market, right = mixed_work(tmp_path)
    scope = Scope.of(view)
    made = programme(view, scope, market, ["claude-haiku-4-5"])
    shares = made.current_shares.copy()
    coding = (made.segments["task_type"] == "coding").to_numpy()
    haiku = made.problem.models.index("claude-haiku-4-5")
    shares[coding] = 0.0
    shares[coding, haiku] = 1.0
    lost = mix_caches(view, made, shares, market)
    assert (total_cost(made.problem, shares) + lost.usd) / made.yearly == pytest.approx(right, rel=1e-6)
    assert 0 < lost.warm_share < 1 and lost.usd < lost.never_warm_usd
    whole = np.zeros_like(shares)
    whole[:, haiku] = 1.0
    assert mix_caches(view, made, whole, market).usd == 0
    assert mix_caches(view, made, made.current_shares, market).usd == 0
    said = log_scenario(made, shares, market, "mix", "test", lost_usd=lost.lost_usd)
    assert said.proposed.annual_cost_usd == pytest.approx(right * made.yearly, rel=1e-6)


def test_a_frontier_carries_the_caches_that_its_mixes_lose(tmp_path):
    view, market, _ = mixed_work(tmp_path)
    made = programme(view, Scope.of(view), market, ["claude-haiku-4-5"])
    haiku = np.array([name == "claude-haiku-4-5" for name in made.problem.models])
    coding = (made.segments["task_type"] == "coding").to_numpy()
    # A sixth of the turns is coding: one kind of work, whole, is half of the way down.
    quality = np.where(haiku, np.where(coding, 0.85, 0.89)[:, None], 0.90)
    made = dataclasses.replace(made, problem=dataclasses.replace(made.problem, quality=quality))
    bare = frontier(made.problem, Demands(), 3)
    whole = charge_lost_caches(view, made, bare, market)
    lost = [mix_caches(view, made, point.by_segment, market).usd for point in bare.points]
    assert max(lost) > 0  # a mix between the two models tears sessions apart
    for before, after, usd_lost in zip(bare.points, whole.points, lost, strict=True):
        assert after.cost_usd == pytest.approx(before.cost_usd + usd_lost)
    for name, (cost, quality) in bare.single_models.items():
        moved = mix_caches(view, made, alone(made.problem, name), market).usd
        assert whole.single_models[name] == (pytest.approx(cost + moved), quality)
    assert all(
        after >= before
        for (before, _), (after, _) in zip(bare.random_same_shares, whole.random_same_shares, strict=True)
    )
