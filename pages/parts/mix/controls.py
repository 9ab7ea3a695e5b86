"""The choices behind a mix from the log: models, constraints, promises to keep, and what nobody knows yet."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from data.errors import BadInput
from pages.ui import format as fmt
from pages.ui import shell, what_if
from routing.policies import in_force
from simulations.mixes.from_log import latencies, service_records
from simulations.mixes.optimise import Demands, mean_quality
from simulations.mixes.problem_from_log import Programme
from simulations.ranges import Assumptions
from simulations.replay.reliability import Known
from simulations.replay.service import limit_terms

NO_POLICY = "no constraints"


class MixQuestion(NamedTuple):
    """What a mix is made of: targets beside the log's own, the policy whose constraints hold, the quality scale (None
    is the one that knows most)."""

    targets: tuple[str, ...]
    policy: str
    scale: str | None


def models_to_consider() -> MixQuestion:
    """The three choices that make the problem."""
    known = what_if.catalog(shell.state())
    likely = [
        name for name, facts in known.items() if any(score.tier in ("stated", "measured") for score in facts.quality)
    ]
    chosen = st.multiselect(
        "Models to consider beside those in the log", sorted(known), default=likely, key="models", bind="query-params"
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        named = [name for name, p in what_if.policies().items() if p.constraints]
        state = shell.state()
        # A link that names no policy opens under what all advice keeps to.
        first = in_force.policy_for_advice(state).name
        policy = st.selectbox(
            "Constraints of policy",
            list(dict.fromkeys([first, NO_POLICY, *named])),
            help=f"“{first}” is in force"
            if in_force.in_force(state)
            else "No policy is in force: mark one on Governance",
            key="constraints",
            bind="query-params",
            width=320,
        )
        scales = sorted({score.scale for facts in known.values() for score in facts.quality})
        scale = st.selectbox(
            "Quality scale",
            [None, *scales],
            format_func=lambda s: s or "the one that knows most",
            key="scale",
            width=230,
        )
    return MixQuestion(tuple(chosen), policy, scale)


def promises(made: Programme, known: Known) -> Demands:
    """What the mix must keep. A floor left alone is today's quality exactly, not its rounding."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        today = mean_quality(made.problem, made.current_shares)
        shown = None if today is None else round(today * 100, 2)
        _follow_today(shown)
        floor = st.number_input(
            "Quality floor, %",
            0.0,
            100.0,
            None,
            0.1,
            key="floor",
            placeholder="none",
            help="today's quality unless you change it",
        )
        high = _share("Floor for high criticality, %", "floor_high", "none", step=0.1)
        vendor = _share("Most for one vendor, %", "vendor_cap", "no cap", least=1.0)
        moved = _share("Most that may move, %", "moved_cap", "everything")
        service = _service(made, known)
        typed = _by_name(made)
    named: dict[str, dict[str, float]] = {}
    with shell.errors():
        named = {field: amounts(text, 1 if field == "capacity" else 100) for field, text in typed.items()}
    return Demands(
        quality_floor=today and today - 1e-9 if floor == shown else floor and floor / 100,
        floor_by_criticality={"high": high} if high is not None else {},
        any_vendor_cap=vendor,
        max_moved_share=moved,
        **named,
        **service,
    )


def _follow_today(shown: float | None) -> None:
    """A floor that nobody typed is today's on the scale and the work that are asked about now."""
    untouched = "floor" not in st.session_state or st.session_state["floor"] == st.session_state.get("floor_today")
    if untouched:
        st.session_state["floor"] = shown
    st.session_state["floor_today"] = shown


def _by_name(made: Programme) -> dict[str, str]:
    """Limits on what is named by model, vendor or origin, by field of the demands, as they are typed."""
    countries = ", ".join(dict.fromkeys(made.problem.origins))
    return {
        "origin_cap": st.text_input(
            "Most for an origin, %",
            key="origin_cap",
            placeholder="CN=20",
            help=f"of the requests, by the country of a model's maker: {countries}",
        ),
        "capacity": st.text_input(
            "Rate limits, requests a year",
            key="capacity",
            placeholder="minimax-m2=2000000",
            help="what a model can take; several separated by commas",
        ),
        "min_share": st.text_input(
            "Keep at least, %",
            key="min_share",
            placeholder="OpenAI=10",
            help="of the requests on a vendor or model, for resilience",
        ),
    }


def _service(made: Programme, known: Known) -> dict[str, Any]:
    """Limits on speed and failures, as the fields of the demands."""
    waits = latencies(made)
    mean = _seconds("Mean latency at most, s", "latency_cap", bool(waits))
    half = _seconds("P50 latency at most, s", "p50_cap", bool(waits))
    late = _seconds("P95 latency at most, s", "p95_cap", bool(waits))
    failures = _share("Failures at most, %", "failure_cap", "any", step=0.5)
    if stated := limit_terms(made.policy.limits):
        st.caption(fmt.md(f"“{made.policy.name}” holds {stated}; a lower limit that is typed counts."))
    asked = {"max_latency_ms": mean * 1000, "latency_ms": waits} if mean else {}
    return asked | service_records(
        made, known, p50_ms=half and half * 1000, p95_ms=late and late * 1000, failures=failures
    )


def _seconds(label: str, key: str, logged: bool) -> float | None:
    """The longest wait to promise, typed in seconds; None for any."""
    return st.number_input(
        label,
        0.1,
        3600.0,
        None,
        1.0,
        key=key,
        placeholder="any" if logged else "not logged",
        disabled=not logged,
        help="by each model's own answers in this log; a model this log has not seen is then left out",
    )


def _share(label: str, key: str, nothing: str, *, least: float = 0.0, step: float = 5.0) -> float | None:
    """A share, typed in percent; None where the field is left empty, which means `nothing`."""
    percent = st.number_input(label, least, 100.0, None, step, key=key, placeholder=nothing)
    return None if percent is None else percent / 100


def unknowns() -> Assumptions:
    """The ranges behind P10 and P90, as sliders; output length comes from the model facts."""
    usual, cells = Assumptions(), st.columns(4)
    tokenizer = cells[0].slider(
        "Tokens for the same text",
        0.5,
        2.0,
        usual.tokenizer,
        0.05,
        format="%.2f x",
        key="tokenizer",
        help="the new model's tokenizer against the old one's, P10 and P90",
    )
    loss = cells[1].slider(
        "Input cost, cache split",
        1.0,
        2.0,
        usual.cache_loss,
        0.05,
        format="%.2f x",
        key="cache_loss",
        help="one warm cache becomes two: dearer input for what moves, P10 and P90",
    )
    growth = cells[2].slider(
        "Traffic growth a year", -50, 200, (0, 0), 5, format="%d%%", key="growth", help="scales both sides, P10 and P90"
    )
    points = cells[3].slider(
        "Quality of each model",
        0.0,
        10.0,
        usual.quality_points * 100,
        0.5,
        format="± %.1f points",
        key="quality_points",
    )
    return Assumptions(
        tokenizer=tokenizer,
        cache_loss=loss,
        growth=(1 + growth[0] / 100, 1 + growth[1] / 100),
        quality_points=points / 100,
    )


def amounts(text: str, whole: int = 1) -> dict[str, float]:
    """`name=number, name=number` as typed, parts of a `whole` (100 for percent). BadInput for anything else."""
    found = {}
    for part in filter(str.strip, text.split(",")):
        name, mark, number = part.partition("=")
        if not mark or not number.strip().replace(".", "", 1).isdecimal():
            raise BadInput(f"`{part.strip()}`: write name=number, such as minimax-m2=2000000.")
        found[name.strip()] = float(number) / whole
    return found
