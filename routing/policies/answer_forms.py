"""Forms of an answer that somebody typed, a regular expression or a JSON schema: refused before a run pays for it."""

from __future__ import annotations

import re
import warnings
from typing import Any


def check_pattern(pattern: str) -> None:
    """ValueError where a text is no regular expression."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a pattern that Python may read otherwise one day is a pattern today
            re.compile(pattern)
    except re.error as error:
        raise ValueError(f"/{pattern}/ is no regular expression: {error}") from error


def check_schema(schema: dict[str, Any]) -> None:
    """ValueError where a mapping is no JSON schema (draft 2020-12)."""
    import jsonschema  # only what has one waits for it

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"it is no JSON schema: {error.message}") from error
