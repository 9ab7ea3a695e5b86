from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.history import recent
from analytics.paid_prices import KINDS
from analytics.savings import savings, savings_finders, work_cells
from analytics.savings.cheaper_models import claims
from analytics.savings.savings_claim import Claim
from analytics.savings.savings_overlap import net_savings
from analytics.savings.work_cells import CELL, PRICES
from analytics.scope import Scope
from analytics.spend import totals
from data.errors import BadInput
from data.facts import models
from data.ledger import Ledger
from data.prices.model_lives import ModelLives
from data.state import State
from routing.policies.in_force import forbidden, judge, shipped_constraints
from routing.policies.policy import Policy
from tests.analytics import planted
from tests.analytics.commands import run
from tests.benchmarks.small_worlds import world
from tests.simulations.ledgers import START, ledger_of

PRICED = (2e-6, 2e-7, 2e-6, 2e-6, 1e-5)


def cell(
    model="gpt-5.2", provider="openai", team="a", feature="f", task="chat", criticality="low", data="internal", **values
):
    base = {
        "attempts": 1000.0,
        "calls": 1000.0,
        "failed": 0.0,
        "failed_cost_usd": 0.0,
        "answers": 1000.0,
        "fresh_input_tokens": 3e6,
        "cache_read_tokens": 0.0,
        "cache_write_5m_tokens": 0.0,
        "cache_write_1h_tokens": 0.0,
        "billed_output_tokens": 4e5,
        "scored": 0.0,
        "score": np.nan,
        "streamed": 0.0,
        "by_night": 0.0,
    }
    base |= values
    cost = sum(base[kind] * price for kind, price in zip(KINDS, PRICED, strict=True))
    key = (provider, model, team, feature, "production", task, criticality, data)
    return (
        dict(zip(CELL, key, strict=True))
        | base
        | {"cost_usd": cost, "answers_cost_usd": cost, "standard_cost_usd": cost, "listed": True}
        | dict(zip(PRICES, PRICED, strict=True))
    )


def cells(*rows):
    return pd.DataFrame(list(rows)).set_index(list(CELL))


COST = 10.0  # of one cell: 6 of input, 4 of output


def claim(usd, kind="x", touched=COST, part="answers", confidence="high"):
    whole = pd.Series(touched, index=usd.index)
    return Claim(kind, kind, usd, whole, part, confidence, "", "", "explore")


@pytest.mark.heavy
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(0, 500), min_size=4, max_size=4), min_size=1, max_size=6))
def test_savings_never_exceed_spend_and_parts_add_up(shares):
    table = cells(*(cell(feature=f"f{n}") for n in range(4)))
    every = [claim(pd.Series(usd, index=table.index), kind=f"k{n}") for n, usd in enumerate(shares)]
    saving = savings.settle(table, every, 1.0, 28)
    assert saving.total_usd_month <= saving.spend_usd_month * (1 + 1e-9)
    assert sum(finding.usd_month for finding in saving.findings) == pytest.approx(saving.total_usd_month)
    assert all(
        finding.usd_month <= finding.gross_usd_month * (1 + 1e-9) or finding.gross_usd_month > finding.spend_usd_month
        for finding in saving.findings
    )


def test_overlap_is_counted_once_for_the_larger():
    table = cells(cell())
    cost = table["cost_usd"].iloc[0]
    big, small = savings.settle(
        table, [claim(table["cost_usd"] * 0.5, "small"), claim(table["cost_usd"] * 0.8, "big")], 1.0, 28
    ).findings
    assert (big.kind, small.kind) == ("big", "small")
    assert big.usd_month == pytest.approx(0.8 * cost)
    assert small.usd_month == pytest.approx(0.5 * 0.2 * cost)
    assert small.gross_usd_month == pytest.approx(0.5 * cost)


def one_cell(*claims_of, **values):
    """What claims (usd, touched, part) on one cell save together."""
    table = cells(cell(**values))
    made = [
        claim(pd.Series([usd], index=table.index), f"k{n}", touched, part)
        for n, (usd, touched, part) in enumerate(claims_of)
    ]
    return savings.settle(table, made, 1.0, 28).total_usd_month


