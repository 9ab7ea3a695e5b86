"""An optional second price list: LiteLLM's `model_prices_and_context_window.json`, imported by the operator.

It fills gaps of the catalogue (models it lacks) and shows where the two disagree. It has no
history, so its prices hold at every date, from the day it was imported by name.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from data import kept_files, people
from data.calendar import MILLION
from data.errors import BadInput, Unreadable
from data.prices import model_names
from data.prices import notes as price_notes
from data.prices.model_names import Match
from data.prices.price_row import NO_LIMIT, QUANTUM, TEXT_PRICE_OF, PriceRow, Span
from data.state import State
from data.store import Store

SOURCE = "litellm"
LARGEST_FILE = 64 * 2**20
FILE = "litellm_prices.json"
THRESHOLD = re.compile(r"^input_cost_per_token_above_(\d+)k_tokens$")
SUFFIXES = {
    "standard": "",
    "batch": "_batches",
    "flex": "_flex",
    "priority": "_priority",
    "fast": "_fast",
    "ultrafast": "_ultrafast",
}
# Our rate -> LiteLLM's keys, first that is there; a missing cache price is the input price.
KEYS = {
    "fresh_input": ("input_cost_per_token",),
    "cache_read": ("cache_read_input_token_cost", "input_cost_per_token_cache_hit", "input_cost_per_token"),
    "cache_write_5m": ("cache_creation_input_token_cost", "input_cost_per_token"),
    "cache_write_1h": (
        "cache_creation_input_token_cost_above_1hr",
        "cache_creation_input_token_cost",
        "input_cost_per_token",
    ),
    "output": ("output_cost_per_token",),
    "reasoning": ("output_cost_per_reasoning_token", "output_cost_per_token"),
}
MEDIA_KEYS = {
    "image_input": "input_cost_per_image_token",
    "audio_input": "input_cost_per_audio_token",
    "video_input": "input_cost_per_video_token",
    "image_cache_read": "cache_read_input_image_token_cost",
    "audio_cache_read": "cache_read_input_audio_token_cost",
    "image_output": "output_cost_per_image_token",
    "audio_output": "output_cost_per_audio_token",
    "video_output": "output_cost_per_video_token",
}


class PriceFile:
    """Prices of one imported file by LiteLLM model key."""

    def __init__(self, entries: dict[str, dict[str, Any]], version_name: str) -> None:
        self.version = version_name
        self.entries = entries
        self._names = {key.lower(): key for key in entries}

    def match(self, unmatched: Match, name: str | None) -> Match:
        """A name that the catalogue does not know, found here under its own host; else `unmatched` unchanged."""
        text, host = (name or "").strip(), unmatched.provider
        if not text or len(text) > model_names.LONGEST_NAME or price_notes.own_hardware(host):
            return unmatched
        anywhere = host is None or price_notes.gateway(host)
        for form, how in model_names.forms(text):
            for ref in (form, f"{host}/{form}"):
                key = self._names.get(ref.lower())
                seller = key and model_names.canonical_provider(self.entries[key]["litellm_provider"])
                if key and (anywhere or seller == host):
                    matched_by = ", ".join(filter(None, ("LiteLLM price file", how)))
                    return Match(seller, form.rpartition("/")[2].lower(), SOURCE, key, matched_by=matched_by)
        return unmatched

    def retires(self, provider: str, model: str) -> date | None:
        """The file's `deprecation_date` of a model at a provider; None where it gives none."""
        for key in (model, *(f"{prefix}/{model}" for prefix in self._sellers.get(provider, ()))):
            entry = self.entries.get(self._names.get(key.lower(), ""))
            if entry and model_names.canonical_provider(entry["litellm_provider"]) == provider:
                return _day(entry.get("deprecation_date"))
        return None

    @cached_property
    def _sellers(self) -> dict[str, tuple[str, ...]]:
        """LiteLLM's own spellings of each of our providers."""
        spelled: dict[str, set[str]] = {}
        for entry in self.entries.values():
            seller = entry["litellm_provider"]
            spelled.setdefault(model_names.canonical_provider(seller) or "", set()).add(seller)
        return {provider: tuple(sorted(names)) for provider, names in spelled.items()}

    def rows(self, key: str) -> tuple[PriceRow, ...]:
        """The file's prices of one of its models: every service tier and long-context band."""
        entry = self.entries[key]
        starts = sorted(int(found[1]) * 1000 for name in entry if (found := THRESHOLD.match(name)))
        edges = [0, *(start + 1 for start in starts), NO_LIMIT]
        bands = zip(edges, edges[1:], [None, *starts], strict=False)
        return tuple(self._row(key, tier, *band) for band in bands for tier in SUFFIXES)

    def _row(self, key: str, tier: str, tokens_from: int, tokens_to: int, start: int | None) -> PriceRow:
        entry, suffix = self.entries[key], SUFFIXES[tier]
        band = f"_above_{start // 1000}k_tokens" if start else ""

        def price(names: tuple[str, ...]) -> Decimal:
            name = next((name for name in names if entry.get(name) is not None), None)
            if name is None:
                return Decimal(0)
            plain, exact = entry[name], entry.get(f"{name}{band}{suffix}")
            if exact is None:  # a tier keeps its share of the standard price in the long-context band
                share = (entry.get(f"{name}{suffix}") or plain) / plain if plain else Decimal(1)
                exact = (entry.get(f"{name}{band}") or plain) * share
            return (exact * MILLION).quantize(QUANTUM)

        prices = {rate: price(names) for rate, names in KEYS.items()}
        known = price_notes.media_at_text_price(model_names.canonical_provider(entry["litellm_provider"]) or "", key)
        media = {rate: prices[TEXT_PRICE_OF[rate]] for rate in MEDIA_KEYS if rate in known}
        media |= {rate: price((name,)) for rate, name in MEDIA_KEYS.items() if entry.get(name) is not None}
        assumed = tier != "standard" and f"input_cost_per_token{suffix}" not in entry
        row = PriceRow.of(
            (SOURCE, key, tier),
            Span(tokens_from=tokens_from, tokens_to=tokens_to),
            {**prices, **media},
            (SOURCE, self.version),
            f"no own price for {tier}: the standard price, assumed" if assumed else "",
            tier_assumed=assumed,
        )
        fast = (entry.get("provider_specific_entry") or {}).get("fast") if tier == "fast" else None
        if isinstance(fast, Decimal) and 0 < fast < 100:
            return row._replace(rule="", tier_assumed=False).scale(fast, f"fast at {fast} of the standard price")
        return row


