"""What only the owner of the machine decides, in the environment of the server and never in the browser.

Which environment variables are keys that may be sent to a provider and which hold the addresses that alerts go to,
which hosts may be called, which folders a path typed into a page may lead to. Each is a list of names separated by
commas; `*` and `?` stand for any characters.
"""

from __future__ import annotations

import glob
import ipaddress
import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from data import people
from data.errors import Refused

KEYS, HOSTS, FOLDERS = "BATON_KEYS", "BATON_HOSTS", "BATON_FOLDERS"
CHANNELS, KNOWN_CHANNELS = "BATON_CHANNELS", ("BATON_ALERT_*",)
KNOWN_KEYS = (
    "BATON_KEY_*",
    "AI21_API_KEY",
    "ANTHROPIC_API_KEY",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AZURE_OPENAI_API_KEY",
    "CEREBRAS_API_KEY",
    "COHERE_API_KEY",
    "DASHSCOPE_API_KEY",
    "DEEPSEEK_API_KEY",
    "FIREWORKS_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GROQ_API_KEY",
    "HF_TOKEN",
    "LITELLM_API_KEY",
    "MINIMAX_API_KEY",
    "MISTRAL_API_KEY",
    "MOONSHOT_API_KEY",
    "NVIDIA_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "PERPLEXITY_API_KEY",
    "TOGETHER_API_KEY",
    "XAI_API_KEY",
    "ZAI_API_KEY",
)
# Keys that read what an organisation used; sources may send them, live calls may not.
KNOWN_ADMIN_KEYS = ("ANTHROPIC_ADMIN_KEY", "LANGFUSE_API_KEY", "OPENAI_ADMIN_KEY", "OPENROUTER_ADMIN_KEY")
# Whom a team may call where the owner names nobody; without sign-in the owner alone sits at the page.
KNOWN_HOSTS = (
    "*.openai.azure.com",
    "api.anthropic.com",
    "api.cerebras.ai",
    "api.cohere.com",
    "api.deepseek.com",
    "api.fireworks.ai",
    "api.groq.com",
    "api.minimax.io",
    "api.mistral.ai",
    "api.moonshot.ai",
    "api.openai.com",
    "api.perplexity.ai",
    "api.together.xyz",
    "api.x.ai",
    "api.z.ai",
    "cloud.langfuse.com",
    "generativelanguage.googleapis.com",
    "integrate.api.nvidia.com",
    "openrouter.ai",
    "router.huggingface.co",
)


def key_allowed(name: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether this environment variable may be sent to a provider as its key."""
    listed = _listed(KEYS, environ)
    return _any(name, KNOWN_KEYS if listed is None else listed)


def admin_key_allowed(name: str) -> bool:
    """Whether this environment variable may be sent by a source that pulls logs and reports."""
    listed = _listed(KEYS)
    return _any(name, (*KNOWN_KEYS, *KNOWN_ADMIN_KEYS) if listed is None else listed)


def channel_allowed(name: str) -> bool:
    """Whether this environment variable may be used as the address of an alert channel."""
    listed = _listed(CHANNELS)
    return _any(name, KNOWN_CHANNELS if listed is None else listed)


def channels() -> list[str]:
    """The variables of this process that are alert channels."""
    return sorted(name for name, value in os.environ.items() if value and channel_allowed(name))


def host_allowed(host: str) -> bool:
    """Whether this host may be called: the owner's list; without one the known providers where people sign in, else
    every host that the address rules permit.
    """
    hosts = _hosts()
    return hosts is None or _any(host.lower().strip("[]"), tuple(pattern.lower() for pattern in hosts))


def private_hosts() -> tuple[str, ...]:
    """The hosts, addresses and networks that the owner lists by name: they may be private ones."""
    return tuple(entry for entry in _listed(HOSTS) or () if "*" not in entry and "?" not in entry)


def require_host(host: str) -> None:
    """Refused, with what the owner has to do, unless the host may be called."""
    if not host_allowed(host):
        raise Refused(
            f"{host} is none of the hosts that may be called from here; the owner of this machine lists it in {HOSTS}."
        )


def require_folder(path: str | Path, home: Path) -> None:
    """Refused unless a typed path, wildcards and links resolved, lies where pages may read.

    Without sign-in that is everywhere; with it, the store and the folders the owner lists.
    """
    listed = _listed(FOLDERS)
    if listed is None and not people.signing_in():
        return
    roots = [Path(folder).expanduser().resolve() for folder in (*(listed or ()), str(home))]
    found = [Path(match) for match in glob.iglob(str(path), recursive=True)] or [Path(path)]
    for match in found:
        if not any(match.expanduser().resolve().is_relative_to(root) for root in roots):
            raise Refused(
                "This path lies outside of the folders that pages may read; the owner of this machine lists its "
                f"folder in {FOLDERS}, or loads it with `python -m data ingest`."
            )


def environment_to_inherit() -> dict[str, str]:
    """What a process started from here must be told, so that it keeps the same hosts."""
    hosts = _hosts()
    return {} if hosts is None else {HOSTS: ",".join(hosts)}


def too_open() -> list[str]:
    """A sentence for each list that lets everything through."""
    meaning = {
        KEYS: "any variable of this process can be sent to a provider as its key",
        HOSTS: "any host can be called, with the keys of this machine",
        FOLDERS: "any file of this machine can be read from a page",
        CHANNELS: "any variable of this process can be taken for an address that alerts go to",
    }
    everything = {KEYS: ("*",), HOSTS: ("*",), FOLDERS: ("*", "/"), CHANNELS: ("*",)}
    return [
        f"{name} lists everything: {what}."
        for name, what in meaning.items()
        if set(_listed(name) or ()) & set(everything[name])
    ]


def _hosts() -> tuple[str, ...] | None:
    listed = _listed(HOSTS)
    return KNOWN_HOSTS if listed is None and people.signing_in() else listed


def _listed(name: str, environ: Mapping[str, str] | None = None) -> tuple[str, ...] | None:
    """The owner's list, None where there is none; an empty one allows nothing."""
    text = (environ or {}).get(name, os.environ.get(name))
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name is one of the patterns, or an address in one of the networks among them."""
    if any(fnmatchcase(name, pattern) for pattern in patterns):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any(address in network for network in _networks(patterns))


def _networks(patterns: tuple[str, ...]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    networks = []
    for pattern in patterns:
        try:
            networks.append(ipaddress.ip_network(pattern, strict=False))
        except ValueError:
            continue
    return networks
