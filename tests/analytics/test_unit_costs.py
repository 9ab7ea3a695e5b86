from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from analytics import inventory, unit_costs
from analytics.billing import reconcile
from analytics.history import recent
from analytics.scope import Scope
from analytics.spend import totals
from data.errors import BadInput
from tests.analytics import planted
from tests.analytics.commands import run
from tests.simulations.ledgers import ledger_of


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return planted.build(tmp_path_factory.mktemp("units"), "retry storm", days=40)


@pytest.fixture
def view(ledger):
    return ledger.at(ledger.snapshot())


def week(view, **filters):
    return Scope.of(view, planted.END - timedelta(days=7), planted.END, **filters)


def test_every_dollar_of_an_attempt_is_charged_to_its_task(view):
    cost = unit_costs.costs_of(view, week(view))
    rows = week(view).usage(view)
    spent = float(view.frame(rows.aggregate(usd=rows.cost_usd.sum()))["usd"][0])
    assert cost.cost_usd == pytest.approx(spent)
    assert cost.per_task_usd * cost.tasks == pytest.approx(spent)
    assert cost.tasks < cost.requests  # sessions fold requests
    assert cost.wasted_usd > 0


def test_cost_per_success_is_above_cost_per_task_when_some_fail(view):
    cost = unit_costs.costs_of(view, week(view))
    assert 0 < cost.success_rate <= 1
    assert cost.per_successful_task_usd >= cost.per_task_usd * 0.99
    assert "Success is known for" in cost.note


def test_without_a_signal_it_says_how_to_log_one(tmp_path):
    rows = planted.usage("quiet", days=8, since=7).assign(quality_score=None)
    bare = planted.new_ledger(tmp_path)
    planted.load(bare, rows)
    cost = unit_costs.costs_of(bare, week(bare))
    assert cost.per_successful_task_usd is None and cost.success_rate is None
    assert "Log an evaluation score" in cost.note


def test_an_empty_scope_has_no_unit_cost(view):
    cost = unit_costs.costs_of(view, week(view, team="nobody"))
    assert cost.tasks == 0 and cost.per_request_usd is None


def test_parts_add_up_and_stand_beside_the_list_price(view):
    parts = unit_costs.costs_by(view, week(view), "model")
    assert parts["cost_usd"].sum() == pytest.approx(unit_costs.costs_of(view, week(view)).cost_usd)
    assert (parts["list_per_1k_tokens_usd"] > 0).all()


def test_the_inventory_names_what_nobody_owns(view, state):
    table = inventory.in_use(view, state)
    assert {"gpt-5.2", "minimax-m2", "claude-opus-4-6"} <= set(table.loc[table["kind"] == "model", "name"])
    before = inventory.debt(table)
    assert before["unowned"] == before["items"] == len(table)
    inventory.assign(state, "model", "gpt-5.2", owner="Ada", connection_owner="Grace")
    span = recent(view)
    spent = float(totals(view, span, ("cost_usd",))["cost_usd"]) / span.length_days * 365 / 12
    for kind in ("model", "feature"):
        assert table.loc[table["kind"] == kind, "cost_usd_month"].sum() == pytest.approx(spent)
    after = inventory.debt(inventory.in_use(view, state))
    assert after["unowned"] == before["unowned"] - 1
    assert after["unowned_usd_month"] < before["unowned_usd_month"]
    with pytest.raises(BadInput, match="use one of model"):
        inventory.assign(state, "robot", "x")


def test_a_bill_is_compared_by_provider_and_month_and_explained(ledger, state):
    with ledger.write() as cursor:
        cursor.execute("DELETE FROM lake.main.billed")
        for number, (provider, day, amount, currency) in enumerate(
            [
                ("openai", "2026-10-15", "0.000001", "USD"),
                ("minimax", "2026-10-15", "50", "CNY"),
                ("mistral", "2026-10-01", "7", "USD"),
            ]
        ):
            cursor.execute(
                "INSERT INTO lake.main.billed BY NAME SELECT ? AS bill_id, ? AS provider, ?::DATE AS day, 'cost' AS"
                " kind, ?::DECIMAL(38,12) AS amount, ? AS currency",
                [str(number), provider, day, amount, currency],
            )
    view = ledger.at(ledger.snapshot())
    rows = reconcile.by_month(view, state).set_index("provider")
    assert rows["difference_usd"]["openai"] == rows["billed_usd"]["openai"] - rows["ledger_usd"]["openai"]
    assert "ogged on 31 days, billed on 1" in rows["explanation"]["openai"]
    assert pd.isna(rows["billed_usd"]["minimax"]) and "kept apart" in rows["explanation"]["minimax"]
    assert "No log of this provider" in rows["explanation"]["mistral"]
    state.put("billed_rate", "CNY", {"usd_rate": 0.14, "on": "2026-10-15"})
    assert reconcile.by_month(view, state).set_index("provider")["billed_usd"]["minimax"] == Decimal("7")


