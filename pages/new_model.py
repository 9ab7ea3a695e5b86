"""New model: does this week's release concern us?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from analytics.scope import Scope
from data.errors import NoData
from data.ledger import Ledger
from pages.parts.new_model import triage_result
from pages.parts.new_model.question import facts_editor, question
from pages.ui import exports, filters, recording, scenarios, shell
from pages.ui import format as fmt
from simulations.decisions import drafts
from simulations.scenario import read_scenario, saved_scenarios
from simulations.triage import TriageScenario, triage

QUESTION = "A new model is out: does it concern us?"
BRIEF, PAGE = "Example: Claude Opus 4.6 is out", "pages/new_model.py"


def from_log(view: Ledger, title: Any) -> None:
    """A model of the log against the new one, at the log's own volume."""
    scope = filters.scope_bar(view, default="12m")
    try:
        scenario, answer = question(view, scope)
    except NoData as error:
        with title:
            shell.header(QUESTION, view)
        st.info(fmt.md(str(error)))
        return
    result = triage(scenario)
    with title:
        shell.header(triage_result.title(scenario, result), view)
    with answer:
        triage_result.kpis(result, scenario.requests_per_year)
        triage_result.gates(result)
    triage_result.plan(scenario, result)
    facts_editor(scenario.candidate.model)
    scenarios.keep(scenario, PAGE, key="log")
    with st.container(horizontal=True, vertical_alignment="center"):
        keep_decision(view, scenario, result, scope)
        filters.link("pages/mix.py", "See it in the mix", ":material/tune:", scope)
        filters.link("pages/lab.py", "Grade it on own tasks", ":material/science:", scope)
        shell.snapshot_link(view)


def from_figures(view: Ledger, title: Any) -> None:
    """A triage with typed figures: the brief's new model to start from."""
    name, scenario = scenarios.start(TriageScenario, {BRIEF: "new_model"})
    result = triage(scenario)
    with title:
        shell.header(triage_result.title(scenario, result), view, stated=True)
    triage_result.kpis(result, scenario.requests_per_year)
    triage_result.gates(result)
    scenarios.figures(TriageScenario, name, scenario)
    triage_result.plan(scenario, result)
    scenarios.keep(scenario, PAGE, key="typed")
    keep_decision(view, scenario, result, None)


def keep_decision(view: Ledger, scenario: TriageScenario, result: dict[str, Any], scope: Scope | None) -> None:
    """The button that puts the triage on the record."""
    told = triage_result.title(scenario, result)
    recording.record_button(
        lambda: drafts.of_triage(result, told, QUESTION, recording.ground(view, "new-model", scope)), key="new_model"
    )


def side_by_side(view: Ledger, title: Any) -> None:
    """Saved triages in one table."""
    known = {BRIEF: read_scenario("new_model", TriageScenario, "triage")} | saved_scenarios(TriageScenario).all(
        shell.state()
    )
    rows = [
        {
            "scenario": name,
            "decision": r["decision"],
            "saving": r["projected_savings_usd"],
            "capability": r["capability_delta"],
            "samples": r["samples"],
            "reason": r["reasons"][0],
        }
        for name, scenario in known.items()
        for r in (triage(scenario),)
    ]
    counts = {decision: sum(row["decision"] == decision for row in rows) for decision in triage_result.VERBS}
    with title:
        shell.header(
            f"{len(rows)} new model{'s' * (len(rows) > 1)}: "
            + ", ".join(f"{n} to {triage_result.VERBS[d].lower()}" for d, n in counts.items() if n),
            view,
            stated=list(known) == [BRIEF],
        )
    labels = {
        "scenario": "Scenario",
        "decision": "Decision",
        "saving": "Saving a year",
        "capability": "Capability",
        "samples": "Samples",
        "reason": "First reason",
    }
    exports.table(
        pd.DataFrame(rows), name="triages", units={"saving": "USD whole", "capability": "share"}, labels=labels
    )
    scenarios.forget(TriageScenario)


view = shell.view()
title = st.container()
mode = scenarios.mode_of(shell.standing(view) is not None)
if mode == scenarios.LOG:
    shell.needs_data(view, QUESTION)
{scenarios.LOG: from_log, scenarios.TYPED: from_figures, scenarios.SAVED: side_by_side}[mode](view, title)
