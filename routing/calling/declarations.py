"""Which providers and models the live lab may call: declared in the app or in a TOML file.

A declaration names the environment variable that holds the key, never the key. What constraints
ask about (origin, hosting, residency, HIPAA) is declared here and wins over the model catalogue.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from data import owner
from data.documents import Documents
from data.errors import BadInput, Refused, Unreadable
from data.facts.models import Catalog, ModelFacts
from data.sources.addresses import checked_url, host_of
from data.state import State
from data.yaml_text import validate
from routing.calling.calls import Price
from routing.calling.keys import checked_name, not_a_key

Usd = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Money = Annotated[Usd | None, BeforeValidator(lambda value: str(value) if isinstance(value, float) else value)]
RESERVED_FIELDS = (
    "model",
    "messages",
    "contents",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "n",
)


class Declared(BaseModel):
    """A piece of a declaration: unknown keys are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Offer(Declared):
    """One model at one provider: `model` is the name policies use, `upstream` the provider's own.

    Prices are USD per million tokens; leave them out when unknown (such a model is refused under a
    dollar cap), write 0 when it is free; cache prices left out follow the input price (read 1, write 1.25 and 2
    times it). `samples` above 1 makes a tier that answers by majority vote.
    """

    model: str = Field(min_length=1, max_length=120)
    upstream: str = ""
    input_usd_per_mtok: Money = None
    output_usd_per_mtok: Money = None
    cache_read_usd_per_mtok: Money = None
    cache_write_5m_usd_per_mtok: Money = None
    cache_write_1h_usd_per_mtok: Money = None
    context_window: int | None = Field(None, gt=0)
    max_output_tokens: int = Field(4096, gt=0)
    output_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    takes_temperature: bool = True
    temperature: float | None = Field(None, ge=0, le=2)
    samples: int = Field(1, ge=1, le=25)
    extra: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _upstream(cls, raw: Any) -> Any:
        return {**raw, "upstream": raw.get("upstream") or raw.get("model", "")} if isinstance(raw, dict) else raw

    @model_validator(mode="after")
    def _extra_is_harmless(self) -> Offer:
        taken = [key for key in self.extra if key in RESERVED_FIELDS]
        if taken:
            raise ValueError(f"extra may not set {taken[0]}: it would break the spend cap or the request")
        return self

    @property
    def price(self) -> Price:
        return Price(
            self.input_usd_per_mtok,
            self.output_usd_per_mtok,
            self.cache_read_usd_per_mtok,
            self.cache_write_5m_usd_per_mtok,
            self.cache_write_1h_usd_per_mtok,
        )


# What people paste behind a base URL, and the protocol adds by itself.
ENDINGS = {"openai": ("/chat/completions",), "anthropic": ("/messages", "/v1")}


class Provider(Declared):
    """One endpoint with its models, limits and legal facts."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    base_url: str
    protocol: Literal["openai", "anthropic", "gemini"] = "openai"
    key_env: str | None = None
    models: tuple[Offer, ...] = Field(min_length=1)
    hosting: Literal["api", "cloud", "host", "self"] = "api"
    origin: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    vendor: str | None = None
    residency: tuple[str, ...] | None = None
    hipaa_eligible: bool | None = None
    gdpr_terms: bool | None = None
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    concurrency: int = Field(8, ge=1, le=500)
    timeout_s: float = Field(120, gt=0, le=3600)
    stream: bool = False
    allow_private: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _base_alone(cls, raw: Any) -> Any:
        """The base of the address, also where the whole of it was pasted: the protocol's own path is added to it."""
        if not isinstance(raw, dict) or not isinstance(raw.get("base_url"), str):
            return raw
        base = raw["base_url"].strip().rstrip("/")
        for ending in ENDINGS.get(raw.get("protocol", "openai"), ()):
            base = base.removesuffix(ending)
        return {**raw, "base_url": base}

    @model_validator(mode="after")
    def _sound(self) -> Provider:
        checked_url(self.base_url, self.allow_private)
        if self.key_env is not None:
            checked_name(self.key_env)
        names = [offer.model for offer in self.models]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice:
            raise ValueError(f"the model {twice} is declared twice; give the second a name of its own")
        return self

    def facts(self, offer: Offer, catalog: Mapping[str, ModelFacts]) -> ModelFacts:
        """What constraints may ask about this model here: the declaration, then the catalogue; unknown stays None."""
        known = catalog[offer.model] if offer.model in catalog else ModelFacts(name=offer.model)
        legal = {"hipaa_eligible": self.hipaa_eligible, "gdpr_terms": self.gdpr_terms, "residency": self.residency}
        told: dict[str, Any] = {key: value for key, value in legal.items() if value is not None}
        update: dict[str, Any] = {"hosting": (self.hosting,), **told, "self_hosted": {**known.self_hosted, **told}}
        if self.hosting in ("cloud", "host"):
            # The maker's promises say nothing about somebody else's machines.
            update |= {**legal, "hosted": {self.hosting: told}}
        declared = {"origin": self.origin, "vendor": self.vendor, "context_window": offer.context_window}
        return known.model_copy(update=update | {k: v for k, v in declared.items() if v is not None})


