"""Self-host: when do own GPUs pay?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from analytics.scope import Scope
from data.errors import BatonError
from data.facts import models
from data.facts.architectures import PRECISIONS, find_architecture
from data.facts.gpus import find_gpu, gpus
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.sample.sample import is_sample
from data.schema import DATA_CLASSES
from data.state import State
from pages.parts.hosting import board as hosting_board
from pages.parts.hosting import charts as hosting_charts
from pages.parts.hosting import facts as hosting_catalog
from pages.parts.hosting import panels as hosting_panels
from pages.ui import filters, shell
from pages.ui import format as fmt
from routing.policies import in_force
from simulations.hosting import breakeven, quotes
from simulations.hosting import study as self_host
from simulations.hosting.arrivals import SHAPES
from simulations.hosting.breakeven_scenario import BreakevenScenario, Replica
from simulations.hosting.capacity import choose_precision
from simulations.hosting.case import resolve
from simulations.hosting.fleet_plan import Plan
from simulations.hosting.study import Study

RUNS = {
    "fixed": "Fixed fleet",
    "hybrid": "Own base, bursts to the API",
    "autoscaled": "Autoscaled rent",
    "spot": "Spot rent",
}
DOING = {"rented": "Renting GPUs", "bought": "Buying GPUs", "host": "A host", "api": "The API"}
TRAFFIC = {"log": "From the log", "typed": "Typed volume"}
VOLUMES = np.geomspace(0.1, 10, 41)
Volume = tuple[float, float, float, float, float, str]


@shell.cached(reads=())
def study_of_log(view: Ledger, state: State, scope: Scope, plan: Plan, accept_short: bool) -> Study:
    return self_host.from_log(view, scope, plan, sampled=is_sample(view), accept_short=accept_short)


@shell.cached(reads=())
def study_of_volume(view: Ledger, state: State, volume: Volume, plan: Plan) -> Study:
    return self_host.from_volume(plan, *volume)


@shell.cached(reads=())
def npv_by_volume(view: Ledger, state: State, scenario: BreakevenScenario, option: str) -> np.ndarray:
    return breakeven.npv_at(resolve(scenario), option, VOLUMES)


@shell.cached
def models_by_spend(view: Ledger, scope: Scope) -> list[str]:
    rows = scope.usage(view)
    frame = view.frame(rows.group_by("model").aggregate(usd=rows.cost_usd.cast("float64").sum()))
    return frame.sort_values("usd", ascending=False)["model"].dropna().tolist()


@shell.cached
def routes(view: Ledger, scope: Scope) -> list[tuple[str, str, str]]:
    """Every provider, model and data class of the scope, by spend; unknown where the log does not say."""
    rows = scope.usage(view)
    keys = {name: rows[name].fill_null("unknown") for name in ("provider", "model", "data_class")}
    frame = view.frame(rows.group_by(**keys).aggregate(usd=rows.cost_usd.cast("float64").sum()))
    frame = frame.sort_values(["usd", "provider", "model", "data_class"], ascending=[False, True, True, True])
    return list(frame[["provider", "model", "data_class"]].itertuples(index=False, name=None))


def refused_work(view: Ledger, scope: Scope) -> tuple[set[str], list[str]]:
    """Data classes, and the models that the policy kept to refuses for each of these they meet, where they run now."""
    forbidden, met = in_force.forbidden(shell.state()), routes(view, scope)
    refused = {route for route in met if forbidden(route[0], route[1], {"data_class": route[2]})}
    classes = {route[2] for route in refused}
    at_stake = [route for route in met if route[2] in classes]
    kept = {model for provider, model, data_class in at_stake if (provider, model, data_class) not in refused}
    return classes, [model for model in dict.fromkeys(route[1] for route in at_stake) if model not in kept]


def log_scope(
    view: Ledger, catalog: models.Catalog, traffic: st.delta_generator.DeltaGenerator
) -> tuple[Scope, tuple[float, float, float] | None]:
    """First choice, from the log: which part of the traffic would move; everything else stays where it is.

    In Legal's case the API of today is no choice any more: the second value is then the price of the one it would go
    to.
    """
    scope = filters.scope_bar(view, dimensions=("model", "task_type", "team"), default="28d")
    kept = in_force.kept_to(shell.state())
    with traffic:
        classes = st.multiselect(
            "Data class", DATA_CLASSES, key="data_class", bind="query-params", placeholder="All", width=260
        )
        residency = st.toggle(
            "Only what the policy forbids where it runs now",
            key="residency",
            bind="query-params",
            help=f"Legal's case: the work that “{kept.name}” refuses its present model and provider, kept on own "
            "machines instead.",
        )
    if not residency:
        return (scope.with_filter("data_class", *classes) if classes else scope), None
    guarded, refused = refused_work(view, scope)
    allowed = [name for name in models_by_spend(view, scope) if name in catalog and name not in refused] or ["gpt-5.2"]
    instead = traffic.selectbox("API it would go to otherwise", allowed, key="instead", bind="query-params", width=220)
    st.caption(
        fmt.md(
            f"Compared with {instead} at its list price for the same tokens; what the forbidden API "
            "costs today no longer counts."
        )
    )
    prices = quotes.api_quote(PriceBook.load(shell.state()), catalog[instead].provider, instead)
    return scope.with_filter("data_class", *sorted(guarded)).with_filter("model", *(refused or ("none",))), prices


def host_allowed(view: Ledger, scope: Scope | None, model: str) -> Callable[[str], bool]:
    """Whether the policy kept to lets a third-party host serve this model every class of data that would move."""
    forbidden = in_force.forbidden(shell.state())
    classes = {route[2] for route in routes(view, scope)} if scope else set()
    return lambda host: not any(forbidden(host, model, {"data_class": name}) for name in classes)


def typed_volume() -> tuple[Volume, tuple[float, float, float]]:
    """First choice without a log: volume, sizes, shape, and the API's prices."""
    cells = st.columns(4)
    volume = (
        cells[0].number_input("Requests a month", 1000, 10_000_000_000, 1_500_000, key="requests", bind="query-params"),
        cells[1].number_input("Input tokens a request", 1, 1_000_000, 6000, key="input_tokens", bind="query-params"),
        cells[2].number_input("of them cached", 0, 1_000_000, 3000, key="cached_tokens", bind="query-params"),
        cells[3].number_input("Output tokens a request", 1, 200_000, 900, key="output_tokens", bind="query-params"),
    )
    more = st.columns([2, 1, 1, 1, 1])
    shape = more[0].selectbox(
        "Shape of the week",
        list(SHAPES),
        format_func=lambda s: SHAPES[s].capitalize(),
        key="shape",
        bind="query-params",
        help="stated, not measured: a log's own minutes decide better",
    )
    peak = more[1].number_input(
        "Busiest / mean",
        1.0,
        50.0,
        2.5,
        key="peak",
        bind="query-params",
        disabled=shape in ("flat", "office"),
        help="the busiest minute over a mean one; a flat week and office hours have their own",
    )
    labels = (("API: per 1M input", 1.75), ("cached input", 0.175), ("output, USD", 14.0))
    fresh, cached, output = (
        cell.number_input(label, 0.0, 1000.0, usd, format="%.4f", key=f"api_{n}", bind="query-params")
        for n, (cell, (label, usd)) in enumerate(zip(more[2:], labels, strict=True))
    )
    return (
        float(volume[0]),
        float(volume[1]),
        float(min(volume[2], volume[1])),
        float(volume[3]),
        float(peak),
        shape,
    ), (fresh, cached, output)


