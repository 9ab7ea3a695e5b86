"""Texts of a log that may be JSON."""

from __future__ import annotations

import json


def value_of(text: str) -> object:
    """A text's value where it is JSON; None for anything else, also for what nests deeper than anybody reads."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
