"""Where a store's parts are, as the environment says: a folder of its own, or a catalogue and files that hosts share.

Without settings a store is one folder (`data.home`): SQLite catalogue, Parquet files, SQLite state. `BATON_CATALOG`
(a PostgreSQL database) and `BATON_DATA` (a folder that every host sees, or `s3://bucket/path`) make it one that many
hosts share; the folder is then scratch and cache. Passwords and keys come from the variables of PostgreSQL and of AWS
alone: no text made here holds one, and an address that might is never shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from data.errors import BadInput
from data.sql_text import literal

CATALOG, DATA, ENDPOINT, WAIT = "BATON_CATALOG", "BATON_DATA", "BATON_S3_ENDPOINT", "BATON_LOCK_WAIT"
KEY_ID, KEY, TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
EXAMPLE = f"{CATALOG} must read like postgresql://baton@db.example:5432/baton"
UNFINISHED = "unfinished.copy"  # stands in the folder of a copy until all of it is there (`data.backup`)
PARTS = ("catalog.sqlite", "files", "state.sqlite", UNFINISHED)  # one of them, and a folder holds a store
# What may follow the question mark: how to connect, never who with.
OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs")


class Catalog(NamedTuple):
    """A PostgreSQL database; its password is known to libpq alone (PGPASSWORD, PGPASSFILE, ~/.pgpass)."""

    host: str
    port: int
    user: str
    database: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def dsn(self) -> str:
        """For libpq; without a password, and still never part of a message."""
        words = {"host": self.host, "port": self.port, "user": self.user, "dbname": self.database}
        words |= {"connect_timeout": 10, **dict(self.options)}
        return " ".join(f"{name}={_quoted(value)}" for name, value in words.items())

    @property
    def told(self) -> str:
        """For people."""
        return f"catalogue “{self.database}” at {self.host}:{self.port}"


class Store(NamedTuple):
    """A store's parts. `home` is its folder, where nothing but scratch and cache lies once `catalog` is shared."""

    home: Path
    catalog: Catalog | None = None
    files: str = ""  # a folder, or s3://bucket/path
    endpoint: str = ""  # of object storage that is not AWS's own

    @classmethod
    def of(cls, home: Path, env: Mapping[str, str] | None = None) -> Store:
        """The store whose folder is `home`; BadInput for settings that do not fit together or hold a password."""
        env = os.environ if env is None else env
        catalog, data, endpoint = (env.get(name, "").strip() for name in (CATALOG, DATA, ENDPOINT))
        if not catalog:
            if data or endpoint:
                named = DATA if data else ENDPOINT
                raise BadInput(
                    f"{named} is set without {CATALOG}: files that hosts share need a catalogue that they share."
                    f" {EXAMPLE}; or unset {named}."
                )
            return cls(home, files=str(home / "files"))
        if not data:
            raise BadInput(f"{CATALOG} needs {DATA}: s3://bucket/path, or a folder that every host sees; set it.")
        return cls(home, database_of(CATALOG, catalog), _files(data, env), _endpoint(endpoint))

    @property
    def shared(self) -> bool:
        """Whether other hosts may use it as well."""
        return self.catalog is not None

    @property
    def in_objects(self) -> bool:
        """Whether its files are in object storage."""
        return self.files.startswith("s3://")

    @property
    def where(self) -> str:
        """For people: what there is to look after."""
        return f"of the {self.catalog.told} (files in {self.files})" if self.catalog else str(self.home)

    @property
    def named(self) -> str:
        """For people: the same where no noun stands before it."""
        return f"the store {self.where}" if self.shared else self.where

    @property
    def catalogue(self) -> str:
        """For people: the catalogue alone."""
        return self.catalog.told if self.catalog else f"catalogue {self.home}/catalog.sqlite"

    @property
    def extensions(self) -> tuple[str, ...]:
        """What the engine needs to reach its parts."""
        return ("ducklake", "postgres" if self.catalog else "sqlite", *(("httpfs",) if self.in_objects else ()))

    def attach_text(self, alias: str, snapshot: int | None = None) -> str:
        """SQL that attaches its catalogue, at the newest version or a pinned one."""
        options = [f"DATA_PATH {literal(self.files)}"]
        if self.catalog:
            address = f"ducklake:postgres:{self.catalog.dsn}"  # the path is kept there, and another is refused
        else:
            # WAL lets readers go on while a writer commits; the overridden path lets the folder be moved.
            address = f"ducklake:sqlite:{self.home}/catalog.sqlite"
            options += ["OVERRIDE_DATA_PATH true", "META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 30000"]
        if snapshot is not None:
            options.append(f"SNAPSHOT_VERSION {snapshot:d}")
        return f"ATTACH IF NOT EXISTS {literal(address)} AS {alias} ({', '.join(options)})"

    def secret_text(self) -> str:
        """SQL that hands the engine the keys of its object storage, for its memory alone; "" where none are needed."""
        if not self.in_objects:
            return ""
        words = {
            "KEY_ID": os.environ.get(KEY_ID, ""),
            "SECRET": os.environ.get(KEY, ""),
            "SESSION_TOKEN": os.environ.get(TOKEN, ""),
            "REGION": region(),
        }
        if self.endpoint:
            at = urlsplit(self.endpoint)
            words |= {"ENDPOINT": at.netloc, "URL_STYLE": "path", "USE_SSL": str(at.scheme == "https").lower()}
        told = ", ".join(f"{name} {literal(value)}" for name, value in words.items() if value)
        return f"CREATE OR REPLACE SECRET baton_files (TYPE s3, PROVIDER config, {told})"


