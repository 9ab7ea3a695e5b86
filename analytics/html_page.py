"""Pages that leave the house as files: one template each, one style sheet, and numbers written as everywhere.

A page holds everything it needs: no script, no font, no request; it follows the reader's light or dark theme and
prints on white.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data import wording
from data.wording import day, odds, share, usd, usd_cents, usd_change, visible

TEMPLATES = Path(__file__).parent / "templates"


def style() -> str:
    """The one style sheet of pages that leave the house."""
    return (TEMPLATES / "page.css").read_text(encoding="utf-8")


def page(template: str, **values: Any) -> str:
    """A page of this house from its template."""
    return _environment().get_template(template).render(**values)


def _shown(value: object) -> object:
    """What a template writes: text from data as a reader sees it, markup of ours as it is."""
    return visible(value) if type(value) is str else value


@lru_cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "usd": usd,
        "cents": usd_cents,
        "change": usd_change,
        "share": share,
        "odds": odds,
        "day": day,
        "md": wording.markdown,
    }
    return made
