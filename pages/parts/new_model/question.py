"""What New model asks: the candidate, its scores, its facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import yaml

from analytics.scope import Scope
from data.errors import BatonError, NoData
from data.facts.models import ModelFacts, save_edit
from data.ledger import Ledger
from data.state import State
from data.version import provenance
from data.yaml_text import read_yaml
from pages.ui import exports, shell, what_if
from pages.ui import format as fmt
from simulations.mixes.caches import lost_usd
from simulations.mixes.problem_from_log import programme
from simulations.router_metrics.command import table_metrics
from simulations.router_metrics.results_table import ResultsTable, results_table
from simulations.triage import Contender, Required, Thresholds, TriageScenario

FACTS_SHOWN = (
    "vendor",
    "origin",
    "hosting",
    "open_weights",
    "hipaa_eligible",
    "gdpr_terms",
    "residency",
    "context_window",
    "modalities",
)


def graded_pairs(current: str, candidate: str) -> tuple[tuple[tuple[float, float], ...], ResultsTable | None]:
    """Pairs of scores from an uploaded results table: the same prompts answered by both models."""
    file = st.file_uploader(
        "Graded results of your own tasks (CSV or JSONL: prompt, model, correct or score, cost_usd)",
        type=["csv", "jsonl", "json"],
        key="results",
        max_upload_size=64,
    )
    if file is None:
        return (), None
    try:
        rows = (
            pd.read_json(file, lines=file.name.endswith(".jsonl"))
            if file.name.endswith(("json", "jsonl"))
            else pd.read_csv(file)
        )
        table = results_table(
            json.loads(rows.to_json(orient="records")),
            drop=st.checkbox("Leave out prompts that not every model answered"),
        )
        old, new = table.column(current), table.column(candidate)
    except ValueError as error:
        st.error(
            fmt.md(f"{file.name} is not a results table ({error}); give columns prompt, model, correct or score."),
            icon=":material/error:",
        )
    except BatonError as error:
        st.error(fmt.md(str(error)), icon=":material/error:")
    else:
        return tuple(zip(table.scores[:, old].tolist(), table.scores[:, new].tolist(), strict=True)), table
    return (), None


def typed_scores(current: ModelFacts, candidate: ModelFacts) -> tuple[float | None, float | None, int]:
    """Scores without graded results: what the facts state on one scale, or typed."""
    shared = [s.scale for s in current.quality if any(o.scale == s.scale for o in candidate.quality)]
    scores = [facts.score(shared[0]) if shared else None for facts in (current, candidate)]
    old, new = (score.value if score else None for score in scores)
    if shared:
        st.caption(
            fmt.md(
                f"Without graded results the scores are those of the scale “{shared[0]}”, which are not "
                "measured on your work."
            )
        )
    cells = st.columns(3)
    old = cells[0].number_input(
        "Mean score of the current model", 0.0, 1.0, old, 0.01, key="score_old", placeholder="unknown"
    )
    new = cells[1].number_input(
        "Mean score of the new model", 0.0, 1.0, new, 0.01, key="score_new", placeholder="unknown"
    )
    samples = cells[2].number_input("Own tasks behind these scores", 0, 1_000_000, 0, 50, key="samples")
    return old, new, int(samples)


def question(view: Ledger, scope: Scope) -> tuple[TriageScenario, Any]:
    """The scenario as the controls say, and the place for the answer; volume and costs come from the log."""
    catalog = what_if.catalog(shell.state())
    candidate, row, usd = _replacement(view, scope, list(catalog))
    current = row["model"]
    market = what_if.market(view, shell.state(), scope)
    facts, old_facts = catalog[candidate], catalog.get(current) or ModelFacts(name=current)
    answer = st.container()
    pairs, old, new, samples = _capability(old_facts, facts)
    required, thresholds = _demands()
    scenario = TriageScenario(
        kind="triage",
        name=f"{candidate} instead of {current}",
        source=provenance(view.snapshot()),
        requests_per_year=row["requests"],
        current=Contender(model=current, annual_cost_usd=row["logged_usd"], score=old),
        candidate=Contender(
            model=candidate,
            annual_cost_usd=usd,
            score=new,
            hipaa_eligible=facts.hipaa_eligible,
            residency=facts.residency,
            retires=market.end_of(candidate),
        ),
        decided_on=market.at.date(),
        graded=pairs,
        samples=samples,
        required=required,
        thresholds=thresholds,
    )
    return scenario, answer


def _replacement(view: Ledger, scope: Scope, names: list[str]) -> tuple[str, dict[str, Any], float]:
    """The new model, the row of `volumes` that it would replace, and its cost of that work in USD a year."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        candidate = st.selectbox(
            "New model", names, index=names.index("claude-opus-4-6"), key="candidate", bind="query-params", width=280
        )
        rows = volumes(view, scope, candidate)
        current = st.selectbox(
            "Instead of", [row["model"] for row in rows if row["model"] != candidate], key="instead_of", width=240
        )
        row = next(row for row in rows if row["model"] == current)
        usd = st.number_input(
            "Its cost a year on the same tokens",
            0.0,
            None,
            row["candidate_usd"],
            1000.0,
            key=f"usd_{candidate}_{current}",
            placeholder="unknown",
            help="from the price book, output length taken as equal, lost prompt caches included; change "
            "it if you know better",
        )
    if usd is None:
        raise NoData(
            f"{candidate} has no price yet, so the triage cannot weigh its cost; type its cost a year, or "
            "add a price override on Data and prices."
        )
    return candidate, row, usd


