"""Where Baton keeps what it knows: one folder, `BATON_HOME`, `var/` unless told otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from data.errors import LedgerError

VARIABLE = "BATON_HOME"


def home_path(path: str | os.PathLike | None = None) -> Path:
    """Where the store's folder is or would be; `path` wins over `BATON_HOME` over `var/`."""
    return _resolved(os.fspath(path or os.environ.get(VARIABLE) or "var"), os.getcwd(), os.environ.get("HOME"))


@lru_cache(maxsize=16)
def _resolved(path: str, _folder: str, _user_home: str | None) -> Path:
    """Every fact looked up asks where the store is; what a path stands for depends on the folder one is in."""
    return Path(path).expanduser().resolve()


@contextmanager
def at_home(path: str | os.PathLike | None) -> Iterator[None]:
    """For the length of a command its `--home` is the store of everything it reads and starts; None changes nothing."""
    before = os.environ.get(VARIABLE)
    if path:
        os.environ[VARIABLE] = str(home_path(path))
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before


def home_dir(path: str | os.PathLike | None = None) -> Path:
    """The store's folder (`home_path`), created when missing; raises LedgerError where it cannot be."""
    home = home_path(path)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"The store folder {home} cannot be created ({error.strerror}); "
            "name a folder you may write to with --home or BATON_HOME."
        ) from error
    return home
