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

UNFINISHED = "unfinished.copy"  # stands in the folder of a copy until all of it is there (`data.backup`)
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
            "The catalogue {home}/catalog.sqlite cannot be read by this Baton ({reason}); restore it from a backup or"
            " use the Baton that wrote it."
        ),
    ),
)
DATA_FILE = re.compile(r"[^\s\"']+\.parquet")
PARQUET = ("magic bytes", "snappy", "tprotocolexception", "thrift", "parquet file", "parquet reader")
NAMED = ("no such file", "corrupt", "decompress", "footer")  # telling only where a data file is named beside them


def ailment(home: Path, error: Exception) -> str:
    """The sentence for what the store in `home` suffers, or "" for anything else."""
    if type(error).__module__ not in ENGINE or type(error).__name__ in DEFECTS:
        return ""
    text = str(error).lower()
    if type(error).__name__ == "OutOfMemoryException":
        if "max_temp_directory_size" in text or "no space" in text:
            return FULL.format(home=home)
        return "This needs more memory than allowed; set BATON_MEMORY (for example 8GB) and run it again."
    for words, sentence in WORDS:
        if any(word in text for word in words):
            return sentence.format(home=home, reason=str(error).splitlines()[0][:160])
    named = DATA_FILE.search(str(error))
    if any(word in text for word in PARQUET) or named and any(word in text for word in NAMED):
        which = Path(named.group(0)).name if named else "one under files/"
        return (
            f"A data file of the ledger in {home} is missing or damaged ({which}). `python -m data check` names what is"
            " hurt; bring a backup back with `python -m data restore`, or load those logs again."
        )
    return ""


@contextmanager
def explain_ailments(home: Path) -> Iterator[None]:
    """Turn what the store itself can suffer into one sentence; let defects through."""
    try:
        yield
    except Exception as error:
        if sentence := ailment(home, error):
            raise LedgerError(sentence) from error
        raise


def refuse_a_part_of_a_store(home: Path) -> None:
    """LedgerError for a copy that was cut short, and for full data files whose catalogue is lost: a new one beside them
    would be an empty ledger over a full one.
    """
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
