"""What strangers found wrong on the pages, each with what is right: tests/cases/spend_findings.yaml."""

from __future__ import annotations

import re
from datetime import date
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
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of, thirty_days
from tests.analytics.test_promises import DONE, noisy, promise
from tests.pages.test_pages import ROOT, opened
from tests.pages.test_walk_of_pages import said_on

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


@pytest.fixture(scope="session")
def homes(tmp_path_factory, sample_home) -> dict[str, Path]:
    """The stores that the cases open: the sample company, README's log alone and after an older one, 30 days."""
    made = {"sample": sample_home}
    built = ("readme", "readme and older", "30 days", "runaway", "failing", "promised", *BUDGET_OF_A_MONTH)
    for name in built:
        made[name] = tmp_path_factory.mktemp("found")
    ledger_of(made["readme and older"], day_rows(date(2025, 8, 1), source="langfuse")).close()
    thirty_days(made["30 days"]).close()
    ledger_of(made["runaway"], runaway()).close()
    planted.build(made["failing"], "failing model", days=70, since=10).close()
    ledger_of(made["promised"], noisy()).close()
    for name, done in (("done", {"status": "done", "done": DONE}), ("open", {"status": "open", "done": None})):
        ACTIONS.save(State.open(made["promised"]), name, promise(name=name, **done))
    for name, usd in BUDGET_OF_A_MONTH.items():
        thirty_days(made[name]).close()
        BUDGETS.save(State.open(made[name]), "company", {"name": "company", "amount": usd})
    for name in ("readme", "readme and older"):
        ledger = Ledger.open(made[name])
        ingest(ledger, State.open(made[name]), [README_LOG])
        ledger.close()
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['finding']}: {case['case']}")
def test_what_was_found_is_right_now(case, homes, monkeypatch):
    app = opened(homes[case["ledger"]], monkeypatch, case["page"], **case.get("query", {}))
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
