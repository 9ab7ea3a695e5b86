"""A store that holds the sample company: a real log asks first, and the sample can be taken out by a button."""

from __future__ import annotations

import pytest

from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.analytics.covered_ledgers import thirty_days
from tests.pages.whole_app import ROOT, opened

LOG = ROOT / "tests" / "cases" / "litellm_spend_logs.jsonl"


@pytest.fixture
def invented(tmp_path):
    """A ledger whose thirty days are said to be the sample company's."""
    ledger = thirty_days(tmp_path)
    ledger.close()
    with Ledger.open(tmp_path).write() as cursor:
        cursor.execute("UPDATE lake.main.batches SET path = '/x/sample/2026-11-21-9-calls-30-days-seed-7/a.jsonl'")
    return tmp_path


def test_a_real_log_is_refused_until_it_is_wanted_and_the_sample_leaves_by_a_button(invented, monkeypatch):
    app = opened(invented, monkeypatch, "data_and_prices", section="Load")
    assert any("makes every number a mix" in one.value for one in app.warning)
    app.text_input(key="load_path").set_value(str(LOG)).run()
    app = next(one for one in app.button if one.label == "Load from path").click().run()
    assert any("holds the sample company" in one.value.replace("\\", "") for one in app.error)
    app.toggle(key="beside_sample").set_value(True).run()
    app = next(one for one in app.button if one.label == "Load from path").click().run()
    assert not app.exception and not app.error
    assert any("Sample company and a real log" in one.value for one in app.markdown)
    app = next(one for one in app.button if one.label == "Remove the sample company").click().run()
    assert not app.exception and not app.error and not any("sample" in one.value for one in app.warning)
    ledger = Ledger.open(invented)
    assert ledger.sql(f"SELECT count(*) AS n FROM {ledger.name('usage')}")["n"][0] == 35
    assert ingest(ledger, State.open(invented), [LOG])[0].duplicate == 35
