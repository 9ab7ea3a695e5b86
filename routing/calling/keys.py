"""Keys: read from the environment by the name of the variable, never stored, logged or shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from data import owner
from data.errors import BadInput

NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
MASK = "[key]"
SHORTEST_MASKED = 6


def checked_name(name: str) -> str:
    """The name of an environment variable; BadInput otherwise, without repeating what may be a key."""
    if not NAME.fullmatch(name):
        raise BadInput(
            "key_env must be the NAME of an environment variable, in capitals, digits and underscores "
            "(OPENAI_API_KEY), "
            "not the key itself; what was given is not repeated here."
        )
    return name


def not_a_key(provider: str, name: str) -> str:
    """Why a variable is none of those that may be sent to a provider, and what to do."""
    return (
        f"{provider} names the variable {name}, which may not be sent to a provider from here; use a name of the form "
        f"BATON_KEY_*, a provider's usual one, or let the owner of this machine list it in {owner.KEYS}."
    )


def key_for(provider: str, name: str | None, environ: Mapping[str, str] | None = None) -> str | None:
    """The provider's key, None when it needs none; BadInput names the missing variable and how to set it."""
    if name is None:
        return None
    if not owner.key_allowed(name, environ):
        raise BadInput(not_a_key(provider, name))
    key = (os.environ if environ is None else environ).get(name, "").strip()
    if not key:
        raise BadInput(
            f"{provider} needs a key: the environment variable {name} is not set; run `export {name}=...` and start "
            "again."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise BadInput(f"The key in {name} holds spaces or characters that no header can carry; copy it again.")
    return key


def mask_key(text: str, key: str | None) -> str:
    """The text without the key, wherever it appears, also when a server echoes a part of it."""
    if not key or len(key) < SHORTEST_MASKED:
        return text
    text = text.replace(key, MASK)
    # Servers like to repeat the beginning or the end of a wrong key in their error message.
    for part in (key[:12], key[-12:]):
        if len(key) > 16:
            text = text.replace(part, MASK)
    return text
