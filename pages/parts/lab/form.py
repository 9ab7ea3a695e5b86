"""The live lab's form of a new run."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import streamlit as st

from analytics.scope import Scope
from data.errors import BadInput
from pages.parts.lab import tasks as lab_tasks
from pages.parts.lab.candidates import AS_LOGGED, Tryable, tryable
from pages.parts.savings.findings import requests_asked
from pages.ui import filters, period, place, shell, what_if
from pages.ui import format as fmt
from routing.calling.declarations import saved_providers
from routing.grading.saved_task_sets import spread
from routing.grading.tasks import TaskSet, shipped_tasks
from routing.local_models import missing
from routing.policies.in_force import under
from routing.runs.launch import launch
from routing.runs.ledger_tasks import (
    ANSWER_TOKENS,
    kept_prompts,
    like_the_log,
    requests_by_task_type,
    sampled_tasks,
)
from routing.runs.run_command import build_spec
from routing.runs.spec import checked_spec, providers_of_run
from routing.runs.store import create_run, refuse_second


@st.fragment(run_every=2)
def offer_local() -> None:
    """The first step for a newcomer: a real model, free, without a key. The page goes on by itself once it is there."""
    st.write(
        "Try a routing policy on real models, under a spend cap, and see what it does to quality and cost. In"
        " Baton's folder, in another terminal:"
    )
    st.code("make local-models", language=None)
    note = (
        "It starts a small language model on this machine: no key, no account, no cost. Leave it running; this "
        "page goes on as soon as it answers."
    )
    st.caption(note + (" Its packages are not installed yet; the command installs them first." if missing() else ""))
    st.caption("A key or an endpoint of your own? Declare it under Providers.")
    if saved_providers(shell.state()):
        st.rerun()


class Wishes(NamedTuple):
    """What the form of a new run says."""

    policies: list[str]
    source: str
    tasks: int
    answer_tokens: int
    judge: str
    judge_pairs: bool
    max_usd: float
    minutes: int
    concurrency: int
    margin_points: int
    repeats: int
    name: str
    record: bool


def new_run() -> None:
    """Choose policies, tasks and limits, and start."""
    providers = saved_providers(shell.state())
    models = list(dict.fromkeys(o.model for p in providers for o in p.models))
    known, first = tryable(providers)
    asked = place.read("policy")
    predicted = _prediction(asked) if asked in known else {}
    work = _work_asked(asked in known)
    if asked in first and work is not None and _keeps_prompts(work):
        first = [AS_LOGGED.name, *first]  # the verdict is about a change, so what it changes stands beside it
    wishes = _wishes(known, first, models, work)
    if wishes is None:
        return
    with shell.errors():
        if not wishes.policies:
            raise BadInput("Choose at least one policy to try.")
        spec = build_spec(
            [under(shell.state(), known[name].policy) for name in wishes.policies],
            _tasks(wishes, work),
            providers,
            name=wishes.name,
            max_usd=f"{wishes.max_usd:.6f}",
            max_minutes=wishes.minutes,
            concurrency=wishes.concurrency,
            margin=wishes.margin_points / 100,
            repeats=wishes.repeats,
            record=wishes.record,
            judge=None if wishes.judge == "none" else wishes.judge,
            judge_pairs=wishes.judge_pairs,
            predicted=predicted,
        )
        providers_of_run(checked_spec(spec), what_if.catalog(shell.state()))
        start(wishes.name, spec)


def _work_asked(from_policy: bool) -> Scope | None:
    """The requests that a link asks to test: those of a finding, or the slice and period its replay was about."""
    view = shell.view()
    found = requests_asked(view)
    if found is not None or not from_policy or shell.standing(view) is None:
        return found
    return filters.narrow(view, period.chosen_days(view, "28d"))


def _wishes(known: dict[str, Tryable], first: list[str], models: list[str], work: Scope | None) -> Wishes | None:
    """The form; None until it is sent."""
    with st.form("new-run", border=True):
        chosen = st.multiselect(
            "Policies to compare",
            list(known),
            default=first,
            key="lab_policies",  # a browser keeps a choice by its label, so no label says what may change under it
            help="The first is the one the others are compared with. What cannot run yet is listed above.",
        )
        left, middle, right = st.columns(3)
        source, count, answer_tokens = _work(left, work)
        cap, minutes, concurrency = _limits(middle)
        margin, repeats, judge = _grading(right, models)
        name = st.text_input("Name of the run", "Lab run", key="lab_name", width=360)
        in_pairs = st.checkbox(
            "Let the judge compare the answers in pairs",
            key="lab_judge_pairs",
            help="Every policy's answer against the first one's: blind, in both orders, after the tasks are done. It "
            "takes a judge that no policy uses, and two short calls a pair, within the spend cap.",
        )
        record = st.checkbox("Keep every response, so that the run can be replayed without calls", key="lab_record")
        if not st.form_submit_button("Start the run", type="primary", icon=":material/play_arrow:"):
            return None
    return Wishes(
        chosen,
        source,
        count,
        answer_tokens,
        judge,
        in_pairs,
        cap,
        minutes,
        concurrency,
        margin,
        repeats,
        name,
        record,
    )


def _work(place: st.delta_generator.DeltaGenerator, work: Scope | None) -> tuple[str, int, int]:
    """Which tasks, how many, and how long an answer to a sampled one may be; samples of the `work` that a link asks to
    test stand first."""
    sets, sampled = list(lab_tasks.sets()), work is not None and _keeps_prompts(work)
    if work is not None and not sampled:
        st.caption("The log keeps no prompts of these requests; load it with --keep-text to test on samples of them.")
        sets = [*([lab_tasks.LIKE_THE_LOG] if _types(work) else []), *sets]
    source = place.selectbox(
        "Tasks",
        [lab_tasks.LOGGED, *sets] if sampled else [*sets, lab_tasks.LOGGED],
        key="lab_tasks",
        help="Import or write your own under Task sets.",
    )
    count = place.number_input(
        "How many tasks",
        1,
        5000,
        20,
        key="lab_count",
        help="Evenly spread over the set; of the ledger, over segments and dollars. 20 show a large difference only; "
        "the result says how large.",
    )
    answer_tokens = place.number_input(
        "Output tokens of a sampled task, at most",
        1,
        32_768,
        ANSWER_TOKENS,
        key="lab_answer_tokens",
        help="The log does not say how long an answer may be. The cap is reserved for so many before each call, and "
        "an answer is cut there. Tasks of a set state their own.",
    )
    return source, int(count), int(answer_tokens)


def _grading(place: st.delta_generator.DeltaGenerator, models: list[str]) -> tuple[int, int, str]:
    """The margin in points, how often each task is asked, and who grades what no rule can."""
    margin = place.number_input(
        "Margin, points",
        1,
        50,
        5,
        key="lab_margin",
        help="Stated beforehand: how much worse than the first policy still counts as good enough.",
    )
    repeats = place.number_input("Times each task is asked", 1, 20, 1, key="lab_repeats")
    judge = place.selectbox(
        "Judge",
        ["none", *models],
        key="lab_judge",
        help="The model that grades llm-rubric checks, which stay ungraded without one, and compares answers in "
        "pairs. It may be none that answers.",
    )
    return margin, repeats, judge


def _limits(place: st.delta_generator.DeltaGenerator) -> tuple[float, int, int]:
    """Dollars, minutes, and tasks at a time."""
    cap = place.number_input(
        "Spend cap, USD",
        0.0,
        10_000.0,
        0.05,
        step=0.01,
        format="%.2f",
        key="lab_cap",
        help="Reserved before each call; 0 lets free models answer only.",
    )
    minutes = place.number_input("Time limit, minutes", 1, 1800, 60, key="lab_minutes")
    return cap, minutes, int(place.number_input("Tasks at a time", 1, 100, 4, key="lab_concurrency"))


def _keeps_prompts(work: Scope) -> bool:
    view = shell.view()
    return not view.frame(kept_prompts(view, work.usage(view)).select("event_id").limit(1)).empty


def _types(work: Scope) -> dict[str, int]:
    view = shell.view()
    return requests_by_task_type(view, work.usage(view))


def _tasks(wishes: Wishes, work: Scope | None) -> TaskSet:
    """The tasks of the form: sampled from the ledger, of the work that a link asks to test or of all, or spread over a
    set, evenly or in the log's shares of task types."""
    if wishes.source == lab_tasks.LOGGED:
        view = shell.view()
        rows = work.usage(view) if work else None
        return sampled_tasks(view, wishes.tasks, rows=rows, max_tokens=wishes.answer_tokens)
    if wishes.source == lab_tasks.LIKE_THE_LOG and work is not None:
        return like_the_log(shipped_tasks(), _types(work), wishes.tasks)[0]
    return spread(lab_tasks.sets()[wishes.source], wishes.tasks)


