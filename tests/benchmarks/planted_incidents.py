"""Incidents with chains, silent changes of a model, a source gone quiet, a price change and the end of a model ahead:
planted, and what is told.

Part of `python -m tests.benchmarks.planted_truth`. What else is told of the week counts as a false alarm.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analytics.anomalies import anomaly_search, incidents, silent_changes
from analytics.forecasts import price_changes, retirements
from analytics.scope import Scope
from data.facts.models import save_edit
from data.ledger import Ledger
from data.prices.contracts import OVERRIDES
from data.state import State
from tests.analytics import planted

DAYS, FAILS_SINCE, QUIET_DAYS = 70, 10, 5
CHANGE_DAYS, CHANGED_SINCE = 150, 21
AHEAD = planted.END + timedelta(days=30)
OTHER = "other-gateway"


class Told(NamedTuple):
    """What Baton says of a plant, whether it is right, and how much else it says."""

    plant: str
    seed: int
    says: str
    hit: bool
    others: int


def loaded(home: str, rows: pd.DataFrame) -> Ledger:
    ledger = Ledger.open(Path(home))
    planted.load(ledger, rows)
    return ledger.at(ledger.snapshot())


def week_of(view: Ledger) -> tuple[incidents.Incident, ...]:
    week = Scope.of(view, planted.END - timedelta(days=7), planted.END)
    return incidents.incidents(view, week, anomaly_search.findings(view, week).anomalies)


def failing_model(home: str, seed: int) -> Told:
    """minimax-m2 fails for one feature, whose work falls back to gpt-5.2: one item, the chain in it."""
    view = loaded(home, planted.usage("failing model", days=DAYS, since=FAILS_SINCE, seed=seed))
    found = week_of(view)
    hits = [
        one
        for one in found
        if one.title.startswith("minimax-m2 fails")
        and "went to gpt-5.2" in one.story
        and abs((one.start - planted.END).days + FAILS_SINCE) <= 1
    ]
    first = hits[0] if hits else None
    return Told(
        "failing model",
        seed,
        f"{first.title}; {first.story}" if first else "nothing",
        bool(hits),
        len(found) - len(hits),
    )


def quiet_source(home: str, seed: int) -> Told:
    """One of two gateways stops five days before the end: told as silence, and its days as no fall of spend."""
    rows = planted.usage("quiet", days=DAYS, since=7, seed=seed)
    other = rows["team"] == "support"
    late = rows["requested_at"] >= pd.Timestamp(planted.END - timedelta(days=QUIET_DAYS))
    rows["source"] = rows["source"].mask(other, OTHER)
    view = loaded(home, rows[~(other & late)])
    found = week_of(view)
    hits = [one for one in found if one.kind == "silence" and OTHER in one.title]
    day = planted.END - timedelta(days=QUIET_DAYS)
    right = bool(hits) and hits[0].start == day
    return Told("quiet source", seed, hits[0].title if hits else "nothing", right, len(found) - len(hits))


def silent_change(home: str, seed: int, plant: str, measure: str, factor: float) -> Told:
    """gpt-5.2 answers otherwise in both features that use it: whose change, which measure, its day within a week."""
    rows = planted.usage(plant, days=CHANGE_DAYS, since=CHANGED_SINCE, seed=seed)
    found = silent_changes.silent_changes(loaded(home, rows), State.open(home))
    day = planted.END - timedelta(days=CHANGED_SINCE)
    hits = [
        one
        for one in found
        if (one.model, one.measure, one.whose) == ("gpt-5.2", measure, "provider")
        and abs((one.on - day).days) <= 7
        and abs(one.after / one.before / factor - 1) < 0.1
    ]
    says = "; ".join(one.title for one in hits) or "nothing"
    return Told(plant, seed, says, {one.task_type for one in hits} == {"chat", "summarisation"}, len(found) - len(hits))


def longer_answers(home: str, seed: int) -> Told:
    """Answers of gpt-5.2 grow by half at equal prompts."""
    return silent_change(home, seed, "longer answers of a model", "output_tokens", 1.5)


def slower_model(home: str, seed: int) -> Told:
    """gpt-5.2 takes twice as long."""
    return silent_change(home, seed, "slower model", "latency_ms", 2.0)


def worse_model(home: str, seed: int) -> Told:
    """Scores of gpt-5.2 fall by a tenth."""
    return silent_change(home, seed, "worse answers of a model", "score", 0.8 / 0.9)


def own_change(home: str, seed: int) -> Told:
    """Prompts and answers of one feature both grow: a change, and ours."""
    rows = planted.usage("longer prompts and answers", days=CHANGE_DAYS, since=CHANGED_SINCE, seed=seed)
    found = silent_changes.silent_changes(loaded(home, rows), State.open(home))
    hits = [one for one in found if (one.model, one.task_type, one.whose) == ("gpt-5.2", "chat", "ours")]
    says = "; ".join(one.title for one in hits) or "nothing"
    return Told("longer prompts and answers", seed, says, bool(hits), len(found) - len(hits))


def quiet_changes(seed: int) -> int:
    """Silent changes told of a year in which nothing happened, asked as of the end of every month of it."""
    with tempfile.TemporaryDirectory() as home:
        view, state = loaded(home, planted.usage("quiet", days=365, since=7, seed=seed)), State.open(home)
        ends = [planted.END - timedelta(days=28 * months) for months in range(9)]
        told = {
            (one.model, one.task_type, one.measure, one.on)
            for end in ends
            for one in silent_changes.silent_changes(view, state, end)
        }
    return len(told)


def price_change_ahead(home: str, seed: int) -> Told:
    """A contract that halves gpt-5.2 in a month: its date and its dollars a month, within a twentieth."""
    view = loaded(home, planted.usage("quiet", days=DAYS, since=7, seed=seed))
    state = State.open(home)
    OVERRIDES.save(state, "deal", {"provider": "openai", "discount": "0.5", "start": AHEAD.isoformat()})
    found = price_changes.announced_changes(view, state, Scope.of(view))
    truth = -0.5 * _a_month(view, "gpt-5.2")
    right = [one for one in found if one.on == AHEAD and abs(one.usd_month / truth - 1) < 0.05]
    return Told("price change ahead", seed, found[0].text if found else "nothing", bool(right), len(found) - len(right))


def end_ahead(home: str, seed: int) -> Told:
    """minimax-m2 ends in a month and nobody is named to take over: its dollars at risk."""
    view = loaded(home, planted.usage("quiet", days=DAYS, since=7, seed=seed))
    state = State.open(home)
    save_edit(state, "minimax-m2", {"life": {"retires": AHEAD.isoformat(), "source": "planted", "date": "2026-11-01"}})
    found = retirements.endings(view, state, Scope.of(view))
    truth = _a_month(view, "minimax-m2")
    right = [one for one in found if one.is_at_risk and one.on == AHEAD and abs(one.usd_month / truth - 1) < 0.05]
    return Told(
        "end of a model ahead", seed, found[0].text if found else "nothing", bool(right), len(found) - len(right)
    )


def _a_month(view: Ledger, model: str) -> float:
    """USD a month of a model in the last four weeks, by plain SQL."""
    start = planted.END - timedelta(days=28)
    query = f"SELECT sum(cost_usd)::DOUBLE AS usd FROM {view.name('usage')} WHERE model = '{model}'"
    return float(view.sql(f"{query} AND requested_at >= '{start}'")["usd"][0]) / 28 * 365 / 12


PLANTS: tuple[Callable[[str, int], Told], ...] = (
    failing_model,
    longer_answers,
    slower_model,
    worse_model,
    own_change,
    quiet_source,
    price_change_ahead,
    end_ahead,
)


def judged(seeds: tuple[int, ...]) -> list[Told]:
    found = []
    for plant in PLANTS:
        for seed in seeds:
            with tempfile.TemporaryDirectory() as home:
                found.append(plant(home, seed))
            print(*found[-1], sep=" | ", flush=True)
    return found


def table(told: list[Told]) -> list[str]:
    """The section of docs/planted-truth.md."""
    lines = [
        "## Incidents, silent changes, quiet sources, and what is announced",
        "",
        "A failing model must be one item with its fallback in the chain. A silent change must be called the",
        "provider's in every kind of work, its day within a week and its size within a tenth; one that came with other",
        "prompts must be called ours. A quiet source must be named from its first silent day; a price change and the",
        "end of a model must be told with their dollars a month within 5%.",
        "",
        "| planted | seed | told | | other items |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.plant} | {one.seed} | {one.says} | {'hit' if one.hit else '**miss**'} | {one.others} |" for one in told
    ]
    hits, others = sum(one.hit for one in told), sum(one.others for one in told)
    return [*lines, "", f"{hits} of {len(told)} hit, {others} other items.", ""]