def read(path: str | Path) -> PriceFile:
    """Read a LiteLLM price file; raises BadInput or Unreadable in one sentence."""
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadInput(f"{path} has {path.stat().st_size:,} bytes; a price file has at most {LARGEST_FILE:,}.")
        content = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror}); check the path and its permissions.") from error
    try:
        document = json.loads(content, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise BadInput(
            f"{path} is not JSON ({error}); download LiteLLM's model_prices_and_context_window.json again."
        ) from error
    entries = {key: entry for key, entry in document.items() if _usable(entry)} if isinstance(document, dict) else {}
    if not entries:
        raise BadInput(f"{path} names no model with `input_cost_per_token`; it is not LiteLLM's price file.")
    return PriceFile(entries, f"litellm price file {hashlib.sha256(content).hexdigest()[:8]}")


def _usable(entry: Any) -> bool:
    if (
        not isinstance(entry, dict)
        or "input_cost_per_token" not in entry
        or not isinstance(entry.get("litellm_provider"), str)
    ):
        return False
    prices = [value for key, value in entry.items() if "cost" in key and "_token" in key and value is not None]
    return all(isinstance(price, Decimal) and price.is_finite() and 0 <= price < 1 for price in prices)


def _day(text: Any) -> date | None:
    """A file that others keep may hold anything; what is no day says nothing."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def install(home: Path, path: str | Path) -> PriceFile:
    """Check a price file and keep a copy in the store; rows priced from now on may use it."""
    people.require("prices")
    prices, content = read(path), Path(path).read_bytes()
    fresh = home / f"{FILE}.new"
    fresh.write_bytes(content)
    State.open(home).append_audit("price file imported", {"sha256": hashlib.sha256(content).hexdigest()})
    fresh.replace(home / FILE)  # whole, or the one before
    kept_files.keep(Store.of(home), home / FILE)
    return prices


def version(home: Path) -> str:
    """Changes whenever the imported file does; "" without one."""
    kept_files.fetch(Store.of(home))
    file = home / FILE
    return f"{file.stat().st_mtime_ns}-{file.stat().st_size}" if file.exists() else ""


def load(home: Path) -> PriceFile | None:
    """The store's imported price file, or None."""
    return _read_once(home / FILE, version(home)) if version(home) else None


@lru_cache(maxsize=2)
def _read_once(path: Path, _version: str) -> PriceFile:
    return read(path)
