"""Replay against a slow row-by-row twin, its laws, and what it lists instead of dropping."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from analytics.scope import Scope
from data.errors import NoData
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from data.schema import INPUT_TOKENS, TOKENS
from routing.policies.choice import candidates, logged_hosting, reason_against
from routing.policies.conditions import applies
from routing.policies.policy import CURRENT, Policy
from routing.policies.text import examples, read_policy
from simulations.replay.reliability import reliability
from simulations.replay.replay import KEPT, MOVED, REFUSED, Assumed, replay
from simulations.replay.repricing import Market, Repricing
from simulations.replay.service import limit_words
from simulations.replay.summary import summary
from simulations.replay.worth import POLICY, TODAY, worth
from tests.routing.test_policy_laws import policies
from tests.simulations.ledgers import ledger_of, random_ledger

BOOK = PriceBook()
AT = datetime.fromisoformat("2026-11-20")
IDENTITY = read_policy("name: identity\nrules: [{when: {}, use: current}]")


def market(**terms):
    catalog = shipped_catalog().with_edits({"minimax-m2": {"self_hosted": {"usd_per_mtok": 0.2}}})
    return Market(PriceBook(), catalog, AT, Repricing(**terms))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    ledger = random_ledger(tmp_path_factory.mktemp("random"), 2000)
    return ledger.at(ledger.snapshot())


@pytest.fixture(scope="module")
def rows(log):
    """The rows of the log in plain Python, None where nothing is known, each with how often its call is counted."""
    told = log.sql(f"SELECT * FROM {log.name('usage')}")
    answered, plain = answers(told), told.astype(object).where(told.notna(), None)
    return [(row, counted(row, answered)) for row in plain.to_dict("records")]


def twin(rows, policy, prices, assumed, warm):
    """Row by row, in plain Python: (kept, moved, refused calls, logged USD, policy USD, calls not compared).

    These rows have neither session nor user: cache reads of what moves are all kept (`warm`) or all written anew.
    """
    counts = {KEPT: 0, MOVED: 0, REFUSED: 0}
    logged, spent, apart = Decimal(0), 0.0, 0
    for told, calls in rows:
        row = dict(told)
        known = [row[name] for name in INPUT_TOKENS if row[name] is not None]
        row["input_tokens"] = sum(known) if known else None
        written = [row[name] for name in ("output_tokens", "reasoning_tokens") if row[name] is not None]
        row["output_tokens_all"] = sum(written) if written else None
        attributes = row | {"output_tokens": row["output_tokens_all"]}
        both = (row["input_tokens"], row["output_tokens_all"])
        attributes["total_tokens"] = None if None in both else sum(both)
        choice = candidates(policy, attributes, prices.catalog)
        cost = None if row["cost_usd"] is None else Decimal(str(row["cost_usd"]))
        if row["status"] in ("error", "cached"):
            outcome, new = KEPT, cost
        elif choice.way == "refused":
            outcome, new = REFUSED, None
        else:
            outcome, new = charged(row, choice, policy, prices, assumed, warm)
        counts[outcome] += calls
        if cost is None or new is None or outcome == REFUSED:
            apart += calls
        else:
            logged, spent = logged + cost, spent + float(new)
    return counts, logged, spent, apart


def answers(rows):
    """The attempt at which each call that failed at first succeeded, where it did."""
    failed = {row.call_id for row in rows.itertuples() if row.attempt == 1 and row.status == "error"}
    later = rows[(rows["attempt"] > 1) & (rows["status"] == "success") & rows["call_id"].isin(failed)]
    return later.groupby("call_id")["attempt"].min().to_dict()


def counted(row, answered):
    """Whether a row is the one its call is counted with: the attempt that answered it, else the first."""
    if row["attempt"] == 1:
        return int(row["status"] != "error" or row["call_id"] not in answered)
    return int(row["status"] == "success" and answered.get(row["call_id"]) == row["attempt"])


def charged(row, choice, policy, prices, assumed, warm):
    """The cost of one request under the policy, and whether anything changes."""
    here = (row["model"], logged_hosting(row, prices.catalog.get(row["model"])))
    rule = policy.rules[choice.rule] if choice.rule is not None else None
    total, calls, same = 0.0, 0.0, True
    reach = 1.0
    for candidate in choice.candidates:
        count = {"vote": rule.samples if rule else 1, "split": candidate.share, "cascade": reach}.get(choice.way, 1.0)
        stays = candidate.target == CURRENT or (
            candidate.model == here[0] and (here[1] is None or candidate.hosting == here[1])
        )
        price = row["cost_usd"] if stays else priced(row, candidate, prices, warm)
        if price is None:
            return (KEPT if stays and len(choice.candidates) == 1 and count == 1 else MOVED), None
        total, calls, same = total + count * float(price), calls + count, same and stays
        facts = prices.catalog.get(candidate.model)
        reach *= 1 - (facts.acceptance if facts and facts.acceptance is not None else assumed.acceptance)
    if same and abs(calls - 1) < 1e-9:
        return KEPT, row["cost_usd"]
    return MOVED, total


def priced(row, candidate, prices, warm):
    """The price book's own quote for this one request; own machines at the flat rate of `market`."""
    if row["fresh_input_tokens"] is None and row["output_tokens"] is None:
        return None
    tokens: dict[str, Any] = {name.removesuffix("_tokens"): int(row[name] or 0) for name in TOKENS}
    if not warm:
        tokens["cache_write_5m"] += tokens.pop("cache_read")
    if candidate.hosting == "self":
        flat = prices.catalog[candidate.model].self_hosted.get("usd_per_mtok")
        return None if flat is None else sum(tokens.values()) * flat / 1e6
    facts = prices.catalog[candidate.model]
    tiers = (row["service_tier"], "standard")
    for tier in tiers:
        try:
            return BOOK.quote(facts.provider, candidate.model, AT, service_tier=tier, **tokens).cost_usd
        except NoData:
            continue
    return None