@pytest.mark.parametrize(
    ("claims_of", "together"),
    [
        ([(3.6, 4.0, "input"), (2.0, 4.0, "input")], 3.8),  # tokens sent again: a cache leaves a tenth, half of it goes
        ([(3.6, 4.0, "input"), (0.5, 1.0, "input")], 3.65),  # nested: what is cached leaves less to drop
        ([(2.0, 4.0, "output"), (3.6, 4.0, "input")], 5.6),  # other dollars add
        ([(5.0, 10.0, "answers"), (2.0, 4.0, "output")], 6.0),  # half the answers' price, then half of the output left
        ([(6.0, 6.0, "input"), (6.0, 6.0, "input")], 6.0),
    ],
)
def test_claims_on_the_same_dollars_compound_and_others_add(claims_of, together):
    assert one_cell(*claims_of) == pytest.approx(together)
    assert one_cell(*claims_of[::-1]) == pytest.approx(together)


def test_failures_and_answers_do_not_take_from_each_other():
    """Methods 7: 80 of failures and 72 on the other 120 dollars were said to save 123."""
    table = cells(cell(cost_usd=200.0)).assign(cost_usd=200.0, output_price=80.0 / 4e5)
    failed = claim(pd.Series([80.0], index=table.index), "failures", 80.0, "failed")
    moved = claim(pd.Series([72.0], index=table.index), "cheaper model", 120.0)
    assert savings.settle(table, [failed, moved], 1.0, 28).total_usd_month == pytest.approx(152.0)


def test_the_total_holds_only_what_has_evidence(swap):
    """Spend pages 4: two thirds of the headline were to be tested first."""
    table = cells(cell(), cell(feature="g"))
    low = claim(pd.Series([8.0], index=table.index[:1]), "low", confidence="low")
    medium = claim(pd.Series([5.0, 5.0], index=table.index), "medium", confidence="medium")
    saving = savings.settle(table, [low, medium], 1.0, 28)
    assert saving.total_usd_month == pytest.approx(10.0)
    assert saving.untested_usd_month == pytest.approx(0.8 * 5.0)  # of what the medium one leaves of its cell
    assert [finding.confidence for finding in saving.findings] == ["medium", "low"]
    assert savings.sentence(saving).startswith("$10.00 of $20.00 a month could be saved (50.0%) with medium or high")
    assert "up to $4.00 more once tested" in savings.sentence(saving)


SCORED = {"scored": 200.0}


@pytest.fixture
def swap(state):
    def offered(*rows, policy=None):
        held = judge(policy or shipped_constraints(), models.shipped_catalog())
        return claims(cells(*rows), models.shipped_catalog(), ModelLives(state), planted.END, held)

    return offered


def test_a_retired_model_is_never_advised(swap):
    """Peers W4: 28 % of the largest saving went to a model that has answered HTTP 400 since July."""
    offered = swap(cell(score=0.9, **SCORED), cell("deepseek-reasoner", "deepseek", score=0.9, **SCORED))
    assert not any("deepseek-reasoner" in one.action for one in offered)


def test_scores_in_the_log_allow_a_cheaper_model_and_forbid_a_worse_one(swap):
    dear = cell(score=0.92, **SCORED)
    good = cell("minimax-m2", "minimax", score=0.91, **SCORED)
    (found,) = swap(dear, good)
    assert found.confidence == "high" and "minimax-m2" in found.action
    assert 0.5 < found.usd.sum() / dear["cost_usd"] < 1
    bad = swap(dear, cell("minimax-m2", "minimax", score=0.80, **SCORED))
    assert not any("minimax-m2" in one.action for one in bad)


def test_critical_work_without_scores_stays_where_it_is(swap):
    assert swap(cell(criticality="high"), cell("minimax-m2", "minimax")) == []
    assert swap(cell(task="coding"), cell("minimax-m2", "minimax")) == []


@pytest.mark.parametrize("data", ["customer", "regulated"])
def test_customer_data_is_never_offered_a_model_of_chinese_origin_or_unknown_terms(swap, data):
    offered = swap(
        cell(data=data, score=0.9, **SCORED),
        cell("minimax-m2", "minimax", score=0.9, **SCORED),
        cell("homemade", "self", score=0.9, **SCORED),
    )
    assert not any("minimax" in one.action or "homemade" in one.action for one in offered)


