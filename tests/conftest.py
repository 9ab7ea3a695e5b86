"""Fixtures every test may use: a home of its own, an open ledger and state, the shared real data."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, settings

from data import people, store
from data.ledger import Ledger
from data.state import State
from tests.stores import blank_store, empty, made_once, new_ledger

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
# Walks through whole logs, stores, pages and commands, of which other files test the parts: `make quick` leaves them
# out, as it does single tests that are marked.
HEAVY = {
    "analytics/test_agreement.py",
    "analytics/test_attention.py",
    "analytics/test_bridge.py",
    "analytics/test_chargeback.py",
    "analytics/test_five_ledgers.py",
    "analytics/test_forecast_gaps.py",
    "analytics/test_gates.py",
    "analytics/test_hostile_exports.py",
    "analytics/test_incidents.py",
    "analytics/test_lost_rows.py",
    "analytics/test_odd_ledgers.py",
    "analytics/test_promises.py",
    "analytics/test_retirements.py",
    "analytics/test_review.py",
    "analytics/test_silent_changes.py",
    "analytics/test_standing.py",
    "analytics/test_unit_costs.py",
    "data/test_after_load.py",
    "data/test_ailments.py",
    "data/test_audited_changes.py",
    "data/test_backup.py",
    "data/test_bad_input.py",
    "data/test_caveats.py",
    "data/test_clock.py",
    "data/test_commands.py",
    "data/test_data_files.py",
    "data/test_dimensions.py",
    "data/test_erasure.py",
    "data/test_explain.py",
    "data/test_formats.py",
    "data/test_fuzz.py",
    "data/test_identity.py",
    "data/test_kept_answers.py",
    "data/test_known_files.py",
    "data/test_litellm_log.py",
    "data/test_mappings.py",
    "data/test_price_refresh.py",
    "data/test_pull.py",
    "data/test_real_logs_a.py",
    "data/test_real_logs_b.py",
    "data/test_receive.py",
    "data/test_repeated_calls.py",
    "data/test_restated_reports.py",
    "data/test_sample.py",
    "data/test_scratch.py",
    "data/test_throttled_objects.py",
    "data/test_upkeep.py",
    "data/test_usage_bodies.py",
    "pages/test_a_real_log.py",
    "pages/test_alerts_page.py",
    "pages/test_announced.py",
    "pages/test_budget_form.py",
    "pages/test_cache_keys.py",
    "pages/test_counts_follow_calls.py",
    "pages/test_decisions_page.py",
    "pages/test_event_form.py",
    "pages/test_held_versions.py",
    "pages/test_held_viewer.py",
    "pages/test_hostile_names.py",
    "pages/test_lab_forms.py",
    "pages/test_links.py",
    "pages/test_live_pages.py",
    "pages/test_mapping_panel.py",
    "pages/test_overview_charts.py",
    "pages/test_pages.py",
    "pages/test_pipeline_page.py",
    "pages/test_place.py",
    "pages/test_promise_buttons.py",
    "pages/test_requests_table.py",
    "pages/test_review_pages.py",
    "pages/test_roles.py",
    "pages/test_rollout_page.py",
    "pages/test_sample_beside_a_log.py",
    "pages/test_saved_views.py",
    "pages/test_savings_page.py",
    "pages/test_self_host.py",
    "pages/test_sources_section.py",
    "pages/test_spend_findings.py",
    "pages/test_taking_away.py",
    "pages/test_vendors_page.py",
    "pages/test_walk_of_pages.py",
    "pages/test_what_if_pages.py",
    "routing/test_difficulty.py",
    "routing/test_laws.py",
    "simulations/test_cache_replay.py",
    "simulations/test_cache_sessions.py",
    "simulations/test_commands.py",
    "simulations/test_compliance.py",
    "simulations/test_eligibility.py",
    "simulations/test_ending_models.py",
    "simulations/test_fleet.py",
    "simulations/test_fleet_volumes.py",
    "simulations/test_mix_as_policy.py",
    "simulations/test_off_policy.py",
    "simulations/test_operations.py",
    "simulations/test_optimise.py",
    "simulations/test_outages.py",
    "simulations/test_programme.py",
    "simulations/test_reliability.py",
    "simulations/test_self_host.py",
    "simulations/test_traffic.py",
    "simulations/test_worth.py",
    "test_commands_on_odd_stores.py",
    "test_exports.py",
    "test_old_stores.py",
}

FOLDERS = {"browser", "team"}  # all tests of which carry the mark of that name

# A busy machine is no fault of the code: examples are bounded in number, never by the clock.
settings.register_profile("baton", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("baton")


LEAN = {"allow_unsigned_extensions": "true", "threads": "1"}


@pytest.fixture(scope="session", autouse=True)
def lean_engines(blank_home) -> Iterator[None]:
    """The engine hashes the 70 MB of its extensions at every open, a quarter of a second of a core: here the first
    open (of `blank_home`) does, and the thousand after it do not. They have one thread each: a second only waits
    where rows are few, and takes a third more of a core for it.
    """
    connect = duckdb.connect

    def unchecked(*words: Any, config: dict[str, str] | None = None, **more: Any) -> duckdb.DuckDBPyConnection:
        return connect(*words, config={**(config or {}), **LEAN}, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", unchecked)
        yield


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Iterator[Path]:
    """A store of the test's own: no test ever touches the user's, nor leaves somebody signed in for the next."""
    folder = tmp_path / "home"
    monkeypatch.setenv("BATON_HOME", str(folder))
    for name in (store.CATALOG, store.DATA, store.ENDPOINT):
        monkeypatch.delenv(name, raising=False)
    yield folder
    people.ask_sign_in(None)


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """A page that was opened leaves itself as this process's main module, and processes started later would open it."""
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