POLICIES = {
    **examples(),
    "identity": IDENTITY,
    "sizes": read_policy(
        "name: s\nconstraints: [{when: {data_class: [unknown]}, forbid: {vendor: [MiniMax]}}]\n"
        "rules: [{when: {input_tokens: {gt: 100000}}, use: claude-opus-4-6}, {when: {total_tokens: {le: 20000}}, "
        "use: deepseek-v3.2},\n"
        "  {when: {output_tokens: {ge: 1500}}, use: minimax-m2@self}, {when: {team: {not: [core, unknown]}}, use: "
        "gpt-5.2, samples: 3, vote: majority},\n"
        "  {when: {}, split: {minimax-m2: 0.3, gpt-5.2: 0.7}}]\nfallback: [gpt-5-mini]"
    ),
}


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_equal_to_the_row_by_row_twin(log, rows, name):
    policy, prices, assumed = POLICIES[name], market(), Assumed(acceptance=0.7)
    result = replay(log, Scope.of(log), policy, prices, assumed=assumed)
    counts, logged, spent, apart = twin(rows, policy, prices, assumed, warm=False)
    warm = twin(rows, policy, prices, assumed, warm=True)[2]
    assert (
        result.groups.groupby("outcome")["calls"].sum().reindex([KEPT, MOVED, REFUSED], fill_value=0).to_dict()
        == counts
    )
    said = summary(result, prices)
    assert said["logged_cost_usd"] == logged
    assert float(said["policy_cost_usd"]) == pytest.approx(spent, rel=1e-9)
    assert said["cache"]["usd_if_always_warm"] == pytest.approx(warm, rel=1e-6)
    assert sum(part["requests"] for part in said["not_compared"]) == apart
    assert said["refused_requests"] == counts[REFUSED]


