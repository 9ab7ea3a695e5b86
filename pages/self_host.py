"""Self-host: when do own GPUs pay?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from analytics.scope import Scope
from data.calendar import HOURS_PER_WEEK
from data.errors import BatonError
from data.facts import models
from data.facts.architectures import find_architecture
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.state import State
from pages.parts.hosting import board as hosting_board
from pages.parts.hosting import charts as hosting_charts
from pages.parts.hosting import facts as hosting_catalog
from pages.parts.hosting import measured, stated_case
from pages.parts.hosting import panels as hosting_panels
from pages.parts.hosting.answer import cost_words, fleet_words, kpis, replica_of, title_of, volume_words
from pages.parts.hosting.questions import Volume, log_scope, machine, models_by_spend, routes, typed_volume
from pages.ui import drill, filters, links, place, recording, shell
from pages.ui import format as fmt
from pages.ui.period import DAYS
from routing.policies import in_force
from simulations.decisions import drafts
from simulations.hosting import breakeven, quotes
from simulations.hosting import study as self_host
from simulations.hosting.breakeven_scenario import BreakevenScenario
from simulations.hosting.case import resolve
from simulations.hosting.fleet_plan import Plan
from simulations.hosting.study import Study

QUESTION = "When would own GPUs pay?"
CLICKED = {
    "cash-flow": "A click on the API's line opens its requests.",
    "replicas": "A click on an hour opens its requests.",
}
Query = Mapping[str, str | Sequence[str]]
TRAFFIC = {"log": "From the log", "typed": "Typed volume", "case": "Typed cost and saving"}


@shell.cached(reads=())
def study_of_log(view: Ledger, state: State, scope: Scope, plan: Plan, accept_short: bool) -> Study:
    return self_host.from_log(view, scope, plan, accept_short=accept_short)


@shell.cached(reads=())
def study_of_volume(view: Ledger, state: State, volume: Volume, plan: Plan) -> Study:
    return self_host.from_volume(plan, *volume)


@shell.cached(reads=())
def npv_by_volume(view: Ledger, state: State, scenario: BreakevenScenario, option: str) -> pd.DataFrame:
    case = resolve(scenario)
    multiples = breakeven.volumes(case)
    return pd.DataFrame({"multiple": multiples, "npv_usd": breakeven.npv_at(case, option, multiples)})


def host_allowed(view: Ledger, scope: Scope | None, model: str) -> Callable[[str], bool]:
    """Whether the policy kept to lets a third-party host serve this model every class of data that would move."""
    forbidden = in_force.forbidden(shell.state())
    classes = {route[2] for route in routes(view, scope)} if scope else set()
    return lambda host: not any(forbidden(host, model, {"data_class": name}) for name in classes)


def charts_of(study: Study, worth: pd.DataFrame) -> list[tuple[str, str, object, pd.DataFrame, str]]:
    """Heading, meaning, figure, table and name of every chart."""
    result, palette = study.result, shell.palette()
    cash = pd.DataFrame(result["cash_flow"])
    from_multiple = (result["breakeven_volume"] or {"multiple": None})["multiple"]
    paid = int(result["options"][result["option"]]["gpus"] or 0) // max(1, replica_of(study).gpus)
    load = pd.Series(study.fleet.load)
    swings = pd.DataFrame(result["tornado"])
    return [
        (
            "Cost so far, by option",
            cost_words(result),
            hosting_charts.over_months(cash, palette),
            cash,
            "cash-flow",
        ),
        (
            "What volume makes it pay",
            volume_words(result, worth["multiple"].max()),
            hosting_charts.over_volume(
                worth["multiple"].to_numpy(), worth["npv_usd"].to_numpy(), from_multiple, palette
            ),
            worth,
            "break-even-volume",
        ),
        (
            "Replicas against arrivals",
            fleet_words(study, paid),
            hosting_charts.replicas_against_arrivals(study.fleet.load, paid, pd.Timestamp(study.demand.start), palette),
            pd.DataFrame({"minute": range(len(load)), "busy_replicas": load.round(4)}).iloc[::60],
            "replicas",
        ),
        (
            "Which figure decides",
            result["measure_first"],
            hosting_charts.npv_tornado(swings, palette) if len(swings) else None,
            swings,
            "sensitivity",
        ),
    ]


def requests_behind(view: Ledger, scope: Scope | None, study: Study) -> dict[str, dict[str, Query]]:
    """By chart, what of the log lies behind a mark of it: the API's line, and every hour of arrivals."""
    if scope is None:
        return {}
    of = filters.of_scope(scope)
    first = pd.Timestamp(study.demand.start).tz_localize("UTC")
    hours = pd.date_range(first, periods=len(study.fleet.load) // 60, freq="h")
    here = hours.tz_convert(view.time_zone)
    by_hour: dict[str, Query] = {
        f"{utc:%Y-%m-%d %H}": of | _days(at, at) | {"hour": [str(at.hour)]}
        for utc, at in zip(hours[-HOURS_PER_WEEK:], here[-HOURS_PER_WEEK:], strict=True)
    }
    return {"cash-flow": {"api": of | (_days(here[0], here[-1]) if len(here) else {})}, "replicas": by_hour}


def _days(first: pd.Timestamp, last: pd.Timestamp) -> dict[str, str]:
    return {"window": DAYS, "from": f"{first:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}"}


def draw(
    heading: str, meaning: str, figure: object, table: pd.DataFrame, name: str, behind: dict[str, dict[str, Query]]
) -> None:
    """One chart with its sentence and its table; a click on it opens the requests `behind` a mark."""
    if figure is not None:
        st.subheader(heading, anchor=False)
        click = {"on_select": drill.open_on_click(name, "explore", behind[name])} if name in behind else {}
        shell.chart(figure, alt=meaning, key=name, **click)
        st.caption(f"{fmt.md(meaning)} {CLICKED[name] if click else drill.COMPUTED}")
        hosting_panels.behind(table, name)


def show(
    study: Study,
    worth: pd.DataFrame,
    model: str,
    catalog: models.Catalog,
    top: st.delta_generator.DeltaGenerator,
    behind: dict[str, dict[str, Query]],
) -> None:
    """Everything under the title; warnings, numbers and the first chart at the `top`."""
    drawn = charts_of(study, worth)
    with top:
        for warning in study.warnings:
            st.warning(fmt.md(warning), icon=":material/info:")
        kpis(study)
        draw(*drawn[0], behind)
    for chart in drawn[1:]:
        draw(*chart, behind)
    hosting_panels.options(study)
    measured.keep_price(study, catalog)
    hosting_panels.serving(study)
    hosting_panels.assumptions(study)
    board = hosting_board.board_html(
        title_of(study, model),
        study.result,
        [(h, m, f) for h, m, f, _, _ in drawn if f is not None],
        study.warnings,
        shell.snapshot(),
    )
    hosting_panels.scenario(study, board)


view = shell.view()
catalog = models.current(shell.state())
title = st.container()
has_log = shell.standing(view) is not None
traffic = st.container(horizontal=True, vertical_alignment="bottom")
offered = [name for name in TRAFFIC if has_log or name != "log"]
links.forget_unoffered("source", offered)
source = traffic.segmented_control(
    "Traffic",
    offered,
    format_func=lambda name: TRAFFIC[name],
    default="log" if has_log else "typed",
    required=True,
    key="source",
    bind="query-params",
)
if source == "case":
    stated_case.show(view, title)
    place.stop()
scope, api_usd = None, None
if source == "log":
    scope, api_usd = log_scope(view, catalog, traffic)
    logged = models_by_spend(view, scope)
else:
    volume, api_usd = typed_volume()
    logged = []
suggested = quotes.suggestions(logged, catalog)
try:
    model, gpu, count, precision, run = machine(suggested, bool(quotes.open_among(logged)))
    if model is None:
        with title:
            shell.header(QUESTION, view)
        st.info(
            fmt.md(
                "Choose the open model that would take this traffic over. Worth trying first: "
                f"{', '.join(suggested[:4])}. Closed models cannot be self-hosted, so a log of them needs "
                "this choice."
            ),
            icon=":material/dns:",
        )
        place.stop()
    top = st.container()  # the answer stands above the finer choices
    if scope is not None:
        scope = measured.good_enough(view, scope, catalog.spelling(model))
    allowed = host_allowed(view, scope, catalog.spelling(model))
    book, name = PriceBook.load(shell.state()), find_architecture(model).model
    quote = quotes.host_quote(book, name, allowed)
    if quote is None and quotes.host_quote(book, name):
        kept = in_force.policy_for_advice(shell.state())
        st.caption(fmt.md(f"A host of {model} is left out: “{kept.name}” forbids it for data that would move."))
    plan = hosting_panels.details(
        Plan(
            model,
            gpu,
            count,
            precision,
            run=run,
            api_usd=api_usd,
            host_usd=quote and quote[1],
            measurements=measured.measurements(gpu, count, precision),
        ),
        quote,
    )
    accept = scope is not None and bool(st.session_state.get("accept_short"))
    with st.spinner("Replaying the busiest hours"):
        study = study_of_log(view, scope, plan, accept) if scope else study_of_volume(view, volume, plan)
    with title:
        told = title_of(study, model)
        shell.header(told, view, stated=source == "typed")
    worth = npv_by_volume(view, study.scenario, study.result["option"])
    show(study, worth, model, catalog, top, requests_behind(view, scope, study))
    recording.record_button(
        lambda: drafts.of_hosting(study.result, told, QUESTION, recording.ground(view, "self-host", scope)),
        key="self_host",
    )
except BatonError as error:
    with title:
        shell.header(QUESTION, view)
    st.error(fmt.md(str(error)), icon=":material/error:")
    if scope is not None:
        st.checkbox("Use it although it covers less than a day", key="accept_short")
hosting_catalog.editor()
if scope is not None:
    shell.snapshot_link(view)