def test_an_offer_is_judged_where_it_is_sold_and_by_the_policy_in_force(swap):
    dear = cell(data="customer", score=0.9, **SCORED)
    third_party = cell("minimax-m2", "openrouter", score=0.9, **SCORED)
    assert not any("minimax" in one.action for one in swap(dear, third_party))
    free = Policy(name="free", fallback=("current",))
    assert any("minimax" in one.action for one in swap(dear, third_party, policy=free))
    held = judge(shipped_constraints(), models.shipped_catalog())
    customer = {"data_class": "customer"}
    assert held("vllm", "minimax-m2", customer) is None and "CN" in held("openrouter", "minimax-m2", customer)
    assert "hipaa_eligible" in held("azure", "gpt-5.2", {"data_class": "regulated"})  # its maker's terms say nothing


def test_a_cache_that_served_before_and_prompts_sent_again():
    table = cells(cell())
    best = pd.DataFrame(
        {"best_share": [0.6]},
        index=pd.MultiIndex.from_tuples([("gpt-5.2", "a", "f")], names=["model", "team", "feature"]),
    )
    found = savings_finders.missed_cache(table, pd.DataFrame(), best)
    assert found.usd.sum() == pytest.approx(0.6 * 3e6 * (2e-6 - 2e-7))
    assert found.confidence == "high"
    sessions = pd.DataFrame({"resent_tokens": [1e6], "outgrown_tokens": [5e5], "shared_tokens": 5e5}, index=table.index)
    assert savings_finders.missed_cache(table, sessions, pd.DataFrame()).usd.sum() == pytest.approx(1e6 * (2e-6 - 2e-7))
    assert savings_finders.growing_context(table, sessions).usd.sum() == pytest.approx(5e5 * 2e-6 * 0.5)
    assert savings_finders.missed_cache(table, pd.DataFrame(), pd.DataFrame()) is None


def test_a_cache_that_fell_is_measured_on_all_kinds_of_input():
    """Of 4 million tokens of input a quarter is read, where 60 % were: 1.4 million are missed."""
    table = cells(cell(fresh_input_tokens=2e6, cache_read_tokens=1e6, cache_write_5m_tokens=1e6))
    index = pd.MultiIndex.from_tuples([("gpt-5.2", "a", "f")], names=["model", "team", "feature"])
    found = savings_finders.missed_cache(table, pd.DataFrame(), pd.DataFrame({"best_share": [0.6]}, index=index))
    assert found.usd.sum() == pytest.approx(1.4e6 * (2e-6 - 2e-7))
    assert found.touched.sum() == pytest.approx(1.4e6 * 2e-6)


def test_a_claim_says_which_dollars_lie_where():
    table = cells(cell(cache_read_tokens=1e6))  # 4 million tokens of input at 1.55 dollars a million, in the mean
    sent = pd.DataFrame({"resent_tokens": 4e5, "outgrown_tokens": 5e5, "shared_tokens": 2e5}, index=table.index)
    context = savings_finders.growing_context(table, sent)
    assert {name: float(block.sum()) for name, block in context.blocks.items()} == pytest.approx(
        {savings_finders.SHARED: 2e5 * 1.55e-6, "outgrown only": 3e5 * 1.55e-6}
    )
    cache = savings_finders.missed_cache(table, sent, pd.DataFrame())
    assert {name: float(block.sum()) for name, block in cache.blocks.items()} == pytest.approx(
        {savings_finders.SHARED: 0.4, "resent only": 0.4}
    )


def test_the_model_to_try_first_is_the_one_with_most_of_the_dollars():
    table = cells(cell("small"), cell("large")).assign(cost_usd=[0.1, 0.9])
    assert savings_finders._dearest(table, pd.Series([0.9, 0.5], index=table.index)) == ("large",)


def test_blocks_that_are_wider_than_their_part_are_cut_to_it():
    """Two claims on 4 dollars each of different conversations, in a cell of 6 dollars of input: 6 can be had."""
    table = cells(cell(), cell(team="b"))
    usd = pd.Series([4.0, 1.0], index=table.index)
    one, other = (
        claim(usd, kind=name, touched=4.0, part="input")._replace(blocks={name: usd.iloc[:1]}) for name in "xy"
    )
    nets = dict((told.kind, net) for told, net in net_savings(table, [one, other]))
    assert nets["x"].iloc[0] == nets["y"].iloc[0] == pytest.approx(3.0)


