"""Which price a logged model name stands for.

The log's own spelling is tried first; then forms of it without what logs wrap around a name: ARNs
and resource paths, provider prefixes, geography prefixes, version and date suffixes. The form that
matched is kept, so that an operator can see why a row got its price and correct it with an alias.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from data.prices import catalogue as price_catalogue
from data.prices import notes as price_notes

LONGEST_NAME = 300
# Resource paths whose last part is the model.
PATH = re.compile(
    r"^(?:arn:aws[^/]*/|.*/publishers/[^/]+/models/|publishers/[^/]+/models/"
    r"|.*/(?:foundation-model|inference-profile)/|models/)(?P<name>.+)$"
)
DATE = re.compile(
    r"[-@](?:20\d{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))$"
)
SUFFIXES = (
    ("provisioned size removed", re.compile(r":\d+k$")),
    ("context size removed", re.compile(r"\[\d+[mk]\]$")),
    ("version removed", re.compile(r"(?:-v\d+)?:\d+$")),
    ("version removed", re.compile(r"@(?:latest|default|\d{3})$")),
    ("`latest` removed", re.compile(r"-latest$")),
    ("route removed", re.compile(r":(?:thinking|nitro|floor|online|exacto|extended)$")),
    ("date removed", DATE),
)
GEOGRAPHY = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|global|regional)\.")
BEDROCK_REGION = re.compile(r"^(?:[a-z]{2}(?:-gov)?-[a-z]+-\d)/(?:(?:1|6)-month-commitment/)?")
AZURE_ZONE = re.compile(r"^(?P<zone>eu|us|global|global-standard)/")
# Families that only their maker (and clouds at the maker's price) sell.
CLOSED = re.compile(r"gpt-(?!oss)|chatgpt-|o[134](-|$)|claude|gemini-|grok-|text-embedding-3")
MAKERS = {
    "anthropic",
    "openai",
    "google",
    "deepseek",
    "mistral",
    "mistralai",
    "minimax",
    "moonshotai",
    "x-ai",
    "zai",
    "z-ai",
    "cohere",
    "meta",
    "amazon",
    "qwen",
    "moonshot",
}


class Match(NamedTuple):
    """What a (provider, region, model name) of a log stands for.

    `provider` is canonical; `price_provider` and `price_model` address the catalogue row;
    `factor` multiplies its prices for the region. `found` is False where there is no price.
    """

    provider: str | None
    model: str | None
    price_provider: str | None = None
    price_model: str | None = None
    factor: Decimal = Decimal(1)
    matched_by: str = "not found"
    note: str = ""

    @property
    def found(self) -> bool:
        return self.price_model is not None


def canonical_provider(name: str | None) -> str | None:
    """The catalogue's id for a provider as a log spells it; an unknown name stays as it is, lower case."""
    text = re.sub(price_notes.api_behind_name(), "", (name or "").strip().lower())
    if not text:
        return None
    if price_notes.own_hardware(text) or price_notes.gateway(text):
        return text
    known = price_notes.provider_names().get(text) or price_catalogue.find_provider(text)
    begun = (found for prefix, found in price_notes.provider_prefixes().items() if text.startswith(prefix))
    return known or next(begun, text)


def match(provider: str | None, region: str | None, name: str | None) -> Match:
    """Find the price of a name by the catalogue's own rules and by the forms it may be wrapped in."""
    text = (name or "").strip()
    given = canonical_provider(provider) or _platform(text)
    if not text or len(text) > LONGEST_NAME:
        return Match(given, text or None)
    if price_notes.own_hardware(given):
        return Match(given, _unpriced_name(text))
    for form, how in forms(text):
        for owner, ref, why in _owners(given, form):
            if found := _find(owner, ref):
                matched_by = ", ".join(filter(None, (how, why))) or "catalogue"
                return _priced(owner, found, region or _zone(text, owner), matched_by)
    return Match(given, _unpriced_name(text))


def _unpriced_name(text: str) -> str:
    """The maker's name for a model whose host is in no price list, so that its facts are found; else the log's."""
    names = (_makers_name(form.rpartition("/")[2]) for form, _ in forms(text))
    return next(filter(None, names), text)


def forms(text: str) -> Iterator[tuple[str, str]]:
    """The name, then the name with one wrapping after another taken off, each with what was done."""
    path = PATH.match(text)
    bare, done = (path["name"], ["resource path removed"]) if path else (text, [])
    yield bare, ", ".join(done)
    for how, pattern in SUFFIXES:
        shorter = pattern.sub("", bare)
        if shorter and shorter != bare:
            bare = shorter
            done.append(how)
            yield bare, ", ".join(done)


def _platform(text: str) -> str | None:
    """The cloud that a resource path belongs to, or the machines of one's own that a prefix names."""
    if text.startswith("arn:aws"):
        return "aws"
    prefix = text.partition("/")[0].lower()
    if price_notes.own_hardware(prefix):
        return prefix
    return "google" if "publishers/" in text and PATH.match(text) else None


def _find(owner: str, ref: str) -> tuple[str, str] | None:
    spelt = price_notes.model_names().get(ref.lower())
    return price_catalogue.find(owner, ref) or (price_catalogue.find(owner, spelt) if spelt else None)


