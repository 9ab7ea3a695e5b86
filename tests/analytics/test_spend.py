"""Spend: sums add up over any dimension, the roll-up says what the rows say, the command line's contract."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from analytics import spend
from analytics.__main__ import main
from analytics.billing import focus, focus_columns
from analytics.measures import MEASURES
from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from data import rollups
from data.errors import BadInput
from data.schema import TEXT_TOKENS, TOKENS
from tests.stores import fill_usage, new_ledger

FIRST = date(2026, 10, 1)


@pytest.fixture
def company(filled, monkeypatch):
    """The filled store as the commands find it."""
    monkeypatch.setenv("BATON_HOME", str(filled[0].home))
    return filled


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """600 rows over 40 days with gaps, retries, failures, unknown teams and unpriced models."""
    dice = random.Random(7)
    rows = []
    for n in range(600):
        call = f"c{n // 2}" if n % 10 == 1 else f"c{n}"
        status = dice.choice(["success"] * 8 + ["error", "cached"])
        cost = None if n % 37 == 0 else Decimal(dice.randint(0, 9_999_999)) / Decimal(10**6)
        rows.append(
            (
                f"e{n}",
                call,
                2 if n % 10 == 1 else 1,
                f"{FIRST + timedelta(days=n % 40)} {n % 24:02}:30:00",
                dice.choice(["gpt-5.2", "minimax-m2", "x"]),
                dice.choice(["core", "search", None]),
                dice.choice(["openai", "minimax"]),
                status,
                cost,
                "unpriced" if cost is None else "list",
                *(dice.choice([None, dice.randint(0, 5000)]) for _ in TOKENS),
                dice.random() * 900,
                dice.choice(["user-1", "user-2", None]),
            )
        )
    columns = ("event_id", "call_id", "attempt", "requested_at", "model", "team", "provider", "status", "cost_usd")
    columns = (*columns, "cost_basis", *TOKENS, "latency_ms", "user_id")
    ledger = new_ledger(tmp_path_factory.mktemp("filled"))
    with ledger.write() as cursor:
        told = [dict(zip(columns, row, strict=True)) | {"source": "test", "batch_id": "b"} for row in rows]
        fill_usage(cursor, [row | {"requested_at": datetime.fromisoformat(str(row["requested_at"]))} for row in told])
        cursor.execute("INSERT INTO lake.main.batches (batch_id, loaded) VALUES ('b', 600)")
        rollups.add(cursor)
    return ledger.at(ledger.snapshot()), rows


def money(rows, keep=lambda r: True) -> Decimal:
    return sum((r[8] for r in rows if r[8] is not None and keep(r)), Decimal(0))


@pytest.mark.parametrize("dimension", sorted(DIMENSIONS))
def test_sums_over_any_dimension_equal_the_total(company, dimension):
    view, rows = company
    frame = spend.grouped_spend(view, Scope.of(view), (dimension,), ("cost_usd", "requests", "attempts"))
    assert sum((c for c in frame["cost_usd"] if c is not None), Decimal(0)) == money(rows)
    assert frame["attempts"].sum() == 600
    assert frame["requests"].sum() == sum(r[2] == 1 for r in rows)


@pytest.mark.parametrize("measure", [n for n, m in MEASURES.items() if m.in_rollup])
def test_the_roll_up_says_what_the_rows_say(company, measure):
    view, _ = company
    scope = Scope.of(
        view, FIRST + timedelta(days=3), FIRST + timedelta(days=31), team=("core", "unknown"), status="success"
    )
    days, rows = scope.days(view), scope.usage(view)
    expression = MEASURES[measure].expression
    one, other = (view.frame(t.aggregate(value=expression(t)))["value"][0] for t in (days, rows))
    assert one == pytest.approx(other, rel=1e-12) if isinstance(one, float) else one == other


def test_filters_are_alternatives_within_and_narrow_across(company):
    view, rows = company
    scope = Scope.of(view, team=("search", "unknown"), model="gpt-5.2")
    assert spend.totals(view, scope, ("cost_usd",))["cost_usd"] == money(
        rows, lambda r: r[5] in ("search", None) and r[4] == "gpt-5.2"
    )


def test_a_span_is_half_open_in_the_reporting_zone(company):
    view, rows = company
    scope = Scope(start=FIRST, end=FIRST + timedelta(days=1), time_zone="America/New_York")
    # A New York day of October starts at 04:00 UTC.
    inside = money(rows, lambda r: f"{FIRST} 04:00" <= r[3] < f"{FIRST + timedelta(days=1)} 04:00")
    table = scope.usage(view)
    assert view.frame(table.aggregate(s=table.cost_usd.sum()))["s"][0] == inside


def test_movers_add_up_to_the_change(company):
    view, _ = company
    scope = Scope.of(view, FIRST + timedelta(days=20), FIRST + timedelta(days=40))
    moved = spend.movers(view, scope, "user_id", count=1)
    now, before = (spend.totals(view, s, ("cost_usd",))["cost_usd"] for s in (scope, scope.before()))
    assert moved["change_usd"].sum() == now - before
    assert moved["name"].iloc[-1] == "everything else"


def test_days_without_spend_are_zero_not_missing(company):
    view, _ = company
    frame = spend.by_day(view, Scope.of(view, FIRST - timedelta(days=5), FIRST + timedelta(days=2)))
    assert len(frame) == 7 and frame["cost_usd"].tolist()[:5] == [Decimal(0)] * 5


def test_an_unknown_name_is_answered_with_near_ones(company):
    with pytest.raises(BadInput, match="did you mean .*model"):
        spend.grouped_spend(company[0], Scope(), ("modle",))


def test_spend_json_is_the_contract(company, capsys):
    _, rows = company
    assert main(["spend", "--by", "model,team", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"][0].keys() >= {"model", "team", "cost_usd", "requests", "attempts", *TEXT_TOKENS}
    assert told["total"]["cost_usd"] == pytest.approx(float(money(rows)))
    assert told["priced_share"] == pytest.approx(sum(r[8] is not None for r in rows) / 600)
    assert sum(r["attempts"] for r in told["rows"]) == 600


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["spend", "--by", "nonsense"], 1, "There is no dimension"),
        (["spend", "--from", "2026-10-05", "--to", "2026-10-01"], 1, "swap them"),
        (["spend", "--as-of", "9999"], 1, "Data version 9999"),
        (["focus", "--month", "2026-13"], 1, "YYYY-MM"),
    ],
)
def test_bad_options_are_one_sentence(company, capsys, argv, code, words):
    assert main(argv) == code
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_wrong_usage_exits_2(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["spend", "--from", "yesterday"])
    assert stop.value.code == 2
    capsys.readouterr()


def test_an_empty_ledger_says_how_to_load(ledger, capsys):
    assert main(["spend"]) == 1
    assert "python -m data ingest" in capsys.readouterr().err


def test_focus_rows_add_up_to_the_month(company):
    view, rows = company
    frame = focus.rows(view, FIRST)
    month = money(rows, lambda r: r[3] < "2026-11-01")
    assert sum(frame["BilledCost"], Decimal(0)) == month
    assert list(frame.columns) == list(focus_columns.COLUMNS_1_2)
    tokens = frame[frame["ConsumedUnit"] == "Tokens"]
    assert tokens["ConsumedQuantity"].sum() == sum(
        v for r in rows if r[3] < "2026-11-01" for v in r[10 : 10 + len(TOKENS)] if v
    )
    assert frame["ChargePeriodEnd"].str.endswith("T00:00:00Z").all()


def test_focus_splits_by_the_price_of_the_day(ledger):
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.usage (event_id, attempt, requested_at, provider, model, service_tier, status,"
            " cost_usd, list_cost_usd, fresh_input_tokens, cache_read_tokens, output_tokens) VALUES ('e', 1, TIMESTAMP"
            " '2026-10-02 00:00:00', 'openai', 'gpt-5', 'standard', 'success', 0.0180, 0.0180, 6000, 4000, 1000)"
        )
    frame = focus.rows(ledger, FIRST).set_index("SkuMeter")["BilledCost"]
    # gpt-5: 1.25 in, 0.125 cached, 10 out per million.
    assert frame.to_dict() == {
        "Input tokens": Decimal("0.0075"),
        "Cached input tokens": Decimal("0.0005"),
        "Output tokens": Decimal("0.01"),
    }


def test_focus_csv_is_safe_in_a_spreadsheet(ledger, tmp_path, capsys):
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.usage (event_id, attempt, requested_at, model, team, status, cost_usd,"
            " fresh_input_tokens) VALUES ('e', 1, TIMESTAMP '2026-10-02 00:00:00', 'm', '=cmd|x', 'success', 1, 10)"
        )
        cursor.execute("INSERT INTO lake.main.batches (batch_id, loaded) VALUES ('b', 1)")
    out = tmp_path / "focus.csv"
    assert main(["focus", "--month", "2026-10", "--out", str(out)]) == 0
    assert "'=cmd|x" in out.read_text() and ",=cmd" not in out.read_text()
    capsys.readouterr()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_hours_are_those_of_the_reporting_zone_and_add_up_to_their_days(company, zone):
    view, rows = company
    scope = Scope(start=FIRST + timedelta(days=3), end=FIRST + timedelta(days=6), time_zone=zone)
    frame = spend.grouped_spend(view, scope, ("clock_hour",), ("cost_usd", "attempts"))
    at = [datetime.fromisoformat(f"{row[3]}+00:00").astimezone(ZoneInfo(zone)) for row in rows]
    inside = [row for row, moment in zip(rows, at, strict=True) if scope.start <= moment.date() < scope.end]
    assert frame["attempts"].sum() == len(inside) and frame["cost_usd"].sum() == money(inside)
    assert {start.date() for start in frame["clock_hour"]} == {FIRST + timedelta(days=n) for n in (3, 4, 5)}
    assert frame["clock_hour"].is_monotonic_increasing and not {start.minute for start in frame["clock_hour"]} - {0}
    hours = spend.grouped_spend(view, scope, ("hour",), ("attempts",)).set_index("hour")["attempts"]
    by_clock = frame.groupby(frame["clock_hour"].dt.hour)["attempts"].sum()
    assert by_clock.to_dict() == {int(hour): count for hour, count in hours.items()}


def test_the_command_prints_hours_by_their_time(company, capsys):
    main(["spend", "--by", "clock_hour", "--from", "2026-10-01", "--to", "2026-10-02"])
    assert "2026-10-01 00:00" in capsys.readouterr().out
