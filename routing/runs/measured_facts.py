"""What a run learned about models, for the simulations: quality, how often a cascade accepts an answer, length of
answers, tokens for the same words.

Everything carries its run, its day and its number of samples. How often a model fails and how long it takes need no
fact of their own: the ledger rows of the run say it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from data import wording
from data.errors import NoData
from data.facts.models import Ratio, Score, current, save_edit
from data.state import State
from routing.grading.statistics import Interval, wilson
from routing.runs.spec import checked_spec
from routing.runs.store import attempts, read_run, results

LIVE, LAST = "live lab", "last of the cascade"
# Fewer graded tasks than this say nothing about a model; shares and lengths scatter more.
ENOUGH, MANY = 5, 20
RESAMPLES = 2000
LOGGED, ROWS = "as the log has it", "the ledger, with its calls"
FACT_WORDS = {
    "verbosity": "answer length against the first model",
    "tokenizer": "input tokens for the same words against the first model",
}
READ = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h")


def measured_quality(state: State, run_id: str) -> dict[str, list[Score]]:
    """Scores per model, by task type and overall, from the graded answers it gave by itself.

    A cascade's survivors are a selected sample of tasks and say nothing about one model, so they are left out.
    The scale is the task set: scores of different sets must not be compared.
    """
    tasks = checked_spec(read_run(state, run_id)["spec"]).tasks
    grades: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for result in results(state, run_id):
        if result["passed"] is None or result["model"] is None or result["way"] not in ("use", "vote", "split"):
            continue
        for key in {result["task_type"], "overall"} - {"unknown"}:
            grades[result["model"], key].append(result["passed"])
    origin = {"scale": f"{LIVE}, task set {tasks.name} {tasks.digest}", **_origin(run_id), "tier": "measured"}
    scores: dict[str, list[Score]] = defaultdict(list)
    for (model, key), passed in sorted(grades.items()):
        if len(passed) >= ENOUGH:
            scores[model].append(Score(task=key, value=sum(passed) / len(passed), samples=len(passed), **origin))
    return dict(scores)


def measured_acceptance(state: State, run_id: str) -> dict[str, tuple[float, int]]:
    """Per model the share of its answers that a cascade accepted, and of how many; the last of a cascade has nobody
    after it and does not count.
    """
    rules = {policy.name: policy.rules for policy in checked_spec(read_run(state, run_id)["spec"]).policies}
    said: dict[str, list[bool]] = defaultdict(list)
    for result in results(state, run_id):
        if result["way"] == "cascade":
            last = rules[result["policy"]][result["rule"]].cascade[-1]
            for stage in result["stages"]:
                if stage["confidence"] is not None and stage["target"] != last and stage["reason"] != LAST:
                    said[stage["target"].partition("@")[0]].append(stage["accepted"])
    return {
        model: (sum(accepted) / len(accepted), len(accepted))
        for model, accepted in said.items()
        if len(accepted) >= MANY
    }


class Speed(NamedTuple):
    """One model in a run: attempts, the share that failed with its 95 % interval, ms of half and of 95 % of answers."""

    attempts: int
    failure_share: float
    interval: Interval
    p50_ms: float | None
    p95_ms: float | None


def measured_verbosity(state: State, run_id: str) -> dict[str, Ratio]:
    """Output tokens over those of the run's first model, on tasks that every model answered alone, to its end."""
    return _ratios(state, run_id, lambda used: (used["output"] or 0) + (used["reasoning"] or 0))


def measured_tokenizer(state: State, run_id: str) -> dict[str, Ratio]:
    """Input tokens over those of the run's first model for the same words, on the same tasks."""
    return _ratios(state, run_id, lambda used: sum(used[kind] or 0 for kind in READ))


def _ratios(state: State, run_id: str, count: Callable[[dict[str, Any]], int]) -> dict[str, Ratio]:
    """A count of tokens over that of the run's first model, on tasks that every model answered alone, to its end."""
    tokens = {
        a["call_id"]: a["tokens"]
        for a in attempts(state, run_id)
        if a["status"] == "success" and a["purpose"] == "answer"
    }
    lengths: dict[str, dict[tuple[str, int], int]] = defaultdict(dict)
    policies = [policy.name for policy in checked_spec(read_run(state, run_id)["spec"]).policies]
    for result in sorted(results(state, run_id), key=lambda result: policies.index(result["policy"])):
        used = tokens.get(result["call_id"], {})
        if (
            result["way"] in ("use", "split")
            and result["attempts"] == 1
            and result["finish"] == "stop"
            and used.get("output")
        ):
            lengths[result["model"]][result["task_id"], result["repeat"]] = count(used)
    common = sorted(set.intersection(*(set(of) for of in lengths.values()))) if lengths else []
    if len(lengths) < 2 or len(common) < MANY or not all(sum(of[key] for key in common) for of in lengths.values()):
        return {}
    table = {model: np.array([of[key] for key in common], float) for model, of in lengths.items()}
    reference = next(iter(table.values()))
    draws = np.random.default_rng(0).integers(0, len(common), size=(RESAMPLES, len(common)))
    made = {}
    for model, counts in table.items():
        low, high = np.quantile(counts[draws].sum(1) / reference[draws].sum(1), [0.025, 0.975])
        made[model] = Ratio(
            value=counts.sum() / reference.sum(), low=low, high=high, samples=len(common), **_origin(run_id)
        )
    return made


