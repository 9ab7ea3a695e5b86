"""One record in editions: the same facts, chosen for whom they are for, as one offline HTML page or as Markdown."""

from __future__ import annotations

from typing import Any, NamedTuple

from analytics.html_page import page
from data import wording
from data.version import BATON
from simulations.decisions.record import SECTIONS, Decision, Fact, Section


class Edition(NamedTuple):
    """Whom it is for, the sections of facts in their order, and which lists stand beside them."""

    label: str
    sections: tuple[Section, ...]
    alternatives: bool = True
    compliance: bool = True
    assumptions: bool = True


EDITIONS: dict[str, Edition] = {
    "whole": Edition("Everything", tuple(SECTIONS)),
    "ceo": Edition("For the chief executive", ("money", "quality"), compliance=False, assumptions=False),
    "cfo": Edition("For finance", ("money", "operation", "work"), compliance=False),
    "legal": Edition("For Legal", ("exposure", "work", "quality"), alternatives=False, assumptions=False),
    "engineering": Edition("For engineering", ("work", "speed", "quality", "operation", "exposure", "money")),
}


def html(decision: Decision, edition: str = "whole") -> str:
    """The record as a page that needs no network and prints on A4."""
    return page("decision.html", **_shown(decision, edition))


def markdown(decision: Decision, edition: str = "whole") -> str:
    """The record as Markdown."""
    return page("decision.md", **_shown(decision, edition))


def facts_by_section(decision: Decision, edition: str = "whole") -> list[tuple[str, list[Fact]]]:
    """The facts of an edition by section, sections without any left out."""
    chosen = EDITIONS[edition].sections
    found = [(SECTIONS[name], [fact for fact in decision.told.facts if fact.section == name]) for name in chosen]
    return [(heading, facts) for heading, facts in found if facts]


def stands_on(decision: Decision) -> str:
    """What a record was told from: days, coverage, data version, and who recorded it when."""
    told = decision.told
    days = f"From {told.origin}. "
    return (
        f"{days}Data version {told.data_version}, {BATON}. Recorded by {decision.by or 'somebody'} on "
        f"{wording.day(decision.at[:10])}, facts {decision.digest}."
    )


def signature_lines(decision: Decision) -> list[str]:
    """Its signatures, in words; what it waits for first."""
    told = []
    if decision.standing == "open":
        missing = decision.approvers - len({one.by for one in decision.signatures if one.facts == decision.digest})
        told.append(f"Waits for {wording.count_of(missing, 'signature')}.")
    for one in decision.signatures:
        when = f"{wording.day(one.at[:10])}, {one.at[11:16]} UTC"
        why = f": {one.reason}" if one.reason else ""
        other = "" if one.facts == decision.digest else f" (of other facts, {one.facts}: it does not count)"
        told.append(f"{one.by} {one.verdict} it on {when}{why}{other}.")
    return told


def _shown(decision: Decision, edition: str) -> dict[str, Any]:
    chosen = EDITIONS[edition]
    return {
        "d": decision,
        "edition": chosen,
        "groups": facts_by_section(decision, edition),
        "stands_on": stands_on(decision),
        "signed": signature_lines(decision),
        "review": wording.day(decision.review_on) if decision.review_on else "",
    }