def require_store(home: Path) -> None:
    """BadInput where a command that only works on a store would make a new one: in a folder that holds none."""
    if not Store.of(home).shared and not any((home / name).exists() for name in PARTS):
        raise BadInput(
            f"There is no store in {home}, and none was made; name the right folder with --home or BATON_HOME, or load"
            " a log first with `python -m data ingest`."
        )


def require_one_store(home: Path) -> None:
    """BadInput for a folder named beside a shared store, which holds another store: which of them is meant?"""
    if Store.of(home).shared and (home / PARTS[0]).exists():
        raise BadInput(
            f"{home} holds a store, and {CATALOG} names another one, which would be used: unset {CATALOG} and {DATA} to"
            " use the folder, or leave --home out."
        )


def region() -> str:
    """The region of object storage that the environment names, else the one that AWS takes."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def lock_wait_s() -> float:
    """How long a writer of a shared store waits for its turn, in seconds."""
    text = os.environ.get(WAIT, "").strip() or "600"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 < seconds < 86_400:
        raise BadInput(f"{WAIT} is {text!r}; give seconds, more than 0 and less than a day.")
    return seconds


def database_of(name: str, text: str) -> Catalog:
    """The PostgreSQL database of an address; BadInput, which names the setting and never shows the address, for what is
    none or holds a password."""
    example = f"{name} must read like postgresql://baton@db.example:5432/baton"
    try:
        at = urlsplit(text)
        told = dict(parse_qsl(at.query, strict_parsing=True)) if at.query else {}
        host, port, database = at.hostname, at.port or 5432, unquote(at.path[1:])
    except ValueError:
        raise BadInput(f"{example}; its text is not shown here, since it may hold a password.") from None
    if at.password is not None or {"password", "passfile"} & told.keys():
        raise BadInput(
            f"{name} holds a password; take it out, and set PGPASSWORD or write it into ~/.pgpass (mode 600)."
        )
    if told.keys() - set(OPTIONS):
        raise BadInput(f"{name} may end in ?name=value with {', '.join(OPTIONS)}; it has something else there.")
    user = unquote(at.username or "")
    odd = at.scheme not in ("postgresql", "postgres") or at.fragment or any(c in database + user for c in "/@:")
    if odd or not host or not database or not user:
        raise BadInput(f"{example}; its text is not shown here, since it may hold a password.")
    return Catalog(host, port, user, database, tuple(told.items()))


def _files(text: str, env: Mapping[str, str]) -> str:
    if "://" not in text:
        path = Path(text).expanduser()
        if not path.is_absolute():
            raise BadInput(
                f"{DATA} is {text!r}, which is another folder wherever Baton is started; give it in full, from / on, or"
                " as s3://bucket/path."
            )
        return str(path.resolve())
    at = urlsplit(text)
    if at.scheme != "s3" or "@" in at.netloc or not at.netloc or at.query or at.fragment:
        raise BadInput(f"{DATA} must be a folder or s3://bucket/path, without keys in it.")
    if not (env.get(KEY_ID) and env.get(KEY)):
        raise BadInput(f"{DATA} is object storage, and its keys are missing: set {KEY_ID} and {KEY}.")
    return text.rstrip("/")


def _endpoint(text: str) -> str:
    if not text:
        return ""
    at = urlsplit(text)
    if at.scheme not in ("http", "https") or "@" in at.netloc or not at.netloc or at.path.strip("/") or at.query:
        raise BadInput(f"{ENDPOINT} must read like https://s3.example:9000, without keys in it.")
    return text.rstrip("/")


def _quoted(value: object) -> str:
    """A value as libpq's connection strings have it."""
    return "'" + str(value).replace("\\", r"\\").replace("'", r"\'") + "'"