def _owners(given: str | None, form: str) -> Iterator[tuple[str, str, str]]:
    """(catalogue provider, name to look for, what was done) worth trying for one form, best first.

    The host makes the price: a provider in the catalogue is never given another one's. A host that is
    in no list gets the maker's price only for models that nobody but their maker prices.
    """
    prefix, _, rest = form.partition("/")
    if given in price_catalogue.providers():
        yield from _at_host(given, form, "")
        if rest:
            yield from _at_host(given, rest, f"prefix `{prefix}/` removed")
            yield given, form.rpartition("/")[2], "prefixes removed"
        return
    free = given is None or price_notes.gateway(given)
    owner = canonical_provider(prefix) if rest else None
    if price_notes.own_hardware(owner):
        return
    if free and owner in price_catalogue.providers():
        yield from _at_host(owner, rest, f"prefix `{prefix}/` names the provider")
        return
    if free and rest and price_notes.gateway(owner):
        yield from _owners(None, rest)
        return
    name = form.rpartition("/")[2]
    if free and not rest and (GEOGRAPHY.match(name) or name.partition(".")[0] in MAKERS):
        yield "aws", name, "Bedrock model id"
    if (maker := price_catalogue.maker(name)) and (free and not rest or CLOSED.match(name.lower())):
        unlisted = given if not free else owner
        yield (
            maker,
            name,
            f"`{maker}` taken from the model name" + (f"; `{unlisted}` is in no price list" if unlisted else ""),
        )
    if free and (seller := _only_seller(form)):
        yield seller, form, f"`{seller}` alone makes or sells this name"


@price_catalogue.kept_by_edition(maxsize=4096)
def _only_seller(name: str) -> str | None:
    """The one provider that lists a name, or of several the one that makes it; None where that is nobody or open."""
    found = (price_catalogue.find(provider, name) for provider in price_catalogue.providers())
    sellers = {owner for owner, _ in filter(None, found)}
    chosen = sellers if len(sellers) == 1 else sellers & MAKERS
    return chosen.pop() if len(chosen) == 1 else None


def _at_host(owner: str, form: str, how: str) -> Iterator[tuple[str, str, str]]:
    yield owner, form, how
    yield from ((owner, ref, ", ".join(filter(None, (how, why)))) for ref, why in _host_forms(owner, form))


def _host_forms(owner: str, form: str) -> Iterator[tuple[str, str]]:
    """Ways in which one host spells what the catalogue lists differently."""
    if owner == "aws":
        plain = BEDROCK_REGION.sub("", form)
        plain = plain.partition("converse/")[2] or plain.partition("invoke/")[2] or plain
        if plain != form:
            yield plain, "region path removed"
        inner = GEOGRAPHY.sub("", plain)
        if inner != plain:
            yield inner, "geography prefix removed"
    elif owner == "azure" and (zone := AZURE_ZONE.match(form)):
        yield form[zone.end() :], "zone removed"
    makers_name = _makers_name(form)
    if owner not in MAKERS and makers_name and (own_name := _by_canonical_name(owner).get(makers_name)):
        yield own_name, "the host's name for this model"


@price_catalogue.kept_by_edition(maxsize=64)
def _by_canonical_name(owner: str) -> dict[str, str]:
    """How a host lists each maker's model: the plainest of its names, regional before global."""
    names = (m.id for m in price_catalogue.providers()[owner].models)
    plainest = sorted(names, key=lambda name: (name.startswith("global."), len(name)), reverse=True)
    return {canonical_model(owner, name): name for name in plainest}


def _makers_name(form: str) -> str | None:
    bare = GEOGRAPHY.sub("", form.lower())
    bare = bare.partition(".")[2] if bare.partition(".")[0] in MAKERS else bare
    owner = price_catalogue.maker(bare)
    listed = _find(owner, bare) if owner else None
    return canonical_model(*listed) if listed else None


def _zone(text: str, owner: str) -> str | None:
    """A data zone that the name itself states (`azure/eu/gpt-4o`)."""
    zone = AZURE_ZONE.match(text.lower().removeprefix("azure/")) if owner == "azure" else None
    return zone["zone"] if zone else None


def _priced(owner: str, found: tuple[str, str], region: str | None, matched_by: str) -> Match:
    price_provider, price_model = found
    factor, why = price_notes.region_factor(owner, price_model, region)
    return Match(
        owner, canonical_model(price_provider, price_model), price_provider, price_model, factor, matched_by, why
    )


@price_catalogue.kept_by_edition(maxsize=4096)
def canonical_model(price_provider: str, price_model: str) -> str:
    """One name for one model wherever it runs: its maker's, lower case; the host's own where no maker lists it."""
    if price_provider in MAKERS:
        return price_model.lower()
    bare = GEOGRAPHY.sub("", price_model.lower().rpartition("/")[2])
    if bare.partition(".")[0] in MAKERS:
        bare = bare.partition(".")[2]
    bare = re.sub(r"(?:-v\d+)?:\d+$", "", bare)
    owner = price_catalogue.maker(bare)
    listed = owner and price_catalogue.find(owner, bare)
    return (listed[1] if listed else price_model).lower()
