"""A saved source: what brings logs or reports by itself, from where, how often, and how far back it asks again."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data import owner
from data.documents import Documents
from data.errors import BadInput
from data.sources.addresses import checked_url
from data.store import Catalog, database_of, region

Kind = Literal[
    "openai_usage",
    "openai_costs",
    "anthropic_usage",
    "anthropic_costs",
    "claude_code",
    "openrouter",
    "litellm",
    "litellm_table",
    "langfuse",
    "bucket",
    "bedrock",
    "cloudwatch",
    "iceberg",
    "delta",
    "folder",
]
Way = Literal["api", "table", "objects", "cloudwatch", "lakehouse", "folder"]
LOG_GROUP = re.compile(r"[A-Za-z0-9._/#-]{1,512}")


class KindOf(NamedTuple):
    """What a kind is called, where it is asked and with which key unless the source says otherwise; its figures change
    for `settle_hours`, which are asked for again each time; `back_days` is how far a first pull goes; `way` is what is
    asked: an API over HTTP, a PostgreSQL table, objects in a bucket, a log group of CloudWatch, a lakehouse table,
    files of this machine."""

    label: str
    base_url: str
    key_env: str
    settle_hours: int
    back_days: int
    way: Way = "api"


KINDS: dict[str, KindOf] = {
    "openai_usage": KindOf("OpenAI organization usage", "https://api.openai.com", "OPENAI_ADMIN_KEY", 72, 31),
    "openai_costs": KindOf("OpenAI organization costs", "https://api.openai.com", "OPENAI_ADMIN_KEY", 72, 31),
    "anthropic_usage": KindOf("Anthropic usage report", "https://api.anthropic.com", "ANTHROPIC_ADMIN_KEY", 48, 31),
    "anthropic_costs": KindOf("Anthropic cost report", "https://api.anthropic.com", "ANTHROPIC_ADMIN_KEY", 48, 31),
    "claude_code": KindOf(
        "Anthropic Claude Code analytics", "https://api.anthropic.com", "ANTHROPIC_ADMIN_KEY", 48, 31
    ),
    "openrouter": KindOf("OpenRouter daily activity", "https://openrouter.ai", "OPENROUTER_ADMIN_KEY", 48, 29),
    "litellm": KindOf("LiteLLM spend logs (API)", "", "LITELLM_API_KEY", 2, 7),
    "litellm_table": KindOf("LiteLLM spend logs (PostgreSQL)", "", "", 2, 7, "table"),
    "langfuse": KindOf("Langfuse observations", "https://cloud.langfuse.com", "LANGFUSE_API_KEY", 2, 7),
    "bucket": KindOf("Folder in object storage (S3)", "", "", 0, 0, "objects"),
    "bedrock": KindOf("Bedrock invocation logs on S3", "", "", 0, 0, "objects"),
    "cloudwatch": KindOf("Bedrock invocation logs in CloudWatch", "", "", 2, 7, "cloudwatch"),
    "iceberg": KindOf("Iceberg table", "", "", 24, 0, "lakehouse"),
    "delta": KindOf("Delta table", "", "", 24, 0, "lakehouse"),
    "folder": KindOf("Folder on this machine", "", "", 0, 0, "folder"),
}


class Source(BaseModel):
    """One source. `key_env` names the environment variable that holds the key, which is read when it is asked and kept
    nowhere; for Langfuse its value is `PUBLIC:SECRET`. `path` is a folder or glob, here or in object storage, or
    a log group; `time_column` of a lakehouse table is when a row was (UTC): only what is new is read by it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    base_url: str = Field(default="", max_length=300)
    key_env: str = Field(default="", max_length=100)
    path: str = Field(default="", max_length=1000)
    time_column: str = Field(default="", max_length=200)
    every_hours: float = Field(default=1, ge=0.05, le=24 * 31)
    settle_hours: int | None = Field(default=None, ge=0, le=24 * 40)
    since: date | None = None
    note: str = Field(default="", max_length=400)

    @model_validator(mode="after")
    def _consistent(self) -> Source:
        checks = {
            "api": self._check_api,
            "table": self._check_table,
            "objects": self._check_objects,
            "cloudwatch": self._check_log_group,
            "lakehouse": self._check_objects,
            "folder": self._check_folder,
        }
        checks[self.way]()
        return self

    def _check_folder(self) -> None:
        if not self.path or self.base_url or self.key_env:
            raise ValueError("a folder needs its path, and neither base_url nor key_env")

    def _check_table(self) -> None:
        if self.path or self.key_env:
            raise ValueError(
                "a PostgreSQL table needs its base_url alone: its password comes from PGPASSWORD or ~/.pgpass"
            )
        try:
            self.database()
        except BadInput as error:
            raise ValueError(str(error).rstrip(".")) from error

    def _check_objects(self) -> None:
        if self.time_column and self.way != "lakehouse":
            raise ValueError("time_column belongs to a table of a lakehouse; take it away")
        if self.key_env:
            raise ValueError("object storage takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as its keys, no key_env")
        if not self.path:
            raise ValueError(f"{KINDS[self.kind].label} needs its path, such as s3://bucket/prefix")
        if self.in_objects:
            if "@" in self.path or "?" in self.path.partition("://")[2].partition("/")[0]:
                raise ValueError("the path must read like s3://bucket/prefix, without keys in it")
            self._check_url()
        elif self.way == "objects" or "://" in self.path:
            raise ValueError("the path must read like s3://bucket/prefix; on this machine it is the kind folder")

    def _check_log_group(self) -> None:
        if self.key_env:
            raise ValueError("CloudWatch takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as its keys, no key_env")
        if not LOG_GROUP.fullmatch(self.path):
            raise ValueError("the path must be the name of a log group, such as /aws/bedrock/modelinvocations")
        self._check_url()

    def _check_url(self) -> None:
        try:
            checked_url(self.url, owner.private_hosts())
        except BadInput as error:
            raise ValueError(f"{str(error).rstrip('.')} (a private host is allowed by {owner.HOSTS})") from error

    def _check_api(self) -> None:
        if self.path:
            raise ValueError("path belongs to a folder; take it away")
        if not self.url:
            raise ValueError(f"{KINDS[self.kind].label} needs its base_url, such as https://gateway.example.org")
        self._check_url()
        if not owner.admin_key_allowed(self.key):
            raise ValueError(
                f"{self.key} may not be sent as a key; the owner of this machine names it BATON_KEY_... or lists it in "
                f"{owner.KEYS}"
            )

    def database(self) -> Catalog:
        """The PostgreSQL database of a table; BadInput for an address that is none or holds a password."""
        return database_of("base_url", self.base_url)

    @property
    def way(self) -> Way:
        """What is asked."""
        return KINDS[self.kind].way

    @property
    def in_objects(self) -> bool:
        """Whether its files are in object storage."""
        return self.path.startswith("s3://")

    @property
    def url(self) -> str:
        """The base URL; for object storage and CloudWatch the endpoint, AWS's own unless it says otherwise."""
        if self.in_objects and not self.base_url:
            return f"https://s3.{region()}.amazonaws.com"
        if self.way == "cloudwatch" and not self.base_url:
            return f"https://logs.{region()}.amazonaws.com"
        return (self.base_url or KINDS[self.kind].base_url).rstrip("/")

    @property
    def key(self) -> str:
        """The variable that holds the key."""
        return self.key_env or KINDS[self.kind].key_env

    @property
    def overlap(self) -> timedelta:
        """What is asked for again each time, since its figures may still change."""
        hours = KINDS[self.kind].settle_hours if self.settle_hours is None else self.settle_hours
        return timedelta(hours=hours)

    @property
    def words(self) -> str:
        """The source in a sentence without its full stop."""
        often = f"every {self.every_hours:g} {'hour' if self.every_hours == 1 else 'hours'}"
        if self.way == "folder":
            return f"files under {self.path}, {often}"
        if self.way in ("objects", "lakehouse"):
            return f"{KINDS[self.kind].label}: {self.path}, {often}"
        place, key = urlsplit(self.url).netloc, f" with the key in {self.key}"
        if self.way == "cloudwatch":
            place, key = f"{place}, {self.path}", ""
        if self.way == "table":
            place, key = self.database().told, ""
        hours = self.overlap.total_seconds() / 3600
        return f"{KINDS[self.kind].label} at {place}{key}, {often}; the last {hours:g} hours are asked for again"


SOURCES = Documents("source", Source)