def test_only_work_nobody_waits_for_is_batch_eligible():
    once = cell(feature="once", attempts=1.0, by_night=1.0)
    assert savings_finders.batch_eligible(cells(once)).usd.sum() == pytest.approx(once["cost_usd"] / 2)
    by_night = cell(feature="night", by_night=900.0)
    chat = cell(feature="chat", streamed=1000.0)
    bulk = cell(feature="bulk", task="extraction", streamed=0.0)
    foreign = cell("minimax-m2", "minimax", feature="night", by_night=1000.0)
    found = savings_finders.batch_eligible(cells(by_night, chat, bulk, foreign))
    assert set(found.usd.index.get_level_values("feature")) == {"night", "bulk"}
    assert found.usd.sum() == pytest.approx((by_night["cost_usd"] + bulk["cost_usd"]) / 2)


def test_failures_cost_what_they_cost_and_a_fallback_its_premium():
    table = cells(cell(failed=100.0, failed_cost_usd=2.0))
    repeats = pd.DataFrame(
        [
            {
                "first_provider": "minimax",
                "first_model": "minimax-m2",
                "first_answered": False,
                "cost_usd": 1.0,
                **dict.fromkeys(KINDS, 1e5),
            }
        ],
        index=table.index,
    )
    found = savings_finders.failures(table, repeats, {("minimax", "minimax-m2"): (1e-6, 0, 0, 0, 2e-6)})
    assert found.usd.sum() == pytest.approx((2.0 + 1.0 - 0.3) * 0.9)
    assert savings_finders.failures(cells(cell()), pd.DataFrame(), {}) is None
    prices = {("openai", "gpt-5.2"): (0, 0, 0, 0, 0)}
    for again, told in ((repeats.assign(first_provider="openai", first_model="gpt-5.2"), prices), (repeats, {})):
        found = savings_finders.failures(table, again, told)  # its own second attempt, and one whose price is unknown
        assert found.usd.sum() == pytest.approx(2.0 * 0.9)


def test_answers_are_long_only_beside_peers_that_do_the_same():
    rows = [cell(feature=f"f{n}") for n in range(3)]
    assert savings_finders.long_answers(cells(*rows)) is None
    long = savings_finders.long_answers(cells(*rows, cell(feature="chatty", billed_output_tokens=2e6)))
    assert list(long.usd.index.get_level_values("feature")) == ["chatty"]
    assert long.usd.sum() == pytest.approx((2e6 - 2 * 4e5) * 1e-5)


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    ledger = planted.build(tmp_path_factory.mktemp("savings"), "cache broke", days=70, since=20)
    return ledger.at(ledger.snapshot())


@pytest.mark.heavy
def test_the_ledgers_waste_is_found_with_rows_and_an_action(view, state):
    saving = savings.findings(view, recent(view), state, forbidden(state))
    kinds = {finding.kind: finding for finding in saving.findings}
    assert "replies" in kinds["missed cache"].filters["feature"]
    assert saving.total_usd_month < saving.spend_usd_month
    swap_ = kinds["cheaper model"]
    assert swap_.action and len(swap_.cells) and swap_.cells["saves_usd_month"].sum() == pytest.approx(swap_.usd_month)


def test_a_scope_without_rows_saves_nothing(view, state):
    empty = savings.findings(view, recent(view, Scope.of(view, team="nobody")), state, forbidden(state))
    assert empty.findings == () and empty.share == 0


def test_days_of_which_nothing_is_logged_save_nothing_of_nothing(tmp_path, state):
    ledger = ledger_of(tmp_path, [{}, {}])
    view = ledger.at(ledger.snapshot())
    later = Scope.of(view).between(START.date() + timedelta(days=9), START.date() + timedelta(days=12))
    assert savings.findings(view, later, state, forbidden(state)) == savings.Savings((), 0.0, 0.0, 0)
    ledger.close()


@pytest.mark.heavy
def test_the_command_prints_findings_by_dollars(view, capsys):
    assert run(savings, "savings", "--home", view.home, "--json") == 0
    out = json.loads(capsys.readouterr().out)
    tested = [finding["usd_month"] for finding in out["findings"] if finding["confidence"] != "low"]
    assert tested == sorted(tested, reverse=True) and sum(tested) == pytest.approx(out["total_usd_month"])
    assert run(savings, "savings", "--home", view.home, "--days", "0") == 1
    assert run(savings, "savings", "--home", view.home) == 0
    told = capsys.readouterr().out
    for finding in out["findings"]:  # Mutants 10: the table could be left out
        assert finding["title"][:40] in told and f"{finding['usd_month']:,.0f}" in told


def test_the_usual_span_is_four_whole_weeks(view):
    span = recent(view)
    assert (span.start, span.end) == (planted.END - timedelta(days=28), planted.END)