def test_identity_reproduces_the_logged_cost_to_the_last_digit(log):
    said = summary(replay(log, Scope.of(log), IDENTITY, market()), market())
    truth = log.sql(f"SELECT sum(cost_usd) AS usd FROM {log.name('usage')}").iloc[0, 0]
    assert said["policy_cost_usd"] == said["logged_cost_usd"] == truth
    assert said["savings_usd"] == 0 and said["moved_share"] == 0 and said["refused_requests"] == 0
    assert said["range"]["savings_usd"] == {"p10": 0, "p50": 0, "p90": 0}


def test_requests_without_a_price_are_listed_never_dropped(log):
    said = summary(replay(log, Scope.of(log), examples()["simple_router"], market()), market())
    reasons = {part["reason"]: part["requests"] for part in said["not_compared"]}
    whole = log.sql(f"SELECT count(*) FILTER (attempt = 1) AS n FROM {log.name('usage')}").iloc[0, 0]
    rows = log.sql(f"SELECT attempt, status, call_id, cost_usd FROM {log.name('usage')}")
    answered = answers(rows)
    unpriced = sum(counted(row, answered) for row in rows.to_dict("records") if pd.isna(row["cost_usd"]))
    assert said["requests"] == whole
    assert sum(reasons.values()) >= unpriced and set(reasons) >= {
        "no price for the logged request",
        "no token counts in the log",
    }
    assert sum(model["policy_requests"] for model in said["by_model"]) + said["refused_requests"] == pytest.approx(
        whole
    )
    known = [model["policy_cost_usd"] for model in said["by_model"] if model["policy_cost_usd"] is not None]
    assert sum(known) == pytest.approx(float(said["policy_cost_usd"]))
    known = [model["logged_cost_usd"] for model in said["by_model"] if model["logged_cost_usd"] is not None]
    assert sum(known) == pytest.approx(float(said["logged_cost_usd"]))


@pytest.mark.heavy
@given(policies)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_no_flow_of_any_policy_breaks_a_constraint(log, policy):
    policy = Policy.model_validate(policy.model_dump())
    prices = market()
    result = replay(log, Scope.of(log), policy, prices)
    groups = result.groups
    assert (groups.loc[groups["outcome"] == REFUSED, "way"] == "refused").all()
    for flow in result.flows[groups["outcome"].ne(KEPT).to_numpy()[result.flows["group"].to_numpy(int)]].itertuples():
        row = groups.loc[flow.group]
        facts = prices.catalog.get(flow.new_model)
        seen = facts.at(flow.hosting) if facts else {"model": (flow.new_model,)}
        holding = [c for i, c in enumerate(policy.constraints) if int(row["mask"]) >> i & 1]
        assert not any(reason_against(constraint, seen) for constraint in holding)
        for i, constraint in enumerate(policy.constraints):
            if set(constraint.when) <= {"task_type", "criticality", "data_class"}:
                assert bool(int(row["mask"]) >> i & 1) is applies(constraint.when, row)


def small(tmp_path, rows):
    ledger = ledger_of(tmp_path, rows)
    view = ledger.at(ledger.snapshot())
    return view, Scope.of(view)


def test_a_hand_priced_move(tmp_path):
    """1,000 fresh, 500 cached, 200 out and 100 reasoning on Opus 4.6: 5, 0.5 (written 6.25) and 25 USD per million.

    Nobody can tell what came before, so the cached part is written anew.
    """
    view, scope = small(tmp_path, [{"cache_read_tokens": 500, "reasoning_tokens": 100}])
    said = summary(
        replay(view, scope, read_policy("name: p\nrules: [{when: {}, use: claude-opus-4-6}]"), market()), market()
    )
    assert float(said["policy_cost_usd"]) == pytest.approx((1000 * 5 + 500 * 6.25 + 300 * 25) / 1e6)
    assert said["cache"]["usd_if_always_warm"] == pytest.approx((1000 * 5 + 500 * 0.5 + 300 * 25) / 1e6)
    assert said["moved_share"] == 1
    twice = market(verbosity=2.0, cache_kept=0.0)
    said = summary(replay(view, scope, read_policy("name: p\nrules: [{when: {}, use: claude-opus-4-6}]"), twice), twice)
    assert float(said["policy_cost_usd"]) == pytest.approx((1500 * 5 + 600 * 25) / 1e6)


