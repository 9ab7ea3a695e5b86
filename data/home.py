"""Where Baton keeps what it knows: one folder, `BATON_HOME`, `var/` unless told otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from data.errors import LedgerError


def home_dir(path: str | os.PathLike | None = None) -> Path:
    """The store's folder, created when missing; `path` wins over `BATON_HOME` over `var/`."""
    home = Path(path or os.environ.get("BATON_HOME") or "var").expanduser().resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"The store folder {home} cannot be created ({error.strerror}); "
            "name a folder you may write to with --home or BATON_HOME."
        ) from error
    return home