def test_a_bill_that_differs_on_one_day_names_the_day(ledger, state):
    with ledger.write() as cursor:
        cursor.execute("DELETE FROM lake.main.billed")
        cursor.execute(
            "INSERT INTO lake.main.billed BY NAME SELECT md5(concat(provider, day, part)) AS bill_id, provider, day,"
            " 'cost' AS kind, 'USD' AS currency, (CASE part WHEN 0 THEN usd WHEN 1 THEN 900 END)::DECIMAL(38,12) AS"
            " amount FROM (SELECT provider, requested_at::DATE AS day, sum(cost_usd) AS usd FROM lake.main.usage WHERE"
            " provider = 'openai' GROUP BY ALL), range(2) p(part) WHERE part = 0 OR day = DATE '2026-10-14'"
        )
    rows = reconcile.by_month(ledger.at(ledger.snapshot()), state)
    october = rows[pd.to_datetime(rows["month"]).dt.month == 10].iloc[0]
    assert october["difference_usd"] == Decimal(900)
    assert "Most of it on 14 Oct 2026: billed $9" in october["explanation"]


def test_gaps_are_told_by_provider_month_and_day(ledger, state):
    """Bills of openai's October alone, twice the log on the 14th: the rest of the spend has none."""
    with ledger.write() as cursor:
        cursor.execute("DELETE FROM lake.main.billed")
        cursor.execute(
            """INSERT INTO lake.main.billed BY NAME
            SELECT md5(day::VARCHAR) AS bill_id, 'openai' AS provider, day, 'cost' AS kind, 'USD' AS currency,
                (usd * if(day = DATE '2026-10-14', 2, 1))::DECIMAL(38,12) AS amount
            FROM (SELECT requested_at::DATE AS day, sum(cost_usd) AS usd FROM lake.main.usage
                WHERE provider = 'openai' AND requested_at::DATE BETWEEN '2026-10-01' AND '2026-10-31' GROUP BY 1)"""
        )
    view = ledger.at(ledger.snapshot())
    monthly, (share, lacking), daily = (
        ask(view) for ask in (reconcile.by_month, reconcile.without_bill, reconcile.by_day)
    )
    providers = reconcile.by_provider(monthly, lacking).set_index("provider")
    gap = daily.set_index("day")["difference_usd"]
    assert len(daily) == 31 and [day for day in gap.index if gap[day]] == [date(2026, 10, 14)]
    assert gap.sum() == monthly["difference_usd"].sum() == providers["difference_usd"].sum()
    billed = monthly["ledger_usd"].sum()
    whole = sum(Decimal(str(usd)) for usd in providers["ledger_usd"].fillna(0) + providers["without_bill_usd"])
    assert list(providers.index[providers["billed_usd"].isna()]) == sorted(set(lacking["provider"]) - {"openai"})
    assert providers["without_bill_usd"].sum() == lacking["ledger_usd"].sum() > 0
    assert share == pytest.approx(float(billed / whole))