def test_a_cascade_pays_every_attempt_and_the_verifier(tmp_path):
    view, scope = small(tmp_path, [{"model": "gpt-5.1", "data_class": "public"}])
    plain = "name: p\nrules: [{when: {}, cascade: [deepseek-v3.2, claude-opus-4-6], confidence_floor: 0.9}]"
    first, second = 1200 * 0.0, (1000 * 5 + 200 * 25) / 1e6
    first = (1000 * 0.2288 + 200 * 0.3432) / 1e6
    said = summary(replay(view, scope, read_policy(plain), market(), assumed=Assumed(acceptance=0.75)), market())
    assert float(said["policy_cost_usd"]) == pytest.approx(first + 0.25 * second)
    flows = {flow["target"]: flow["requests"] for flow in said["flows"]}
    assert flows == {"deepseek-v3.2": 0.75, "claude-opus-4-6": 0.25}
    judged = plain.replace("0.9}", "0.9, confidence: verifier, verifier: gpt-5-mini}")
    said = summary(replay(view, scope, read_policy(judged), market(), assumed=Assumed(acceptance=0.75)), market())
    verifier = (1200 * 0.25 + 50 * 2.0) / 1e6
    assert float(said["policy_cost_usd"]) == pytest.approx(first + 0.25 * second + verifier)


def test_human_review_is_priced_only_where_its_share_is_known(tmp_path):
    view, scope = small(tmp_path, [{}] * 10)
    policy = read_policy("name: p\nrules: [{when: {}, use: current}]\nreview: {confidence_below: 0.9, cost_usd: 4}")
    unknown = summary(replay(view, scope, policy, market()), market())
    assert unknown["review"]["cost_usd"] is None and unknown["savings_usd"] == 0
    assert "every percent of them costs $0.40" in unknown["review"]["note"]
    known = summary(replay(view, scope, policy, market(), assumed=Assumed(review_share=0.2)), market())
    assert known["review"]["cost_usd"] == pytest.approx(8.0) and float(known["savings_usd"]) == pytest.approx(-8.0)


def test_the_compliance_question_of_the_brief(tmp_path):
    """A fifth of the work is customer data on a Chinese model over an API: it must move, and each way has its price."""
    chinese = {"model": "minimax-m2", "provider": "minimax", "data_class": "customer", "cost_usd": Decimal("0.001")}
    view, scope = small(tmp_path, [chinese] * 2 + [{}] * 8)
    dearer = summary(replay(view, scope, examples()["no_chinese_api"], market()), market())
    assert dearer["moved_share"] == pytest.approx(0.2) and dearer["savings_usd"] < 0
    assert dearer["refusals"] == [
        {
            "target": "current",
            "reason": "origin CN with hosting api or cloud or host is forbidden (Legal's rule)",
            "requests": 2.0,
        }
    ]
    own = summary(replay(view, scope, examples()["chinese_models_self_hosted"], market()), market())
    assert own["moved_share"] == pytest.approx(0.2) and own["policy_cost_usd"] < dearer["policy_cost_usd"]
    unpriced = Market(PriceBook(), shipped_catalog(), AT)
    unknown = summary(replay(view, scope, examples()["chinese_models_self_hosted"], unpriced), unpriced)
    assert unknown["not_compared"] == [
        {"reason": "no price for the model it would move to", "requests": 2, "logged_cost_usd": Decimal("0.002")}
    ]


