"""A store that hosts share, on a PostgreSQL and an object store of the tests' own; a missing one is a stated skip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from data import store
from data.ledger import Ledger
from tests.team.servers import KEY, PASSWORD, Objects, Postgres, objects_installed, programs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.team)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    cluster = Postgres(folder)
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def objects() -> Iterator[Objects]:
    if not objects_installed():
        pytest.skip("the object store is not installed (pip install --no-deps -r requirements-s3.txt)")
    server = Objects()
    yield server
    server.remove()


class Team(NamedTuple):
    """A shared store: the name of its database, where its files are, and a folder for the homes of its hosts."""

    postgres: Postgres
    database: str
    files: str
    folder: Path

    def host(self, name: str) -> Path:
        """The home of a host: scratch and cache of its own."""
        return self.folder / name


NUMBERS = count(1)


@pytest.fixture(scope="session")
def blank(postgres, tmp_path_factory) -> Path:
    """The files of a store with every migration run and nothing in it, in the database `blank`."""
    folder = tmp_path_factory.mktemp("blank")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", PASSWORD)
        patch.setenv(store.CATALOG, postgres.create("blank"))
        patch.setenv(store.DATA, str(folder / "files"))
        Ledger.open(folder / "home").close()
    return folder / "files"


@pytest.fixture
def team(blank, postgres, tmp_path, monkeypatch) -> Team:
    """A blank shared store in a folder, which this process's environment names."""
    database, files = f"store{next(NUMBERS)}", tmp_path / "files"
    shutil.copytree(blank, files) if blank.exists() else files.mkdir()
    with postgres.connected("postgres") as db:
        db.execute(f"CREATE DATABASE {database} TEMPLATE blank")
    with postgres.connected(database) as db:
        db.execute("UPDATE ducklake_metadata SET value = %s WHERE key = 'data_path'", (f"{files}/",))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv(store.CATALOG, f"postgresql://baton@127.0.0.1:{postgres.port}/{database}")
    monkeypatch.setenv(store.DATA, str(files))
    monkeypatch.setenv(store.WAIT, "60")
    return Team(postgres, database, str(files), tmp_path / "hosts")


@pytest.fixture
def in_objects(team, objects, blank, monkeypatch) -> Team:
    """The same in object storage."""
    files = f"s3://{Objects.BUCKET}/{team.database}"
    assert not [*blank.rglob("*.parquet")], "what a blank store holds is in its catalogue"
    with team.postgres.connected(team.database) as db:
        db.execute("UPDATE ducklake_metadata SET value = %s WHERE key = 'data_path'", (f"{files}/",))
    monkeypatch.setenv(store.DATA, files)
    monkeypatch.setenv(store.ENDPOINT, objects.address)
    monkeypatch.setenv(store.KEY_ID, "baton")
    monkeypatch.setenv(store.KEY, KEY)
    return team._replace(files=files)