@pytest.mark.heavy
def test_every_finding_counts_exactly_the_rows_it_links_to(view, state, sample_home):
    """Spend pages 7: the card said $3,955 on 149 attempts, its link showed $18,686 on 6,868."""
    sample = Ledger.open(sample_home)
    for one in (view, sample.at(sample.snapshot())):
        saving = savings.findings(one, recent(one), state, forbidden(state))
        assert len(saving.findings) >= 2
        for finding in saving.findings:
            shown = totals(one, saving.requests_of(finding), ("cost_usd", "attempts"))
            assert float(shown["cost_usd"]) == pytest.approx(finding.spend_usd, rel=1e-9), finding.title
            assert shown["attempts"] == finding.attempts, finding.title
            assert finding.spend_usd_month == pytest.approx(finding.spend_usd / saving.days * 365 / 12)
    sample.close()


def test_a_finding_keeps_its_key_when_its_numbers_change(view, state):
    now = recent(view)
    earlier = now.between(now.start - timedelta(days=3), now.end - timedelta(days=3))
    keys = [{f.key for f in savings.findings(view, s, state, forbidden(state)).findings} for s in (now, earlier)]
    assert "missed cache" in keys[0] & keys[1] and any(key.startswith("cheaper model|") for key in keys[0] & keys[1])


def test_what_is_untested_names_the_test_that_would_raise_it(swap):
    (found,) = swap(cell(billed_output_tokens=9e5), cell("minimax-m2", "minimax"))
    assert found.confidence == "low" and found.trial[0] == "gpt-5.2"
    assert f"of gpt-5.2 and of {found.trial[1]} in the Live lab" in found.test
    sure = swap(cell(score=0.9, **SCORED), cell("minimax-m2", "minimax", score=0.9, **SCORED))
    assert sure[0].confidence == "high" and not sure[0].test and not sure[0].trial


def test_no_trend_warning_is_a_saving(view, state):
    """Spend pages 4: cost that grows faster than usage was counted as money to save."""
    kinds = {finding.kind for finding in savings.findings(view, recent(view), state, forbidden(state)).findings}
    assert kinds <= {"cheaper model", "missed cache", "batch", "failures", "context", "long answers"}


def test_a_moved_conversation_pays_for_the_cache_it_loses(state):
    """Reads are kept where conversations move whole, and sent anew where they split."""
    values = {"fresh_input_tokens": 1e6, "cache_read_tokens": 9e6, "billed_output_tokens": 1e5, "scored": 40.0}
    rows = [cell(score=0.90, **values), cell(model="minimax-m2", provider="minimax", score=0.90, **values)]
    saved = []
    for torn in (0.0, 4e6, 9e9):
        found = claims(
            cells(*rows).assign(torn_read_tokens=torn),
            models.shipped_catalog(),
            ModelLives(state),
            planted.END,
            lambda provider, model, work: None if model == "minimax-m2" else "another model",
        )
        saved.append(sum(claim.usd.sum() for claim in found) / cells(*rows)["answers_cost_usd"].iloc[0])
    list_usd = 1 * 1.75 + 9 * 0.175 + 0.1 * 14.0
    cheap = 1 * 0.30 + 9 * 0.03 + 0.1 * 1.2
    again = 0.375 - 0.03  # written to the new cache instead of read from the old
    assert saved == pytest.approx(
        [1 - cheap / list_usd, 1 - (cheap + 4 * again) / list_usd, 0.0]
    )  # too little is not offered


def test_reads_are_torn_where_a_conversation_reaches_into_other_work(tmp_path):
    said = [("s1", "chat", 100), ("s1", "coding", 200), ("s2", "chat", 1000), ("s2", "chat", 1000), ("s3", "chat", 7)]
    rows = [{"session_id": name, "task_type": task, "cache_read_tokens": read} for name, task, read in said]
    ledger = ledger_of(tmp_path, rows)
    view = ledger.at(ledger.snapshot())
    scope = Scope.of(view).between(START.date(), START.date() + timedelta(days=30))
    torn = work_cells.sessions(view, scope)["torn_read_tokens"].groupby("task_type").sum()
    assert torn.to_dict() == {"chat": 100.0, "coding": 200.0}


