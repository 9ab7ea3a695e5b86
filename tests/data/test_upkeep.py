"""Upkeep makes a store of many small loads small again, and changes no number of any version that is kept."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from data import checks, data_files, erasure, rollups, upkeep, versions
from data.__main__ import main
from data.erasure_proof import look_through
from data.errors import LedgerError
from data.held_versions import HELD, hold
from data.lake import ROLLUPS, TABLES
from data.ledger import Ledger
from data.schema import identities
from data.state import State
from data.versions import VersionGivenUp
from tests.simulations.ledgers import RANDOM_ROWS
from tests.stores import new_ledger

SAID: list[tuple] = []


def say(*words: object) -> None:
    SAID.append(words)


def load(ledger: Ledger, first: int, rows: int = 30) -> None:
    """A load of some rows, as the ordinary one writes them."""
    with ledger.write() as cursor:
        cursor.execute("CREATE OR REPLACE TEMP TABLE fresh AS FROM lake.main.usage LIMIT 0")
        text = RANDOM_ROWS.replace("INSERT INTO lake.main.usage", "INSERT INTO fresh").replace(
            "range(?)", "range(?, ?)"
        )
        cursor.execute(text, [first, first + rows])
        cursor.execute(
            "UPDATE fresh SET caveats = ['unread_usage'], user_id = 'ann@example.org' WHERE record_no % 3 = 0"
        )
        cursor.execute("INSERT INTO lake.main.usage FROM fresh")
        cursor.execute(f"INSERT INTO lake.main.identities {identities('fresh')}")
        rollups.add(cursor, "fresh")
        cursor.execute(
            "INSERT INTO lake.main.batches SELECT 'b' || ?, 'x', 'test', 'd', now()::TIMESTAMP, 1, 1, 0, 0, 0, ''",
            [first],
        )


def replace(ledger: Ledger, where: str) -> None:
    """Rows that a later log says otherwise."""
    with ledger.write() as cursor:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE gone AS FROM lake.main.usage WHERE {where}")
        cursor.execute(f"DELETE FROM lake.main.usage WHERE {where}")
        cursor.execute("UPDATE gone SET cost_usd = cost_usd + 1")
        cursor.execute("INSERT INTO lake.main.usage FROM gone")
        rollups.fold(cursor, "gone")


@pytest.fixture(scope="module")
def grown_once(tmp_path_factory) -> Path:
    """A store of some loads; of two some rows were replaced, few in one and many in the other."""
    home = tmp_path_factory.mktemp("grown") / "home"
    ledger = new_ledger(home)
    for number in range(4):
        load(ledger, 30 * number)
    replace(ledger, "record_no IN (3, 40)")
    load(ledger, 150)
    replace(ledger, "record_no BETWEEN 60 AND 110")
    ledger.close()
    return home


@pytest.fixture
def grown(grown_once, home) -> tuple[Ledger, State]:
    shutil.copytree(grown_once, home, dirs_exist_ok=True)
    return Ledger.open(home), State.open(home)


def digests(ledger: Ledger, version: int) -> dict[str, tuple]:
    """What every table of a version says; of roll-ups their sums, since a day may be in parts."""
    view = ledger.at(version)
    parts = []
    for table in TABLES:
        rows = view.name(table)
        if table in ROLLUPS:
            keys = (
                "caveat, day, provider, model, source"
                if table == "caveats_by_day"
                else ", ".join(("day", *rollups.KEYS))
            )
            rows = f"(SELECT {keys}, sum(attempts)::BIGINT, sum(cost_usd)::DECIMAL(38,12) FROM {rows} GROUP BY ALL)"
        parts.append(
            f"SELECT '{table}' AS name, count(*) AS n, coalesce(bit_xor(hash(t)), 0)::VARCHAR AS digest FROM {rows} t"
        )
    return {row.name: (row.n, row.digest) for row in view.sql(" UNION ALL ".join(parts)).itertuples(index=False)}


def every_version(ledger: Ledger) -> dict[int, dict[str, tuple]]:
    return {version: digests(ledger, version) for version in list(versions.version_times(ledger.cursor()))[-5:]}


def test_no_version_reads_otherwise_after_upkeep(grown, monkeypatch):
    ledger, state = grown
    monkeypatch.setattr(upkeep, "READERS", timedelta(0))
    before, was = every_version(ledger), upkeep.measure(ledger)
    done = upkeep.maintain(ledger, state, say)
    assert done.files_merged and done.files_removed and done.days_folded and not done.versions_given_up
    after = {version: digests(ledger, version) for version in before}
    assert after == before and digests(ledger, ledger.snapshot()) == before[max(before)]
    now = upkeep.measure(ledger)
    assert now.files <= 8 < was.files and now.rows_in_catalogue == 0
    assert checks.adds_up(checks.check(ledger.at(ledger.snapshot()))) and not checks.damaged_files(ledger)
    assert upkeep.maintain(ledger, state, say) == upkeep.Done(), "a second one finds nothing to do"
    load(ledger, 1000)
    assert checks.adds_up(checks.check(ledger.at(ledger.snapshot())))


def test_versions_that_nobody_holds_are_given_up_and_their_files_go(grown, monkeypatch):
    ledger, state = grown
    upkeep.maintain(ledger, state, say)
    monkeypatch.setattr(upkeep, "READERS", timedelta(0))
    monkeypatch.setattr(versions, "ALL_FOR", timedelta(0))
    monkeypatch.setenv(versions.KEEP_VARIABLE, "0")
    held = list(versions.version_times(ledger.cursor()))[-5]
    before, newest = digests(ledger, held), digests(ledger, ledger.snapshot())
    hold(state, held, "link")
    done = upkeep.maintain(ledger, state, say)
    assert set(versions.version_times(ledger.cursor())) == {held, ledger.snapshot()} and done.versions_given_up > 5
    assert digests(ledger, held) == before and digests(ledger, ledger.snapshot()) == newest
    with pytest.raises(VersionGivenUp):
        ledger.at(held - 1)
    state.delete(HELD.kind, str(held))
    upkeep.maintain(ledger, state, say)
    measure = upkeep.measure(ledger)
    assert measure.versions == 1 and measure.files_on_disk <= measure.files + 3  # beside them lists of deleted rows
    assert len(data_files.checksums(ledger.home)) <= 2 * measure.files_on_disk
    assert digests(ledger, ledger.snapshot()) == newest and not checks.damaged_files(ledger)


def test_after_loads_above_the_limit_a_store_stays_small(home, monkeypatch):
    ledger, state = new_ledger(home), State.open(home)
    monkeypatch.setattr(upkeep, "SPARE", 2)
    most = 0
    for number in range(7):
        load(ledger, 30 * number)
        upkeep.after_load(ledger, state, say)
        most = max(most, upkeep.measure(ledger).files)
        assert not upkeep.is_due(ledger)
    assert most <= 4 * 4 + 2
    view = ledger.at(ledger.snapshot())
    assert checks.adds_up(checks.check(view)) and checks.check(view)["attempts"] == 210
    keys = view.sql(
        f"SELECT count(DISTINCT ({', '.join(('day', *rollups.KEYS))})) AS n FROM {view.name('spend_by_day')}"
    )
    assert len(view.sql(f"FROM {view.name('spend_by_day')}")) < 2 * keys["n"][0]


def test_a_load_stands_whatever_becomes_of_its_upkeep(home, monkeypatch):
    ledger, state = new_ledger(home), State.open(home)

    def fails(*_words: object, **_options: object) -> None:
        raise LedgerError("The disk is full.")

    monkeypatch.setattr(upkeep, "is_due", lambda _: True)
    monkeypatch.setattr(upkeep, "maintain", fails)
    upkeep.after_load(ledger, state, say)
    assert SAID[-1] == ("upkeep", 1.0, "The disk is full.")


def test_files_nobody_committed_go_and_those_of_another_catalogue_stay(grown):
    ledger, state = grown
    some = next((ledger.home / "files").rglob("*.parquet"))
    stray, foreign = some.with_name("ducklake-died.parquet"), some.with_name("ducklake-of-a-later-version.parquet")
    for path in (stray, foreign):
        path.write_bytes(some.read_bytes())
    with open(ledger.home / data_files.CHECKSUMS, "a") as out:
        out.write(f"{'a' * 64}  {foreign.relative_to(ledger.home)}\n")
    upkeep.maintain(ledger, state, say)
    assert foreign.exists() and not stray.exists()


def test_nothing_of_a_forgotten_name_is_left_after_upkeep(grown):
    ledger, state = grown
    hold(state, ledger.snapshot() - 2, "report")
    upkeep.maintain(ledger, state, say)  # replaced files wait on the disk, and old versions are held
    erasure.erase(ledger, state, erasure.Wish(("ann@example.org",)))
    assert not (found := look_through(ledger, ["ann@example.org"]).found), found
    upkeep.maintain(ledger, state, say)
    assert checks.adds_up(checks.check(ledger.at(ledger.snapshot()))) and not checks.damaged_files(ledger)


def test_the_command_tells_what_there_was_and_is(grown, capsys):
    ledger, _ = grown
    home = str(ledger.home)
    ledger.close()
    assert main(["maintain", "--home", home, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["after"]["files"] < told["before"]["files"] and told["files_merged"] > 0
    assert main(["maintain", "--home", home]) == 0
    assert "0 files merged" in capsys.readouterr().out
