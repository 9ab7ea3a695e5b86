"""What became of a pull, and how its troubles are told."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from data.errors import Refused
from data.loading.report import Report


class Result(NamedTuple):
    """What became of one pull: rows read, loaded, set aside; `problem` says why it stopped, "" where it did not."""

    name: str
    read: int
    loaded: int
    rejected: int
    watermark: datetime | None
    problem: str


def with_reports(done: Result, reports: list[Report]) -> Result:
    """With what became of some files; Refused with the first reason why one that is a log could not be loaded."""
    if errors := [one.error for one in reports if one.error and not one.unknown and not one.is_same_file]:
        raise Refused(errors[0])
    return done._replace(
        read=done.read + sum(one.read for one in reports),
        loaded=done.loaded + sum(one.loaded for one in reports),
        rejected=done.rejected + sum(one.rejected for one in reports),
    )


def about_source(name: str, error: Refused) -> Refused:
    """What a source said or suffered, as a sentence that names it."""
    said = str(error).rstrip(".")
    return Refused(f"{said}." if said.startswith(("The source", "The host")) else f"The source {name} {said}.")


def lost_words(lost: list[str]) -> str:
    """That a table has lost columns, and what to do, as a clause about the source."""
    return (
        f"has a table that lost the column{'s' * (len(lost) > 1)} {', '.join(lost)} since the last pull; nothing of it"
        " is kept. Forget the source and add it again if that is meant."
    )