def _capability(
    current: ModelFacts, candidate: ModelFacts
) -> tuple[tuple[tuple[float, float], ...], float | None, float | None, int]:
    """Pairs of graded scores where results were given, else the two scores typed and their samples."""
    with st.expander(
        "Capability: graded results or scores", icon=":material/grading:", expanded=not st.session_state.get("samples")
    ):
        pairs, results = graded_pairs(current.name, candidate.name)
        if results:
            _results(results)
        old, new, samples = (None, None, 0) if pairs else typed_scores(current, candidate)
    return pairs, old, new, samples


def _results(results: ResultsTable) -> None:
    """Quality and cost of every model of an uploaded table."""
    said = table_metrics(results)
    rows = [
        {
            "model": m["model"],
            "quality": m["quality"],
            "cost_usd": m["cost_usd"],
            "best value": "yes" if m["pareto"] else "",
        }
        for m in said["models"]
    ]
    exports.table(pd.DataFrame(rows), name="results", units={"quality": "share", "cost_usd": "USD small"})
    st.caption(
        fmt.md(
            f"Oracle over these models {fmt.share(said['oracle']['quality'])}: the best of several "
            "noisy answers, not a goal."
        )
    )


def _demands() -> tuple[Required, Thresholds]:
    """What the new model must have, and from when on it is worth a look."""
    with (
        st.expander("Compliance and thresholds", icon=":material/rule:"),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        hipaa = st.checkbox("HIPAA eligibility required", True, key="needs_hipaa")
        known = {region for facts in what_if.catalog(shell.state()).values() for region in facts.regions()}
        residency = st.multiselect("Residency required", sorted(known), key="needs_residency", width=240)
        ratio = st.number_input("Capability at least", 0.1, 2.0, 0.9, 0.05, key="capability_ratio")
        cost = st.number_input("Cost at most", 0.1, 5.0, 1.1, 0.05, key="cost_ratio", help="times the current cost")
        least = st.number_input("Samples at least", 1, 100_000, 100, 50, key="min_samples")
    return (
        Required(hipaa_eligible=hipaa, residency=tuple(residency)),
        Thresholds(capability_ratio=ratio, cost_ratio=cost, min_samples=int(least)),
    )


def facts_editor(candidate: str) -> None:
    """The facts a triage stands on, editable; unknown stays unknown until somebody says."""
    known = what_if.catalog(shell.state())[candidate]
    with st.expander(f"Facts about {candidate}", icon=":material/fact_check:"):
        exports.table(_fact_rows(known), name=f"facts-{candidate}")
        _compliance_form(known)
        body = known.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
        typed = st.text_area(
            "Every fact as YAML",
            yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100),
            height=260,
            key=f"facts_{candidate}",
        )
        if st.button("Save every fact", icon=":material/save:", key="save_facts"):
            with shell.errors():
                save_edit(shell.state(), candidate, read_yaml(typed, f"the facts of {candidate}")[0] or {})
                st.rerun()


def _fact_rows(known: ModelFacts) -> pd.DataFrame:
    """Fact, value and source; qualities with their scale and tier."""

    def words(value: object) -> str:
        if value in (None, ()):
            return "unknown"
        return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)

    rows = [
        {"fact": name, "value": words(getattr(known, name)), "source": known.sources.get(name, "")}
        for name in FACTS_SHOWN
    ]
    rows += [
        {
            "fact": f"quality, {s.task}",
            "value": f"{fmt.share(s.value)} on {s.scale} ({s.tier}, {s.samples or 'no'} samples)",
            "source": f"{s.source}, {s.date}",
        }
        for s in known.quality
    ]
    return pd.DataFrame(rows)


def _compliance_form(known: ModelFacts) -> None:
    """The two facts Legal asks for most, saved with who says so."""
    with st.form("facts"), st.container(horizontal=True, vertical_alignment="bottom"):
        answers = {"unknown": None, "yes": True, "no": False}
        hipaa = st.selectbox("HIPAA eligible", list(answers), index=list(answers.values()).index(known.hipaa_eligible))
        residency = st.text_input("Residency, comma separated", ", ".join(known.residency or ()))
        source = st.text_input("Source of the change", placeholder="who says so, when")
        if st.form_submit_button("Save facts"):
            regions = [word.strip() for word in residency.split(",") if word.strip()] or None
            said = f"{source or 'edited in the app'}, {datetime.now(UTC):%Y-%m-%d}"
            sources = {**known.sources, "hipaa_eligible": said, "residency": said}
            with shell.errors():
                change = {"hipaa_eligible": answers[hipaa], "residency": regions, "sources": sources}
                save_edit(shell.state(), known.name, change)
                st.rerun()


@shell.cached(reads=what_if.PRICED)
def volumes(view: Ledger, state: State, scope: Scope, candidate: str) -> list[dict[str, Any]]:
    """Per logged model: requests a year, USD a year as logged, and USD a year of the same tokens on the candidate
    (None unknown), the prompt caches that the move loses included.
    """
    market = what_if.market(view, state, scope)
    made = programme(view, scope, market, (candidate,))
    task, column = made.problem, made.problem.models.index(candidate)
    present = np.unique(task.current)
    owns = [task.current == i for i in present]
    takes = np.arange(len(task.models)) == column
    mixes = [np.where(own[:, None], takes, made.current_shares).astype(float) for own in owns]
    rows = []
    for i, own, lost in zip(present, owns, lost_usd(view, made, mixes, market), strict=True):
        moved = task.cost_usd[own, column].sum() + lost
        rows.append(
            {
                "model": task.models[i],
                "requests": float(task.weights[own].sum()),
                "logged_usd": float(task.cost_usd[own, i].sum()),
                "candidate_usd": None if pd.isna(moved) else float(moved),
            }
        )
    return sorted(rows, key=lambda row: -row["logged_usd"])
