"""Which edition of the price catalogue (genai-prices) holds in a store: the one of the installed package, or a file.

A file that was accepted lies whole under HOME/price_books, named by its digest; IN_FORCE there says which one holds
and which one did before. It is small and replaced at once, so that every process sees a new edition by its stamp.

The package's own prices hold until others are accepted, those of another version of the package included: the first
load of a store keeps a copy of what it priced by, and after an update of the package that copy goes on to hold.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from data import kept_files
from data.errors import BadInput, Unreadable
from data.prices import notes as price_notes
from data.store import Store

FOLDER, IN_FORCE = "price_books", "in_force.json"
WAY_OUT = "put the one before back with `python -m data price-book --undo`"
BEFORE_UPDATE = "the package before its update"
Stamp = tuple[str, int, int]  # of a store without a file of its own: ("", 0, 0)


class Edition(NamedTuple):
    """What the catalogue is called in messages and beside prices, the day its prices are of (None: unknown), the
    digest of its file ("" for the package's own), and where that came from."""

    version: str
    as_of: date | None
    sha256: str = ""
    origin: str = ""

    @property
    def told(self) -> str:
        """For people."""
        return self.version + (f", of {self.as_of:%-d %b %Y}" if self.as_of and not self.sha256 else "")


class Choice(NamedTuple):
    """The edition that holds in a store and the one before it."""

    in_force: Edition
    before: Edition | None = None


@lru_cache(maxsize=1)
def of_package() -> Edition:
    """The edition that came with the installed package."""
    installed = version("genai-prices")
    return Edition(f"genai-prices {installed}", price_notes.catalogue_release(installed))


def of_file(content: bytes, as_of: date, origin: str) -> Edition:
    """The edition that a file is, by what it says and the day it is of."""
    digest = hashlib.sha256(content).hexdigest()
    return Edition(f"genai-prices file of {as_of} ({digest[:8]})", as_of, digest, origin)


def stamp(home: Path) -> Stamp:
    """What changes whenever another edition is put in force in a store."""
    kept_files.fetch(Store.of(home))
    file = home / FOLDER / IN_FORCE
    try:
        kept = file.stat()
    except OSError:
        return "", 0, 0
    return str(file), kept.st_mtime_ns, kept.st_size


def choice(home: Path) -> Choice:
    """The edition in force in a store and the one before; BadInput where the note of it is damaged."""
    return _choice(stamp(home))


@lru_cache(maxsize=16)
def _choice(at: Stamp) -> Choice:
    if not at[0]:
        return Choice(of_package())
    try:
        kept = json.loads(Path(at[0]).read_bytes())
        package = _package_of(kept)
        before = _edition(kept["before"], of_package()) if "before" in kept else None
        return Choice(_edition(kept["in_force"], package), before)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadInput(
            f"{at[0]} cannot be read ({type(error).__name__}): which price book holds is unknown; restore the file from"
            " a backup, or remove it to go back to the prices of the installed package."
        ) from error


def _package_of(kept: dict[str, Any]) -> Edition:
    """The package's prices that hold: the installed ones, or a copy of those before an update nobody accepted."""
    installed, copied = of_package(), kept.get("package")
    if copied is None or copied["version"] == installed.version:
        return installed
    as_of = date.fromisoformat(copied["as_of"]) if copied["as_of"] else None
    return Edition(copied["version"], as_of, str(copied["sha256"]), BEFORE_UPDATE)


def _edition(kept: dict[str, Any] | None, package: Edition) -> Edition:
    if kept is None:
        return package
    return Edition(kept["version"], date.fromisoformat(kept["as_of"]), str(kept["sha256"]), kept["origin"])


def content(home: Path, edition: Edition) -> bytes:
    """The file of an accepted edition; Unreadable where it is gone or is not what was accepted."""
    file = home / FOLDER / f"{edition.sha256}.json"
    try:
        found = file.read_bytes()
    except OSError as error:
        raise Unreadable(f"The price book {file} cannot be read ({error.strerror}); {WAY_OUT}.") from error
    if hashlib.sha256(found).hexdigest() != edition.sha256:
        raise Unreadable(f"The price book {file} is not what was accepted; {WAY_OUT}.")
    return found


def put_in_force(home: Path, chosen: Choice, body: bytes = b"", package: bytes = b"") -> None:
    """Keep an edition's file and make it the one that holds: whole, or the one before stays.

    `package` is the installed package's catalogue as a file, where its own prices are the ones that hold.
    """
    folder, edition = home / FOLDER, chosen.in_force
    folder.mkdir(parents=True, exist_ok=True)
    if body:
        _write(home, folder / f"{edition.sha256}.json", body)
    said: dict[str, Any] = {"in_force": _kept(edition)}
    if chosen.before:
        said["before"] = _kept(chosen.before)
    if package:
        said["package"] = _copied(home, package)
    elif held := _note(home).get("package"):
        said["package"] = held
    _write(home, folder / IN_FORCE, json.dumps(said, indent=1).encode())


def has_copy(home: Path) -> bool:
    """Whether the store keeps a copy of the package's prices that it prices by."""
    return bool(stamp(home)[0] and _note(home).get("package"))


def keep_copy(home: Path, package: bytes) -> None:
    """Keep the installed package's catalogue as the one that a store prices by until another is accepted."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    said = {"in_force": None} | _note(home) | {"package": _copied(home, package)}
    _write(home, home / FOLDER / IN_FORCE, json.dumps(said, indent=1).encode())


def _copied(home: Path, package: bytes) -> dict[str, Any]:
    digest, own = hashlib.sha256(package).hexdigest(), of_package()
    file = home / FOLDER / f"{digest}.json"
    if not file.exists():
        _write(home, file, package)
    return {"version": own.version, "as_of": own.as_of and str(own.as_of), "sha256": digest}


def _note(home: Path) -> dict[str, Any]:
    """What IN_FORCE says, nothing where it is not there."""
    file = home / FOLDER / IN_FORCE
    if not file.exists():
        return {}
    kept = json.loads(file.read_bytes())
    return kept if isinstance(kept, dict) else {}


def _kept(edition: Edition | None) -> dict[str, Any] | None:
    if edition is None or not edition.sha256:
        return None
    return {**edition._asdict(), "as_of": str(edition.as_of)}


def _write(home: Path, file: Path, body: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(body)
    fresh.replace(file)
    kept_files.keep(Store.of(home), file)
