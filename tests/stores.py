"""New stores for tests that fill them: a copy of a blank one, a fifth of the price of running every migration. Those
that are filled for many tests are filled once a session, whichever of its workers asks first.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data.lake import TABLES
from data.ledger import Cursor, Ledger
from data.schema import USAGE


@cache
def blank_store() -> Path:
    """A store with every migration run and nothing in it, made once a process; to be copied, never opened."""
    folder = Path(tempfile.mkdtemp(prefix="baton-blank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Ledger.open(folder).close()
    return folder


def new_ledger(home: Path) -> Ledger:
    """The open ledger of a store that begins here."""
    shutil.copytree(blank_store(), home, dirs_exist_ok=True)
    return Ledger.open(home)


def made_once(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A store of this process's own, as `fill` made it in a session's one folder of that name: each worker copies it,
    the others wait while the first one fills it.
    """
    base = factory.getbasetemp()
    session = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made, whole = session / f"made-{name}", session / f"made-{name}.whole"
    with open(session / f"made-{name}.turn", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(made, ignore_errors=True)  # left by one that failed
            made.mkdir()
            fill(made)
            whole.touch()
    return Path(shutil.copytree(made, factory.mktemp(name) / "home"))


def empty(ledger: Ledger) -> None:
    """Take every row out of a store, a third of the price of a new one."""
    with ledger.write() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM lake.main.{table}")


def fill_usage(cursor: Cursor, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows by column into the usage table, all in one go: the engine takes milliseconds for one that is bound alone."""
    names = ", ".join(column.name for column in USAGE)
    schema = cursor.execute(f"SELECT {names} FROM lake.main.usage LIMIT 0").to_arrow_table().schema
    cursor.register("told", pa.Table.from_pylist(list(rows), schema=schema))
    cursor.execute(f"INSERT INTO lake.main.usage ({names}) FROM told")
    cursor.unregister("told")