def read_providers(path: str | Path) -> tuple[Provider, ...]:
    """The `[[provider]]` tables of a TOML file; BadInput names the provider, the field and what is legal."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(
            f"{path} cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'}); name a TOML file of providers."
        ) from error
    return read_providers_text(text, str(path))


def read_providers_text(text: str, where: str = "the providers") -> tuple[Provider, ...]:
    """As `read_providers`, from the text."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{where}: not valid TOML ({error}); correct that line.") from error
    tables = document.get("provider")
    if not isinstance(tables, list) or not tables or set(document) != {"provider"}:
        raise BadInput(f"{where}: no [[provider]] table, or something besides; write one [[provider]] per endpoint.")
    return checked_providers(tables, where)


def checked_providers(tables: Iterable[Any], where: str = "the providers") -> tuple[Provider, ...]:
    """Providers from plain mappings; names are unique."""
    providers = tuple(checked_provider(table, where) for table in tables)
    names = [provider.name for provider in providers]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice:
        raise BadInput(f"{where}: the provider {twice} is declared twice; rename or remove one.")
    return providers


def checked_provider(table: Any, where: str = "the provider") -> Provider:
    """One provider from a plain mapping. The message never repeats a value: it may be a key in the wrong field."""
    name = table.get("name") if isinstance(table, dict) else None
    return validate(Provider, table, None, f"{where}: {name if isinstance(name, str) else 'a provider'}", quote=False)


def _audit_detail(provider: Provider) -> dict[str, Any]:
    return {"hosting": provider.hosting, "models": [offer.model for offer in provider.models]}


PROVIDERS = Documents("provider", Provider, told=_audit_detail, quote=False)  # by their names


def saved_providers(state: State) -> tuple[Provider, ...]:
    """The providers declared in the app."""
    return tuple(PROVIDERS.all(state).values())


def require_owner(provider: Provider) -> None:
    """Refused where the machine's owner does not list a declaration's host or key."""
    owner.require_host(host_of(provider.base_url))
    if provider.key_env and not owner.key_allowed(provider.key_env):
        raise Refused(not_a_key(provider.name, provider.key_env))


def save_provider(state: State, provider: Provider) -> None:
    """Keep a declaration under the provider's name; Refused as by `require_owner`."""
    require_owner(provider)
    PROVIDERS.save(state, provider.name, provider)


def canonical(providers: Iterable[Provider], catalog: Catalog) -> tuple[Provider, ...]:
    """The same providers with catalogue spellings of the models they name; names it does not know stay."""
    return tuple(
        provider.model_copy(
            update={
                "models": tuple(
                    o.model_copy(update={"model": catalog[o.model].name}) if o.model in catalog else o
                    for o in provider.models
                )
            }
        )
        for provider in providers
    )