def test_split_by_team_and_day_adds_up(log):
    result = replay(log, Scope.of(log), examples()["simple_router"], market(), by=("team", "day"))
    said = summary(result, market(), by=("team", "day"))
    for rows in said["by"].values():
        assert sum(row["policy_cost_usd"] for row in rows) == pytest.approx(said["policy_cost_usd"])


def test_quality_is_said_on_one_scale_or_not_at_all(log):
    known = summary(
        replay(
            log,
            Scope.of(log, model=("gpt-5.2", "minimax-m2")),
            read_policy("name: p\nrules: [{when: {}, use: deepseek-v3.2}]\nfallback: [claude-opus-4-6]"),
            market(),
        ),
        market(),
    )
    assert known["quality"]["tier"] == "stated" and known["quality"]["scale"] == "stated"
    assert 0.92 <= known["quality"]["policy"] <= 0.97
    unknown = summary(
        replay(log, Scope.of(log), read_policy("name: p\nrules: [{when: {}, use: gpt-5-nano}]"), market()), market()
    )
    assert unknown["quality"]["policy"] is None and unknown["quality"]["tier"] == "refused"
    assert "never answered by the new model" in unknown["quality"]["words"]


def test_latency_is_unknown_for_models_the_log_has_not_seen(log):
    said = summary(replay(log, Scope.of(log), examples()["simple_router"], market()), market())
    assert said["latency"]["policy_ms"] is None and "claude-opus-4-5" in said["latency"]["unseen_models"]


@pytest.mark.heavy
def test_a_policy_that_moves_nothing_is_the_log_in_every_figure(log):
    """Dollars, waits, failures, quality and priced share, in the summary and in the comparison of ways."""
    scope, prices = Scope.of(log), market()
    known = reliability(log, scope)
    same = summary(replay(log, scope, IDENTITY, prices), prices, known=known)
    assert same["latency"]["policy_ms"] == pytest.approx(same["latency"]["baseline_ms"], rel=1e-12)
    assert same["service"]["policy"] == same["service"]["baseline"]
    assert same["quality"]["tier"] == "unchanged" and same["savings_usd"] == 0 and same["moved_share"] == 0
    ways = {way.kind: way for way in worth(log, scope, IDENTITY, prices, known).ways}
    assert ways[POLICY]._replace(kind="", name="") == ways[TODAY]._replace(kind="", name="")
    rows = log.sql(f"SELECT * FROM {log.name('usage')} WHERE status <> 'cached' AND model IS NOT NULL")
    good = rows.loc[rows["status"] == "success", "latency_ms"]
    told = same["service"]["baseline"]
    assert told["p50_ms"] == pytest.approx(good.quantile(0.5), rel=0.02)
    assert told["p95_ms"] == pytest.approx(good.quantile(0.95), rel=0.02)
    assert told["failure_share"] == pytest.approx((rows["status"] == "error").mean(), abs=0.01)


def test_what_moves_waits_as_its_new_model_does_and_what_stays_as_it_did(tmp_path):
    quick, slow = {"model": "gpt-5-nano", "latency_ms": 200.0}, {"model": "gpt-5.2", "latency_ms": 1000.0}
    chat = {**slow, "task_type": "chat", "latency_ms": 3000.0}
    ledger = ledger_of(tmp_path, [quick] * 4 + [{**slow, "task_type": "coding"}] * 4 + [chat] * 4)
    view = ledger.at(ledger.snapshot())
    policy = read_policy(
        "name: p\nlimits: {max_p95_ms: 2500, max_failure_share: 0.5}\n"
        "rules: [{when: {task_type: [coding]}, use: gpt-5-nano}, {when: {}, use: current}]"
    )
    said = summary(replay(view, Scope.of(view), policy, market()), market(), known=reliability(view, Scope.of(view)))
    assert said["latency"]["baseline_ms"] == pytest.approx((200 + 1000 + 3000) / 3)
    assert said["latency"]["policy_ms"] == pytest.approx((200 + 200 + 3000) / 3)
    late, failing = said["limits"]
    assert late["kept"] is False and failing["kept"] is True
    assert "P95 latency at most 2,500 ms: broken" in limit_words(late)