@pytest.fixture(scope="session")
def blank_home() -> Path:
    """A store with every migration run and nothing in it; copied rather than made anew for each test."""
    return blank_store()


@pytest.fixture
def migrated_stores(blank_home, monkeypatch) -> None:
    """A store that code opens in a folder of its own begins as a copy of a blank one: for tests that are not about
    how a store is made, which takes a second.
    """
    made = Ledger.open

    def begun(home: Path) -> Ledger:
        if not (Path(home) / "catalog.sqlite").exists():
            shutil.copytree(blank_home, home, dirs_exist_ok=True)
        return made(home)

    monkeypatch.setattr(Ledger, "open", begun)


@pytest.fixture
def ledger(home):
    opened = new_ledger(home)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_ledger(tmp_path_factory) -> Iterator[Ledger]:
    """One open store for tests that only need the engine, or that empty it first (`emptied_ledger`)."""
    opened = new_ledger(tmp_path_factory.mktemp("shared"))
    yield opened
    opened.close()


@pytest.fixture
def emptied_ledger(shared_ledger) -> Ledger:
    """A store without rows, for hundreds of cases of one test."""
    empty(shared_ledger)
    return shared_ledger


@pytest.fixture
def state(home) -> State:
    return State.open(home)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real traces and results beside the repository; tests that need them skip where they are missing."""
    folder = Path(os.environ.get("BATON_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the shared data folder {folder} is missing")
    return folder


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is left out whole is not imported either: half of what there is to import."""
    asked = config.option.markexpr
    if collection_path.is_relative_to(TESTS) and re.fullmatch(r"not \w+( and not \w+)*", asked):
        place = collection_path.relative_to(TESTS).as_posix()
        mark = "heavy" if place in HEAVY else place if place in FOLDERS else None
        return True if mark in asked.split() else None
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what walks far or loads the sample company, and puts the run on the real model first: it takes one core
    for minutes, beside which everything else runs.
    """
    for item in items:
        if item.path.relative_to(TESTS).as_posix() in HEAVY or "sample_home" in getattr(item, "fixturenames", ()):
            item.add_marker("heavy")
    items.sort(key=lambda item: item.get_closest_marker("local_model") is None)


def pytest_report_header() -> str:
    import ibis
    import streamlit

    return f"duckdb {duckdb.__version__}, ibis {ibis.__version__}, streamlit {streamlit.__version__}"


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory) -> Path:
    """The sample company, small: loaded once a session through the ordinary ingest path. Read-only by agreement."""
    from datetime import date

    from data.sample import sample

    def fill(home: Path) -> None:
        ledger = new_ledger(home)
        sample.load(ledger, State.open(home), sample.wish(rows=12_000, days=200, end=date(2026, 11, 20)))
        ledger.close()

    return made_once(tmp_path_factory, "sample", fill)
