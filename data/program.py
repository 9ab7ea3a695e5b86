"""What a person types to call Baton: `python -m data ...` in the repository's folder, as every text has it, or the
installed program's name in its place.
"""

from __future__ import annotations

import re

ROOMS = ("data", "analytics", "simulations", "routing", "pages")
_IN_REPOSITORY = re.compile(rf"\bpython -m (?=(?:{'|'.join(ROOMS)})\b)")
_called = ["python -m"]


def call_it(name: str) -> None:
    """From here on texts say `name data ...`: this process was started by an installed program."""
    _called[0] = name


def as_called(text: str) -> str:
    """A text with its commands as who reads it can type them."""
    return _IN_REPOSITORY.sub(f"{_called[0]} ", text)