def test_an_empty_scope_is_said(log):
    with pytest.raises(NoData, match="no requests in this scope"):
        replay(log, Scope.of(log, team="nobody"), IDENTITY, market())


def test_one_tokenizer_serves_every_source_of_a_target(tmp_path):
    """Texts of two models on a third share its tokenizer, so that their errors add up instead of cancelling."""
    short = {"output_tokens": 0, "reasoning_tokens": 0}
    two = [{"model": "gpt-5.2", **short}] * 5 + [{"model": "gpt-5.1", "model_raw": "gpt-5.1", **short}] * 5
    policy = read_policy("name: p\nrules: [{when: {}, use: claude-opus-4-6}]")

    def width(rows, home):
        view, scope = small(home, rows)
        spread = summary(replay(view, scope, policy, market()), market())["range"]["policy_cost_usd"]
        return spread["p90"] - spread["p10"]

    assert width(two, tmp_path / "two") == pytest.approx(width([two[0]] * 10, tmp_path / "one"), rel=0.05)


def test_a_call_that_needed_a_retry_moves_once_with_its_dollars(tmp_path):
    """Of four calls one succeeds at once, one on its second try, one at another provider, one never."""
    failed = {"status": "error", "error_class": "rate_limit", "cost_usd": Decimal(0)}
    rows: list[dict] = [{"call_id": "a"}, {"call_id": "b", **failed}, {"call_id": "b", "attempt": 2}]
    rows += [{"call_id": "c", **failed}, {"call_id": "c", "attempt": 2, "model": "minimax-m2", "provider": "minimax"}]
    rows += [{"call_id": "d", **failed}, {"call_id": "d", "attempt": 2, **failed}]
    ledger = ledger_of(tmp_path, rows)
    view = ledger.at(ledger.snapshot())
    policy = read_policy("name: p\nrules: [{when: {model: gpt-5.2}, use: claude-opus-4-5}, {use: current}]")
    prices = market()
    for by in ((), ("team",), ("day",)):
        result = replay(view, Scope.of(view), policy, prices, by=by)
        said = summary(result, prices, by=by)
        assert said["requests"] == 4 and said["moved_share"] == pytest.approx(0.5)  # a and b; d never had an answer
        flows = {(flow["old_model"], flow["target"]): flow["requests"] for flow in said["flows"]}
        assert flows == {
            ("gpt-5.2", "claude-opus-4-5"): 2,
            ("gpt-5.2", "gpt-5.2"): 1,
            ("minimax-m2", "minimax-m2"): 1,
        }
        assert sum(m["logged_requests"] for m in said["by_model"]) == 4
    kept = result.groups[result.groups["basis"] == "kept"]
    assert kept["calls"].sum() == 1  # what never succeeded


def test_an_unknown_cost_is_no_zero(tmp_path):
    """A model without a price was drawn as costing $0, and so was one whose logged requests have none."""
    house = {"model": "house-model", "model_raw": "house-model", "cost_usd": None, "cost_basis": "unpriced"}
    ledger = ledger_of(tmp_path, [{}] * 3 + [house] * 2)
    view = ledger.at(ledger.snapshot())
    prices = Market(PriceBook(), shipped_catalog(), AT)
    policy = read_policy("name: p\nrules: [{when: {model: [gpt-5.2]}, use: minimax-m2@self}, {when: {}, use: current}]")
    said = summary(replay(view, Scope.of(view), policy, prices), prices)
    models = {row["model"]: (row["logged_cost_usd"], row["policy_cost_usd"]) for row in said["by_model"]}
    assert models["minimax-m2"] == (0.0, None) and models["house-model"] == (None, None)
    assert {flow["old_model"]: flow["logged_usd"] for flow in said["flows"]} == {
        "gpt-5.2": pytest.approx(3 * 0.00455),
        "house-model": None,
    }