def machine(suggested: list[str], known: bool) -> tuple[str | None, str, int, str, str]:
    """Second and third choice: the open model (the log's own where it has one), and what it runs on."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = st.selectbox(
            "Open model",
            suggested,
            index=0 if known else None,
            key="open_model",
            bind="query-params",
            placeholder="Choose an open model",
            width=240,
        )
        gpu = st.selectbox(
            "GPU",
            [g.gpu for g in gpus()],
            index=[g.gpu for g in gpus()].index("h200_sxm"),
            format_func=lambda g: find_gpu(g).name,
            key="gpu",
            bind="query-params",
            width=200,
        )
        count = st.selectbox(
            "GPUs a replica may use",
            [1, 2, 4, 8, 16],
            index=3,
            key="gpus",
            bind="query-params",
            width=170,
            help="A replica is one running copy of the model.",
        )
        precision = st.selectbox(
            "Precision", ["chosen to fit", *PRECISIONS], key="precision", bind="query-params", width=150
        )
        run = st.segmented_control(
            "How it is run",
            list(RUNS),
            format_func=lambda name: RUNS[name],
            default="fixed",
            required=True,
            key="run",
            bind="query-params",
        )
    if model and precision == "chosen to fit":
        precision = choose_precision(model, gpu, count)
    return model, gpu, count, precision, run


def title_of(study: Study, model: str) -> str:
    """The answer with its odds, in two lines; a host that is cheaper than all is named."""
    result = study.result
    totals = {name: option["total_usd"] for name, option in result["options"].items()}
    months, never = result["payback_months"], result["chance_never_pays_back"]
    if months is None:
        text = f"Own machines for {model} do not pay back in {result['months']} months ({fmt.odds(never)} of futures)"
    else:
        when = "is cheaper at once" if months == 0 else f"pays back in {months:.0f} months"
        text = f"{DOING[result['option']]} for {model} {when}; {fmt.odds(never)} chance that it never does"
    if min(totals, key=lambda name: totals[name]) == "host":
        text += f"; a host saves {fmt.usd_short((totals['api'] - totals['host']) / result['months'])} a month"
    return text


def kpis(study: Study) -> None:
    """Payback, saving, fleet, tokens."""
    result, cells = study.result, st.columns(4)
    option = result["options"][result["option"]]
    months = result["payback_months"]
    odds = result["payback"]
    span = f"P10 {_months(odds['p10'])}, P90 {_months(odds['p90'])}"
    cells[0].metric("Payback", _months(months), border=True, delta=span, delta_color="off", delta_arrow="off")
    saved = result["options"]["api"]["total_usd"] - option["total_usd"]
    cells[1].metric(
        f"Saving over {result['months']} months",
        fmt.usd_short(saved),
        border=True,
        delta=f"{fmt.usd_short(result['p10'])} to {fmt.usd_short(result['p90'])}",
        delta_color="off",
        delta_arrow="off",
        help=fmt.md(
            "Against the API as today, every figure in the middle; below it P10 to P90 of the sampled "
            f"futures (P50 {fmt.usd_short(result['p50'])})."
        ),
    )
    cells[2].metric(
        "GPUs paid for",
        fmt.count(option["gpus"]),
        border=True,
        delta=f"{fmt.share(option['utilisation'])} used",
        delta_color="off",
        delta_arrow="off",
        help="Mean work over what the paid replicas could serve at the objective.",
    )
    cells[3].metric(
        "Per 1M tokens, own",
        fmt.usd(option["usd_per_mtok_reserved"]),
        border=True,
        delta=f"API {fmt.usd(result['options']['api']['usd_per_mtok_reserved'])}",
        delta_color="off",
        delta_arrow="off",
        help="All paid hours over the tokens served, input and output together.",
    )


def _months(value: float | None) -> str:
    return "never" if value is None else "at once" if value == 0 else f"{value:.0f} months"


def _replica(study: Study) -> Replica:
    assert study.scenario.replica is not None, "a study fills the replica in"
    return study.scenario.replica


def fleet_words(study: Study, paid: int) -> str:
    """Why that many replicas: the work alone, the promise on waiting, the spare."""
    replica, load, seen = _replica(study), study.fleet.load, study.fleet.latencies.percentiles()
    busy, hours = (
        int(replica.load_replicas or 0),
        f"first token P95 {fmt.milliseconds(seen['ttft_p95_ms'])}, each further one "
        f"{fmt.milliseconds(seen['tpot_p95_ms'])}",
    )
    kept = (
        f"{busy} keep the promise in the busiest hours ({hours})"
        if busy >= study.fleet.replicas
        else f"{busy} carry the base load, bursts go to the API"
    )
    work = f"The work alone fills {load.mean():.2f} replicas in a mean hour and {load.max():.2f} in the busiest minute"
    return f"{work}. {kept}, {paid - busy} spare: {paid} paid for, {replica.gpus} GPUs each."


def charts_of(study: Study, npv_usd: np.ndarray) -> list[tuple[str, str, object, pd.DataFrame, str]]:
    """Heading, meaning, figure, table and name of every chart."""
    result, palette = study.result, shell.palette()
    cash = pd.DataFrame(result["cash_flow"])
    found = result["breakeven_volume"] or {"multiple": None, "tokens_per_month": None}
    paid = int(result["options"][result["option"]]["gpus"] or 0) // max(1, _replica(study).gpus)
    load = pd.Series(study.fleet.load)
    swings = pd.DataFrame(result["tornado"])
    volume = (
        "No volume up to 100 times today's makes it pay."
        if found["multiple"] is None
        else f"It pays from {found['multiple']:.2g} times today's traffic ({fmt.short(found['tokens_per_month'])} "
        "tokens a month)."
    )
    return [
        (
            "Cost so far, by option",
            f"After {result['months']} months: "
            + ", ".join(
                f"{hosting_charts.NAMES[o]} {fmt.usd_short(v['total_usd'])}" for o, v in result["options"].items()
            )
            + "."
            + (
                " What bought machines are still worth comes off in the last month."
                if "bought" in result["options"]
                else ""
            ),
            hosting_charts.over_months(cash, palette),
            cash,
            "cash-flow",
        ),
        (
            "What volume makes it pay",
            volume,
            hosting_charts.over_volume(VOLUMES, npv_usd, found["multiple"], palette),
            pd.DataFrame({"multiple": VOLUMES, "npv_usd": npv_usd}),
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
            hosting_charts.tornado(swings, palette) if len(swings) else None,
            swings,
            "sensitivity",
        ),
    ]


def draw(heading: str, meaning: str, figure: object, table: pd.DataFrame, name: str) -> None:
    """One chart with its sentence and its table."""
    if figure is not None:
        st.subheader(heading, anchor=False)
        shell.chart(figure, alt=meaning, key=name)
        st.caption(fmt.md(meaning))
        hosting_panels.behind(table, name)


def show(
    study: Study, npv_usd: np.ndarray, model: str, catalog: models.Catalog, top: st.delta_generator.DeltaGenerator
) -> None:
    """Everything under the title; warnings, numbers and the first chart at the `top`."""
    drawn = charts_of(study, npv_usd)
    with top:
        for warning in study.warnings:
            st.warning(fmt.md(warning), icon=":material/info:")
        kpis(study)
        draw(*drawn[0])
    for chart in drawn[1:]:
        draw(*chart)
    hosting_panels.options(study)
    hosting_panels.keep_price(study, catalog)
    hosting_panels.serving(study)
    hosting_panels.assumptions(study)
    board = hosting_board.board_html(
        title_of(study, model), study.result, [(h, m, f) for h, m, f, _, _ in drawn if f is not None], study.warnings
    )
    hosting_panels.scenario(study, board)


view = shell.view()
catalog = models.current(shell.state())
title = st.container()
has_log = shell.standing(view) is not None
traffic = st.container(horizontal=True, vertical_alignment="bottom")
source = traffic.segmented_control(
    "Traffic",
    list(TRAFFIC),
    format_func=lambda name: TRAFFIC[name],
    default="log" if has_log else "typed",
    required=True,
    key="source",
    bind="query-params",
    disabled=not has_log,
)
scope, api_usd = None, None
if has_log and source == "log":
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
            shell.header("When would own GPUs pay?", view)
        st.info(
            fmt.md(
                "Choose the open model that would take this traffic over. Worth trying first: "
                f"{', '.join(suggested[:4])}. Closed models cannot be self-hosted, so a log of them needs "
                "this choice."
            ),
            icon=":material/dns:",
        )
        st.stop()
    top = st.container()  # the answer stands above the finer choices
    if scope is not None:
        scope = hosting_panels.good_enough(view, scope, catalog.spelling(model))
    allowed = host_allowed(view, scope, catalog.spelling(model))
    book, name = PriceBook.load(shell.state()), find_architecture(model).model
    quote = quotes.host_quote(book, name, allowed)
    if quote is None and quotes.host_quote(book, name):
        kept = in_force.kept_to(shell.state())
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
            measurements=hosting_panels.measurements(gpu, count, precision),
        ),
        quote,
    )
    accept = scope is not None and bool(st.session_state.get("accept_short"))
    with st.spinner("Replaying the busiest hours"):
        study = study_of_log(view, scope, plan, accept) if scope else study_of_volume(view, volume, plan)
    with title:
        shell.header(title_of(study, model), view)
    show(study, npv_by_volume(view, study.scenario, study.result["option"]), model, catalog, top)
except BatonError as error:
    with title:
        shell.header("When would own GPUs pay?", view)
    st.error(fmt.md(str(error)), icon=":material/error:")
    if scope is not None:
        st.checkbox("Use it although it covers less than a day", key="accept_short")
hosting_catalog.editor()
if scope is not None:
    shell.snapshot_link(view)
