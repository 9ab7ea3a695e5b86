"""A saved source: what brings logs or reports by itself, from where, how often, and how far back it asks again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data import owner
from data.documents import Documents
from data.errors import BadInput
from data.sources.addresses import checked_url
from data.state import State

Kind = Literal[
    "openai_usage",
    "openai_costs",
    "anthropic_usage",
    "anthropic_costs",
    "openrouter",
    "litellm",
    "langfuse",
    "folder",
]


class KindOf(NamedTuple):
    """What a kind is called, where it is asked and with which key unless the source says otherwise; its figures change
    for `settle_hours`, which are asked for again each time; `back_days` is how far a first pull goes."""

    label: str
    base_url: str
    key_env: str
    settle_hours: int
    back_days: int


KINDS: dict[str, KindOf] = {
    "openai_usage": KindOf("OpenAI organization usage", "https://api.openai.com", "OPENAI_ADMIN_KEY", 72, 31),
    "openai_costs": KindOf("OpenAI organization costs", "https://api.openai.com", "OPENAI_ADMIN_KEY", 72, 31),
    "anthropic_usage": KindOf("Anthropic usage report", "https://api.anthropic.com", "ANTHROPIC_ADMIN_KEY", 48, 31),
    "anthropic_costs": KindOf("Anthropic cost report", "https://api.anthropic.com", "ANTHROPIC_ADMIN_KEY", 48, 31),
    "openrouter": KindOf("OpenRouter daily activity", "https://openrouter.ai", "OPENROUTER_ADMIN_KEY", 48, 29),
    "litellm": KindOf("LiteLLM spend logs (API)", "", "LITELLM_API_KEY", 2, 7),
    "langfuse": KindOf("Langfuse observations", "https://cloud.langfuse.com", "LANGFUSE_API_KEY", 2, 7),
    "folder": KindOf("Folder on this machine", "", "", 0, 0),
}


class Source(BaseModel):
    """One source. `key_env` names the environment variable that holds the key, which is read when it is asked and kept
    nowhere; for Langfuse its value is `PUBLIC:SECRET`. `path` is a folder or glob on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    base_url: str = Field(default="", max_length=300)
    key_env: str = Field(default="", max_length=100)
    path: str = Field(default="", max_length=1000)
    every_hours: float = Field(default=1, ge=0.05, le=24 * 31)
    settle_hours: int | None = Field(default=None, ge=0, le=24 * 40)
    since: date | None = None
    note: str = Field(default="", max_length=400)

    @model_validator(mode="after")
    def _consistent(self) -> Source:
        if self.kind == "folder":
            if not self.path or self.base_url or self.key_env:
                raise ValueError("a folder needs its path, and neither base_url nor key_env")
            return self
        if self.path:
            raise ValueError("path belongs to a folder; take it away")
        if not self.url:
            raise ValueError(f"{KINDS[self.kind].label} needs its base_url, such as https://gateway.example.org")
        try:
            checked_url(self.url, owner.private_hosts())
        except BadInput as error:
            raise ValueError(f"{str(error).rstrip('.')} (a private host is allowed by {owner.HOSTS})") from error
        if not owner.admin_key_allowed(self.key):
            raise ValueError(
                f"{self.key} may not be sent as a key; the owner of this machine names it BATON_KEY_... or lists it in "
                f"{owner.KEYS}"
            )
        return self

    @property
    def url(self) -> str:
        """The base URL."""
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
        if self.kind == "folder":
            return f"files under {self.path}, every {self.every_hours:g} {'hour' if self.every_hours == 1 else 'hours'}"
        hours = self.overlap.total_seconds() / 3600
        return (
            f"{KINDS[self.kind].label} at {urlsplit(self.url).netloc} with the key in {self.key}, every "
            f"{self.every_hours:g} hours; the last {hours:g} hours are asked for again"
        )


SOURCES = Documents("source", Source)


class Pulled(NamedTuple):
    """How far a source has come: everything before `watermark` (UTC) is loaded; `problem` is what the last try met."""

    watermark: datetime | None = None
    tried_at: datetime | None = None
    pulled_at: datetime | None = None
    problem: str = ""
    loaded: int = 0

    def is_due(self, source: Source, now: datetime) -> bool:
        """Whether it is time to ask again; what failed is tried again at once."""
        return (
            self.pulled_at is None or bool(self.problem) or now - self.pulled_at >= timedelta(hours=source.every_hours)
        )


def progress_of(state: State, name: str) -> Pulled:
    """How far a source has come."""
    with state.transaction() as db:
        row = db.execute(
            "SELECT watermark, tried_at, pulled_at, problem, loaded FROM source_progress WHERE name = ?", (name,)
        ).fetchone()
    if row is None:
        return Pulled()
    watermark, tried_at, pulled_at = (datetime.fromisoformat(text) if text else None for text in row[:3])
    return Pulled(watermark, tried_at, pulled_at, row[3], row[4])


def keep_progress(state: State, name: str, progress: Pulled) -> None:
    """Write down how far a source has come; it is no decision of anybody, so the audit trail does not hold it."""
    times: tuple[Any, ...] = tuple(at.isoformat() if at else None for at in progress[:3])
    with state.transaction() as db:
        db.execute("DELETE FROM source_progress WHERE name = ?", (name,))
        db.execute("INSERT INTO source_progress VALUES (?, ?, ?, ?, ?, ?)", (name, *times, *progress[3:]))
