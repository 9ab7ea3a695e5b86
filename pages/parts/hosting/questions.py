"""What Self-host asks: the traffic, from the log or typed, and the machine it would run on."""

from __future__ import annotations

import streamlit as st

from analytics.scope import Scope
from data.facts import models
from data.facts.architectures import PRECISIONS
from data.facts.gpus import find_gpu, gpus
from data.ledger import Ledger
from data.prices.book import PriceBook
from pages.ui import filters, shell
from pages.ui import format as fmt
from routing.policies import in_force
from simulations.hosting import quotes
from simulations.hosting.arrivals import SHAPES
from simulations.hosting.capacity import choose_precision

RUNS = {
    "fixed": "Fixed fleet",
    "hybrid": "Own base, bursts to the API",
    "autoscaled": "Autoscaled rent",
    "spot": "Spot rent",
}


Volume = tuple[float, float, float, float, float, str]


@shell.cached
def models_by_spend(view: Ledger, scope: Scope) -> list[str]:
    rows = scope.usage(view)
    frame = view.frame(rows.group_by("model").aggregate(usd=rows.cost_usd.cast("float64").sum()))
    return frame.sort_values("usd", ascending=False)["model"].dropna().tolist()


def log_scope(
    view: Ledger, catalog: models.Catalog, traffic: st.delta_generator.DeltaGenerator
) -> tuple[Scope, tuple[float, float, float] | None]:
    """First choice, from the log: which part of the traffic would move; everything else stays where it is.

    In Legal's case the API of today is no choice any more: the second value is then the price of the one it would go
    to.
    """
    scope = filters.scope_bar(view, default="28d")
    kept = in_force.policy_for_advice(shell.state())
    with traffic:
        residency = st.toggle(
            "Only what the policy forbids where it runs now",
            key="residency",
            bind="query-params",
            help=f"Legal's case: the work that “{kept.name}” refuses its present model and provider, kept on own "
            "machines instead.",
        )
    if not residency:
        return scope, None
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
