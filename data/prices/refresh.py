"""Another edition of the price catalogue: read from a file, then accepted, refused, or taken back.

Nothing is kept of a file before it is accepted. What was priced before keeps its price until it is repriced.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from data import people
from data.errors import BadInput, NoData, Unreadable
from data.ledger import Ledger
from data.prices import catalogue as price_catalogue
from data.prices import catalogue_file, catalogue_rows, editions
from data.prices.catalogue import Catalogue
from data.prices.editions import Choice, Edition
from data.state import State

ACCEPTED, REFUSED, TAKEN_BACK = "price book accepted", "price book refused", "price book taken back"
LONGEST_LAYOUT_S = 60.0  # of this thread's own time; the real file takes one second


class Proposal(NamedTuple):
    """An edition that may be put in force: its catalogue, and its file (b"" for the installed package's own)."""

    catalogue: Catalogue
    content: bytes = b""

    @property
    def edition(self) -> Edition:
        return self.catalogue.edition


def read(content: bytes, as_of: date, origin: str) -> Proposal:
    """The edition that a file is; BadInput says in a sentence why it is none. `as_of`: the day its prices are of."""
    if as_of > datetime.now(UTC).date():
        raise BadInput(f"Prices of {as_of} are not known yet; give the day on which the file was downloaded.")
    catalogue = Catalogue(editions.of_file(content, as_of, origin), catalogue_file.read(content))
    _lay_out(catalogue)
    return Proposal(catalogue, content)


def read_file(path: str | Path, as_of: date | None = None) -> Proposal:
    """As `read`, from a path; without `as_of` the day on which the file was last written."""
    path = Path(path).expanduser()
    try:
        kept = path.stat()
        if kept.st_size > catalogue_file.LARGEST_FILE:
            raise BadInput(f"{path} has {kept.st_size:,} bytes; at most {catalogue_file.LARGEST_FILE:,} are read.")
        content = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror}); check the path and its permissions.") from error
    return read(content, as_of or datetime.fromtimestamp(kept.st_mtime, UTC).date(), path.name)


def of_package() -> Proposal:
    """The edition that came with the installed package."""
    return Proposal(price_catalogue.of_package())


def _lay_out(catalogue: Catalogue) -> None:
    """Every price of every model is worked out once: what cannot be priced with is not accepted."""
    began = time.thread_time()
    with price_catalogue.using(catalogue):
        for provider, model in price_catalogue.models():
            try:
                catalogue_rows.rows(provider, model)
            except (ValueError, ArithmeticError, TypeError, AttributeError, LookupError) as error:
                raise BadInput(
                    f"The price file has prices of {provider}/{model} that cannot be used ({type(error).__name__}: "
                    f"{error}); {catalogue_file.WANTED}."
                ) from error
            if time.thread_time() - began > LONGEST_LAYOUT_S:
                raise BadInput(f"The price file takes too long to lay out; {catalogue_file.WANTED}.")


def accept(ledger: Ledger, state: State, proposal: Proposal, seen: Edition, told: Mapping[str, Any]) -> None:
    """Put an edition in force, for all that is priced from now on; `told` is what the audit trail says of its effect.

    `seen` is the edition it was compared with: where another holds by now, BadInput, and nothing changes.
    """
    people.require("price book")
    with ledger.lock():  # no load prices its rows by two books
        held = editions.choice(ledger.home).in_force
        if held != seen:
            raise BadInput(f"Meanwhile {held.version} was put in force; look at the difference once more.")
        if proposal.edition.sha256 == held.sha256:
            raise BadInput(f"{held.version} is in force already; nothing was changed.")
        state.append_audit(ACCEPTED, _named(proposal.edition, held) | dict(told))
        own = b"" if proposal.edition.sha256 else price_catalogue.package_file()
        editions.put_in_force(ledger.home, Choice(proposal.edition, held), proposal.content, own)


def refuse(state: State, proposal: Proposal, seen: Edition, told: Mapping[str, Any]) -> None:
    """Note that an edition was looked at and not wanted; nothing changes."""
    people.require("price book")
    state.append_audit(REFUSED, _named(proposal.edition, seen) | dict(told))


def take_back(ledger: Ledger, state: State) -> Edition:
    """Put the edition before back in force, and this one in its place; NoData where there was none."""
    people.require("price book")
    with ledger.lock():
        chosen = editions.choice(ledger.home)
        if chosen.before is None:
            raise NoData(f"{chosen.in_force.version} is in force since the beginning; there is none to go back to.")
        if chosen.before.sha256:
            editions.content(ledger.home, chosen.before)
        state.append_audit(TAKEN_BACK, _named(chosen.before, chosen.in_force))
        editions.put_in_force(ledger.home, Choice(chosen.before, chosen.in_force))
    return chosen.before


def _named(edition: Edition, instead_of: Edition) -> dict[str, Any]:
    return {
        "price_book": edition.version,
        "as_of": edition.as_of and str(edition.as_of),
        "sha256": edition.sha256,
        "origin": edition.origin,
        "instead_of": instead_of.version,
    }