def start(name: str, spec: dict[str, Any]) -> None:
    """Write the run down, start it beside the app and show it."""
    refuse_second(shell.state())
    run_id = create_run(shell.state(), name, spec, shell.state().actor)
    launch(shell.state(), run_id)
    st.query_params.from_dict({"run": run_id})
    st.rerun()


def _prediction(policy: str) -> dict[str, dict[str, float | str]]:
    """What the Routing page's replay said of this policy, as its link carries it."""
    said: dict[str, float] = {}
    for key, name in (("said_usd", "cost_per_task_usd"), ("said_quality", "quality")):
        with contextlib.suppress(ValueError):
            value = float(place.read(key))
            if 0 <= value < float("inf"):
                said[name] = value
        if name not in said:
            place.refuse(key)
    if not said:
        return {}
    scale = place.read("said_scale")[:120]
    parts = [f"{fmt.usd(said['cost_per_task_usd'])} a request"] if "cost_per_task_usd" in said else []
    parts += [f"quality {fmt.share(said['quality'])} on the scale “{scale}”"] if "quality" in said else []
    st.caption(
        fmt.md(
            f"The replay predicts {' and '.join(parts)} for “{policy}”; the result will be held against it. "
            "Sample the tasks from the ledger for a like comparison: other tasks have other lengths."
        )
    )
    return {policy: {**said, "scale": scale}}
