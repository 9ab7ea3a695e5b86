"""What can go wrong in front of a user, as one small tree.

    BatonError                 a sentence a person can act on; never a bug
    ├── BadInput               a file, value or option cannot be used as given
    │   ├── UnknownFormat      no reader recognises the content
    │   └── Unreadable         the file or folder cannot be opened, decoded or decompressed
    ├── NoData                 the question is fine, but the ledger has nothing to answer it with
    ├── Refused                a rule forbids it: a cap, a constraint, an honesty tier
    ├── LedgerError            the store itself: locked, read-only, full, or written by a newer Baton
    └── GateShut               what a pipeline asked to fail on is so (`analytics.gates`)

Every message says what happened, which value, and what to do. The command line prints it on
stderr and exits with its code; a page shows it as an error state. Any other exception is a defect.
"""

from __future__ import annotations

from data.program import as_called


class BatonError(Exception):
    """Base of every message that is shown to a user as it is; `code` is what a command then exits with."""

    code = 1

    def __str__(self) -> str:
        return as_called(super().__str__())


class BadInput(BatonError):
    """A file, value or option that cannot be used as given."""


class UnknownFormat(BadInput):
    """No reader recognises the content of a file."""


class Unreadable(BadInput):
    """A file or folder that cannot be opened, decoded or decompressed."""


class NoData(BatonError):
    """A fair question that the ledger has no rows to answer."""


class Refused(BatonError):
    """A rule forbids it: a spend cap, a compliance constraint, an honesty tier."""


class LedgerError(BatonError):
    """The store is locked, read-only, full, damaged or from a newer Baton."""
