"""What strangers found wrong on the pages, each with what is right: tests/cases/spend_findings.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import yaml

from analytics.budgets.budget import BUDGETS
from analytics.promises.actions import ACTIONS
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from pages.ui import charts
from tests.analytics import planted
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of, one_source_stopped, thirty_days
from tests.analytics.test_promises import DONE, noisy, promise
from tests.pages.test_walk_of_pages import said_on
from tests.pages.whole_app import ROOT, opened
from tests.stores import new_ledger

pytestmark = pytest.mark.one_server
CASES = yaml.safe_load((ROOT / "tests" / "cases" / "spend_findings.yaml").read_text())
BUDGET_OF_A_MONTH = {"too small a budget": 80, "a large budget": 200}  # of a month that is going to cost $120
README_LOG = ROOT / "tests" / "cases" / "litellm_spend_logs.jsonl"


def runaway() -> list[dict]:
    """$4 a day, $20 from 5 to 11 October, 5 % more from 24 October on."""
    dear, since = days(date(2026, 10, 5), date(2026, 10, 11)), date(2026, 10, 24)
    return [
        row
        for day in days(date(2026, 8, 1), LAST)
        for row in day_rows(day, usd=5.0 if day in dear else 1.05 if day >= since else 1.0)
    ]


def readme(home: Path) -> Ledger:
    ledger = new_ledger(home)
    ingest(ledger, State.open(home), [README_LOG])
    return ledger


def readme_and_older(home: Path) -> Ledger:
    ledger_of(home, day_rows(date(2025, 8, 1), source="langfuse")).close()
    ledger = Ledger.open(home)
    ingest(ledger, State.open(home), [README_LOG])
    return ledger


def promised(home: Path) -> Ledger:
    """One promise that is done, one that is open."""
    ledger, state = ledger_of(home, noisy()), State.open(home)
    for name, done in (("done", {"status": "done", "done": DONE}), ("open", {"status": "open", "done": None})):
        ACTIONS.save(state, name, promise(name=name, **done))
    return ledger


def budgeted(usd: float, home: Path) -> Ledger:
    ledger = thirty_days(home)
    BUDGETS.save(State.open(home), "company", {"name": "company", "amount": usd})
    return ledger


STORES: dict[str, Callable[[Path], Ledger]] = {
    "readme": readme,
    "readme and older": readme_and_older,
    "30 days": thirty_days,
    "one source stopped": one_source_stopped,
    "runaway": lambda home: ledger_of(home, runaway()),
    "failing": lambda home: planted.build(home, "failing model", days=70, since=10),
    "promised": promised,
    **{name: partial(budgeted, usd) for name, usd in BUDGET_OF_A_MONTH.items()},
}


@pytest.fixture(scope="session")
def home_of(tmp_path_factory, sample_home) -> Callable[[str], Path]:
    """The folder of the store that a case names, built when it is first asked for."""
    made = {"sample": sample_home}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("found")
            STORES[name](made[name]).close()
        return made[name]

    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['finding']}: {case['case']}")
def test_what_was_found_is_right_now(case, home_of, monkeypatch):
    app = opened(home_of(case["ledger"]), monkeypatch, case["page"], **case.get("query", {}))
    assert not app.exception, app.exception[0].value
    said = said_on(app)
    for pattern in case["says"]:
        assert any(re.search(pattern, text) for text in said), (pattern, said)
    for pattern in case.get("never", ()):
        assert not any(re.search(pattern, text) for text in said), (pattern, said)


@pytest.mark.parametrize("palette", [charts.LIGHT, charts.DARK], ids=["light", "dark"])
def test_no_two_series_share_a_colour(palette):
    """Finding 11: nine series in eight colours."""
    tints = charts.colours([f"s{n}" for n in range(charts.TOP)] + [charts.OTHER], palette)
    assert len(set(tints.values())) == charts.TOP + 1


def test_every_unusual_amount_carries_its_days_and_what_of_it_is_this_weeks(home_of, monkeypatch):
    """Finding 5: amounts of 28 and of 18 days stood in a review of seven without a word."""
    app = opened(home_of("failing"), monkeypatch, "weekly")
    told = next(one.value for one in app.dataframe if "usd_in_scope" in one.value)
    assert list(told["period"]) == ["23 Oct to 1 Nov"]
    assert 0 < told["usd_in_scope"].iloc[0] < told["usd"].iloc[0]


def test_a_finding_has_one_number_and_its_days_wherever_it_is_told(home_of, monkeypatch):
    """Finding 9: three pages told one saving from three windows."""
    told = [text for text in said_on(opened(home_of("sample"), monkeypatch, "overview")) if "Biggest saving" in text]
    found = re.match(r"Biggest saving: (\$[\d.,]+) a month, told from (.*?)\. ", told[0])
    assert found, told
    page = said_on(opened(home_of("sample"), monkeypatch, "savings"))
    assert any(text.startswith(f"{found[1]} a month, of ") for text in page)
    assert any(f"whole days of {found[2]};" in text for text in page)


def test_no_two_series_of_a_stack_share_a_colour(home_of, monkeypatch):
    """Finding 11 as it is drawn: features over days, more of them than colours."""
    app = opened(home_of("sample"), monkeypatch, "explore", by="Feature", over="Day")
    drawn = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    tints = [trace["marker"]["color"] for trace in drawn if trace["type"] == "bar"]
    assert len(tints) == charts.TOP + 1 == len(set(tints))


def test_a_tile_says_which_of_its_days_a_change_compares(home_of, monkeypatch):
    """A tile of 28 days beside a change of 22; the help says them in full."""
    app = opened(home_of("one source stopped"), monkeypatch, "overview")
    spend = next(one for one in app.metric if one.label == "Spend")
    assert spend.proto.delta_description == "on 22 days"
    assert "on 22 days that compare, against 26 Sep to 17 Oct 2026" in spend.help