def measured_speed(state: State, run_id: str) -> dict[str, Speed]:
    """How often each model failed and how long its answers took, from every attempt at an answer that ended."""
    tried: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for attempt in attempts(state, run_id):
        if attempt["status"] != "running" and attempt["purpose"] in ("answer", "sample"):
            tried[attempt["model"]].append(attempt)
    found = {}
    for model, made in sorted(tried.items()):
        waits = [a["latency_ms"] for a in made if a["status"] == "success" and a["latency_ms"] is not None]
        failed = sum(a["status"] == "error" for a in made)
        half, late = np.quantile(waits, [0.5, 0.95]).tolist() if waits else (None, None)
        found[model] = Speed(len(made), failed / len(made), wilson(failed, len(made)), half, late)
    return found


def take_over_rows(state: State, run_id: str) -> list[dict[str, str]]:
    """What a run measured of each model, beside what is known now, in words; what it cannot say is left out."""
    catalog, found = current(state), []
    speed, quality = measured_speed(state, run_id), measured_quality(state, run_id)
    ratios = {"verbosity": measured_verbosity(state, run_id), "tokenizer": measured_tokenizer(state, run_id)}

    def add(model: str, fact: str, now: str, measured: str, count: int, where: str) -> None:
        found.append(
            {"Model": model, "Fact": fact, "Known now": now, "Measured": measured, "n": f"{count:,}", "Goes to": where}
        )

    for model, scores in quality.items():
        for score in (s for s in scores if s.task == "overall"):
            known = next((s for s in (catalog[model].quality if model in catalog else ()) if s.task == "overall"), None)
            now = f"{wording.share(known.value)} {known.tier}, {known.date}" if known else "unknown"
            low, high = wilson(score.value * (score.samples or 0), score.samples or 0)
            span = f"{wording.share(score.value)} ({wording.share(low)} to {wording.share(high)})"
            add(model, "quality", now, span, score.samples or 0, "model facts, on this task set's scale")
    for fact, of_models in ratios.items():
        for model, ratio in of_models.items():
            known = getattr(catalog[model], fact) if model in catalog else None
            now = f"{known.value:.2f} ({known.source}, {known.date})" if known else "unknown"
            span = f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
            add(model, FACT_WORDS[fact], now, span, ratio.samples or 0, "model facts")
    for model, told in speed.items():
        span = f"{wording.share(told.interval[0])} to {wording.share(told.interval[1])}"
        add(model, "failures", LOGGED, f"{wording.share(told.failure_share)} ({span})", told.attempts, ROWS)
        if told.p50_ms is not None:
            wait = f"{wording.milliseconds(told.p50_ms)}, P95 {wording.milliseconds(told.p95_ms)}"
            add(model, "latency, median", LOGGED, wait, told.attempts, ROWS)
    return found


def save_measured(state: State, run_id: str) -> dict[str, list[Score]]:
    """Keep what a run measured as model facts; returns the quality that was kept.

    Quality stands beside what is known on other scales. A borrowed answer length stays: it can be compared with
    models outside the run.
    """
    quality, accepted, length, words = (
        measured_quality(state, run_id),
        measured_acceptance(state, run_id),
        measured_verbosity(state, run_id),
        measured_tokenizer(state, run_id),
    )
    if not (quality or accepted or length or words):
        raise NoData(
            f"The run {run_id} graded fewer than {ENOUGH} unselected answers per model; run more tasks before "
            "taking its quality over."
        )
    for model in sorted({*quality, *accepted, *length, *words}):
        catalog = current(state)
        known = catalog.get(model)
        scores = quality.get(model, [])
        changes: dict[str, Any] = {}
        if scores:
            new = {(score.scale, score.task) for score in scores}
            kept = [score for score in (known.quality if known else ()) if (score.scale, score.task) not in new]
            changes["quality"] = [score.model_dump(mode="json") for score in (*kept, *scores)]
        if model in accepted:
            share, count = accepted[model]
            changes |= {
                "acceptance": share,
                "sources": {**(known.sources if known else {}), "acceptance": f"{LIVE}, run {run_id}, {count} answers"},
            }
        if model in length and (known is None or known.verbosity is None or known.verbosity.source.startswith(LIVE)):
            changes["verbosity"] = length[model].model_dump(mode="json")
        if model in words:
            changes["tokenizer"] = words[model].model_dump(mode="json")
        if changes:
            save_edit(state, model, changes)
    return quality


def _origin(run_id: str) -> dict[str, str]:
    return {"source": f"{LIVE}, run {run_id}", "date": f"{datetime.now(UTC):%Y-%m-%d}"}
