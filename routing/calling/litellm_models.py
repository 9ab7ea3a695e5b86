"""Providers read from a LiteLLM proxy's config: its `model_list`, one endpoint per address and key.

Fields as in https://docs.litellm.ai/docs/proxy/configs; keys are taken by the name of their variable
(`os.environ/NAME`), never as values. What Baton has no protocol for is told and left out.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from data.calendar import MILLION
from data.errors import BadInput
from data.yaml_text import read_yaml
from routing.calling.declarations import Provider, checked_provider

ENVIRON = "os.environ/"


class Place(NamedTuple):
    """Where a LiteLLM provider lives when the config does not say: our protocol, its address, who hosts it."""

    protocol: str
    base_url: str = ""
    hosting: str = "api"


PLACES = {
    "openai": Place("openai", "https://api.openai.com/v1"),
    "anthropic": Place("anthropic", "https://api.anthropic.com"),
    "gemini": Place("gemini", "https://generativelanguage.googleapis.com/v1beta"),
    "deepseek": Place("openai", "https://api.deepseek.com/v1"),
    "mistral": Place("openai", "https://api.mistral.ai/v1"),
    "xai": Place("openai", "https://api.x.ai/v1"),
    "moonshot": Place("openai", "https://api.moonshot.ai/v1"),
    "perplexity": Place("openai", "https://api.perplexity.ai"),
    "groq": Place("openai", "https://api.groq.com/openai/v1", "host"),
    "together_ai": Place("openai", "https://api.together.xyz/v1", "host"),
    "fireworks_ai": Place("openai", "https://api.fireworks.ai/inference/v1", "host"),
    "openrouter": Place("openai", "https://openrouter.ai/api/v1", "host"),
    "hosted_vllm": Place("openai", hosting="self"),
    "openai_like": Place("openai", hosting="self"),
}


def read_litellm_models(text: str) -> tuple[tuple[Provider, ...], list[str]]:
    """The providers of a config, and what was left out and why; BadInput where there is no `model_list` or no provider
    can be read from it.
    """
    document, _ = read_yaml(text, "the LiteLLM config")
    entries = document.get("model_list") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise BadInput("The LiteLLM config has no model_list; paste the whole config.yaml of the proxy.")
    tables: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    left_out = []
    for number, entry in enumerate(entries, start=1):
        try:
            _add(entry, tables)
        except ValueError as reason:
            left_out.append(f"entry {number}: {reason}")
    found = []
    for table in _named(tables):
        try:
            found.append(checked_provider(table, "the LiteLLM config"))
        except BadInput as reason:
            left_out.append(f"{', '.join(offer['model'] for offer in table['models'])}: {str(reason).rstrip('.')}")
    if not found:
        raise BadInput(f"No entry of the model_list can be called from here: {'; '.join(left_out[:3])}.")
    return tuple(found), left_out


def _add(entry: Any, tables: dict[tuple[str, str, str | None], dict[str, Any]]) -> None:
    """One deployment, put with the others of its endpoint. ValueError says why it cannot be."""
    given = entry.get("litellm_params") if isinstance(entry, dict) else None
    if not isinstance(given, dict) or not isinstance(given.get("model"), str):
        raise ValueError("it has no litellm_params with a model")
    prefix, upstream = _split(given["model"])
    place = PLACES.get(prefix)
    if place is None:
        raise ValueError(f"Baton has no protocol for {prefix}; declare an endpoint of it that speaks OpenAI's")
    base_url = str(given.get("api_base") or place.base_url)
    if not base_url:
        raise ValueError(f"{prefix} needs an api_base")
    if base_url.startswith(ENVIRON):
        raise ValueError(f"its api_base is in a variable ({base_url.removeprefix(ENVIRON)[:60]}); write the address")
    if upstream in ("", "*"):
        raise ValueError("it names no model; name each that may be called")
    key = _key(given.get("api_key"))
    info = entry.get("model_info")
    stated = {**(info if isinstance(info, dict) else {}), **given}
    offer = _offer(str(entry.get("model_name") or upstream), upstream, stated)
    if base_url == PLACES["openai"].base_url:
        offer["output_field"] = "max_completion_tokens"  # OpenAI's own models take no other
    table = tables.setdefault(
        (place.protocol, base_url, key),
        {
            "name": prefix,
            "base_url": base_url,
            "protocol": place.protocol,
            "key_env": key,
            "hosting": place.hosting,
            "models": [],
            **_limits(given),
        },
    )
    known = next((one for one in table["models"] if one["model"] == offer["model"]), None)
    if known is None:
        table["models"].append(offer)
    elif known["upstream"] != upstream:
        raise ValueError(f"{offer['model']} stands for {known['upstream']} there already; a policy needs one of them")


def _split(model: str) -> tuple[str, str]:
    """`openrouter/meta/llama` is OpenRouter's `meta/llama`; a bare name is OpenAI's."""
    prefix, slash, rest = model.partition("/")
    return (prefix, rest) if slash else ("openai", model)


def _key(given: Any) -> str | None:
    """The variable of a key. A key written down is not repeated, and its variable has to be named afterwards."""
    if given is None or str(given) in ("", "none"):
        return None
    if not str(given).startswith(ENVIRON):
        raise ValueError(f"its api_key is written down; put it into a variable and write {ENVIRON}NAME")
    return str(given).removeprefix(ENVIRON)


def _offer(name: str, upstream: str, given: dict[str, Any]) -> dict[str, Any]:
    """The model under the name that policies use, with the prices that the config states."""
    prices = {
        ours: price * MILLION
        for theirs, ours in (
            ("input_cost_per_token", "input_usd_per_mtok"),
            ("output_cost_per_token", "output_usd_per_mtok"),
        )
        if (price := _number(given.get(theirs))) is not None
    }
    return {"model": name, "upstream": upstream, **prices}


def _limits(given: dict[str, Any]) -> dict[str, Any]:
    limits = {"requests_per_minute": given.get("rpm"), "tokens_per_minute": given.get("tpm")}
    found = {name: _number(value) for name, value in limits.items()}
    return {name: float(value) for name, value in found.items() if value is not None and value > 0}


def _number(value: Any) -> Decimal | None:
    """A number as it stands in YAML, where `3e-06` is a text; None for what is none, or below zero."""
    try:
        read = None if value is None or isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        return None
    return read if read is not None and read.is_finite() and read >= 0 else None


def _named(tables: dict[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    """Endpoints under names of their own: a second one of a provider gets a number."""
    used: dict[str, int] = {}
    for table in tables.values():
        plain = re.sub(r"[^a-z0-9._-]", "-", table["name"].lower())
        used[plain] = used.get(plain, 0) + 1
        table["name"] = plain if used[plain] == 1 else f"{plain}-{used[plain]}"
    return list(tables.values())