def test_days_tell_no_difference_where_their_month_tells_none(ledger, state):
    """openai's October: the cost of the 14th is not known. anthropic's November is billed and has no log."""
    with ledger.write() as cursor:
        cursor.execute("DELETE FROM lake.main.billed")
        cursor.execute(
            """UPDATE lake.main.usage SET cost_usd = NULL
            WHERE provider = 'openai' AND requested_at::DATE = '2026-10-14'"""
        )
        cursor.execute("DELETE FROM lake.main.usage WHERE provider = 'anthropic' AND requested_at >= '2026-11-01'")
        cursor.execute(
            """INSERT INTO lake.main.billed BY NAME SELECT provider || day AS bill_id, provider, day::DATE AS day,
                'cost' AS kind, 'USD' AS currency, 5::DECIMAL(38,12) AS amount
            FROM (VALUES ('openai', '2026-10-14'), ('openai', '2026-10-15'), ('anthropic', '2026-11-02'))
                AS given(provider, day)"""
        )
    view = ledger.at(ledger.snapshot())
    months = reconcile.by_month(view, state).set_index("provider")
    days = reconcile.by_day(view, state).set_index(["provider", "day"])
    for unknown in (("openai", date(2026, 10, 14)), ("anthropic", date(2026, 11, 2))):
        assert days.loc[unknown, ["ledger_usd", "difference_usd"]].isna().all(), unknown
    assert pd.isna(months.loc["anthropic", "difference_usd"]) and pd.notna(months.loc["openai", "difference_usd"])
    told = days.drop(index=[("openai", date(2026, 10, 14)), ("anthropic", date(2026, 11, 2))])
    assert len(told) == 30 and told["difference_usd"].notna().all()


def test_a_foreign_bill_without_a_rate_has_days_but_no_difference(ledger, state):
    with ledger.write() as cursor:
        cursor.execute("DELETE FROM lake.main.billed")
        cursor.execute(
            """INSERT INTO lake.main.billed BY NAME SELECT 'x' AS bill_id, 'openai' AS provider,
            DATE '2026-10-14' AS day, 'cost' AS kind, 'CNY' AS currency, 50::DECIMAL(38,12) AS amount"""
        )
    view = ledger.at(ledger.snapshot())
    daily = reconcile.by_day(view, state)
    assert daily["difference_usd"].isna().all() and daily["billed"].sum() == 50
    state.put("billed_rate", "CNY", {"usd_rate": 0.14, "on": "2026-10-15"})
    assert reconcile.by_day(view, state)["billed_usd"].sum() == 7


@pytest.mark.heavy
def test_the_commands_answer_in_json(ledger, capsys):
    for module, words in (
        (unit_costs, ("units", "--by", "team")),
        (inventory, ("inventory", "--own", "model", "gpt-5.2", "Ada")),
        (reconcile, ("reconcile",)),
    ):
        assert run(module, *words, "--home", ledger.home, "--json") == 0
        assert json.loads(capsys.readouterr().out)


def test_a_model_that_only_answers_for_another_has_a_cost_per_request(tmp_path):
    """Methods 14: its cost was divided by the requests that asked it first, of which there are none."""
    asked = {"call_id": "c", "status": "error", "cost_usd": Decimal("0.5")}
    fell = {"call_id": "c", "attempt": 2, "model": "gpt-5.1", "cost_usd": Decimal("2")}
    ledger = ledger_of(tmp_path / "home", [asked, fell, {"cost_usd": Decimal("1")}])
    view = ledger.at(ledger.snapshot())
    told = unit_costs.costs_by(view, Scope.of(view), "model").set_index("value")["per_request_usd"]
    assert dict(told) == {"gpt-5.1": 2.0, "gpt-5.2": 0.75}
    assert unit_costs.costs_of(view, Scope.of(view)).per_request_usd == 1.75
    ledger.close()


def test_cost_per_success_by_hand(tmp_path):
    """Methods 14. Task a succeeds after a second attempt, 1 + 2 dollars; b fails, 4; nobody knows of c, 10."""
    tasks = [("a", 1, None), ("a", 2, True), ("b", 4, False), ("c", 10, None)]
    made = [
        {"session_id": task, "call_id": f"{task}{usd}", "cost_usd": Decimal(usd), "succeeded": outcome}
        for task, usd, outcome in tasks
    ]
    ledger = ledger_of(tmp_path / "home", made)
    view = ledger.at(ledger.snapshot())
    cost = unit_costs.costs_of(view, Scope.of(view))
    assert (cost.tasks, cost.successes, cost.known_share) == (3, 1, pytest.approx(2 / 3))
    assert (cost.per_successful_task_usd, cost.success_rate) == (7.0, 0.5)
    assert cost.per_task_usd == pytest.approx(17 / 3)
    ledger.close()
