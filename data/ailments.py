"""What a store can suffer, as sentences: what happened, which file, what to do. Defects of ours are none of them.

The engine says what it suffers in texts of its own; the words below were provoked by the tests of
tests/data/test_ailments.py, on the pinned versions of the engine and the lake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import LedgerError
from data.store import DATA, KEY, KEY_ID, UNFINISHED, Store

ENGINE = ("duckdb", "_duckdb")
DEFECTS = ("ParserException", "CatalogException", "ConversionException", "BinderException")
FULL = "The disk under {home} is full; nothing was changed. Free some space and run it again."
# (any of these words in the engine's text, the sentence); the first that fits is told.
WORDS = (
    (
        ("no snapshot found at version",),
        "The data version that this was read from is no longer kept; ask again, of the newest.",
    ),
    (
        ("disk i/o error",),
        "The disk under {home} failed, or a file may not grow further; nothing was changed. Check it and run it again.",
    ),
    (("no space left", "database or disk is full"), FULL),
    (("file too large",), "A file under {home} may not grow further (a limit of this system); nothing was changed."),
    (
        ("database is locked", "busy"),
        "The catalogue in {home} is locked by another program; nothing was changed. Try again when it has finished.",
    ),
    (
        ("unable to open database file", "permission denied", "read-only file system", "readonly database"),
        "The store {home} is read-only; nothing was changed. Check the folder's permissions.",
    ),
    (
        ("not a database", "disk image is malformed", "ducklake metadata", "catalog version"),
        (
            "The {catalogue} cannot be read by this Baton ({reason}); restore it from a backup or"
            " use the Baton that wrote it."
        ),
    ),
)
# Of a store that hosts share: the words of PostgreSQL's library and of object storage. They are looked for first.
SHARED_WORDS = (
    (
        ("too many clients", "remaining connection slots", "too many connections"),
        "The {catalogue} has no connection left; nothing was changed. Close what is open there or raise max_connections"
        " (docs/growing.md says what a Baton needs), and try again.",
    ),
    (
        ("password authentication failed", "no password supplied", "no pg_hba.conf entry"),
        "The {catalogue} lets nobody in without the right password; set PGPASSWORD, or write it into ~/.pgpass"
        " (mode 600).",
    ),
    (
        ("fatal:  database", "fatal:  role"),
        "The {catalogue} is not there, or its user is not; create them in PostgreSQL (docs/growing.md).",
    ),
    (
        ("permission denied for",),
        "The user of the {catalogue} may not write there; nothing was changed. Grant it that (docs/growing.md).",
    ),
    (
        ("could not extend file", "could not write to file"),
        "The disk of the {catalogue} is full; nothing was changed. Free some space there and run it again.",
    ),
    (
        (
            *("connection refused", "could not translate host name", "timeout expired", "no route to host"),
            *("server closed the connection", "terminating connection", "the database system is", "ssl syscall"),
            *("connection to server", "connection timed out", "the connection is lost", "no connection to the server"),
        ),
        "The {catalogue} cannot be reached; nothing was changed. See that PostgreSQL runs there, then try again.",
    ),
    (
        ("nosuchbucket",),
        f"There is no bucket for {{files}}; create it, or set {DATA} as on the other hosts. Nothing was changed.",
    ),
    (
        ("http 403", "http code 403", "accessdenied", "invalidaccesskeyid", "signaturedoesnotmatch"),
        f"The object storage of {{files}} refuses these keys; check {KEY_ID} and {KEY}. Nothing was changed.",
    ),
    (
        ("http 404", "http code 404", "nosuchkey"),
        "A data file of the ledger is not in {files}. `python -m data check` names what is hurt; bring the bucket's"
        " versions back, or load those logs again.",
    ),
    (
        ("error for http", "http error", "unable to connect to url", "http 5", "slowdown"),
        "The object storage of {files} cannot be reached; nothing was changed. See that it runs, then try again.",
    ),
)
OTHER_PATH = re.compile(r'existing data path in the catalog "([^"]*)"')
DATA_FILE = re.compile(r"[^\s\"']+\.parquet")
PARQUET = ("magic bytes", "snappy", "tprotocolexception", "thrift", "parquet file", "parquet reader")
NAMED = ("no such file", "corrupt", "decompress", "footer")  # telling only where a data file is named beside them


def ailment(store: Store, error: Exception) -> str:
    """The sentence for what a store suffers, or "" for anything else."""
    if type(error).__module__ not in ENGINE or type(error).__name__ in DEFECTS:
        return ""
    text, home = str(error).lower(), store.where
    if type(error).__name__ == "OutOfMemoryException":
        if "max_temp_directory_size" in text or "no space" in text:
            return FULL.format(home=store.home)
        return "This needs more memory than allowed; set BATON_MEMORY (for example 8GB) and run it again."
    if store.shared and (sentence := shared_ailment(store, str(error))):
        return sentence
    for words, sentence in WORDS:
        if any(word in text for word in words):
            return sentence.format(home=home, catalogue=store.catalogue, reason=_reason(store, str(error)))
    named = DATA_FILE.search(str(error))
    if any(word in text for word in PARQUET) or named and any(word in text for word in NAMED):
        which = Path(named.group(0)).name if named else "one under files/"
        return (
            f"A data file of the ledger in {home} is missing or damaged ({which}). `python -m data check` names what is"
            " hurt; bring a backup back with `python -m data restore`, or load those logs again."
        )
    return ""


def shared_ailment(store: Store, said: str) -> str:
    """The sentence for what PostgreSQL or object storage said, or "" for anything else; no address is repeated."""
    if other := OTHER_PATH.search(said):
        return (
            f"The data files of the {store.catalogue} are in {other[1].rstrip('/')}, and {DATA} here is {store.files}:"
            f" nothing was opened. Set {DATA} as on the other hosts."
        )
    text = said.lower()
    found = next((sentence for words, sentence in SHARED_WORDS if any(word in text for word in words)), "")
    return found.format(catalogue=store.catalogue, files=store.files)


def _reason(store: Store, said: str) -> str:
    """The engine's first line, without the address it was given."""
    return said.replace(store.catalog.dsn if store.catalog else "\0", "…").splitlines()[0][:160]


@contextmanager
def explain_ailments(store: Store) -> Iterator[None]:
    """Turn what the store itself can suffer into one sentence; let defects through."""
    try:
        yield
    except Exception as error:
        if sentence := ailment(store, error):
            raise LedgerError(sentence) from error
        raise


def refuse_a_part_of_a_store(store: Store) -> None:
    """LedgerError for a copy that was cut short, and for full data files whose catalogue is lost: a new one beside them
    would be an empty ledger over a full one.
    """
    if store.shared:
        return
    home = store.home
    if (home / UNFINISHED).exists():
        raise LedgerError(
            f"{home} holds a part of a store: the copy into it was cut short. Run the same `python -m data backup` or"
            " `restore` again."
        )
    catalogue, files = home / "catalog.sqlite", home / "files"
    if catalogue.exists() and catalogue.stat().st_size:
        return
    if next(files.rglob("*.parquet"), None) is not None:
        state = "is empty" if catalogue.exists() else "is missing"
        raise LedgerError(
            f"The catalogue {catalogue} {state}, but {files} holds data: nothing was opened, so that nothing is "
            "started anew over it. Bring the catalogue back with `python -m data restore`, or move the folder away."
        )