def test_a_cache_and_a_shorter_context_share_only_what_the_same_conversations_sent(tmp_path):
    """Methods 7: nested by cell, 2,000 tokens of one conversation and 4,500 of another took from each other."""
    told = [("flat", 1000)] * 3 + [("grown", 100), ("grown", 5000)]
    ledger = ledger_of(tmp_path, [{"session_id": name, "fresh_input_tokens": fresh} for name, fresh in told])
    view = ledger.at(ledger.snapshot())
    sent = work_cells.sessions(view, Scope.of(view).between(START.date(), START.date() + timedelta(days=30)))
    # flat: 3,000 less its longest, never above three times its first; grown: 100 again, 5,100 - 3 x 2 x 100 beyond it
    assert sent[["resent_tokens", "outgrown_tokens", "shared_tokens"]].iloc[0].tolist() == [2100, 4500, 100]
    ledger.close()


def test_claims_that_say_where_they_lie_add_where_they_do_not_meet():
    table = cells(cell(fresh_input_tokens=3e6))
    sent = pd.DataFrame({"resent_tokens": 1e6, "outgrown_tokens": 1e6, "shared_tokens": 0.0}, index=table.index)
    cache_usd, context_usd = 1e6 * (2e-6 - 2e-7), 1e6 * 2e-6 * 0.5
    for shared, together in ((0.0, cache_usd + context_usd), (1e6, cache_usd + 0.1 * context_usd)):
        found = [
            savings_finders.missed_cache(table, sent.assign(shared_tokens=shared), pd.DataFrame()),
            savings_finders.growing_context(table, sent.assign(shared_tokens=shared)),
        ]
        claims = [claim for claim in found if claim]
        saving = savings.settle(table, claims, 1.0, 28)
        assert len(claims) == 2 and saving.total_usd_month + saving.untested_usd_month == pytest.approx(together)
        bare = [one._replace(blocks={}) for one in claims]  # who does not say where is told what is sure
        saving = savings.settle(table, bare, 1.0, 28)
        assert saving.total_usd_month + saving.untested_usd_month == pytest.approx(cache_usd + 0.1 * context_usd)


@pytest.mark.heavy
def test_small_worlds_say_what_can_be_had_and_never_more():
    """Methods 7, by brute force: claims dollar by dollar against what is said of them."""
    for placed, least in ((True, 1 - 1e-9), (False, 0.5)):
        rng = np.random.default_rng(5)
        worlds = [made for _ in range(150) if (made := world(rng, placed=placed))]
        said = [sum(net.sum() for _, net in net_savings(cell, claims)) / had for cell, claims, had in worlds]
        assert len(said) > 100 and least <= min(said) <= max(said) <= 1 + 1e-9


def narrowings(whole: Scope) -> list[Scope]:
    """A scope, narrowed by what something is and by what it is not."""
    return [
        whole.with_filter("team", "search"),
        whole.excluding("team", "search"),
        whole.with_filter("environment", "production").excluding("feature", "answers"),
    ]


@pytest.mark.heavy
@pytest.mark.parametrize("number", range(3))
def test_an_action_keeps_the_filters_under_which_its_saving_was_found(planted_store, number):
    ledger, state = planted_store
    narrow = narrowings(Scope.of(ledger))[number]
    found = savings.findings(ledger, recent(ledger, narrow), state, forbidden(state))
    assert found.scope is not None and found.findings
    for finding in found.findings:
        kept = found.scope.between(found.scope.start, found.scope.end).model_copy(
            update={"filters": tuple(sorted(found.filters_of(finding).items())), "excluded": ()}
        )
        own = found.requests_of(finding)
        stray = kept.usage(ledger).anti_join(found.scope.usage(ledger), "event_id").count()
        assert ledger.frame(stray.as_table()).iloc[0, 0] == 0, "rows that the page had left out"
        missed = own.usage(ledger).anti_join(kept.usage(ledger), "event_id").count()
        assert ledger.frame(missed.as_table()).iloc[0, 0] == 0, "rows of the finding that the action would not see"


@pytest.mark.heavy
def test_an_action_on_what_something_is_not_is_refused_where_its_rows_do_not_say_it(planted_store):
    ledger, state = planted_store
    narrow = Scope.of(ledger).excluding("user_id", "nobody at all")
    found = savings.findings(ledger, recent(ledger, narrow), state, forbidden(state))
    with pytest.raises(BadInput, match="filter by what it is"):
        found.filters_of(found.findings[0])


@pytest.fixture(scope="module")
def planted_store(tmp_path_factory):
    home = tmp_path_factory.mktemp("planted")
    ledger = planted.build(home, "longer outputs", days=70)
    yield ledger, State.open(home)
    ledger.close()
